"""The live tables of a report as one connection keeps them up: what it has in memory of them, and the next step.

In: committed events after the tracking row. Out: rows and the tracking row, in one transaction under a lock, so that
of any number of projectors one applies each event. Called by :mod:`runner` and at the end of a rebuild.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.outages import is_passing
from ibconnect.projections.engine.fold import Applied, apply, apply_one_by_one
from ibconnect.projections.engine.projection import Fold, Projection, Reader, SetAside
from ibconnect.projections.engine.reading import look, reach, read_batches
from ibconnect.projections.engine.tracking import Tracking, notify_projected, read_tracking, take_turn

# Applied one by one, more might take longer than a transaction may (live_settings), again and again.
_ONE_BY_ONE_POSITIONS = 1_000


class Step(NamedTuple):
    """What one step did: whether these tables are ours to write, and how far they and the events are now.

    ``beyond``: a position that stands beyond the sequence of positions, and is not applied.
    """

    is_ours: bool
    position: int
    head: int
    made: int
    set_aside: list[SetAside]
    news: list[Any]
    beyond: int | None = None

    @property
    def is_behind(self) -> bool:
        """Whether more events wait."""
        return self.is_ours and self.position < self.head


@dataclass(slots=True)
class _Known:
    """The tables as this process last saw them."""

    tables: int
    position: int
    reader: Reader
    fold: Fold


class LiveTables:
    """One projector's side of them: those that the connection's search_path finds.

    :param others: whether others work on these tables too, whose turn is waited for
    """

    def __init__(self, connection: Connection[Any], report: Projection, limit: int, *, others: bool = True) -> None:
        self._connection = connection
        self._report = report
        self._limit = limit
        self._others = others
        self._known: _Known | None = None

    def step(self) -> Step:
        """Apply the next events, at most ``limit`` positions of them; fewer, one by one, if they are refused together.

        :raises psycopg.Error: Postgres is away
        """
        try:
            return self._step(self._apply, self._limit)
        except Exception as exc:
            self._known = None
            if is_passing(exc):
                raise
            return self._step(self._apply_one_by_one, min(self._limit, _ONE_BY_ONE_POSITIONS))

    def _step(self, apply_range: Callable[[Tracking, int], Applied], limit: int) -> Step:
        connection = self._connection
        newest, beyond = look(connection)
        if self._known and self._known.position >= newest:
            return Step(True, self._known.position, newest, 0, [], [], beyond)
        with connection.transaction():
            tracking = self._lock()
            is_ours = tracking.version == self._report.version
            # Whoever had the turn before, or swapped the tables, may have come further than we have looked.
            if not is_ours or tracking.position >= newest:
                return Step(is_ours, tracking.position, newest, 0, [], [], beyond)
            upto = reach(connection, tracking.position, newest, limit)
            applied = apply_range(tracking, upto)
            notify_projected(connection, upto)
        if self._known:
            self._known.position = upto
        return Step(True, upto, newest, *applied, beyond)

    def _apply(self, tracking: Tracking, upto: int) -> Applied:
        known = self._learn(tracking)
        batch = read_batches(self._connection, {self._report: known.reader}, known.position, upto)[self._report]
        return apply(self._connection, known.fold, batch)

    def _apply_one_by_one(self, tracking: Tracking, upto: int) -> Applied:
        return apply_one_by_one(self._connection, self._report, tracking.open, tracking.position, upto)

    def _lock(self) -> Tracking:
        """Wait for our turn, then look how far whoever had it before has come."""
        if self._others:
            take_turn(self._connection, self._report.apply)
        return read_tracking(self._connection, self._report)

    def _learn(self, tracking: Tracking) -> _Known:
        """Learn what others have written since we last did."""
        known, report = self._known, self._report
        if known is None or known.tables != tracking.tables:
            known = _Known(tracking.tables, -1, report.reader(None), report.fold())
        if known.position != tracking.position:
            known.position, known.reader = tracking.position, report.reader(tracking.open)
            known.fold.load(self._connection)
        self._known = known
        return known
