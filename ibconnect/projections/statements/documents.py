"""Documents out of the events that hold them, one piece in memory at a time.

In: events that end a document, and a connection to the store. Out: for each, what its first event says and its bytes.
Called by the fold. Small documents are read many at a time; of a large one, one part after another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.errors import EventError, ProjectionError
from ibconnect.events.documents import FIRST_PART, piece_of
from ibconnect.events.types import StatementBegan, StatementPart
from ibconnect.projections.engine.projection import Event

Q = queries("projections/statements/load")

# Each is read with its first part, which is below two megabytes.
_AT_ONCE = 25


@dataclass(slots=True)
class Document:
    """One document. ``began``: the state of its first event."""

    ended: Event
    began: dict[str, Any]
    _first: bytes | None
    _connection: Connection[Any]

    @property
    def name(self) -> str:
        """What people know it by."""
        return f"{self.began.get('name') or self.ended.session} ({str(self.began.get('sha256', ''))[:12]})"

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, as they were imported.

        :raises ProjectionError: a part is missing, or they are not the bytes that were imported
        """
        digest = sha256()
        for number in range(int(self.began["parts"])):
            piece = self._piece(number)
            digest.update(piece)
            yield piece
        if digest.hexdigest() != self.began["sha256"]:
            raise ProjectionError("its parts are not the bytes that were imported")

    def _piece(self, number: int) -> bytes:
        state = self._first if number == 0 else self._later(number)
        if state is None:
            raise ProjectionError(f"its part {number} is missing")
        try:
            return piece_of(state)
        except EventError as exc:
            raise ProjectionError(f"its part {number}: {exc}") from exc

    def _later(self, number: int) -> bytes | None:
        where = {"stream": self.ended.session, "version": FIRST_PART + number}
        row = self._connection.execute(Q["part"], where, binary=True).fetchone()
        return row[0] if row else None


def documents(connection: Connection[Any], events: Sequence[Event]) -> Iterator[Document]:
    """The documents that these events end, in their order.

    :raises ProjectionError: the first event of one is missing or makes no sense
    """
    for start in range(0, len(events), _AT_ONCE):
        some = events[start : start + _AT_ONCE]
        found = _firsts(connection, [event.session for event in some])
        for event in some:
            states = found.get(event.session, {})
            if StatementBegan.TOPIC not in states:
                raise ProjectionError(f"the document that ends at {event.position} has no beginning")
            began = orjson.loads(states[StatementBegan.TOPIC])
            if not isinstance(began, dict) or not isinstance(began.get("parts"), int) or "sha256" not in began:
                raise ProjectionError(f"the document that ends at {event.position} begins with what makes no sense")
            yield Document(event, began, states.get(StatementPart.TOPIC), connection)


def _firsts(connection: Connection[Any], streams: Sequence[UUID]) -> dict[UUID, dict[str, bytes]]:
    """By stream: the states of its first two events, by topic."""
    found: dict[UUID, dict[str, bytes]] = {}
    with connection.cursor(binary=True) as cursor:
        for stream, topic, state in cursor.execute(Q["firsts"], {"streams": list(streams)}):
            found.setdefault(stream, {})[topic] = state
    return found
