"""The benchmarks at their smallest: that each still runs, checks what it measures, and yields its figures."""

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import (
    fills,
    firms,
    idle,
    large,
    live,
    page,
    read,
    rebuild,
    record,
    results,
    returns,
    simulate,
    space,
    statements,
    traffic,
)
from bench.figures import TARGETS, Figure, percentile
from bench.history import history
from bench.sizes import TINY, Size
from tests.paths import scratch_root

BENCHMARKS: dict[str, tuple[Callable[[Size], Iterator[Figure]], set[str]]] = {
    "simulate": (simulate.figures, {"simulate_messages_per_s"}),
    "record": (record.figures, {"record_vs_save", "record_vs_copy", "record_commit_p99_ms"}),
    "live": (live.figures, {"live_report_p99_ms"}),
    "firms": (
        firms.figures,
        {"firm_vs_pacing", "firm_requests_per_account", "firm_single_s", "firm_growth_mb"},
    ),
    "fills": (fills.figures, {"fills_projected_per_s", "fills_page_p99_ms", "fills_growth_mb"}),
    "performance": (
        returns.figures,
        {"performance_p99_ms", "performance_cpu_ms", "performance_days_p99_ms", "performance_1000_p99_ms"}
        | {"values_1000_p99_ms"},
    ),
    "statements": (statements.figures, {"statements_vs_parsing"}),
    "page": (
        page.figures,
        {"page_first_ms", "page_later_ms", "page_curve_ms", "page_zoom_frame_ms", "page_scroll_frame_ms"},
    ),
    "space": (space.figures, {"event_bytes_vs_wire", "snapshot_bytes_vs_original"}),
    "idle": (idle.figures, {"idle_cpu_percent", "idle_rss_mb", "ready_s"}),
    "large": (large.figures, {"large_record_slowdown", "large_report_slowdown"}),
}
OF_HISTORY = {
    "rebuild_events_per_s",
    "rebuild_vs_runner",
    "rebuild_vs_copy_out",
    "history_year_p99_ms",
    "history_year_first_p99_ms",
    "overview_1000_ms",
    "sources_p99_ms",
    "compare_p99_ms",
    *(("report_cached_vs_constant", "report_uncached_per_s", "accounts_1000_vs_constant") if traffic.has_wrk() else ()),
}


@pytest.fixture(autouse=True)
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the figures here."""
    monkeypatch.setattr(tempfile, "tempdir", str(scratch_root()))


def names_of(figures: Iterator[Figure]) -> set[str]:
    found = list(figures)
    assert all(figure.value >= 0 for figure in found)
    return {figure.name for figure in found}


_LONG = ("space", "idle", "large")
# Each starts simulators, services or a browser of its own.
_SLOW = ("record", "live", "firms", "fills", "page")


def check(name: str) -> None:
    run, wanted = BENCHMARKS[name]
    assert wanted <= names_of(run(TINY))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in _LONG else name for name in BENCHMARKS if name not in _SLOW],
)
def test_a_benchmark_yields_its_figures(name: str) -> None:
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", _SLOW)
def test_a_benchmark_of_whole_services_yields_its_figures(name: str) -> None:
    check(name)


@pytest.mark.slow
def test_the_benchmarks_of_a_long_history_yield_their_figures() -> None:
    with history(TINY) as past:
        assert names_of(rebuild.figures(past, TINY)) | names_of(read.figures(past, TINY)) >= OF_HISTORY


def test_every_target_belongs_to_a_figure_and_results_say_how_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = set().union(*(names for _, names in BENCHMARKS.values()))
    assert set(TARGETS) <= known | {
        *OF_HISTORY,
        "report_cached_vs_constant",
        "report_uncached_per_s",
        "accounts_1000_vs_constant",
    }
    monkeypatch.setattr(results, "_HERE", tmp_path)
    good = Figure("ready_s", 1.5, "of a start")
    results.write([good, dataclasses.replace(good, name="idle_rss_mb", value=500.0)], 60.0)
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "| ready_s | 1.5 | <= 3 | met | of a start |" in page
    assert "| idle_rss_mb | 500 | <= 200 | **missed** |" in page
    assert (tmp_path / "results.json").read_bytes() == b'{\n  "ready_s": 1.5,\n  "idle_rss_mb": 500.0\n}\n'


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([5.0, 1.0, 3.0], 50) == 3.0
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
    assert percentile([2.0], 99) == 2.0
