"""The writer on a real Postgres: no failure keeps it from storing what arrives, and what cannot be stored is kept."""

import asyncio
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from uuid_utils.compat import uuid7

from ibconnect import troubles
from ibconnect.errors import DatabaseUnavailable
from ibconnect.events import appending
from ibconnect.events import writer as module
from ibconnect.events.journal import Journal
from ibconnect.events.recorder import EventRecorder
from tests.serving import logged
from tests.waiting import until
from tests.writing import (
    gauge,
    kinds,
    left,
    names,
    reason_of,
    recorded,
    refused,
    rows_of,
    say,
    session_of,
    stored,
    writing,
)

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
