"""The live snapshot tables as one connection keeps them up: what it has in memory of them, and the next step.

In: committed events after the tracking row. Out: rows and the tracking row, in one transaction under a lock, so that
of any number of projectors one applies each event. Called by :mod:`runner`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from ibconnect.projections import fold
from ibconnect.projections.batches import head, read_batch
from ibconnect.projections.dimensions import Dimensions
from ibconnect.projections.facts import Poison
from ibconnect.projections.schema import APPLY_LOCK, VERSION, Q
from ibconnect.projections.sessions import Sessions


class Step(NamedTuple):
    """What one step did: whether these tables are ours to write, and how far they and the events are now."""

    is_ours: bool
    position: int
    head: int
    snapshots: int
    poison: list[Poison]

    @property
    def is_behind(self) -> bool:
        """Whether more events wait."""
        return self.is_ours and self.position < self.head


@dataclass(slots=True)
class _Known:
    """The tables as this process last saw them."""

    tables: int
    position: int
    sessions: Sessions
    dimensions: Dimensions


class LiveTables:
    """One projector's side of them: those that the connection's search_path finds."""

    def __init__(self, connection: Connection[Any], limit: int, lock: int = APPLY_LOCK) -> None:
        self._connection = connection
        self._limit = limit
        self._lock_number = lock
        self._known: _Known | None = None

    def step(self) -> Step:
        """Apply the next events, at most ``limit`` positions of them.

        :raises psycopg.OperationalError: Postgres is away
        """
        try:
            return self._step()
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self._known = None
            raise
        except Exception:  # noqa: BLE001 - found again, and set aside, by the careful way
            self._known = None
            return self._careful_step()

    def _step(self) -> Step:
        connection = self._connection
        newest = head(connection)
        if self._known and self._known.position >= newest:
            return Step(True, self._known.position, newest, 0, [])
        with connection.transaction():
            known = self._lock()
            if known is None:
                return Step(False, 0, newest, 0, [])
            upto = min(newest, known.position + self._limit)
            if upto <= known.position:
                return Step(True, known.position, newest, 0, [])
            batch = read_batch(connection, known.sessions, known.position, upto)
            applied = fold.apply(connection, known.dimensions, batch)
            connection.execute(Q["notify_projected"], {"position": upto})
        known.position = upto
        return Step(True, upto, newest, *applied)

    def _careful_step(self) -> Step:
        connection = self._connection
        newest = head(connection)
        with connection.transaction():
            known = self._lock()
            if known is None:
                return Step(False, 0, newest, 0, [])
            upto = min(newest, known.position + self._limit)
            applied = fold.apply_one_by_one(connection, known.sessions, known.position, upto)
            connection.execute(Q["notify_projected"], {"position": upto})
        self._known = None
        return Step(True, upto, newest, *applied)

    def _lock(self) -> _Known | None:
        """Wait for our turn and learn what others have done since; None if the tables are another version's."""
        connection = self._connection
        connection.execute(Q["lock"], {"lock": self._lock_number})
        row = connection.execute(Q["tracking"]).fetchone()
        if row is None or row[1] != VERSION:
            self._known = None
            return None
        tables, _, position, state = row
        known = self._known
        if known is None or known.tables != tables:
            known = _Known(tables, -1, Sessions(), Dimensions())
        if known.position != position:
            known.position, known.sessions = position, Sessions.of_json(state)
            known.dimensions.load(connection)
        self._known = known
        return known
