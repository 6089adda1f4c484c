"""What a stream does not take: rows past a hole, rows past its end; they are kept in a file, and recording goes on."""

from pathlib import Path
from uuid import UUID

import orjson
from uuid_utils.compat import uuid7

from ibconnect.database.pools import connect
from ibconnect.events.copy_format import decode_rows, encode_row
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.recovery.streams import close_streams
from ibconnect.events.types import SessionClosed, SessionOpened
from ibconnect.simulator import Gateway
from tests.faults.judge import Judge, Marked
from tests.recording import recording


def row(stream: UUID, version: int, topic: str = "v") -> bytes:
    return encode_row(stream.bytes, version, topic.encode(), orjson.dumps({"t": version}))


def rows(stream: UUID, *versions: int) -> bytes:
    return b"".join(row(stream, version) for version in versions)


def versions(data: bytes) -> list[int]:
    return [each.version for each in decode_rows(data)]


def stored(url: str, stream: UUID) -> list[tuple[int, str]]:
    query = "SELECT originator_version, topic FROM stored_events WHERE originator_id = %s ORDER BY 1"
    with connect(url, name="test") as connection:
        return connection.execute(query, (stream,)).fetchall()


def refused(spool: Path) -> list[Path]:
    """The files of events that no stream takes."""
    return list(spool.glob("refused-*.rows"))


def test_nothing_is_stored_past_a_hole(database_url: str, recorder: EventRecorder) -> None:
    stream = uuid7()
    recorder.append(rows(stream, 1, 2, 3))
    appended = recorder.append(rows(stream, 3, 4, 6, 7), is_doubtful=True)
    assert versions(appended.untaken) == [6, 7]
    assert versions(recorder.append(rows(stream, 8)).untaken) == [8], "the stream stays fenced"
    assert [version for version, _ in stored(database_url, stream)] == [1, 2, 3, 4]


def test_nothing_is_stored_past_the_end_that_another_has_given_a_stream(
    database_url: str, recorder: EventRecorder
) -> None:
    stream, other = uuid7(), uuid7()
    recorder.append(rows(stream, 1, 2))
    assert close_streams(database_url, [stream]) == [stream]
    assert close_streams(database_url, [stream]) == []
    appended = recorder.append(rows(stream, 3, 4) + rows(other, 1))
    assert versions(appended.untaken) == [3, 4]
    assert stored(database_url, other) == [(1, "v")]
    assert recorder.fenced == {stream.bytes}
    recorder.append(row(stream, 5, "sc"))
    assert recorder.fenced == set(), "after its own end nothing more comes of a stream"
    assert stored(database_url, stream) == [(1, "v"), (2, "v"), (3, "sc")]


async def test_a_session_that_was_closed_by_another_goes_on_until_a_new_one_begins(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        Gateway(Marked(accounts=1), rate=200) as gateway,
        recording(database_url, tmp_path, gateway.port) as seen,
    ):
        judge = Judge(database_url, [gateway])
        await seen.refreshes()
        (first,) = seen.of(SessionOpened)
        (connection,) = gateway.connections
        sent = {(first.gateway, connection.number): len(connection.sent)}
        close_streams(database_url, [first.originator_id])
        await seen.have(SessionOpened, 3)
        await seen.refreshes(2)
        await seen.have(SessionClosed, 2)
        judge.check()
        assert len(gateway.connections) == 2
        assert judge.lost(sent) == 0
        assert {event.reason for event in seen.of(SessionClosed)} == {"orphaned", "fenced"}
        assert [event.continues for event in seen.of(SessionOpened) if event.continues] == [str(first.originator_id)]
        assert refused(tmp_path) == []
