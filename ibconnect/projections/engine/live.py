"""The live snapshot tables as one connection keeps them up: what it has in memory of them, and the next step.

In: committed events after the tracking row. Out: rows and the tracking row, in one transaction under a lock, so that
of any number of projectors one applies each event. Called by :mod:`runner`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.outages import is_passing
from ibconnect.errors import ProjectionError
from ibconnect.projections.accounts.dimensions import Dimensions
from ibconnect.projections.accounts.facts import Poison
from ibconnect.projections.accounts.owners import News
from ibconnect.projections.accounts.schema import APPLY, VERSION, Q, Turn
from ibconnect.projections.accounts.sessions import Sessions
from ibconnect.projections.engine import fold
from ibconnect.projections.engine.batches import look, reach, read_batch


class Step(NamedTuple):
    """What one step did: whether these tables are ours to write, and how far they and the events are now.

    ``beyond``: a position that stands beyond the sequence of positions, and is not applied.
    """

    is_ours: bool
    position: int
    head: int
    snapshots: int
    poison: list[Poison]
    news: list[News]
    beyond: int | None = None

    @property
    def is_behind(self) -> bool:
        """Whether more events wait."""
        return self.is_ours and self.position < self.head


class Tracking(NamedTuple):
    """The tracking row, and which tables it is in: a rebuild puts others in their place."""

    tables: int
    version: int
    position: int
    open: Any

    @property
    def is_ours(self) -> bool:
        """Whether this code may write these tables."""
        return self.version == VERSION


def read_tracking(connection: Connection[Any]) -> Tracking:
    """The tracking row of the tables on the search_path.

    :raises ProjectionError: there is none
    """
    row = connection.execute(Q["tracking"]).fetchone()
    if row is None:
        raise ProjectionError("the snapshot tables have no tracking row")
    return Tracking._make(row)


@dataclass(slots=True)
class _Known:
    """The tables as this process last saw them."""

    tables: int
    position: int
    sessions: Sessions
    dimensions: Dimensions


class LiveTables:
    """One projector's side of them: those that the connection's search_path finds.

    :param turn: what others wait for meanwhile; None: nobody else works on these
    """

    def __init__(self, connection: Connection[Any], limit: int, turn: Turn | None = APPLY) -> None:
        self._connection = connection
        self._limit = limit
        self._turn = turn
        self._known: _Known | None = None

    def step(self) -> Step:
        """Apply the next events, at most ``limit`` positions of them.

        :raises psycopg.Error: Postgres is away
        """
        try:
            return self._step()
        except Exception as exc:
            self._known = None
            if is_passing(exc):
                raise
            return self._careful_step()

    def _step(self) -> Step:
        connection = self._connection
        newest, beyond = look(connection)
        if self._known and self._known.position >= newest:
            return Step(True, self._known.position, newest, 0, [], [], beyond)
        with connection.transaction():
            tracking = self._lock()
            if not tracking.is_ours or tracking.position >= newest:
                return Step(tracking.is_ours, tracking.position, newest, 0, [], [], beyond)
            known = self._learn(tracking)
            upto = reach(connection, known.position, newest, self._limit)
            batch = read_batch(connection, known.sessions, known.position, upto)
            applied = fold.apply(connection, known.dimensions, batch)
            connection.execute(Q["notify_projected"], {"position": upto})
        known.position = upto
        return Step(True, upto, newest, *applied, beyond)

    def _careful_step(self) -> Step:
        connection = self._connection
        newest, beyond = look(connection)
        with connection.transaction():
            tracking = self._lock()
            if not tracking.is_ours:
                return Step(False, tracking.position, newest, 0, [], [], beyond)
            upto = reach(connection, tracking.position, newest, self._limit)
            sessions = Sessions.of_json(tracking.open)
            applied = fold.apply_one_by_one(connection, sessions, tracking.position, upto)
            connection.execute(Q["notify_projected"], {"position": upto})
        return Step(True, upto, newest, *applied, beyond)

    def _lock(self) -> Tracking:
        """Wait for our turn, then look how far whoever had it before has come."""
        if self._turn is not None:
            self._connection.execute(Q["lock"], self._turn._asdict())
        return read_tracking(self._connection)

    def _learn(self, tracking: Tracking) -> _Known:
        """Learn what others have written since we last did."""
        known = self._known
        if known is None or known.tables != tracking.tables:
            known = _Known(tracking.tables, -1, Sessions(), Dimensions())
        if known.position != tracking.position:
            known.position, known.sessions = tracking.position, Sessions.of_json(tracking.open)
            known.dimensions.load(self._connection)
        self._known = known
        return known
