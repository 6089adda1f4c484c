"""What of a batch is stored, and in which stream: rows that are new, and that follow what the event store has.

In: rows in the order of their sessions, and a connection to the store. Out: rows for COPY, and rows that no stream
takes. Called by the recorder for batches that may have been stored before, or that were cut off from their streams.

An instance that is cut off from Postgres alone goes on recording for a moment, while its successor closes its session.
What it has recorded goes on in a stream of its own, the session's *continuation*: the first event names the session,
the others follow its last ones without a gap. The continuation's id is the session's plus one, so that the same rows,
given again by whoever, find the same place. It ends where the next session of the gateway begins.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.events.codec import time_in
from ibconnect.events.copy_format import Row, decode_rows, encode_row
from ibconnect.events.mapper import encode_own
from ibconnect.events.types import SessionClosed, SessionOpened

Q = queries("events/continuation")

_OPENED = SessionOpened.TOPIC.encode()
_CLOSED = SessionClosed.TOPIC.encode()
# The random part of a UUIDv7 that no version or variant bit belongs to (RFC 9562, section 5.7).
_RANDOM = (1 << 62) - 1


def continuation_of(stream: UUID) -> UUID:
    """The id of the stream in which a session goes on that somebody else has closed."""
    number = stream.int
    return UUID(int=(number & ~_RANDOM) | ((number + 1) & _RANDOM))


class Placed(NamedTuple):
    """Rows to be stored, rows that no stream takes, and the continuations that begin with these rows."""

    fresh: bytes
    untaken: bytes
    begun: list[UUID]


@dataclass(slots=True)
class _Stream:
    """A stream as far as it will be stored. ``shift``: its version of a row, less the row's own version."""

    id: UUID
    reached: int = 0
    is_closed: bool = False
    shift: int = 0
    opening: bytes | None = None
    """Of a continuation: the state of its first event."""
    time: int = 0
    """Of a continuation: when its newest row arrived."""
    until: int | None = None
    """Of a continuation: when the next session of the gateway began, if it has."""

    def takes(self, row: Row) -> bool:
        """Whether a row is in it, or is not past its end."""
        version = row.version + self.shift
        return not self.is_closed or version < self.reached or (version == self.reached and row.topic == _CLOSED)


class Placement:
    """For one batch. ``fenced`` is kept up: the sessions (16 bytes of their ids) that were closed by somebody else."""

    def __init__(self, connection: Connection[Any], fenced: set[bytes]) -> None:
        self._connection = connection
        self._fenced = fenced
        self._streams: dict[bytes, _Stream] = {}
        self._fresh: list[bytes] = []
        self._untaken: list[bytes] = []
        self._begun: list[UUID] = []

    def place(self, data: bytes) -> Placed:
        """Sort the rows of a batch.

        :raises psycopg.Error: Postgres cannot be asked
        """
        rows = list(decode_rows(data))
        self._streams = self._stored({row.stream for row in rows})
        for row in rows:
            self._place(row)
        return Placed(b"".join(self._fresh), b"".join(self._untaken), self._begun)

    def _stored(self, sessions: Iterable[bytes]) -> dict[bytes, _Stream]:
        streams = {session: _Stream(UUID(bytes=session)) for session in sessions}
        wanted = {"sessions": [stream.id for stream in streams.values()]}
        for found in self._connection.execute(Q["stored_versions"], wanted):
            stream = streams[found["originator_id"].bytes]
            stream.reached, stream.is_closed = found["version"], found["topic"] == SessionClosed.TOPIC
        return streams

    def _place(self, row: Row) -> None:
        stream = self._streams[row.stream]
        while not stream.takes(row):
            stream = self._streams[row.stream] = self._continuation(stream)
        is_late = stream.opening is not None
        follows = row.version + stream.shift <= max(stream.reached, 1 if is_late else 0) + 1
        is_taken = follows and not self._is_too_late(stream, row)
        if is_late or not is_taken:
            # Nothing comes after a session's own end: from there on, batches need not be looked through for it.
            note = self._fenced.discard if row.topic == _CLOSED else self._fenced.add
            note(row.stream)
        if is_taken:
            self._take(stream, row)
        else:
            self._untaken.append(encode_row(*row))

    def _take(self, stream: _Stream, row: Row) -> None:
        if stream.opening and not stream.reached:
            self._store(stream, _OPENED, stream.opening)
            self._begun.append(stream.id)
        if row.version + stream.shift == stream.reached + 1:
            self._store(stream, row.topic, row.state)

    def _store(self, stream: _Stream, topic: bytes, state: bytes) -> None:
        stream.reached += 1
        stream.is_closed = topic == _CLOSED
        self._fresh.append(encode_row(stream.id.bytes, stream.reached, topic, state))

    def _is_too_late(self, stream: _Stream, row: Row) -> bool:
        """Whether a row of a continuation arrived when the next session of the gateway had begun; that ends it."""
        arrived = time_in(row.state) or stream.time
        if stream.until is None or arrived < stream.until:
            stream.time = arrived
            return False
        if stream.reached and not stream.is_closed:
            self._store(stream, _CLOSED, _cut_off(stream))
        return True

    def _continuation(self, stream: _Stream) -> _Stream:
        following = continuation_of(stream.id)
        wanted = {"stream": stream.id, "end": stream.reached, "continuation": following}
        found = self._connection.execute(Q["continuation"], wanted).fetchone()
        shift = stream.shift + 2 - stream.reached
        if found is None:
            # What the store has no beginning of cannot be told apart from anything: nothing of it is taken.
            return _Stream(following, shift=shift, opening=b"", until=0)
        time = time_in(found["timed"]) or 0
        return _Stream(
            following,
            found["version"] or 0,
            found["topic"] == SessionClosed.TOPIC,
            shift,
            orjson.dumps({**orjson.loads(found["opening"]), "t": time, "continues": str(stream.id)}),
            time,
            found["until"],
        )


def _cut_off(stream: _Stream) -> bytes:
    return encode_own(
        SessionClosed(
            originator_id=stream.id,
            originator_version=stream.reached + 1,
            arrived=stream.time,
            reason="fenced",
            detail="the next session of the gateway had begun",
        )
    )
