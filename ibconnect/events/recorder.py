"""The only writer of ``public.stored_events``: the library's recorder, with one binary COPY per batch.

In: rows (session, version, topic, state) in order. Out: their positions. Called by the writer thread, and by
anything that uses the library's own ``insert_events``.

Two things differ from ``PostgresApplicationRecorder``: the rows go in by COPY instead of an INSERT of a
composite array (which deadlocks in pipeline mode above about 0.88 MB over a unix socket), and a batch that may
have been committed before can be given again. What is kept is the order: the table lock makes positions appear
in the order of commits, so a reader that follows them never steps over an event.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any, LiteralString, NamedTuple, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import Connection
from psycopg.rows import DictRow

from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.events.store import Datastore

Q = queries("events/recorder")

# Ten rows or a few thousand make little difference to COPY; this bounds the memory that one batch takes.
_CHUNK_BYTES = 1 << 18
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_COPY_TRAILER = b"\xff\xff"
_HEAD = Struct(">hiqi16si")
_LENGTH = Struct(">i")


class Row(NamedTuple):
    """One event on its way into the table; ``session`` is the 16 bytes of the stream's UUID."""

    session: bytes
    version: int
    topic: bytes
    state: bytes


class EventRecorder(PostgresApplicationRecorder):
    """Appends batches of events; reads are the library's own."""

    def __init__(self, datastore: Datastore) -> None:
        super().__init__(datastore)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Append events in order; return their positions.

        :raises IntegrityError: one of them (stream and version) is stored already
        :raises OperationalError: Postgres cannot be reached
        """
        rows = [
            Row(_uuid(e.originator_id).bytes, e.originator_version, e.topic.encode(), e.state)
            for e in stored_events
        ]
        if not rows:
            return []
        with self.datastore.get_connection() as connection:
            last = _copy(connection, rows)
        return range(last - len(rows) + 1, last + 1)

    def append(self, rows: Sequence[Row]) -> int:
        """Append rows in order, exactly once; return the position of the last one stored.

        Rows that are stored already (because an earlier call was cut off after its commit) are left out.

        :raises DatabaseUnavailable: Postgres cannot be reached or is read-only or full; nothing was stored, or all was
        :raises DatabaseError: Postgres refuses the rows themselves
        """
        try:
            with self.datastore.get_connection() as connection:
                try:
                    return _copy(connection, rows)
                except psycopg.errors.UniqueViolation:
                    fresh = _not_stored(connection, rows)
                    return _copy(connection, fresh) if fresh else _last_position(connection)
        except Exception as exc:
            raise _wrapped(exc) from exc


def _uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


def _copy(connection: Connection[DictRow], rows: Iterable[Row]) -> int:
    try:
        connection.execute(Q["begin_append"])
        with connection.cursor().copy(Q["copy_rows"]) as copy:
            for chunk in _chunks(rows):
                copy.write(chunk)
        cursor = connection.execute(Q["end_append"])
        cursor.nextset()
        row = cast(DictRow, cursor.fetchone())
        return int(row["position"])
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: Connection[DictRow]) -> None:
    if not connection.closed:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()


def _chunks(rows: Iterable[Row]) -> Iterable[bytes]:
    parts, size = [_COPY_HEADER], 0
    for session, version, topic, state in rows:
        parts += (_HEAD.pack(4, 8, version, 16, session, len(topic)), topic, _LENGTH.pack(len(state)), state)
        size += len(state)
        if size > _CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    parts.append(_COPY_TRAILER)
    yield b"".join(parts)


def _not_stored(connection: Connection[DictRow], rows: Sequence[Row]) -> list[Row]:
    sessions = list({UUID(bytes=row.session) for row in rows})
    cursor = connection.execute(Q["stored_versions"], {"sessions": sessions})
    stored = {row["originator_id"].bytes: row["version"] for row in cursor}
    return [row for row in rows if row.version > stored.get(row.session, 0)]


def _last_position(connection: Connection[DictRow]) -> int:
    row = connection.execute(Q["last_position"]).fetchone()
    return int(cast(DictRow, row)["position"])


# SQLSTATE classes that pass by themselves: connection, resources (disk full), operator intervention, read-only.
_PASSING: tuple[LiteralString, ...] = ("08", "53", "57", "58", "25", "40", "55")


def _wrapped(exc: Exception) -> DatabaseError:
    cause: BaseException | None = exc
    while cause is not None and not isinstance(cause, psycopg.Error):
        cause = cause.__cause__
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    if state is None or state[:2] in _PASSING:
        return DatabaseUnavailable(f"Postgres does not take events: {exc}")
    if isinstance(exc, IntegrityError):
        return DatabaseError(f"an event of these is stored already, but not as one batch: {exc}")
    return DatabaseError(f"Postgres refuses these events: {exc}")
