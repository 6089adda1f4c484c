"""The event store on a real Postgres: immutable, in commit order, read by the library's own reader."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from uuid_utils.compat import uuid7

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseUnavailable
from ibconnect.events.codec import encode_message, time_in
from ibconnect.events.copy_format import Row, decode_rows, encode_row
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.recovery.streams import close_streams
from ibconnect.events.store import Datastore
from ibconnect.events.types import SessionClosed
from tests.partitions import name_of, this_month
from tests.waiting import DEADLINE_S, wait_for

APPEND = queries("events/appending")
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
COPY_TRAILER = b"\xff\xff"
OTHER = uuid7()
WAITING = """
    SELECT count(*) FROM pg_locks
    WHERE relation IN ('stored_events'::regclass, 'coordination.append_turn'::regclass) AND NOT granted
"""
UNDER_WAY = f"""
    SELECT count(*) FROM pg_locks
    WHERE relation = '{name_of(this_month())}'::regclass AND mode = 'ShareUpdateExclusiveLock' AND granted
"""


def rows_of(session: bytes, versions: range, topic: bytes = b"v") -> bytes:
    return b"".join(encode_row(session, version, topic, b'["a","%d"]' % version) for version in versions)


def made_ready(library: PostgresApplicationRecorder) -> None:
    """What the library makes at its first use, but for its index, which would have to contain the key of partitions."""
    statements = library.sql_create_statements
    statements[:] = [each for each in statements if "CREATE UNIQUE INDEX" not in each.as_string()]
    library.create_table()


def stored(url: str) -> list[tuple[int, bytes, int, str]]:
    with connect(url, name="test") as connection:
        query = "SELECT notification_id, originator_id, originator_version, topic FROM stored_events ORDER BY 1"
        return [(i, uuid.bytes, version, topic) for i, uuid, version, topic in connection.execute(query)]


def test_the_library_reads_and_writes_the_same_table(recorder: EventRecorder, database_url: str) -> None:
    session = uuid7()
    events = [StoredEvent(session, version, "v", b'["%d"]' % version) for version in range(1, 4)]
    positions = recorder.insert_events(events)
    wanted = conninfo_to_dict(database_url)
    with PostgresDatastore(str(wanted["dbname"]), str(wanted["host"]), 5432, str(wanted["user"]), "") as plain:
        library = PostgresApplicationRecorder(plain)
        made_ready(library)
        seen = library.select_notifications(start=None, limit=10)
        assert [(n.id, n.originator_id, n.originator_version, n.topic, n.state) for n in seen] == [
            (position, session, e.originator_version, e.topic, e.state)
            for position, e in zip(positions, events, strict=True)
        ]
        assert library.insert_events([StoredEvent(session, 4, "v", b'["4"]')]) == [positions[-1] + 1]
        assert library.max_notification_id() == recorder.max_notification_id() == positions[-1] + 1
        assert [e.originator_version for e in recorder.select_events(session, gt=2)] == [3, 4]


def test_a_stream_takes_each_version_once(recorder: EventRecorder) -> None:
    session = uuid7()
    recorder.insert_events([StoredEvent(session, 1, "v", b"[]")])
    with pytest.raises(IntegrityError):
        recorder.insert_events([StoredEvent(session, 1, "v", b"[]")])


@pytest.mark.parametrize(
    "statement", ["UPDATE stored_events SET topic = 'z'", "DELETE FROM stored_events", "TRUNCATE stored_events"]
)
def test_the_database_refuses_to_change_events(recorder: EventRecorder, database_url: str, statement: str) -> None:
    recorder.append(rows_of(uuid7().bytes, range(1, 3)))
    before = stored(database_url)
    for role in ("origin", "replica"):
        with connect(database_url, name="test") as connection:
            connection.execute(f"SET session_replication_role = {role}")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="events are immutable"):
                connection.execute(statement)
    assert stored(database_url) == before


def test_a_batch_given_again_is_stored_once(recorder: EventRecorder, database_url: str) -> None:
    session = uuid7().bytes
    recorder.append(rows_of(session, range(1, 6)))
    recorder.append(rows_of(session, range(3, 9)))
    recorder.append(rows_of(session, range(1, 9)), is_doubtful=True)
    assert [version for _, _, version, _ in stored(database_url)] == list(range(1, 9))


def test_nothing_follows_the_end_of_a_stream(recorder: EventRecorder, database_url: str) -> None:
    """A leader that was taken for dead comes back with events: its successor has closed the session."""
    session, other = uuid7().bytes, uuid7().bytes
    recorder.append(rows_of(session, range(1, 4)))
    recorder.append(rows_of(session, range(4, 5), SessionClosed.TOPIC.encode()))
    late = recorder.append(rows_of(session, range(4, 7)) + rows_of(other, range(1, 2)))
    assert [row.version for row in decode_rows(late.untaken)] == [4, 5, 6]
    later = recorder.append(rows_of(session, range(7, 9)))
    assert [row.version for row in decode_rows(later.untaken)] == [7, 8]
    assert [(s, v) for _, s, v, _ in stored(database_url)] == [(session, v) for v in range(1, 5)] + [(other, 1)]


def test_a_batch_beyond_the_librarys_limit_goes_in(recorder: EventRecorder, database_url: str) -> None:
    """The library's own insert hangs for ever above about 0.88 MB over a unix socket."""
    session = uuid7().bytes
    rows = [Row(session, version, b"v", b'["' + b"x" * 250 + b'"]') for version in range(1, 12_001)]
    recorder.append(b"".join(encode_row(*row) for row in rows))
    assert len(stored(database_url)) == 12_000


def follow(url: str, wanted: int, seen: list[int]) -> None:
    with connect(url, name="tail") as connection:
        query = "SELECT notification_id FROM stored_events WHERE notification_id > %s ORDER BY 1"

        def have_all() -> bool:
            seen.extend(position for (position,) in connection.execute(query, (seen[-1] if seen else 0,)).fetchall())
            return len(seen) >= wanted

        wait_for(have_all, lambda: f"{wanted} events, but {len(seen)}", pause=0.0)


def test_no_reader_steps_over_an_event_of_two_writers(database_url: str) -> None:
    """Two writers and a reader that follows positions: it sees each event, and each once."""
    batches, size = 60, 40
    seen: list[int] = []

    def write() -> None:
        session = uuid7().bytes
        with Datastore(database_url) as datastore:
            writer = EventRecorder(datastore)
            for batch in range(batches):
                writer.append(rows_of(session, range(batch * size + 1, batch * size + size + 1)))
            writer.release()

    reader = threading.Thread(target=follow, args=(database_url, 2 * batches * size, seen), daemon=True)
    writers = [threading.Thread(target=write) for _ in range(2)]
    for thread in (reader, *writers):
        thread.start()
    for thread in (*writers, reader):
        thread.join(60)
    assert len(seen) == len(set(seen)) == 2 * batches * size
    assert seen == sorted(seen)


INSERT = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, 1, 'v', '[]')"


def test_without_a_turn_a_reader_does_step_over_events(database_url: str) -> None:
    """What the turn is for: what commits late is never seen by a reader that is past it."""
    with connect(database_url, name="owner") as owner:
        owner.execute("ALTER TABLE stored_events DISABLE TRIGGER one_append_at_a_time")
    with connect(database_url, name="slow", autocommit=False) as slow, connect(database_url, name="fast") as fast:
        slow.execute(INSERT, (uuid7(),))
        fast.execute(INSERT, (uuid7(),))
        reached = max(position for position, *_ in stored(database_url))
        slow.commit()
    assert any(position < reached for position, *_ in stored(database_url))


def plainly(url: str, stream: UUID) -> None:
    """As a person would, in a session whose triggers fire on replicas alone."""
    with connect(url, name="late") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(INSERT, (stream,))


def by_our_recorder(url: str, stream: UUID) -> None:
    with Datastore(url) as datastore:
        recorder = EventRecorder(datastore)
        recorder.append(rows_of(stream.bytes, range(1, 2)))
        recorder.release()


def by_our_recorder_as_the_library_calls_it(url: str, stream: UUID) -> None:
    with Datastore(url) as datastore:
        EventRecorder(datastore).insert_events([StoredEvent(stream, 1, "v", b"[]")])


def by_the_end_of_a_stream(url: str, stream: UUID) -> None:
    """Of one that has begun already: its second event is the one that is late."""
    assert close_streams(url, [stream]) == [stream]


def by_the_library(url: str, stream: UUID, **options: Any) -> None:
    wanted = conninfo_to_dict(url)
    with PostgresDatastore(
        str(wanted["dbname"]), str(wanted["host"]), 5432, str(wanted["user"]), "", **options
    ) as plain:
        library = PostgresApplicationRecorder(plain)
        made_ready(library)
        library.insert_events([StoredEvent(stream, 1, "v", b"[]")])


def by_the_librarys_function(url: str, stream: UUID) -> None:
    """Which takes no lock by itself."""
    by_the_library(url, stream, enable_db_functions=True)


def as_the_version_before(url: str, stream: UUID) -> None:
    """It locks the table of events first."""
    with connect(url, name="late") as connection, connection.transaction():
        connection.execute("SET LOCAL lock_timeout = '2s'; LOCK TABLE public.stored_events IN EXCLUSIVE MODE")
        with connection.cursor().copy(APPEND["copy_rows"]) as copy:
            copy.write(COPY_HEADER + rows_of(stream.bytes, range(1, 2)) + COPY_TRAILER)


WRITERS: list[Callable[[str, UUID], None]] = [
    plainly,
    by_our_recorder,
    by_our_recorder_as_the_library_calls_it,
    by_the_end_of_a_stream,
    by_the_library,
    by_the_librarys_function,
    as_the_version_before,
]


@pytest.mark.parametrize("late_writer", WRITERS)
@pytest.mark.parametrize("early", ["new", "before"])
def test_whoever_writes_waits_for_whoever_writes_already(
    database_url: str, early: str, late_writer: Callable[[str, UUID], None]
) -> None:
    """What commits late has the higher position, so nobody is stepped over."""
    late, first_stream = uuid7(), uuid7()
    is_end = late_writer is by_the_end_of_a_stream
    if is_end:
        by_our_recorder(database_url, late)
    before = stored(database_url)
    writer = threading.Thread(target=late_writer, args=(database_url, late), daemon=True)
    with connect(database_url, name="early") as first, connect(database_url, name="look") as look:
        first.execute(APPEND["begin_append"])
        if early == "before":
            first.execute("LOCK TABLE public.stored_events IN EXCLUSIVE MODE")
        with first.cursor().copy(APPEND["copy_rows"]) as copy:
            copy.write(COPY_HEADER + rows_of(first_stream.bytes, range(1, 2)) + COPY_TRAILER)
        writer.start()
        wait_for(lambda: look.execute(WAITING).fetchone() == (1,), "the later writer waits")
        assert stored(database_url) == before
        first.execute(APPEND["end_append"])
    writer.join(DEADLINE_S)
    added = stored(database_url)[len(before) :]
    assert [(stream, version) for _, stream, version, _ in added] == [
        (first_stream.bytes, 1),
        (late.bytes, 2 if is_end else 1),
    ]


def test_the_end_of_a_stream_comes_behind_what_is_stored_of_it_meanwhile(database_url: str) -> None:
    """It waits for rows of the same stream, and goes behind those."""
    stream = uuid7()
    by_our_recorder(database_url, stream)
    closing = threading.Thread(target=by_the_end_of_a_stream, args=(database_url, stream), daemon=True)
    with connect(database_url, name="early") as first, connect(database_url, name="look") as look:
        first.execute(APPEND["begin_append"])
        with first.cursor().copy(APPEND["copy_rows"]) as copy:
            copy.write(COPY_HEADER + rows_of(stream.bytes, range(2, 9)) + COPY_TRAILER)
        closing.start()
        wait_for(lambda: look.execute(WAITING).fetchone() == (1,), "the end waits")
        first.execute(APPEND["end_append"])
    closing.join(DEADLINE_S)
    found = [(version, topic) for _, _, version, topic in stored(database_url)]
    assert found == [*((version, "v") for version in range(1, 9)), (9, SessionClosed.TOPIC)]
    assert close_streams(database_url, [stream, uuid7()]) == [], "it has an end, and of the other nothing is stored"


def test_whoever_keeps_the_turn_and_says_nothing_is_ended(database_url: str, recorder: EventRecorder) -> None:
    """A machine that is cut off in the middle of its rows: the server would wait for the rest of them."""
    with connect(database_url, name="cut off") as lost:
        lost.execute(APPEND["begin_append"])
        copy = lost.cursor().copy(APPEND["copy_rows"])
        copy.__enter__().write(COPY_HEADER + rows_of(uuid7().bytes, range(1, 2)))
        lost.pgconn.flush()

        def is_stored() -> bool:
            with suppress(DatabaseUnavailable):
                return bool(recorder.append(rows_of(OTHER.bytes, range(1, 2))).position)
            return False

        wait_for(is_stored, "the other writer has its turn")
        with pytest.raises(psycopg.Error):
            copy.__exit__(None, None, None)
    assert [stream for _, stream, _, _ in stored(database_url)] == [OTHER.bytes]


def test_what_a_vacuum_locks_holds_no_writer_up(database_url: str, recorder: EventRecorder) -> None:
    """PostgreSQL documentation, "Explicit locking": VACUUM, ANALYZE and CREATE INDEX CONCURRENTLY take this one."""
    with connect(database_url, name="care", autocommit=False) as care:
        for table in ("stored_events", "coordination.instance"):
            care.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE".encode())
        recorder.append(rows_of(uuid7().bytes, range(1, 9)))
    with connect(database_url, name="care") as care:
        care.execute("VACUUM (FREEZE)")
    assert len(stored(database_url)) == 8


@pytest.mark.parametrize(
    "statement",
    ["CREATE INDEX CONCURRENTLY mine ON {} (topic)", "REINDEX INDEX CONCURRENTLY {}_pkey"],
)
def test_an_index_that_is_made_beside_recording_holds_no_writer_up(
    database_url: str, recorder: EventRecorder, statement: str
) -> None:
    """It waits for whoever has added events and goes on; others add more meanwhile. One goes by a month at a time."""

    def make() -> None:
        with connect(database_url, name="care") as care:
            care.execute(statement.format(name_of(this_month())).encode())

    making = threading.Thread(target=make, daemon=True)
    with connect(database_url, name="long", autocommit=False) as long, connect(database_url, name="look") as look:
        long.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        long.execute("LOCK TABLE stored_events IN ROW EXCLUSIVE MODE")
        making.start()
        wait_for(lambda: look.execute(UNDER_WAY.encode()).fetchone() == (1,), "it is under way")
        recorder.append(rows_of(uuid7().bytes, range(1, 9)))
        assert look.execute(UNDER_WAY.encode()).fetchone() == (1,), "still"
    making.join(DEADLINE_S)
    assert len(stored(database_url)) == 8


STATES = st.binary(max_size=30) | st.from_regex(rb"(\{|\[|\{\"t\":|\[-?|\[\"|\[ )[0-9a-z\"]{0,9}", fullmatch=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(states=st.lists(STATES, min_size=1, max_size=50))
def test_the_database_knows_which_states_carry_a_time_as_the_codec_does(database_url: str, states: list[bytes]) -> None:
    """Of whatever the codec makes: an object always has a time, an array whose first element is a whole number."""
    encoded = [encode_message(state, arrived)[1] for state in states for arrived in (None, 1_700_000_000_000_000)]
    with connect(database_url, name="test") as connection:
        query = "SELECT state, coordination.carries_time(state) FROM unnest(%s::bytea[]) AS state"
        for state, carries in connection.execute(query, ([*encoded, b'{"t":1}'],)):
            assert carries == (time_in(state) is not None), state
        odd = dict(connection.execute(query, (states,)).fetchall())
        assert {state for state, carries in odd.items() if carries} == {
            state for state in states if state.startswith(b"{") or (state[:1] == b"[" and state[1:2].isdigit())
        }


def test_whether_a_state_carries_a_time_is_planned_as_a_comparison(database_url: str) -> None:
    with connect(database_url, name="test") as connection:
        query = "EXPLAIN (VERBOSE) SELECT 1 FROM stored_events WHERE coordination.carries_time(state)"
        plan = " ".join(line for (line,) in connection.execute(query))
    assert "carries_time" not in plan
    assert "state >=" in plan
