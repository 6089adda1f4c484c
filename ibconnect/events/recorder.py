"""What records: batches of rows, each stored exactly once, by the eventsourcing library's own recorder.

In: rows as COPY data, in order. Out: the position of the last one. Called by the writer thread, and by
anything that uses the library's own ``insert_events``.

Two things differ from ``PostgresApplicationRecorder``: the rows go in by COPY instead of an INSERT of a
composite array (which deadlocks in pipeline mode above about 0.88 MB over a unix socket), and a batch that may
have been committed before can be given again. What is kept is the order of positions
(:mod:`~ibconnect.events.appending`).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from ibconnect.database import discreet
from ibconnect.database.pools import parameters
from ibconnect.events import appending
from ibconnect.events.continuation import Placement
from ibconnect.events.copy_format import encode_row
from ibconnect.events.store import Datastore
from ibconnect.observe import Kind, observe


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
            last = appending.append(connection, data)
        return range(last - len(stored_events) + 1, last + 1)

    def append(self, data: bytes, *, is_doubtful: bool = False) -> Appended:
        """Append rows (as of :func:`~ibconnect.events.copy_format.encode_row`) in order, exactly once.

        Rows that are stored already, because an earlier call was cut off after its commit, are left out. So are
        rows that do not follow what is stored (a promoted standby lacks the last commits): a stream is a prefix of
        what its gateway sent, without a hole, and nothing follows its end. Rows of a stream that somebody else has
        closed since (a new leader that took this one for dead) go to its continuation
        (:mod:`~ibconnect.events.continuation`). ``is_doubtful`` looks for such rows
        first; otherwise only a conflict makes it look.

        :raises DatabaseUnavailable: Postgres cannot be reached, is read-only or full; all or nothing was stored
        :raises DatabaseError: Postgres refuses the rows themselves
        """
        try:
            connection = self._writing_connection()
            if not is_doubtful and not self.fenced:
                try:
                    return Appended(appending.append(connection, data))
                except psycopg.errors.UniqueViolation:
                    pass
            placed = Placement(connection, self.fenced).place(data)
            if placed.fresh:
                position = appending.append(connection, placed.fresh)
            else:
                position = appending.last_position(connection)
            for stream in placed.begun:
                observe(Kind.SESSION_CONTINUED, session=str(stream))
            return Appended(position, placed.untaken)
        except psycopg.Error as exc:
            self.release()
            raise appending.wrapped(exc) from exc

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


def _uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)
