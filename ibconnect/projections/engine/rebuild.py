"""The snapshot tables built again from the first event, beside the live ones, and put in their place.

In: all events. Out: the same tables in schema ``snapshots_next``, swapped with the live ones in one transaction by
renaming schemas, which takes no lock on a table: reads under way end on the old tables. The live service records,
projects and answers meanwhile. Called by ``ibconnect rebuild`` and after an upgrade. Stopped at any point before the
swap, the old tables serve on; what is left of an unfinished rebuild is removed by the next one.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.outages import is_passing
from ibconnect.database.pools import LIVE_SCHEMA, connect
from ibconnect.database.sql import queries, read_sql
from ibconnect.errors import DatabaseError, DatabaseUnavailable, ProjectionError
from ibconnect.observe import Kind, observe
from ibconnect.projections.accounts.dimensions import Dimensions
from ibconnect.projections.accounts.schema import (
    APPLY,
    ENSURE,
    REBUILD,
    VERSION,
    create,
    exists,
    live_version,
    refuse_newer,
    refuse_stranger,
)
from ibconnect.projections.accounts.sessions import Sessions
from ibconnect.projections.engine import fold
from ibconnect.projections.engine.batches import Batch, head
from ibconnect.projections.engine.live import LiveTables, read_tracking
from ibconnect.projections.engine.prefetch import prefetch
from ibconnect.projections.engine.privileges import copy_privileges
from ibconnect.projections.engine.views import replace_views, try_views

Q = queries("projections/tracking")

NEXT_SCHEMA = "snapshots_next"
OLD_SCHEMA = "snapshots_old"

_BATCH_POSITIONS = 50_000
_STEP_POSITIONS = 20_000
_SWAP_ATTEMPTS = 300
_SWAP_PAUSE_S = 0.2


class Rebuilt(NamedTuple):
    """What a rebuild did: events read (as positions), and the seconds it took."""

    events: int
    seconds: float


Progress = Callable[[int, int, float], None]


def rebuild(url: str, progress: Progress | None = None) -> Rebuilt:
    """Build the tables from all events and put them in the place of the live ones.

    :param progress: called with the events done, the events there are, and events per second, after each batch
    :raises ProjectionError: another rebuild is under way, somebody keeps reading a public view all the time, or has
        built upon a view what cannot follow it
    :raises SchemaError: the live tables are of a newer version, or another role's
    :raises DatabaseUnavailable: Postgres cannot be reached, or the connection broke
    :raises DatabaseError: Postgres refused a statement
    """
    with _rebuilding(url) as connection:
        refuse_newer(connection)
        refuse_stranger(connection)
        return _Rebuild(url, connection, progress or _silent).run()


def rebuild_if_older(url: str) -> Rebuilt | None:
    """The same if there are no live tables, or of an older version; None if they are this one's, or a newer one's.

    Of several instances that start one does it. The others, which look once they may, find it done.

    :raises ProjectionError: as of :func:`rebuild`
    :raises DatabaseError: as of :func:`rebuild`
    """
    with _rebuilding(url) as connection:
        version = live_version(connection)
        if version is not None and version >= VERSION:
            return None
        refuse_stranger(connection)
        return _Rebuild(url, connection, _silent).run()


@contextmanager
def _rebuilding(url: str) -> Iterator[Connection[Any]]:
    """A connection for the only rebuild of the database; errors of the driver are told as ours."""
    try:
        search_path = f"{NEXT_SCHEMA}, public"
        with closing(connect(url, name="rebuild", search_path=search_path)) as connection, alone(connection):
            yield connection
    except psycopg.Error as exc:
        if is_passing(exc):
            raise DatabaseUnavailable(f"the rebuild lost Postgres: {exc}") from exc
        raise DatabaseError(f"Postgres refused a step of the rebuild: {exc}") from exc


@contextmanager
def alone(connection: Connection[Any]) -> Iterator[None]:
    """Be the only rebuild of the database while the context lasts.

    The lock is given back at its end: Postgres may notice only after the next rebuild has begun that the connection of
    this one was closed.

    :raises ProjectionError: another rebuild is under way
    """
    has_names = _is(connection, "has_names")
    if not _is(connection, "try_lock" if has_names else "try_lock_without_names", REBUILD._asdict()):
        raise ProjectionError("another rebuild of this database is under way, or a backup, which keeps rebuilds away")
    try:
        yield
    finally:
        # If the connection is broken, the lock went with it.
        with suppress(psycopg.Error):
            connection.execute(Q["unlock" if has_names else "unlock_without_names"], REBUILD._asdict())


def _is(connection: Connection[Any], query: str, values: Mapping[str, Any] | None = None) -> bool:
    row = connection.execute(Q[query], values).fetchone()
    return bool(row and row[0])


def _silent(_done: int, _total: int, _rate: float) -> None:
    pass


class _Rebuild:
    def __init__(self, url: str, connection: Connection[Any], progress: Progress) -> None:
        self._url = url
        self._connection = connection
        self._progress = progress
        self._started = time.monotonic()

    def run(self) -> Rebuilt:
        connection = self._connection
        connection.execute(Q["loading_settings"])
        with connection.transaction():
            # A transaction that has once read the former tables may hold them for ever: that is told, and tried again.
            connection.execute(Q["drop_settings"])
            self._drop(NEXT_SCHEMA)
            self._drop(OLD_SCHEMA)
        with connection.transaction():
            create(connection, NEXT_SCHEMA)
        # Better told now than after hours of loading.
        try_views(connection)
        observe(Kind.PROJECTION_REBUILDING)
        position = self._load()
        with connection.transaction():
            connection.execute(read_sql("projections/constraints"))
        self._analyze()
        position = self._catch_up_and_swap()
        self._drop_old()
        seconds = time.monotonic() - self._started
        observe(Kind.PROJECTION_REBUILT, events=position, seconds=round(seconds, 1))
        return Rebuilt(position, seconds)

    def _drop(self, schema: str) -> None:
        self._connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))

    def _drop_old(self) -> None:
        """Drop the former live tables; if a transaction still holds them, leave that to the next rebuild."""
        try:
            with self._connection.transaction():
                self._connection.execute(Q["drop_settings"])
                self._drop(OLD_SCHEMA)
        except psycopg.errors.LockNotAvailable as exc:
            observe(Kind.PROJECTION_LEFTOVER, error=exc, schema=OLD_SCHEMA)

    def _load(self) -> int:
        """Apply everything there is, batch by batch, each in a transaction of its own; return the last position."""
        position, sessions = 0, Sessions()
        dimensions = Dimensions()
        while position < (newest := head(self._connection)):
            dimensions.load(self._connection)
            with prefetch(self._url, sessions, position, newest, _BATCH_POSITIONS) as batches:
                for batch in batches:
                    is_whole = self._apply(dimensions, batch, position)
                    position = batch.upto
                    self._tell(position)
                    if not is_whole:
                        dimensions = Dimensions()
                        break
            sessions = self._tracked_sessions()
        return position

    def _apply(self, dimensions: Dimensions, batch: Batch, after: int) -> bool:
        """Apply a batch; False if events had to be set aside one by one, so what was read ahead may be wrong."""
        try:
            with self._connection.transaction():
                fold.apply(self._connection, dimensions, batch)
        except Exception as exc:
            if is_passing(exc):
                raise
            with self._connection.transaction():
                fold.apply_one_by_one(self._connection, self._tracked_sessions(), after, batch.upto)
            return False
        return True

    def _tracked_sessions(self) -> Sessions:
        return Sessions.of_json(read_tracking(self._connection).open)

    def _tell(self, position: int) -> None:
        rate = position / max(time.monotonic() - self._started, 1e-9)
        self._progress(position, max(position, head(self._connection)), rate)

    def _analyze(self) -> None:
        """Give the planner what it will need from the first query on."""
        names = self._connection.execute(Q["tables"], {"schema": NEXT_SCHEMA}).fetchall()
        for (name,) in names:
            self._connection.execute(SQL("ANALYZE {}").format(Identifier(NEXT_SCHEMA, name)))

    def _catch_up_and_swap(self) -> int:
        """Follow the events that came meanwhile, then swap; again if a reader of a view is in the way."""
        tables = LiveTables(self._connection, _STEP_POSITIONS, turn=None)
        for _ in range(_SWAP_ATTEMPTS):
            while tables.step().is_behind:
                pass
            try:
                return self._swap()
            except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
                tables = LiveTables(self._connection, _STEP_POSITIONS, turn=None)
                time.sleep(_SWAP_PAUSE_S)
        raise ProjectionError("the public views are read without a pause, so they cannot be put on the new tables")

    def _swap(self) -> int:
        """Put the new tables in the place of the live ones, while no projector applies events.

        The lock_timeout keeps a long read of a public view from holding up everything behind us.
        """
        connection = self._connection
        with connection.transaction():
            connection.execute(Q["swap_settings"])
            # Or an instance of another version that starts now might put its views upon tables that it does not know.
            connection.execute(Q["lock"], ENSURE._asdict())
            connection.execute(Q["lock"], APPLY._asdict())
            tables = LiveTables(connection, _STEP_POSITIONS, turn=None)
            while (step := tables.step()).is_behind:
                pass
            if exists(connection, LIVE_SCHEMA):
                copy_privileges(connection, LIVE_SCHEMA, NEXT_SCHEMA)
                self._rename(LIVE_SCHEMA, OLD_SCHEMA)
            self._rename(NEXT_SCHEMA, LIVE_SCHEMA)
            connection.execute(Q["live_path"])
            replace_views(connection, always=True)
            connection.execute(Q["notify_projected"], {"position": step.position})
        self._tell(step.position)
        return step.position

    def _rename(self, schema: str, name: str) -> None:
        self._connection.execute(SQL("ALTER SCHEMA {} RENAME TO {}").format(Identifier(schema), Identifier(name)))
