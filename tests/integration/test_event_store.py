"""The event store on a real Postgres: immutable, in commit order, read by the library's own reader."""

import threading

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier
from uuid_utils.compat import uuid7

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.events.copy_format import Row, decode_rows, encode_row
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.types import SessionClosed
from tests.waiting import wait_for

APPEND = queries("events/recorder")
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
COPY_TRAILER = b"\xff\xff"


def rows_of(session: bytes, versions: range, topic: bytes = b"v") -> bytes:
    return b"".join(encode_row(session, version, topic, b'["a","%d"]' % version) for version in versions)


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
        library.create_table()
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


def test_without_the_table_lock_a_reader_does_step_over_events(database_url: str) -> None:
    """What the lock is for: a plain insert that commits late is never seen by a reader that is past it."""
    insert = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, 1, 'v', '[]')"
    with connect(database_url, name="slow", autocommit=False) as slow, connect(database_url, name="fast") as fast:
        slow.execute(insert, (uuid7(),))
        fast.execute(insert, (uuid7(),))
        reached = max(position for position, *_ in stored(database_url))
        slow.commit()
    assert any(position < reached for position, *_ in stored(database_url))


def test_the_librarys_function_path_lets_a_reader_step_over_events(database_url: str) -> None:
    """With ``enable_db_functions`` the library takes no lock: whoever commits late has lower positions than others."""
    wanted = conninfo_to_dict(database_url)
    with (
        PostgresDatastore(
            str(wanted["dbname"]), str(wanted["host"]), 5432, str(wanted["user"]), "", enable_db_functions=True
        ) as plain,
        connect(database_url, name="slow", autocommit=False) as slow,
    ):
        library = PostgresApplicationRecorder(plain)
        library.create_table()
        event = SQL("ROW({}, 1, 'v', '[]')::{}").format(uuid7(), Identifier(library.stored_event_type_name))
        slow.execute(
            SQL("SELECT {}(ARRAY[{}])").format(Identifier(library.pg_function_name_insert_events), event),
        )
        (reached,) = library.insert_events([StoredEvent(uuid7(), 1, "v", b"[]")]) or ()
        assert [position for position, *_ in stored(database_url)] == [reached]
        slow.commit()
    assert min(position for position, *_ in stored(database_url)) < reached


def test_with_our_lock_a_later_writer_waits_for_the_earlier_one(recorder: EventRecorder, database_url: str) -> None:
    """The same with our recorder: what commits late has the higher position, so nobody is stepped over."""
    late, early = uuid7(), uuid7()
    writer = threading.Thread(target=recorder.append, args=(rows_of(late.bytes, range(1, 2)),), daemon=True)
    with connect(database_url, name="early") as first:
        first.execute(APPEND["begin_append"])
        with first.cursor().copy(APPEND["copy_rows"]) as copy:
            copy.write(COPY_HEADER + rows_of(early.bytes, range(1, 2)) + COPY_TRAILER)
        writer.start()
        with connect(database_url, name="look") as look:
            query = "SELECT count(*) FROM pg_locks WHERE relation = 'stored_events'::regclass AND NOT granted"
            wait_for(lambda: look.execute(query).fetchone() == (1,), "the later writer waits")
        assert stored(database_url) == []
        first.execute(APPEND["end_append"])
    writer.join(30)
    assert [session for _, session, _, _ in stored(database_url)] == [early.bytes, late.bytes]
