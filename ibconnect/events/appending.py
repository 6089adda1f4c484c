"""The one way into ``public.stored_events``: a transaction with one binary COPY and one NOTIFY, one writer at a time.

In: a connection in autocommit mode, and rows as COPY data. Out: the position of the last one. Called by the recorder,
by what ends the streams of processes that are gone, and by what records Flex statements.

Whoever adds events has his turn until his transaction ends: a trigger of the table takes it, before the first position
is drawn (sql/migrations/0011_one_append_at_a_time.sql). So positions appear in the order of commits, and a reader that
follows them never steps over an event. VACUUM and CREATE INDEX CONCURRENTLY of the events hold nobody up.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow, tuple_row

from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.events.copy_format import encode_row
from ibconnect.events.mapper import encode_own
from ibconnect.events.types import OwnEvent

Q = queries("events/appending")
_HEAD = queries("events/reader")["head"]

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_COPY_TRAILER = b"\xff\xff"
# Each piece that is sent costs a system call and a look at the socket.
_SENT_AT_ONCE = 256 << 10

# SQLSTATE classes that are about the rows themselves: data, integrity, limits of what a row may be. All others (no
# connection, disk full, read-only, missing rights or tables) pass by themselves, or when somebody puts them right; the
# rows wait for that.
_ABOUT_ROWS = ("22", "23", "54")


def append(connection: Connection[Any], data: bytes) -> int:
    """Append rows (as of :func:`~ibconnect.events.copy_format.encode_row`) in order; return the last one's position.

    :raises psycopg.errors.UniqueViolation: one of them (stream and version) is stored already; none of them is now
    :raises psycopg.Error: Postgres cannot store them now, or refuses them; all or nothing was stored
    """
    with _transaction(connection):
        return _copy(connection, data)


def append_end(connection: Connection[Any], stream: UUID, event: OwnEvent) -> bool:
    """Append the end of a stream, right behind what is stored of it; nobody else can come between.

    :param event: its version is not looked at
    :return: whether it was appended: not to a stream that has one, or of which nothing is stored
    :raises psycopg.Error: Postgres cannot store it now
    """
    with _transaction(connection):
        connection.execute(Q["take_turn"])
        found = _rows(connection, Q["end_of_stream"], {"stream": stream}).fetchone()
        if found is None or found[1] == event.TOPIC:
            connection.rollback()
            return False
        _copy(connection, encode_row(stream.bytes, found[0] + 1, event.TOPIC.encode(), encode_own(event)))
        return True


@contextmanager
def turn(connection: Connection[Any]) -> Iterator[Callable[[Iterable[bytes]], int]]:
    """A transaction that has the turn to append from its beginning on, and may do other things beside.

    What it gives appends rows and returns the position of the last one; called once or not at all, and then nothing
    is stored. The end of the context commits everything, an exception nothing. Nobody else appends meanwhile: it
    should not last for long.

    :raises psycopg.Error: Postgres cannot do it now, or refuses it; nothing was stored
    """
    has_sent = False

    def send(rows: Iterable[bytes]) -> int:
        nonlocal has_sent
        has_sent = True
        return _send(connection, rows)

    with _transaction(connection):
        connection.execute(Q["take_turn"])
        yield send
        if has_sent:
            connection.execute(Q["end_append"])
        else:
            connection.rollback()


def last_position(connection: Connection[Any]) -> int:
    """The position of the newest event, 0 if there is none."""
    return int(_rows(connection, _HEAD, None).fetchall()[0][0])


def free_turn(connection: Connection[Any]) -> None:
    """End writers that have the turn and are gone, as far as our role may."""
    with suppress(psycopg.Error):
        connection.execute(Q["free_turn"])


def wrapped(exc: psycopg.Error) -> DatabaseError:
    """An error of the driver as ours: :class:`DatabaseUnavailable` unless Postgres refuses the rows themselves."""
    # A conflict that is left after looking means that another process has just closed a stream: look again.
    is_conflict = isinstance(exc, psycopg.errors.UniqueViolation)
    if exc.sqlstate is not None and exc.sqlstate[:2] in _ABOUT_ROWS and not is_conflict:
        return DatabaseError(f"Postgres refuses these events: {exc}")
    return DatabaseUnavailable(f"Postgres does not take events: {exc}")


@contextmanager
def _transaction(connection: Connection[Any]) -> Iterator[None]:
    try:
        connection.execute(Q["begin_append"])
        yield
    except psycopg.errors.LockNotAvailable:
        _roll_back(connection)
        free_turn(connection)
        raise
    except BaseException:
        _roll_back(connection)
        raise


def _copy(connection: Connection[Any], data: bytes) -> int:
    """The rows, the notification and the commit."""
    with connection.cursor().copy(Q["copy_rows"]) as copy:
        copy.write(_COPY_HEADER + data + _COPY_TRAILER)
    cursor = _rows(connection, Q["end_append"], None)
    while cursor.description is None:
        cursor.nextset()
    return int(cursor.fetchall()[0][0])


def _send(connection: Connection[Any], rows: Iterable[bytes]) -> int:
    """The rows, however many bytes they are: they are made while they are sent."""
    with connection.cursor().copy(Q["copy_rows"]) as copy:
        waiting = [_COPY_HEADER]
        size = 0
        for row in rows:
            waiting.append(row)
            size += len(row)
            if size >= _SENT_AT_ONCE:
                copy.write(b"".join(waiting))
                waiting, size = [], 0
        copy.write(b"".join((*waiting, _COPY_TRAILER)))
    return int(_rows(connection, Q["drawn"], None).fetchall()[0][0])


def _rows(connection: Connection[Any], query: LiteralString, values: dict[str, Any] | None) -> psycopg.Cursor[TupleRow]:
    return connection.cursor(row_factory=tuple_row).execute(query, values)


def _roll_back(connection: Connection[Any]) -> None:
    if not connection.closed:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()
