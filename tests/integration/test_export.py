"""``ibconnect events`` on a real Postgres: exact, filtered, flat in memory; and captures that the simulator plays."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from ibconnect.cli import main as cli
from ibconnect.errors import DatabaseError
from ibconnect.events.codec import encode_message
from ibconnect.events.copy_format import encode_row
from ibconnect.events.reader import PAGE, Reader, Wanted
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.simulator import Captures
from ibconnect.simulator.scenario.accounts import UPDATES
from ibconnect.times import format_rfc3339, from_micros
from tests.paths import CAPTURES
from tests.projecting import START, Stream, capture, position, record, value
from tests.serving import serving

Run = Callable[..., list[Any]]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs ``ibconnect events`` with arguments and returns its lines, parsed."""
    monkeypatch.setenv("DB_URL", database_url)

    def call(*arguments: str) -> list[Any]:
        assert cli.main(["events", *arguments]) == 0
        return [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]

    return call


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and the error of a call that fails."""
    try:
        code = cli.main(["events", *arguments])
    except SystemExit as exc:
        code = int(str(exc.code))
    return code, capsys.readouterr().err


def two_gateways() -> tuple[Stream, Stream]:
    """A session of each of two gateways, the second an hour later, with odd messages."""
    one = Stream("127.0.0.1:4001")
    one.message("15", "1", "DU1,DU2", timed=True)
    one.message("4", "2", "-1", "2104", 'Market data farm connection is OK:\\u00fc "é"\t', "")
    one.refresh(
        {"DU1": [value("NetLiquidation", "1.50", "USD"), position(5)], "DU2": [value("Cushion", "1", "", "DU2")]}
    )
    one.message("6", "2", "too few")
    one.add(*encode_message(b"\xff\xfe\x00", None))
    one.add(*encode_message(b"6\x002\x00never ends", None))
    one.own("sc", reason="stopped")
    two = Stream("127.0.0.1:4002", at=START + 3_600_000_000)
    two.message("15", "1", "DU3", timed=True)
    return one, two


def store_two_gateways(url: str) -> tuple[Stream, Stream]:
    one, two = two_gateways()
    record(url, [*one.events[:5], *two.events, *one.events[5:]])
    return one, two


def test_every_event_is_a_line_in_order_with_its_time(run: Run, database_url: str) -> None:
    one, two = store_two_gateways(database_url)
    lines = run()
    assert [line["Position"] for line in lines] == list(range(1, len(one.events) + len(two.events) + 1))
    opened = lines[0]
    assert opened["Type"] == "SessionOpened"
    assert opened["Session"] == str(one.id)
    assert opened["Timestamp"] == format_rfc3339(from_micros(START + 1000))
    assert opened["Facts"]["gateway"] == "127.0.0.1:4001"
    assert lines[2]["Message"] == ["4", "2", "-1", "2104", 'Market data farm connection is OK:\\u00fc "é"\t', ""]
    assert lines[2]["Timestamp"] == lines[1]["Timestamp"]
    own = [line for line in lines if line["Session"] == str(one.id)]
    assert [line["Version"] for line in own] == list(range(1, len(one.events) + 1))
    assert [base64.b64decode(line["Payload"]) for line in lines if "Payload" in line] == [
        b"\xff\xfe\x00",
        b"6\x002\x00never ends",
    ]
    assert own[-1]["Facts"]["reason"] == "stopped"


async def test_an_event_looks_the_same_in_a_file_and_over_http(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    store_two_gateways(database_url)
    for path in sorted(CAPTURES.glob("*.jsonl")):
        stream = Stream(f"{path.stem}:1")
        for fields in capture(path):
            stream.message(*fields, timed=len(fields) % 2 == 0)
        record(database_url, stream.events)
    monkeypatch.setenv("DB_URL", database_url)
    file = tmp_path / "all.ndjson"
    assert await asyncio.to_thread(cli.main, ["events", "--output", str(file)]) == 0
    async with serving(database_url) as served, served.get("/v1/events") as response:
        answer = await response.read()
    assert len(answer.splitlines()) > 500
    assert file.read_bytes() == answer


OLD_EXPORT = """
{"position":1,"session":"s","version":1,"type":"SessionOpened","arrived":"2026-08-03T07:00:00Z","facts":{"gateway":"g"}}
{"position":2,"session":"s","version":2,"type":"AccountsListed","arrived":"2026-08-03T07:00:00Z","fields":["15","1","DU7"]}
{"position":3,"session":"s","version":3,"type":"FrameReceived","arrived":"2026-08-03T07:00:00Z","payload":"//4A"}
{"position":4,"session":"s","version":4,"type":"AccountValueUpdated","arrived":"2026-08-03T07:00:00Z","fields":["6","2","Cushion","1","","DU7"]}
"""


def test_exports_of_now_and_of_before_are_played(database_url: str, run: Run, tmp_path: Path) -> None:
    original = CAPTURES / "eur-commodities-fx.jsonl"
    stream = Stream()
    for fields in capture(original):
        stream.message(*fields, timed=True)
    stream.own("sc", reason="stopped")
    record(database_url, stream.events)
    export, old = tmp_path / "export.ndjson", tmp_path / "old.ndjson"
    assert run("--output", str(export)) == []
    old.write_text(OLD_EXPORT)
    assert Captures.load(export).codes() == Captures.load(original).codes()
    (code,) = Captures.load(original).codes()
    assert Captures.load(export).answer(UPDATES, code).first() == Captures.load(original).answer(UPDATES, code).first()
    assert Captures.load(old).managed_accounts() == ("15", "1", "DU7")
    assert Captures.load(old).answer(UPDATES, "DU7").first() == [("6", "2", "Cushion", "1", "", "DU7")]


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (["--type", "AccountsListed"], ["AccountsListed"] * 2),
        (
            ["--type", "a", "--type", "accountvalueupdated"],
            ["AccountsListed", "AccountsListed", *["AccountValueUpdated"] * 2],
        ),
        (["--account", "DU3"], ["AccountsListed"]),
        (["--account", "DU2", "--type", "v"], ["AccountValueUpdated"]),
        (["--account", "U1"], []),
        (["--gateway", "127.0.0.1:4002"], ["SessionOpened", "AccountsListed"]),
        (["--from", "2023-11-14T23:00:00Z"], ["SessionOpened", "AccountsListed"]),
        (["--to", "2023-11-14T22:13:20.001Z"], ["SessionOpened"]),
        (["--to", "2023-11-14T22:13:20.001010+00:00"], ["SessionOpened", "AccountsListed", "GatewayNotice"]),
        (["--limit", "1"], ["SessionOpened"]),
        (["--limit", "0"], []),
        (["--after", "5", "--limit", "2"], ["SessionOpened", "AccountsListed"]),
        (["--after", "1000000"], []),
    ],
)
def test_filters(run: Run, database_url: str, arguments: list[str], kinds: list[str]) -> None:
    store_two_gateways(database_url)
    assert [line["Type"] for line in run(*arguments)] == kinds


def test_one_session_alone(run: Run, database_url: str) -> None:
    one, two = store_two_gateways(database_url)
    assert [line["Version"] for line in run("--session", str(one.id))] == list(range(1, len(one.events) + 1))
    assert len(run("--session", str(two.id), "--after", "6")) == 1
    assert run("--session", str(one.id), "--from", "2023-11-14T23:00:00Z") == []
    late = run("--session", str(one.id), "--after", "8")
    assert all(line["Timestamp"].startswith("2023-11-14T22:13:20.0") for line in late)


@pytest.mark.parametrize(
    "wrong",
    [
        (["--session", "nonsense"], 2, "argument --session: 'nonsense' is not a session's id"),
        (["--session", "01a20559-db26-7663-ac7d-388a6ea073af"], 1, "--session: no session 01a20559"),
        (["--type", "Fill"], 2, "'Fill' is no kind of event; use one of AccountValueUpdated (v), PortfolioUpdated (p)"),
        (["--from", "yesterday"], 2, "argument --from: 'yesterday' is not an RFC 3339 time"),
        (["--from", "2024-01-02T00:00:00Z", "--to", "2024-01-01T00:00:00Z"], 2, "--to is earlier than --from"),
        (["--after", "-1"], 2, "argument --after: '-1' is not a whole number"),
        (
            ["--gateway", "there:1"],
            1,
            "--gateway 'there:1' is not recorded; recorded are: 127.0.0.1:4001, 127.0.0.1:4002",
        ),
        (["--format", "capture", "--type", "so"], 2, "a capture holds what a gateway sent"),
        (["--output", "/nowhere/at/all"], 2, "--output '/nowhere/at/all' cannot be written: No such file"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_right(
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: tuple[list[str], int, str],
) -> None:
    store_two_gateways(database_url)
    monkeypatch.setenv("DB_URL", database_url)
    arguments, code, said = wrong
    exit_code, error = refused(capsys, *arguments)
    assert exit_code == code
    assert said in " ".join(error.split())


@pytest.mark.parametrize("verb", [["events"], ["replay", "--gateway", "127.0.0.1:4002"]], ids=["events", "replay"])
def test_a_database_without_our_schema_is_said_to_be_one(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: list[str]
) -> None:
    monkeypatch.setenv("DB_URL", empty_database_url)
    assert cli.main(verb) == 1
    assert "no event store yet: run `ibconnect migrate`" in capsys.readouterr().err


def test_a_capture_plays_what_was_recorded(database_url: str, run: Run, tmp_path: Path) -> None:
    original = CAPTURES / "eur-commodities-fx.jsonl"
    stream = Stream()
    for fields in capture(original):
        stream.message(*fields, timed=True)
    record(database_url, stream.events)
    copy = tmp_path / "copy.jsonl"
    assert run("--format", "capture", "--output", str(copy)) == []
    assert capture(copy) == capture(original)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [copy]
    assert Captures.load(copy).codes() == Captures.load(original).codes()


def test_a_capture_keeps_bytes_that_are_no_text(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_two_gateways(database_url)
    monkeypatch.setenv("DB_URL", database_url)
    copy = tmp_path / "copy.jsonl"
    assert cli.main(["events", "--format", "capture", "--output", str(copy)]) == 0
    assert b'["\xff\xfe"]\n' in copy.read_bytes()
    assert "left out 1 frames" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(database_url: str) -> None:
    store(database_url, 20_000)
    command = [sys.executable, "-m", "ibconnect", "events"]
    with subprocess.Popen(
        command, env={"DB_URL": database_url, "PATH": ""}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["Position"] == 1
        process.stdout.close()
        assert process.wait(60) == 0
        assert process.stderr.read() == b""


def store(url: str, count: int) -> None:
    """Store a session of so many events, with every hundredth carrying a time."""
    session = uuid7().bytes
    with Datastore(url) as datastore:
        recorder = EventRecorder(datastore)
        for start in range(0, count, 20_000):
            rows = [_row(session, version) for version in range(start + 1, min(start + 20_000, count) + 1)]
            recorder.append(b"".join(rows))
        recorder.release()


def _row(session: bytes, version: int) -> bytes:
    if version == 1:
        state = (
            b'{"t":%d,"gateway":"127.0.0.1:4002","client_id":1,"server_version":"178","instance":"i","software":"s"}'
        )
        return encode_row(session, version, b"so", state % START)
    time = b"" if version % 100 else b"%d," % (START + version)
    return encode_row(session, version, b"v", b'[%b"NetLiquidation","%d.00","USD","DU1"]' % (time, version))


def peak(url: str, *arguments: str) -> tuple[int, int]:
    """Lines exported by a process of its own, and the most memory that it had, in kilobytes."""
    command = [sys.executable, "-m", "ibconnect", "events", *arguments]
    with subprocess.Popen(command, env={"DB_URL": url, "PATH": ""}, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = sum(1 for _ in process.stdout)
        _, process.returncode, usage = os.wait4(process.pid, 0)
    assert process.returncode == 0
    return lines, usage.ru_maxrss


def test_memory_stays_flat(database_url: str) -> None:
    store(database_url, 200_000)
    few, little = peak(database_url, "--after", str(200_000 - 2 * PAGE))
    every, much = peak(database_url)
    assert (few, every) == (2 * PAGE, 200_000)
    assert much < little + 5_000


def test_events_that_arrive_meanwhile_are_for_the_next_time(database_url: str) -> None:
    store(database_url, 3)
    with Reader(database_url) as reader:
        pages = reader.pages(Wanted())
        first = next(pages)
        store(database_url, 3)
        assert [stored.position for stored in first.events] == [1, 2, 3]
        assert list(pages) == []
        assert (first.done, first.total) == (3, 3)
        assert [stored.position for page in reader.pages(Wanted(after=3)) for stored in page.events] == [4, 5, 6]


def test_a_lost_database_is_said(database_url: str) -> None:
    store(database_url, 3)
    with Reader(database_url) as reader, Reader(database_url) as other:
        other._connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        with pytest.raises(DatabaseError, match="Postgres was lost while events were read"):
            list(reader.pages(Wanted()))
