"""The tables of a report: made when absent, and the views for people on top of them.

Called at every start (any number of instances at once), by the projector and by a rebuild. Tables of an older version
serve on until they are rebuilt.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries, read_sql
from ibconnect.errors import DatabaseError, ProjectionError, SchemaError
from ibconnect.observe import Kind, observe
from ibconnect.projections.engine.lock import alone
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.takeover import has_former_tables, take_over
from ibconnect.projections.engine.tracking import Q, exists, has_tables, live_version, look_into, take_turn
from ibconnect.projections.engine.views import replace_views
from ibconnect.projections.engine.yielding import IN_THE_WAY, give_way, yielding

# How long reads of a view may keep this version's from taking its place at a start.
_VIEWS_S = 10.0


def ensure(url: str, reports: Iterable[Projection]) -> None:
    """Create the live tables (empty, at position 0) and the public views, as far as they are absent or other.

    The views on tables of another version stay as they are until a rebuild has replaced those. Tables of an earlier
    version under another name are taken over; as long as a rebuild or a backup of those runs, nothing is done.

    :raises DatabaseUnavailable: Postgres cannot be reached
    :raises SchemaError: it is another role that is to make them
    :raises DatabaseError: Postgres refused a statement (missing rights, for example)
    """
    with connect(url, name="schema") as connection:
        for report in reports:
            try:
                _ensure_tables(connection, report)
                if has_tables(connection, report.name):
                    _ensure_views(connection, report)
            except psycopg.Error as exc:
                raise DatabaseError(f"the {report.title} cannot be created: {exc}") from exc


def _ensure_tables(connection: Connection[Any], report: Projection) -> None:
    if has_former_tables(connection, report):
        refuse_stranger(connection, report)
        # Who may not now is the projector, which comes again.
        with suppress(ProjectionError), alone(connection, [report]):
            take_over(connection, report)
        return
    with connection.transaction():
        take_turn(connection, report.ensure)
        if not exists(connection, report.name):
            refuse_stranger(connection, report)
            create(connection, report, report.name)
            add_keys(connection, report)
            observe(Kind.PROJECTION_CREATED, report=report.name)


def _ensure_views(connection: Connection[Any], report: Projection) -> None:
    """Have this version's views upon tables of this version; what people built in the way of one ends no start."""

    def put() -> None:
        take_turn(connection, report.ensure)
        give_way(connection)
        if live_version(connection, report) == report.version:
            look_into(connection, report.name)
            replace_views(connection, report)

    try:
        # Whoever keeps reading a view must not keep us from starting: it stays as it is.
        yielding(connection, put, _VIEWS_S)
    except (ProjectionError, *IN_THE_WAY) as exc:
        observe(Kind.VIEW_IN_THE_WAY, error=exc)


def needs_rebuild(url: str, report: Projection) -> bool:
    """Whether the live tables are of an older version than this code makes; logs if they are of a newer one.

    :raises SchemaError: there are no live tables
    """
    with connect(url, name="schema") as connection:
        version = live_version(connection, report)
    if version is None:
        raise SchemaError(f"there are no {report.title}")
    if version > report.version:
        observe(Kind.PROJECTION_NEWER, report=report.name, tables=version, program=report.version)
    return version < report.version


def refuse_newer(connection: Connection[Any], report: Projection) -> None:
    """Keep an old version of the code from building its tables in the place of a newer one's.

    :raises SchemaError: the live tables are newer, or somebody else's
    """
    version = live_version(connection, report)
    if version is not None and version > report.version:
        raise SchemaError(
            f"the {report.title} are of version {version}, this ibconnect makes {report.version} and leaves them "
            "alone: upgrade it"
        )


def refuse_stranger(connection: Connection[Any], report: Projection) -> None:
    """Keep another role from making tables that the one which serves could not change.

    :raises SchemaError: the tables belong, or are to belong, to another role
    """
    schemas = {"schemas": [report.name, report.former_schema]}
    row = connection.execute(queries("database/ownership")["owner_of_tables"], schemas).fetchone()
    us, wanted = row or ("", "")
    if us != wanted:
        raise SchemaError(
            f"the {report.title} are those of the role {wanted}, and are not to be made by {us}: "
            f"use the DB_URL of {wanted}"
        )


def create(connection: Connection[Any], report: Projection, schema: str) -> None:
    """Create the tables with what they hold from the start, without the keys that a rebuild adds later.

    They are on the search_path until the transaction ends.
    """
    connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    look_into(connection, schema)
    connection.execute(read_sql("projections/engine/tables"))
    connection.execute(read_sql(f"projections/{report.name}/schema"))
    if report.seed is not None:
        report.seed(connection)
    opened = report.reader(None).dump().decode()
    connection.execute(Q["start_tracking"], {"name": report.name, "version": report.version, "open": opened})


def add_keys(connection: Connection[Any], report: Projection) -> None:
    """Add those keys to the tables on the search_path."""
    connection.execute(read_sql(f"projections/{report.name}/constraints"))
