"""What an instance has of a session that another one has closed meanwhile goes on in a stream of its own."""

from pathlib import Path
from random import Random
from uuid import UUID

import orjson
import pytest
from uuid_utils.compat import uuid7

from ibconnect.cli.replay import chosen
from ibconnect.database.pools import connect
from ibconnect.events.continuation import continuation_of
from ibconnect.events.copy_format import decode_rows, encode_row
from ibconnect.events.journal import Journal
from ibconnect.events.notes import Notes
from ibconnect.events.reader import Reader, Wanted
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.recovery.spool import Recovery
from ibconnect.events.recovery.streams import close_streams

START = 1_700_000_000_000_000
FACTS = {"gateway": "g:4002", "client_id": 7, "server_version": "178", "instance": "anna", "software": "test"}


def opened(stream: UUID, at: int = START, **facts: str) -> bytes:
    return encode_row(stream.bytes, 1, b"so", orjson.dumps({"t": at, **FACTS, **facts}))


def let_in(stream: UUID, at: int, **facts: str) -> bytes:
    """A session that a gateway has let in."""
    return opened(stream, at, **facts) + encode_row(stream.bytes, 2, b"a", orjson.dumps([at + 1, "DU1"]))


def said(stream: UUID, version: int, at: int | None = None) -> bytes:
    """A message; like those of one read of the socket, only some say when they arrived."""
    time = [] if at is None else [at]
    return encode_row(stream.bytes, version, b"v", orjson.dumps([*time, "Key", f"{version}.00", "USD", "DU1"]))


def ended(stream: UUID, version: int, at: int) -> bytes:
    return encode_row(stream.bytes, version, b"sc", orjson.dumps({"t": at, "reason": "deposed"}))


def stored(url: str, stream: UUID) -> list[tuple[int, str, object]]:
    query = "SELECT originator_version, topic, state FROM stored_events WHERE originator_id = %s ORDER BY 1"
    with connect(url, name="test") as connection:
        found = connection.execute(query, (stream,)).fetchall()
    return [(version, topic, orjson.loads(state)) for version, topic, state in found]


def values(url: str, stream: UUID) -> list[str]:
    """What the messages of a stream say, in order."""
    return [state[-3] for _, topic, state in stored(url, stream) if topic == "v" and isinstance(state, list)]


def test_the_rest_of_a_session_goes_on_in_its_continuation(database_url: str, recorder: EventRecorder) -> None:
    stream = uuid7()
    rest = continuation_of(stream)
    recorder.append(opened(stream) + said(stream, 2, START + 5) + said(stream, 3))
    close_streams(database_url, [stream])
    appended = recorder.append(said(stream, 4) + said(stream, 5, START + 9))
    assert appended.untaken == b""
    assert recorder.fenced == {stream.bytes}, "its recorder is told to end it"
    recorder.append(said(stream, 6) + ended(stream, 7, START + 11))
    assert recorder.fenced == set()
    assert values(database_url, stream) == ["2.00", "3.00"]
    assert stored(database_url, rest) == [
        (1, "so", {"t": START + 5, **FACTS, "continues": str(stream)}),
        (2, "v", ["Key", "4.00", "USD", "DU1"]),
        (3, "v", [START + 9, "Key", "5.00", "USD", "DU1"]),
        (4, "v", ["Key", "6.00", "USD", "DU1"]),
        (5, "sc", {"t": START + 11, "reason": "deposed"}),
    ]
    with Reader(database_url) as reader:
        events = [event for page in reader.pages(Wanted(session=rest)) for event in page.events]
        assert [event.arrived for event in events] == [START + 5, START + 5, START + 9, START + 9, START + 11]
        assert [session.id for session in reader.sessions(Wanted(gateway="g:4002"))] == [stream, rest]
        assert [session.id for session in chosen(reader, Wanted(gateway="g:4002"))] == [stream]


@pytest.mark.parametrize("seed", range(8))
def test_however_often_and_in_whatever_batches_they_come_they_are_stored_once(
    database_url: str, recorder: EventRecorder, seed: int
) -> None:
    random, stream = Random(seed), uuid7()
    rows = [opened(stream), *(said(stream, version, START + version) for version in range(2, 40))]
    rows.append(ended(stream, 40, START + 40))
    closings = sorted(random.sample(range(3, 36), random.choice([1, 2])))
    reached = 0
    while reached < len(rows):
        begin = random.randint(max(0, reached - 9), reached)
        upto = min(len(rows), reached + random.randint(1, 9), *(closings[:1]))
        assert recorder.append(b"".join(rows[begin:upto]), is_doubtful=begin < reached).untaken == b""
        reached = max(reached, upto)
        if closings and reached >= closings[0]:
            del closings[0]
            streams = [stream, continuation_of(stream)]
            assert len(close_streams(database_url, streams)) == 1
    chain = [stream, continuation_of(stream), continuation_of(continuation_of(stream))]
    found = [value for each in chain for value in values(database_url, each)]
    assert found == [f"{version}.00" for version in range(2, 40)]
    last = [each for each in chain if stored(database_url, each)][-1]
    assert stored(database_url, last)[-1][2] == {"t": START + 40, "reason": "deposed"}
    continued = [stored(database_url, each)[0][2]["continues"] for each in chain[1:] if stored(database_url, each)]
    assert continued == [str(each) for each in chain[: len(continued)]]


def test_it_ends_where_the_next_session_of_the_gateway_begins(database_url: str, recorder: EventRecorder) -> None:
    stream, other, refused, following = uuid7(), uuid7(), uuid7(), uuid7()
    recorder.append(opened(stream) + said(stream, 2, START + 2))
    close_streams(database_url, [stream])
    recorder.append(let_in(other, START + 3, gateway="another:4002"))
    recorder.append(opened(refused, START + 4) + ended(refused, 2, START + 5) + let_in(following, START + 10))
    late = said(stream, 3, START + 9) + said(stream, 4, START + 10) + said(stream, 5) + ended(stream, 6, START + 12)
    appended = recorder.append(late)
    assert [row.version for row in decode_rows(appended.untaken)] == [4, 5, 6]
    assert [row.version for row in decode_rows(recorder.append(late, is_doubtful=True).untaken)] == [4, 5, 6]
    rest = stored(database_url, continuation_of(stream))
    assert [topic for _, topic, _ in rest] == ["so", "v", "sc"]
    closed = rest[-1][2]
    assert isinstance(closed, dict)
    assert (closed["t"], closed["reason"]) == (START + 9, "fenced")


def test_nothing_begins_when_all_of_it_is_too_late(database_url: str, recorder: EventRecorder) -> None:
    stream, following = uuid7(), uuid7()
    recorder.append(opened(stream))
    close_streams(database_url, [stream])
    recorder.append(let_in(following, START + 1))
    assert [row.version for row in decode_rows(recorder.append(said(stream, 2, START + 1)).untaken)] == [2]
    assert stored(database_url, continuation_of(stream)) == []


def test_a_hole_is_not_stored_in_it_either(database_url: str, recorder: EventRecorder) -> None:
    stream = uuid7()
    recorder.append(opened(stream) + said(stream, 2, START + 2))
    close_streams(database_url, [stream])
    appended = recorder.append(said(stream, 3) + said(stream, 5))
    assert [row.version for row in decode_rows(appended.untaken)] == [5]
    assert values(database_url, continuation_of(stream)) == ["3.00"]


def test_the_spool_of_a_killed_process_goes_there_too_and_is_closed(
    database_url: str, recorder: EventRecorder, tmp_path: Path
) -> None:
    stream = uuid7()
    recorder.append(opened(stream) + said(stream, 2, START + 2))
    close_streams(database_url, [stream])
    journal = Journal(tmp_path, 1 << 20)
    journal.append(said(stream, 3) + said(stream, 4, START + 4), 2)
    journal.close(is_done=False)
    notes = Notes(tmp_path)
    assert Recovery(tmp_path, recorder, notes).run() == 2
    notes.close()
    assert recorder.fenced == set()
    rest = stored(database_url, continuation_of(stream))
    assert [topic for _, topic, _ in rest] == ["so", "v", "v", "sc"]
    closed = rest[-1][2]
    assert isinstance(closed, dict)
    assert closed["reason"] == "orphaned"
    assert list(tmp_path.glob("refused-*")) == []
