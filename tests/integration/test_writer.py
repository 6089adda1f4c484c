"""The writer on a real Postgres: nothing in the spool, and no failure, keeps it from storing what arrives."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from uuid_utils.compat import uuid7

from ibconnect import troubles
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseUnavailable
from ibconnect.events import appending
from ibconnect.events import writer as module
from ibconnect.events.copy_format import decode_rows, encode_row
from ibconnect.events.journal import Journal
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.stream import Stream
from ibconnect.events.writer import Writer
from tests.recording import until
from tests.serving import logged

FACTS = {"client_id": 7, "server_version": "178", "connection_time": "", "instance": "anna", "software": "test"}
AT = 1_700_000_000_000_000


def gauge(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"ibconnect_{name}", labels) or 0.0


def recorded(gateway: str) -> int:
    """How many events of a gateway count as recorded."""
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    name = "ibconnect_events_recorded_total"
    return int(sum(each.value for each in samples if each.name == name and each.labels["gateway"] == gateway))


def rows_of(stream: UUID, versions: range, padding: int = 0) -> bytes:
    first = encode_row(stream.bytes, 1, b"so", orjson.dumps({"t": AT, "gateway": "g:1", **FACTS}))
    message = orjson.dumps([AT, "Key", "1.00" + " " * padding, "USD", "DU1"])
    rest = [encode_row(stream.bytes, version, b"v", message) for version in versions if version > 1]
    return b"".join([first if 1 in versions else b"", *rest])


def left(spool: Path, stream: UUID, chunks: int = 3, padding: int = 0) -> Path:
    """The journal of a killed process, with one session of as many messages as chunks."""
    journal = Journal(spool, 64 << 20)
    journal._segment_bytes = 2000
    for version in range(1, chunks + 1):
        journal.append(rows_of(stream, range(version, version + 1), padding), 1)
    journal.close(is_done=False)
    return journal.directory


def stored(url: str, stream: UUID) -> list[tuple[int, str]]:
    query = "SELECT originator_version, topic FROM stored_events WHERE originator_id = %s ORDER BY 1"
    with connect(url, name="test") as connection:
        return [(version, topic) for version, topic in connection.execute(query, (stream,))]


def reason_of(url: str, stream: UUID) -> str | None:
    """How a session ended, if it has."""
    query = "SELECT state FROM stored_events WHERE originator_id = %s AND topic = 'sc'"
    with connect(url, name="test") as connection:
        row = connection.execute(query, (stream,)).fetchone()
    return orjson.loads(row[0])["reason"] if row else None


@asynccontextmanager
async def writing(
    url: str, spool: Path, on_death: Callable[[BaseException], None] | None = None, max_bytes: int = 64 << 20
) -> AsyncIterator[Writer]:
    with Datastore(url) as datastore:
        writer = Writer(EventRecorder(datastore), spool, max_bytes, on_death)
        await writer.start()
        try:
            yield writer
        finally:
            await writer.close(20)


def session_of(writer: Writer, gateway: str) -> Stream:
    session = Stream(writer, gateway)
    session.open(**FACTS)
    session.hand_over()
    return session


def say(session: Stream, count: int) -> None:
    """Receive so many messages, one a read of the socket."""
    for number in range(count):
        session.receive(b"6\x002\x00Key\x00%d.00\x00USD\x00DU1\x00" % number, session.now())
        session.hand_over()


def names(spool: Path) -> list[str]:
    """What is in the spool."""
    return sorted(path.name for path in spool.iterdir())


def refused(spool: Path, ending: str = ".rows") -> tuple[Path, list[int]]:
    """The one file of refused rows, and their versions."""
    (file,) = spool.glob(f"refused-*{ending}")
    return file, [row.version for row in decode_rows(file.read_bytes())]


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [line["kind"] for line in lines]


def segment_as_directory(directory: Path) -> None:
    (directory / "00000001.segment").unlink()
    (directory / "00000001.segment").mkdir()


def lock_as_directory(directory: Path) -> None:
    (directory / "lock").unlink()
    (directory / "lock").mkdir()


def stray_segment(directory: Path) -> None:
    (directory / "first.segment").write_bytes(b"stray")


def whole_as_file(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()
    directory.write_bytes(b"stray")


def wrong_rows(directory: Path) -> None:
    """Chunks that are what was written, of rows that are none."""
    journal = Journal(directory.parent, 1 << 20)
    journal.append(b"these are no rows", 1)
    journal.close(is_done=False)
    (journal.directory / "00000001.segment").rename(directory / "00000001.segment")
    for path in (*journal.directory.iterdir(), *directory.glob("0000000[23].segment")):
        path.unlink()
    journal.directory.rmdir()


HARMS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no file in place of a segment": (segment_as_directory, "damaged"),
    "lock is a directory": (lock_as_directory, "unopened"),
    "stray segment": (stray_segment, "damaged"),
    "no directory at all": (whole_as_file, "unopened"),
    "rows that are none": (wrong_rows, "damaged"),
}


@pytest.mark.parametrize("harm", HARMS)
async def test_a_leftover_that_cannot_be_opened_holds_up_nothing(database_url: str, tmp_path: Path, harm: str) -> None:
    harmed, *well = [uuid7() for _ in range(4)]
    directory = left(tmp_path, harmed)
    for stream in well:
        left(tmp_path, stream)
    injure, why = HARMS[harm]
    injure(directory)
    before = gauge("spool_kept_total", why=why)
    with logged() as lines:
        async with writing(database_url, tmp_path) as writer:
            session = session_of(writer, "g:well")
            say(session, 5)
            await asyncio.wait_for(writer.recovered(), 20)
            await asyncio.wait_for(writer.flushed(), 20)
            assert [len(stored(database_url, stream)) for stream in well] == [4, 4, 4], "with the end of the session"
            assert [version for version, _ in stored(database_url, session.id)] == list(range(1, 7))
            assert writer.is_online
            (reason,) = troubles.lasting()
            assert "could not be opened or read to its end" in reason
            assert f"{why}-{directory.name}" in reason
            assert gauge("spool_kept_bytes", why=why) > 0
            assert gauge("spool_leftover_bytes") == gauge("spool_bytes") == 0
            assert gauge("spool_kept_total", why=why) == before + 1
        told = {"damaged": "spool_damaged", "unopened": "spool_unopened"}[why]
        (line,) = [line for line in lines() if line["kind"] == told]
    assert line["journal"] == directory.name
    assert line["error"]
    assert line["kept_in"] == str(tmp_path / f"{why}-{directory.name}")
    assert names(tmp_path) == [f"{why}-{directory.name}"]
    assert len(stored(database_url, harmed)) == (4 if harm == "stray segment" else 0)
    assert troubles.lasting() == [], "whoever is gone has no trouble"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), harms=st.lists(st.integers(0, 5), min_size=1, max_size=6))
def test_whatever_became_of_the_files_what_is_stored_is_a_prefix_and_the_rest_is_kept(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, seed: int, harms: list[int]
) -> None:
    random, spool = Random(seed), tmp_path_factory.mktemp("spool")
    harmed = {uuid7(): random.randrange(1, 12) for _ in range(3)}
    places = {stream: left(spool, stream, chunks, padding=300) for stream, chunks in harmed.items()}
    well = uuid7()
    left(spool, well, 5)
    for harm in harms:
        spoil(random, random.choice(list(places.values())), harm)

    async def run() -> None:
        async with writing(database_url, spool) as writer:
            session = session_of(writer, "g:prefix")
            await asyncio.wait_for(writer.recovered(), 20)
            await asyncio.wait_for(writer.flushed(), 20)
            assert stored(database_url, session.id) == [(1, "so")]
            assert writer.is_online

    asyncio.run(run())
    assert len(stored(database_url, well)) == 6
    for stream, chunks in harmed.items():
        found = stored(database_url, stream)
        topics = ["so", *["v"] * (chunks - 1)][: len(found) - 1]
        assert [version for version, _ in found] == list(range(1, len(found) + 1)), "no hole"
        assert [topic for _, topic in found] == ([*topics, "sc"] if found else [])
    assert {path.name.partition("-")[0] for path in spool.iterdir()} <= {"damaged", "unopened", "refused"}


def spoil(random: Random, directory: Path, harm: int) -> None:
    """Do something to the files of a leftover, whatever was done before."""
    files = sorted(path for path in directory.glob("*.segment") if path.is_file())
    if not files:
        return
    path = random.choice(files)
    data = bytearray(path.read_bytes())
    at = random.randrange(len(data) + 1)
    if harm == 0:
        path.write_bytes(data[:at])
    elif harm == 1 and at < len(data):
        data[at] ^= 1 << random.randrange(8)
        path.write_bytes(data)
    elif harm == 2:
        path.write_bytes(data[:at] + random.randbytes(random.randrange(1, 50)) + data[at:])
    elif harm == 3:
        path.unlink()
    elif harm == 4:
        path.unlink()
        path.mkdir()
    else:
        (directory / f"stray{random.randrange(9)}").write_bytes(data)


FAILURES: dict[str, Exception] = {
    "Postgres is away": DatabaseUnavailable("away"),
    "the disk of the spool is full": OSError(28, "No space left on device"),
    "a fault of the program": KeyError("nobody foresaw this"),
    "no memory": MemoryError(),
    "an error of the driver": psycopg.InterfaceError("odd"),
}


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Exception]]:
    """What the event store says to each batch, while there is something in this list."""
    found: list[Exception] = []
    real = EventRecorder.append

    def append(self: EventRecorder, data: bytes, **options: Any) -> Any:
        if found:
            raise found[0]
        return real(self, data, **options)

    monkeypatch.setattr(EventRecorder, "append", append)
    yield found
    found.clear()


@pytest.mark.parametrize("failure", FAILURES)
async def test_any_failure_to_store_counts_as_away(
    database_url: str, tmp_path: Path, failing: list[Exception], failure: str
) -> None:
    gateway, waiting = f"g:{failure}", uuid7()
    directory = left(tmp_path, waiting)
    size = sum(path.stat().st_size for path in directory.glob("*.segment"))
    failing.append(FAILURES[failure])
    with logged() as lines:
        async with writing(database_url, tmp_path) as writer:
            session = session_of(writer, gateway)
            say(session, 10)
            await until(lambda: gauge("trouble", trouble="events_wait"), "it is noticed")
            assert not writer.is_online
            assert gauge("spool_leftover_bytes") == size
            assert gauge("spool_bytes") == writer._journal.bytes_kept > 0
            say(session, 10)
            assert gauge("spool_bytes") == writer._journal.bytes_kept
            assert recorded(gateway) == 0, "nothing is stored, so nothing is recorded"
            assert (
                REGISTRY.get_sample_value(
                    "ibconnect_events_recorded_total", {"gateway": gateway, "kind": "SessionOpened"}
                )
                == 0.0
            ), "a counter that is not there does not stand still"
            told = " ".join(troubles.lasting())
            assert "events wait in the spool, since 2" in told
            assert ("the writer of events fails" in told) == (failure != "Postgres is away")
            failing.clear()
            await asyncio.wait_for(writer.recovered(), 20)
            await asyncio.wait_for(writer.flushed(), 20)
            await until(lambda: writer.is_online, "it is online again")
            assert (gauge("spool_bytes"), gauge("spool_leftover_bytes")) == (0, 0)
            assert recorded(gateway) == 21
            assert troubles.lasting() == []
    assert [version for version, _ in stored(database_url, session.id)] == list(range(1, 22))
    assert len(stored(database_url, waiting)) == 4
    assert kinds(lines()).count("spool_started") == 1, "once, however often it is tried"
    assert kinds(lines()).count("spool_drained") == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("exc", "is_of_rows"),
    [
        (psycopg.errors.ProgramLimitExceeded(), True),
        (psycopg.errors.NumericValueOutOfRange(), True),
        (psycopg.errors.NotNullViolation(), True),
        (psycopg.errors.InsufficientPrivilege(), False),
        (psycopg.errors.UndefinedTable(), False),
        (psycopg.errors.DiskFull(), False),
        (psycopg.errors.ReadOnlySqlTransaction(), False),
        (psycopg.OperationalError(), False),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_postgres_says_of_the_rows_sets_them_aside_and_all_else_waits(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exc: psycopg.Error, is_of_rows: bool
) -> None:
    errors = [exc]

    def copy(connection: Any, data: bytes) -> int:
        if errors:
            raise errors.pop()
        return real(connection, data)

    real = appending.append
    monkeypatch.setattr(appending, "append", copy)
    async with writing(database_url, tmp_path) as writer:
        first = uuid7()
        writer.put(rows_of(first, range(1, 4)), 3)
        await asyncio.wait_for(writer.flushed(), 20)
        assert len(stored(database_url, first)) == (0 if is_of_rows else 3)
        assert writer.is_fenced(first) == is_of_rows
        session = session_of(writer, "g:after")
        await asyncio.wait_for(writer.flushed(), 20)
        assert len(stored(database_url, session.id)) == 1
    assert [each.partition("-")[0] for each in names(tmp_path)] == (["refused"] if is_of_rows else [])


async def test_a_failure_after_the_commit_stores_and_counts_nothing_twice(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, times = EventRecorder.append, iter(range(3))

    def append(self: EventRecorder, data: bytes, **options: Any) -> Any:
        found = real(self, data, **options)
        if next(times, None) is not None:
            raise RuntimeError("the answer was lost")
        return found

    monkeypatch.setattr(EventRecorder, "append", append)
    async with writing(database_url, tmp_path) as writer:
        session = session_of(writer, "g:twice")
        say(session, 10)
        await asyncio.wait_for(writer.flushed(), 20)
        assert recorded("g:twice") == 11
    assert [version for version, _ in stored(database_url, session.id)] == list(range(1, 12))


async def test_a_postgres_that_does_not_answer_is_away_too(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, real = threading.Event(), EventRecorder.append

    def append(self: EventRecorder, data: bytes, **options: Any) -> Any:
        assert answer.wait(60)
        return real(self, data, **options)

    monkeypatch.setattr(EventRecorder, "append", append)
    monkeypatch.setattr(module, "STUCK_S", 0.2)
    async with writing(database_url, tmp_path) as writer:
        say(session_of(writer, "g:stuck"), 3)
        await until(lambda: not writer.is_online, "it is noticed without a word of Postgres")
        (reason,) = troubles.lasting()
        assert reason.endswith("Z: Postgres does not answer")
        answer.set()
        await asyncio.wait_for(writer.flushed(), 20)
        assert writer.is_online
        await until(lambda: troubles.lasting() == [], "it is over")


async def test_rows_that_postgres_refuses_are_kept_and_told(database_url: str, tmp_path: Path) -> None:
    """An event of a session that has a hole: nothing of it is thrown away, and what comes after is stored."""
    lost = uuid7()
    async with writing(database_url, tmp_path) as writer:
        writer._recorder.fenced.add(lost.bytes)
        writer.put(rows_of(lost, range(10, 12)), 2)
        session = session_of(writer, "g:refused")
        say(session, 2)
        await asyncio.wait_for(writer.flushed(), 20)
        assert [version for version, _ in stored(database_url, session.id)] == [1, 2, 3]
        file, versions = refused(tmp_path)
        assert versions == [10, 11]
        assert gauge("spool_kept_bytes", why="refused") == file.stat().st_size
        (reason,) = troubles.lasting()
        assert reason.startswith("the event store did not take some events, which are kept in files, since ")
        assert reason.endswith(file.name)
        file.unlink()
        assert troubles.lasting() == []
        assert gauge("spool_kept_bytes", why="refused") == 0


@pytest.mark.parametrize("obstacle", ["a directory", "a pipe", "a link"])
async def test_refused_rows_find_a_place_whatever_lies_there(database_url: str, tmp_path: Path, obstacle: str) -> None:
    async with writing(database_url, tmp_path) as writer:
        place = tmp_path / f"refused-{writer._journal.directory.name}.rows"
        put = {"a directory": place.mkdir, "a pipe": partial(os.mkfifo, place)}
        put.get(obstacle, partial(place.symlink_to, os.devnull))()
        lost = uuid7()
        writer._recorder.fenced.add(lost.bytes)
        writer.put(rows_of(lost, range(10, 12)), 2)
        await asyncio.wait_for(writer.flushed(), 20)
    assert refused(tmp_path, "-2.rows")[1] == [10, 11]


async def test_what_cannot_be_removed_is_told_and_stops_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEEP_S", 0.0)
    monkeypatch.setattr(Journal, "_remove", _refused)
    async with writing(database_url, tmp_path) as writer:
        session = session_of(writer, "g:kept")
        for _ in range(5):
            say(session, 3)
            await asyncio.wait_for(writer.flushed(), 20)
        await until(troubles.lasting, "it is told")
        (reason,) = troubles.lasting()
        assert reason.startswith("the writer of events fails, since ")
        assert reason.endswith("what is stored cannot be removed from the spool: PermissionError (Permission denied)")
        assert writer.is_online
        monkeypatch.undo()
        monkeypatch.setattr(module, "KEEP_S", 0.0)
        await until(lambda: writer._journal.bytes_kept == 0, "it is removed")
        assert troubles.lasting() == []
    assert len(stored(database_url, session.id)) == 16


def _refused(*_: object) -> None:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("harm", ["damaged", "removed while nothing arrives"])
async def test_a_journal_that_cannot_be_read_back_ends_the_writer_and_says_why(
    database_url: str, tmp_path: Path, failing: list[Exception], monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setattr(module, "_GIVE_UP_S", 0.1)
    deaths: list[BaseException] = []
    async with writing(database_url, tmp_path, deaths.append) as writer:
        await asyncio.wait_for(writer.recovered(), 20)
        segment = writer._journal.directory / "00000001.segment"
        if harm == "damaged":
            failing.append(DatabaseUnavailable("away"))
            session = session_of(writer, "g:dying")
            say(session, 10)
            with segment.open("r+b") as file:
                file.seek(400)
                file.write(b"damage")
            failing.clear()
        else:
            segment.unlink()
        await until(lambda: deaths, "the writer dies")
        assert not writer.is_online
        assert "the writer of events fails" in " ".join(troubles.lasting())
    assert [type(death).__name__ for death in deaths] == ["JournalDamaged"]
    if harm == "damaged":
        async with writing(database_url, tmp_path) as again:
            await asyncio.wait_for(again.recovered(), 20)
        found = stored(database_url, session.id)
        assert [version for version, _ in found] == list(range(1, len(found) + 1))
        assert reason_of(database_url, session.id) == "orphaned"
        assert names(tmp_path) == [f"damaged-{segment.parent.name}"]
