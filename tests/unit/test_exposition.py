"""The metrics of several processes as one text: each series once, sums where sums mean something."""

import math
import re

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ibconnect.metrics.exposition import counters, merged, own

NAMES = st.sampled_from(["ibconnect_a_total", "ibconnect_b", "ibconnect_c_bucket", "ibconnect_trouble"])
LABELS = st.sampled_from(["", '{gateway="g"}', '{gateway="a b",le="+Inf"}', '{trouble="x"}'])
TEXTS = st.lists(st.dictionaries(st.tuples(NAMES, LABELS), st.integers(0, 9)), max_size=4)


def text_of(series: dict[tuple[str, str], int]) -> str:
    lines = []
    for name in dict.fromkeys(name for name, _ in series):
        lines += [f"# HELP {name} About it.", f"# TYPE {name} gauge"]
        lines += [f"{name}{labels} {value}.0" for (each, labels), value in series.items() if each == name]
    return "".join(f"{line}\n" for line in lines)


def values(text: str) -> dict[str, float]:
    rows = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    assert len(rows) == len(dict(rows)), "each series once"
    return {name: float(value) for name, value in rows}


@given(TEXTS)
def test_what_several_processes_have_is_there_once(texts: list[dict[tuple[str, str], int]]) -> None:
    found = values(merged(map(text_of, texts)))
    wanted: dict[str, float] = {}
    for series in texts:
        for (name, labels), value in series.items():
            before = wanted.get(name + labels)
            both = max if name == "ibconnect_trouble" else lambda one, other: one + other
            wanted[name + labels] = value if before is None else both(before, value)
    assert found == wanted


def test_a_label_may_hold_what_ends_lines_elsewhere() -> None:
    text = text_of({("ibconnect_b", '{gateway="a\u2028b\x85c\x0bd"}'): 1})
    assert merged([text, ""]) == text


def test_what_is_unknown_to_one_stays_unknown() -> None:
    text = "# HELP ibconnect_lag Lag.\n# TYPE ibconnect_lag gauge\nibconnect_lag {}\n"
    for texts in (["NaN", "0.0"], ["0.0", "NaN"]):
        assert math.isnan(values(merged(text.format(each) for each in texts))["ibconnect_lag"])


def test_a_process_names_itself_where_its_figures_are_its_own() -> None:
    both = merged([own("record"), own("api")])
    found = values(both)
    for role in ("record", "api"):
        assert found[f'process_start_time_seconds{{process="{role}"}}'] > 0
        assert [name for name in found if name.startswith(f'python_info{{process="{role}",')]
    assert "process_start_time_seconds" not in found
    assert {family.name for family in text_string_to_metric_families(both)} >= {"process_start_time_seconds"}


def test_counters_alone_are_kept_of_who_does_not_answer() -> None:
    kept = counters(own("record"))
    assert "ibconnect_http_refused_tokens_total" in kept
    assert "ibconnect_batch_events_bucket" in kept
    assert "ibconnect_trouble" not in kept
    assert "process_start_time_seconds" not in kept
