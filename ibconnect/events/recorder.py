"""How events get into ``public.stored_events``: by the library's recorder, with one binary COPY per batch.

In: rows as COPY data, in order. Out: the position of the last one. Called by the writer thread, and by
anything that uses the library's own ``insert_events``. One event comes another way, under the same lock: the end of a
stream whose process is gone (:mod:`~ibconnect.events.recovery.streams`).

Two things differ from ``PostgresApplicationRecorder``: the rows go in by COPY instead of an INSERT of a
composite array (which deadlocks in pipeline mode above about 0.88 MB over a unix socket), and a batch that may
have been committed before can be given again. What is kept is the order: the table lock makes positions appear
in the order of commits, so a reader that follows them never steps over an event.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from ibconnect.database import discreet
from ibconnect.database.pools import parameters
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.events.continuation import Placement
from ibconnect.events.copy_format import encode_row
from ibconnect.events.store import Datastore
from ibconnect.observe import Kind, observe

Q = queries("events/recorder")

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8
_COPY_TRAILER = b"\xff\xff"

# SQLSTATE classes that are about the rows themselves: data, integrity, limits of what a row may be. All others (no
# connection, disk full, read-only, missing rights or tables) pass by themselves, or when somebody puts them right; the
# rows wait for that.
_ABOUT_ROWS = ("22", "23", "54")


class Appended(NamedTuple):
    """What became of a batch: the position of the last row stored, and the rows that no stream takes."""

    position: int
    untaken: bytes = b""


class EventRecorder(PostgresApplicationRecorder):
    """Appends batches of events; reads are the library's own."""

    def __init__(self, datastore: Datastore) -> None:
        super().__init__(datastore)
        self.url = datastore.url
        self.fenced: set[bytes] = set()
        """Sessions that somebody else has closed, or that have a hole (16 bytes of the UUID each)."""
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

    def append(self, data: bytes, *, is_doubtful: bool = False) -> Appended:
        """Append rows (as of :func:`~ibconnect.events.copy_format.encode_row`) in order, exactly once.

        Rows that are stored already, because an earlier call was cut off after its commit, are left out. So are
        rows that do not follow what is stored (a promoted standby lacks the last commits): a stream is a prefix of
        what its gateway sent, without a hole, and nothing follows its end. Rows of a stream that somebody else has
        closed since (a new leader that took this one for dead) go to its continuation (see :mod:`sieve`).
        ``is_doubtful`` looks for such rows first; otherwise only a conflict makes it look.

        :raises DatabaseUnavailable: Postgres cannot be reached, is read-only or full; all or nothing was stored
        :raises DatabaseError: Postgres refuses the rows themselves
        """
        try:
            connection = self._writing_connection()
            if not is_doubtful and not self.fenced:
                try:
                    return Appended(_copy(connection, data))
                except psycopg.errors.UniqueViolation:
                    pass
            placed = Placement(connection, self.fenced).place(data)
            position = _copy(connection, placed.fresh) if placed.fresh else _last_position(connection)
            for stream in placed.begun:
                observe(Kind.SESSION_CONTINUED, session=str(stream))
            return Appended(position, placed.untaken)
        except psycopg.Error as exc:
            if isinstance(exc, psycopg.errors.LockNotAvailable):
                free_lock(connection)
            self.release()
            raise _wrapped(exc) from exc

    def _writing_connection(self) -> Connection[DictRow]:
        if self._writing is None or self._writing.closed:
            wanted = parameters(self.url, name="recorder", search_path="public")
            self._writing = discreet.Connection[DictRow].connect(autocommit=True, row_factory=dict_row, **wanted)
        return self._writing

    def release(self) -> None:
        """Close the writing connection; the next append opens another."""
        if self._writing is not None:
            self._writing.close()
            self._writing = None


def free_lock(connection: Connection[Any]) -> None:
    """End writers that hold the lock of the table and are gone, as far as our role may."""
    with suppress(psycopg.Error):
        connection.execute(Q["free_lock"])


def _uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


def _copy(connection: Connection[DictRow], data: bytes) -> int:
    try:
        connection.execute(Q["begin_append"])
        with connection.cursor().copy(Q["copy_rows"]) as copy:
            copy.write(_COPY_HEADER + data + _COPY_TRAILER)
        cursor = connection.execute(Q["end_append"])
        while cursor.description is None:
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


def _last_position(connection: Connection[DictRow]) -> int:
    row = connection.execute(Q["last_position"]).fetchone()
    return int(cast(DictRow, row)["position"])


def _wrapped(exc: psycopg.Error) -> DatabaseError:
    # A conflict that is left after looking means that another process has just closed a stream: look again.
    is_conflict = isinstance(exc, psycopg.errors.UniqueViolation)
    if exc.sqlstate is not None and exc.sqlstate[:2] in _ABOUT_ROWS and not is_conflict:
        return DatabaseError(f"Postgres refuses these events: {exc}")
    return DatabaseUnavailable(f"Postgres does not take events: {exc}")
