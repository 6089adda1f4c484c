"""The only writer of ``public.stored_events``: the library's recorder, with one binary COPY per batch.

In: rows as COPY data, in order. Out: the position of the last one. Called by the writer thread, and by
anything that uses the library's own ``insert_events``.

Two things differ from ``PostgresApplicationRecorder``: the rows go in by COPY instead of an INSERT of a
composite array (which deadlocks in pipeline mode above about 0.88 MB over a unix socket), and a batch that may
have been committed before can be given again. What is kept is the order: the table lock makes positions appear
in the order of commits, so a reader that follows them never steps over an event.
"""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from ibconnect.database.pools import parameters
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.events.rows import decode_rows, encode_row
from ibconnect.events.store import Datastore

Q = queries("events/recorder")

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_COPY_TRAILER = b"\xff\xff"

# SQLSTATE classes that pass by themselves: connection, resources (disk full), operator, system, read-only, conflict.
_PASSING = ("08", "53", "57", "58", "25", "40", "55")


class EventRecorder(PostgresApplicationRecorder):
    """Appends batches of events; reads are the library's own."""

    def __init__(self, datastore: Datastore) -> None:
        super().__init__(datastore)
        self._url = datastore.url
        self._writing: Connection[DictRow] | None = None

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int]:
        """Append events in order; return their positions.

        :raises IntegrityError: one of them (stream and version) is stored already
        :raises OperationalError: Postgres cannot be reached
        """
        if not stored_events:
            return []
        data = b"".join(
            encode_row(_uuid(event.originator_id).bytes, event.originator_version, event.topic.encode(), event.state)
            for event in stored_events
        )
        with self.datastore.get_connection() as connection:
            last = _copy(connection, data)
        return range(last - len(stored_events) + 1, last + 1)

    def append(self, data: bytes) -> int:
        """Append rows (as of :func:`~ibconnect.events.rows.encode_row`) in order, exactly once.

        Rows that are stored already, because an earlier call was cut off after its commit, are left out.
        Returns the position of the last row, or of the table's last row if all were stored already.

        :raises DatabaseUnavailable: Postgres cannot be reached, is read-only or full; all or nothing was stored
        :raises DatabaseError: Postgres refuses the rows themselves
        """
        try:
            connection = self._writing_connection()
            try:
                return _copy(connection, data)
            except psycopg.errors.UniqueViolation:
                fresh = _not_stored(connection, data)
                return _copy(connection, fresh) if fresh else _last_position(connection)
        except psycopg.Error as exc:
            self.release()
            raise _wrapped(exc) from exc

    def _writing_connection(self) -> Connection[DictRow]:
        if self._writing is None or self._writing.closed:
            wanted = parameters(self._url, name="recorder", search_path="public")
            self._writing = psycopg.connect(autocommit=True, row_factory=dict_row, **wanted)
        return self._writing

    def release(self) -> None:
        """Close the writing connection; the next append opens another."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None


def _uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


def _copy(connection: Connection[DictRow], data: bytes) -> int:
    try:
        connection.execute(Q["begin_append"])
        with connection.cursor().copy(Q["copy_rows"]) as copy:
            copy.write(_COPY_HEADER + data + _COPY_TRAILER)
        cursor = connection.execute(Q["end_append"])
        cursor.nextset()
        return int(cast(DictRow, cursor.fetchone())["position"])
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: Connection[DictRow]) -> None:
    if not connection.closed:
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()


def _not_stored(connection: Connection[DictRow], data: bytes) -> bytes:
    rows = list(decode_rows(data))
    sessions = [UUID(bytes=session) for session in {row.session for row in rows}]
    cursor = connection.execute(Q["stored_versions"], {"sessions": sessions})
    stored = {row["originator_id"].bytes: row["version"] for row in cursor}
    return b"".join(encode_row(*row) for row in rows if row.version > stored.get(row.session, 0))


def _last_position(connection: Connection[DictRow]) -> int:
    row = connection.execute(Q["last_position"]).fetchone()
    return int(cast(DictRow, row)["position"])


def _wrapped(exc: psycopg.Error) -> DatabaseError:
    if exc.sqlstate is None or exc.sqlstate[:2] in _PASSING:
        return DatabaseUnavailable(f"Postgres does not take events: {exc}")
    return DatabaseError(f"Postgres refuses these events: {exc}")
