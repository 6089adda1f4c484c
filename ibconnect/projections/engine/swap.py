"""The tables of a report that are being built beside the live ones: made, caught up, and put in the live ones' place.

In: a connection that has them on its search_path. Out: live tables. The swap renames schemas, which takes no lock on a
table: reads under way end on the old tables. Called by :mod:`rebuild`.
"""

import time
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.errors import ProjectionError
from ibconnect.observe import Kind, observe
from ibconnect.projections.engine.live import LiveTables
from ibconnect.projections.engine.privileges import copy_privileges
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.schema import create
from ibconnect.projections.engine.tracking import Q, exists, look_into, notify_projected, refuse_others, take_turn
from ibconnect.projections.engine.views import replace_views, try_views
from ibconnect.projections.engine.yielding import IN_THE_WAY, give_way, yielding

_STEP_POSITIONS = 20_000
_SWAP_ATTEMPTS = 300
_SWAP_PAUSE_S = 0.2
# How long reads under way may keep former tables from being dropped.
_DROP_S = 10.0


def begin(connection: Connection[Any], report: Projection) -> None:
    """Make the tables, empty; those of a rebuild that did not end go.

    :raises ProjectionError: somebody has built upon a public view what cannot follow it, or still reads former tables
    :raises SchemaError: a schema that they need is somebody's own
    """
    connection.execute(Q["loading_settings"])
    for schema in report.leftovers:
        try:
            _drop(connection, schema)
        except IN_THE_WAY as exc:
            # A transaction that has once read former tables may hold them for ever: that is logged, and tried again.
            raise ProjectionError(
                f"somebody still reads the tables in {schema}, which have to be dropped first"
            ) from exc
    with connection.transaction():
        create(connection, report, report.next_schema)
    # Better known now than after hours of loading.
    try_views(connection, report)


def analyze(connection: Connection[Any], report: Projection) -> None:
    """Give the planner what it will need from the first query on."""
    names = connection.execute(Q["tables"], {"schema": report.next_schema}).fetchall()
    for (name,) in names:
        connection.execute(SQL("ANALYZE {}").format(Identifier(report.next_schema, name)))


def catch_up_and_swap(connection: Connection[Any], report: Projection) -> int:
    """Follow the events that came meanwhile, then swap; again if a reader of a view is in the way.

    :return: how far the tables are
    :raises ProjectionError: somebody keeps reading a public view all the time
    """
    for _ in range(_SWAP_ATTEMPTS):
        tables = LiveTables(connection, report, _STEP_POSITIONS, others=False)
        while tables.step().is_behind:
            pass
        try:
            return yielding(connection, lambda: _swap(connection, report), 0)
        except IN_THE_WAY:
            time.sleep(_SWAP_PAUSE_S)
    raise ProjectionError("the public views are read without a pause, so they cannot be put on the new tables")


def _swap(connection: Connection[Any], report: Projection) -> int:
    """Put the new tables in the place of the live ones, while no projector applies events."""
    connection.execute(Q["swap_settings"])
    # Or an instance of another version that starts now might put its views upon tables that it does not know.
    take_turn(connection, report.ensure)
    # Projectors take turns without a pause: who waits only as long as a reader would bear may never have one.
    take_turn(connection, report.apply)
    give_way(connection)
    tables = LiveTables(connection, report, _STEP_POSITIONS, others=False)
    while (step := tables.step()).is_behind:
        pass
    if exists(connection, report.name):
        copy_privileges(connection, report.name, report.next_schema)
        _rename(connection, report.name, report.old_schema)
    _rename(connection, report.next_schema, report.name)
    look_into(connection, report.name)
    replace_views(connection, report, always=True)
    notify_projected(connection, step.position)
    return step.position


def drop_old(connection: Connection[Any], report: Projection) -> None:
    """Drop the former live tables; if a transaction still holds them, leave that to the next rebuild."""
    try:
        _drop(connection, report.old_schema)
    except IN_THE_WAY as exc:
        observe(Kind.PROJECTION_LEFTOVER, error=exc, report=report.name, schema=report.old_schema)


def _drop(connection: Connection[Any], schema: str) -> None:
    """Drop a schema of ours. Its tables are locked all at once or not at all: a read that holds some is let end."""

    def drop() -> None:
        if not exists(connection, schema):
            return
        refuse_others(connection, schema)
        give_way(connection)
        tables = [Identifier(schema, name) for (name,) in connection.execute(Q["tables"], {"schema": schema})]
        if tables:
            connection.execute(SQL("LOCK TABLE {} NOWAIT").format(SQL(", ").join(tables)))
        connection.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(schema)))

    yielding(connection, drop, _DROP_S)


def _rename(connection: Connection[Any], schema: str, name: str) -> None:
    connection.execute(SQL("ALTER SCHEMA {} RENAME TO {}").format(Identifier(schema), Identifier(name)))
