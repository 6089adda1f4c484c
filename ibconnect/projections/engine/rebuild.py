"""The tables of one report or of several built again from the first event, beside the live ones, and put in their
place.

In: all events, read once for all of these reports. Out: the same tables in a schema beside the live one, which is
swapped for it in one transaction (:mod:`swap`). The live service records, projects and answers meanwhile. Called by
``ibconnect rebuild`` and after an upgrade. Stopped at any point before the swap, the old tables serve on; what is left
of an unfinished rebuild is removed by the next one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from ibconnect.database.outages import is_passing
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.observe import Kind, observe
from ibconnect.projections.engine.fold import apply, apply_one_by_one
from ibconnect.projections.engine.lock import alone
from ibconnect.projections.engine.prefetch import prefetch
from ibconnect.projections.engine.projection import Projection, Reader
from ibconnect.projections.engine.reading import Batch, head
from ibconnect.projections.engine.schema import add_keys, refuse_newer, refuse_stranger
from ibconnect.projections.engine.swap import analyze, begin, catch_up_and_swap, drop_old
from ibconnect.projections.engine.takeover import take_over
from ibconnect.projections.engine.tracking import live_version, path_of, read_tracking

_BATCH_POSITIONS = 50_000


class Rebuilt(NamedTuple):
    """What a rebuild did: of which reports, events read (as positions), and the seconds it took."""

    reports: tuple[str, ...]
    events: int
    seconds: float


Progress = Callable[[str, int, int, float], None]


def rebuild(url: str, reports: Sequence[Projection], progress: Progress | None = None) -> Rebuilt:
    """Build the tables of these reports from all events and put them in the place of the live ones.

    :param progress: called with a report's name, the events done, the events there are, and events per second, after
        each batch
    :raises ProjectionError: another rebuild of one of them is under way, somebody keeps reading a public view all the
        time, or has built upon a view what cannot follow it
    :raises SchemaError: the live tables are of a newer version, or another role's
    :raises DatabaseUnavailable: Postgres cannot be reached, or the connection broke
    :raises DatabaseError: Postgres refused a statement
    """
    with _rebuilding(url, reports, _refuse) as targets:
        return _Rebuild(url, targets, progress or _silent).run()


def rebuild_if_older(url: str, reports: Sequence[Projection]) -> Rebuilt | None:
    """The same for those that have no live tables, or tables of an older version; None if none of them has.

    Of several instances that start one does it. The others, which look once they may, find it done.

    :raises ProjectionError: as of :func:`rebuild`
    :raises DatabaseError: as of :func:`rebuild`
    """
    with _rebuilding(url, reports, _refuse_nobody) as targets:
        older = [target for target in targets if _is_older(target)]
        for target in older:
            refuse_stranger(target.connection, target.report)
        return _Rebuild(url, older, _silent).run() if older else None


class _Target:
    """The tables of one report that are being built; ``connection``: to those, and nobody else builds them."""

    def __init__(self, report: Projection, connection: Connection[Any]) -> None:
        self.report = report
        self.connection = connection
        self.reader: Reader = report.reader(None)
        self.fold = report.fold()

    def apply(self, batch: Batch | Exception, after: int, upto: int) -> bool:
        """Apply a batch; False if events had to be set aside one by one, so what was read ahead may be wrong."""
        try:
            with self.connection.transaction():
                apply(self.connection, self.fold, batch)
        except Exception as exc:
            if is_passing(exc):
                raise
            with self.connection.transaction():
                apply_one_by_one(self.connection, self.report, self._open(), after, upto)
            self.fold = self.report.fold()
            return False
        return True

    def go_back(self) -> None:
        """Have a reader that is where the tables are."""
        self.reader = self.report.reader(self._open())

    def _open(self) -> Any:
        return read_tracking(self.connection, self.report).open


def _is_older(target: _Target) -> bool:
    """Whether a report has no live tables of this version or a newer one."""
    version = live_version(target.connection, target.report)
    return version is None or version < target.report.version


def _refuse(connection: Connection[Any], report: Projection) -> None:
    refuse_newer(connection, report)
    refuse_stranger(connection, report)


def _refuse_nobody(_connection: Connection[Any], _report: Projection) -> None:
    pass


@contextmanager
def _rebuilding(
    url: str, reports: Sequence[Projection], refuse: Callable[[Connection[Any], Projection], None]
) -> Iterator[list[_Target]]:
    """A connection for the only rebuild of each report; errors of the driver are raised as ours.

    ``refuse``: what may not be is refused by the first of them, since a role that may not rebuild may not have a
    connection for each of them either.
    """
    try:
        with ExitStack() as stack:
            targets = []
            for report in reports:
                path = path_of(report.next_schema)
                connection = stack.enter_context(closing(connect(url, name="rebuild", search_path=path)))
                stack.enter_context(alone(connection, [report]))
                take_over(connection, report)
                refuse(connection, report)
                targets.append(_Target(report, connection))
            yield targets
    except psycopg.Error as exc:
        if is_passing(exc):
            raise DatabaseUnavailable(f"the rebuild lost Postgres: {exc}") from exc
        raise DatabaseError(f"Postgres refused a step of the rebuild: {exc}") from exc


def _silent(_report: str, _done: int, _total: int, _rate: float) -> None:
    pass


class _Rebuild:
    """All targets together up to the last event that there is when they are loaded; then one after the other."""

    def __init__(self, url: str, targets: Sequence[_Target], progress: Progress) -> None:
        self._url = url
        self._targets = targets
        self._progress = progress
        self._started = time.monotonic()

    def run(self) -> Rebuilt:
        for target in self._targets:
            begin(target.connection, target.report)
        names = tuple(target.report.name for target in self._targets)
        observe(Kind.PROJECTION_REBUILDING, reports=" ".join(names))
        position = self._load()
        for target in self._targets:
            position = max(position, self._finish(target))
        seconds = time.monotonic() - self._started
        observe(Kind.PROJECTION_REBUILT, reports=" ".join(names), events=position, seconds=round(seconds, 1))
        return Rebuilt(names, position, seconds)

    def _load(self) -> int:
        """Apply everything there is, batch by batch, each in a transaction of its own; return the last position."""
        position = 0
        while position < (newest := head(self._targets[0].connection)):
            for target in self._targets:
                target.fold.load(target.connection)
            position = self._load_range(position, newest)
            for target in self._targets:
                target.go_back()
        return position

    def _load_range(self, position: int, newest: int) -> int:
        """The same up to a position, or until some event had to be set aside by itself; return the last position."""
        readers = {target.report: target.reader for target in self._targets}
        with prefetch(self._url, readers, position, newest, _BATCH_POSITIONS) as ranges:
            for upto, batches in ranges:
                are_whole = [target.apply(batches[target.report], position, upto) for target in self._targets]
                position = upto
                for target in self._targets:
                    self._tell(target, position)
                if not all(are_whole):
                    break
        return position

    def _finish(self, target: _Target) -> int:
        """Put the loaded tables of a report in the place of its live ones; return the last position."""
        with target.connection.transaction():
            add_keys(target.connection, target.report)
        analyze(target.connection, target.report)
        position = catch_up_and_swap(target.connection, target.report)
        self._tell(target, position)
        drop_old(target.connection, target.report)
        return position

    def _tell(self, target: _Target, position: int) -> None:
        rate = position / max(time.monotonic() - self._started, 1e-9)
        self._progress(target.report.name, position, max(position, head(target.connection)), rate)
