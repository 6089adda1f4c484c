"""Streams of statements among those of sessions: who reads events finds them, who wants a session passes them."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from ibconnect.cli import main as cli
from ibconnect.cli.replay import chosen
from ibconnect.cluster.registry import Registry
from ibconnect.database.pools import connect
from ibconnect.errors import EventError
from ibconnect.events.reader import Reader
from ibconnect.events.selection import Wanted
from ibconnect.simulator.captures.file import read_capture
from ibconnect.statements.document import Document
from ibconnect.statements.recording import Origin, Recorded, Recorder
from tests.projecting import Stream, project_all, record
from tests.serving import Served, serving
from tests.statements import document_of, statement_of

ALL, ONE = "every-thing-01234567", "only-one-0123456789a"
EVENTS = ["StatementBegan", "StatementPart", "StatementEnded"]


def session(**closed: str) -> Stream:
    """A session with an id of its time, as real ones have."""
    stream = Stream()
    stream.id = uuid7()
    for event in stream.events:
        object.__setattr__(event, "originator_id", stream.id)
    stream.message("15", "1", "U1,U2", timed=True)
    if closed:
        stream.own("sc", **closed)
    return stream


def bring(url: str, count: int) -> list[Recorded]:
    """So many statements of U1, all in one transaction."""
    with ExitStack() as stack, Recorder(url) as recorder:
        given = [
            (stack.enter_context(Document([document_of(statement_of("U1"), query=str(each))])), Origin(source="file"))
            for each in range(count)
        ]
        return recorder.record(given)


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """A server over a session of long ago, which is closed, and a statement."""
    record(database_url, session(reason="stopped").events)
    bring(database_url, 1)
    project_all(database_url)
    async with serving(database_url, API_TOKENS=f"{ALL}@* {ONE}@U1") as server:
        yield server


async def kinds(served: Served, query: str, token: str = ALL) -> list[str]:
    async with served.get(f"/v1/events{query}", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status == 200
        return [json.loads(line)["Type"] for line in (await response.text()).splitlines()]


async def test_the_events_of_statements_are_found_by_time_account_and_kind(served: Served) -> None:
    assert (await kinds(served, ""))[-3:] == EVENTS
    assert await kinds(served, "?from=-1h") == EVENTS, "although no session was open then"
    assert await kinds(served, "?from=-1h&to=now&account=U1") == ["StatementEnded"]
    assert EVENTS[0] not in await kinds(served, "?to=-1h")
    assert await kinds(served, "?type=StatementPart") == ["StatementPart"]


async def test_who_sees_one_account_sees_nothing_of_what_a_document_holds(served: Served) -> None:
    """A document may hold others' statements, and his name and address."""
    assert not set(EVENTS) & set(await kinds(served, "", ONE))
    assert await kinds(served, "?from=-1h", ONE) == []


def test_the_view_names_them(database_url: str) -> None:
    bring(database_url, 1)
    project_all(database_url)
    with connect(database_url, name="test") as connection:
        rows = connection.execute("SELECT kind, arrived IS NOT NULL FROM v_event ORDER BY position").fetchall()
    assert rows == [(kind, True) for kind in EVENTS]


async def test_a_session_left_open_is_found_behind_any_number_of_statements(database_url: str) -> None:
    left = session()
    record(database_url, left.events)
    bring(database_url, 150)
    registry = Registry(database_url, "one", ["127.0.0.1:4002"], 1)
    try:
        assert [stream for stream, _ in await registry.open_sessions("127.0.0.1:4002")] == [left.id]
        assert await registry.open_sessions("127.0.0.1:9999") == []
    finally:
        await registry.leave()


def test_the_command_line_exports_them_and_replays_sessions_alone(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setenv("DB_URL", database_url)
    stream = session(reason="stopped")
    record(database_url, stream.events)
    (done,) = bring(database_url, 1)

    def exported(*arguments: str) -> list[str]:
        assert cli.main(["events", *arguments]) == 0
        return [json.loads(line)["Type"] for line in capfdbinary.readouterr().out.splitlines()]

    assert exported("--session", str(done.stream)) == EVENTS
    assert exported("--from", "2026-01-01T00:00:00Z") == EVENTS
    assert exported("--type", "StatementEnded", "--account", "U1") == ["StatementEnded"]
    assert exported("--gateway", "127.0.0.1:4002") == ["SessionOpened", "AccountsListed", "SessionClosed"]
    assert cli.main(["events", "--output", str(tmp_path / "all.ndjson")]) == 0
    assert read_capture(tmp_path / "all.ndjson").codes() == ["U1", "U2"], "without what statements are"
    with Reader(database_url) as reader:
        assert [each.id for each in chosen(reader, Wanted(gateway="127.0.0.1:4002"))] == [stream.id]
        with pytest.raises(EventError, match="replayed"):
            chosen(reader, Wanted(session=done.stream))
