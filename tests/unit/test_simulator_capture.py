"""Captures: nothing of a recording is lost, nothing is invented, shared codes are told apart."""

import collections
import json
from pathlib import Path

import pytest

from ibconnect.errors import CaptureError
from ibconnect.simulator import Captures
from ibconnect.simulator.captures.file import free_code, read_capture
from ibconnect.simulator.scenario.accounts import ACCOUNT_SUMMARY, UPDATES, UPDATES_MULTI
from ibconnect.simulator.scenario.accounts_recorded import batches_of
from ibconnect.simulator.scenario.advisor import ADVISOR_DATA
from ibconnect.simulator.source import Pulse, Refusal

CAPTURES = sorted((Path(__file__).parents[1] / "fixtures" / "captures").glob("*.jsonl"))
PERIOD = Pulse(period=True)


def _write(path: Path, *messages: list[str]) -> Path:
    path.write_text("".join(json.dumps(fields) + "\n" for fields in messages))
    return path


@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.stem)
def test_every_message_of_a_recording_is_kept_once_in_order(path: Path) -> None:
    recorded = [tuple(json.loads(line)) for line in path.read_text().splitlines()]
    capture = read_capture(path)
    sorted_messages = [capture.managed, capture.next_id, *capture.notices]
    for rows in capture.sections.values():
        sorted_messages += rows
        assert [m for m in recorded if m in set(rows)] == rows
    assert collections.Counter(m for m in sorted_messages if m) == collections.Counter(recorded)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda p: p.stem)
def test_a_download_ends_only_if_the_recording_did(path: Path) -> None:
    source = Captures.load(path)
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    rows = source.answer(UPDATES, "DU0000001").first()
    had_account_data = any(fields[0] in ("6", "7", "8") for fields in recorded)
    assert (rows[-1][0] == "54") == (any(f[0] == "54" for f in recorded) or not had_account_data)
    if any(fields[0] == "54" for fields in recorded):
        assert [tuple(f) for f in recorded if f[0] in ("6", "7", "8", "54")] == list(rows)


def test_the_ends_that_a_recording_lacks_can_be_asked_for() -> None:
    path = next(p for p in CAPTURES if p.stem == "raw-2018-fragments")
    assert Captures.load(path).answer(UPDATES, "DU0000001").first()[-1][0] == "6"
    complete = Captures.load(path, complete=True)
    assert complete.answer(UPDATES, "DU0000001").first()[-1] == ("54", "1", "DU0000001")
    assert complete.answer(UPDATES_MULTI, 7, "DU0000001", "", False).first()[-1] == ("74", "1", "7")


def test_an_account_without_account_updates_has_an_empty_download() -> None:
    path = next(p for p in CAPTURES if p.stem == "positions-fut-fop-opt-fx")
    assert Captures.load(path).answer(UPDATES, "DU0000001").first() == [("54", "1", "DU0000001")]


def test_later_messages_are_played_at_the_periods(tmp_path: Path) -> None:
    rows = [["6", "2", "K", str(n), "USD", "DU1"] for n in range(3)]
    clock, end = ["8", "1", "12:00"], ["54", "1", "DU1"]
    notice = ["4", "2", "-1", "2104", "x", ""]
    path = _write(tmp_path / "a.jsonl", ["15", "1", "DU1,"], rows[0], end, rows[1], clock, notice, rows[2])
    source = Captures.load(path)
    assert source.managed_accounts() == ("15", "1", "DU1,")
    feed = source.answer(UPDATES, "DU1")
    assert feed.first() == [tuple(rows[0]), tuple(end)]
    assert feed.more(Pulse()) == ()
    assert feed.more(PERIOD) == [tuple(rows[1]), tuple(clock)]
    assert feed.more(PERIOD) == [tuple(notice), tuple(rows[2])]
    assert feed.more(PERIOD) == ()


def test_a_message_of_an_unknown_kind_stays_where_it_was(tmp_path: Path) -> None:
    unknown = ["777", "a", ""]
    path = _write(tmp_path / "a.jsonl", ["15", "1", "DU1"], unknown, ["6", "2", "K", "1", "", "DU1"], unknown)
    source = Captures.load(path)
    assert source.notices() == [tuple(unknown)]
    assert source.answer(UPDATES, "DU1").first()[-1] == tuple(unknown)


def test_files_with_one_account_become_accounts_of_their_own(tmp_path: Path) -> None:
    first = _write(
        tmp_path / "a.jsonl", ["15", "1", "DU0000001"], ["6", "2", "AccountCode", "DU0000001", "", "DU0000001"]
    )
    second = _write(
        tmp_path / "b.jsonl",
        ["15", "1", "DU0000001,DU0000002"],
        ["6", "2", "AccountCode", "DU0000001", "", "DU0000001"],
        ["54", "1", "DU0000001"],
    )
    source = Captures.load(first, second)
    assert source.managed_accounts() == ("15", "1", "DU0000001,DU0000003,DU0000002")
    assert source.answer(UPDATES, "DU0000003").first() == [
        ("6", "2", "AccountCode", "DU0000003", "", "DU0000003"),
        ("54", "1", "DU0000003"),
    ]


def test_files_with_one_account_can_be_its_history() -> None:
    paths = [p for p in CAPTURES if p.stem in ("eur-flat-20210301", "eur-margin")]
    source = Captures.load(*paths, same_account="history")
    assert list(source.codes()) == ["DU0000001"]
    sizes = [len(source.answer(UPDATES, "DU0000001").first()) for _ in range(3)]
    assert sizes == [110, 112, 112]


def test_request_ids_become_the_clients() -> None:
    path = next(p for p in CAPTURES if p.stem == "raw-summary-positions-v173")
    rows = Captures.load(path).answer(ACCOUNT_SUMMARY, 41, "All", ["NetLiquidation"]).first()
    assert rows == [("63", "1", "41", "DU0000001", "NetLiquidation", "246447.83", "USD"), ("64", "1", "41")]


def test_what_is_not_there_is_refused() -> None:
    source = Captures.load(CAPTURES[0])
    with pytest.raises(Refusal, match="321"):
        source.answer(ACCOUNT_SUMMARY, 1, "Nobody", [])
    with pytest.raises(Refusal, match="321"):
        source.answer(UPDATES_MULTI, 1, "DU9", "", False)
    with pytest.raises(Refusal, match="321"):
        source.answer(ADVISOR_DATA, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "a.jsonl:1: not JSON"),
        ('["15","1","DU1"]\n[1,2]', "a.jsonl:2: not an array of strings"),
        ("[]", "a.jsonl:1: not an array of strings"),
        ('["6","a\\u0000b"]', "a.jsonl:1: a field holds NUL"),
        ("", "no account"),
    ],
)
def test_a_file_that_is_no_capture_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(CaptureError, match=complaint):
        Captures.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"nothing\.jsonl"):
        Captures.load(tmp_path / "nothing.jsonl")


def test_free_codes_count_on() -> None:
    assert free_code("DU0000001", ["DU0000001", "DU0000002"]) == "DU0000003"
    assert free_code("DUX", ["DUX"]) == "DUX1"


def test_batches_end_with_a_time_or_an_end() -> None:
    rows = [("6",), ("54",), ("7",), ("8",), ("6",)]
    assert batches_of(rows) == [[("6",), ("54",)], [("7",), ("8",)], [("6",)]]
