"""The schema of the snapshot tables: made when absent, and the views for people on top of it.

Called at every start (any number of instances at once), by the projector and by a rebuild. ``VERSION`` grows
whenever the same events would make other rows; tables of an older version serve on until they are rebuilt.
"""

from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.pools import LIVE_SCHEMA, connect
from ibconnect.database.sql import queries, read_sql
from ibconnect.database.tables import SNAPSHOTS_VERSION
from ibconnect.errors import DatabaseError, ProjectionError, SchemaError
from ibconnect.observe import Kind, observe
from ibconnect.projections.accounts import currencies
from ibconnect.projections.accounts.sessions import Sessions
from ibconnect.projections.engine.views import replace_views

VERSION = SNAPSHOTS_VERSION

Q = queries("projections/tracking")


class Turn(NamedTuple):
    """What one has at a time, of all that work on the tables: its name in ``coordination.held``.

    ``lock`` is the number of the advisory lock by which earlier versions have it.
    """

    turn: str
    lock: int


APPLY = Turn("apply", 0x1BC0_0002)
REBUILD = Turn("rebuild", 0x1BC0_0003)
ENSURE = Turn("ensure", 0x1BC0_0004)


def ensure(url: str) -> None:
    """Create the live tables (empty, at position 0) and the public views, as far as they are absent or other.

    The views on tables of another version stay as they are until a rebuild has replaced those.

    :raises DatabaseUnavailable: Postgres cannot be reached
    :raises SchemaError: it is another role that is to make them
    :raises DatabaseError: Postgres refused a statement (missing rights, for example)
    """
    with connect(url, name="schema") as connection:
        try:
            with connection.transaction():
                connection.execute(Q["lock"], ENSURE._asdict())
                if not exists(connection, LIVE_SCHEMA):
                    refuse_stranger(connection)
                    create(connection, LIVE_SCHEMA)
                    connection.execute(read_sql("projections/constraints"))
                    observe(Kind.PROJECTION_CREATED)
            _ensure_views(connection)
        except psycopg.Error as exc:
            raise DatabaseError(f"the snapshot tables cannot be created: {exc}") from exc


def _ensure_views(connection: Connection[Any]) -> None:
    """Have this version's views upon tables of this version; what people built in the way of one ends no start."""
    try:
        with connection.transaction():
            connection.execute(Q["lock"], ENSURE._asdict())
            # Whoever keeps reading a view must not keep us from starting: it stays as it is.
            connection.execute(Q["drop_settings"])
            if live_version(connection) == VERSION:
                replace_views(connection)
    except (ProjectionError, psycopg.errors.LockNotAvailable) as exc:
        observe(Kind.VIEW_IN_THE_WAY, error=exc)


def needs_rebuild(url: str) -> bool:
    """Whether the live tables are of an older version than this code makes; tells if they are of a newer one.

    :raises SchemaError: there are no live tables
    """
    with connect(url, name="schema") as connection:
        version = live_version(connection)
    if version is None:
        raise SchemaError("there are no snapshot tables")
    if version > VERSION:
        observe(Kind.PROJECTION_NEWER, tables=version, program=VERSION)
    return version < VERSION


def refuse_newer(connection: Connection[Any]) -> None:
    """Keep an old version of the code from building its tables in the place of a newer one's.

    :raises SchemaError: the live tables are newer
    """
    version = live_version(connection)
    if version is not None and version > VERSION:
        raise SchemaError(
            f"the snapshot tables are of version {version}, this ibconnect makes {VERSION} and leaves them alone: "
            "upgrade it"
        )


def refuse_stranger(connection: Connection[Any]) -> None:
    """Keep another role from making tables that the one which serves could not change.

    :raises SchemaError: the tables belong, or are to belong, to another role
    """
    row = connection.execute(queries("database/ownership")["owner_of_tables"], {"schema": LIVE_SCHEMA}).fetchone()
    us, wanted = row or ("", "")
    if us != wanted:
        raise SchemaError(
            f"the snapshot tables are those of the role {wanted}, and are not to be made by {us}: "
            f"use the DB_URL of {wanted}"
        )


def live_version(connection: Connection[Any]) -> int | None:
    """The version of the live tables; None if there are none, or if they do not say."""
    if not exists(connection, LIVE_SCHEMA):
        return None
    row = connection.execute(SQL(Q["version"]).format(Identifier(LIVE_SCHEMA, "projection"))).fetchone()
    return int(row[0]) if row else None


def exists(connection: Connection[Any], schema: str) -> bool:
    """Whether there is a schema of this name."""
    row = connection.execute(Q["schema_exists"], {"schema": schema}).fetchone()
    return bool(row and row[0])


def create(connection: Connection[Any], schema: str) -> None:
    """Create the tables with what they hold from the start, without the keys that a rebuild adds later.

    The connection's search_path must begin with ``schema``.
    """
    connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
    connection.execute(read_sql("projections/schema"))
    currencies.fill(connection)
    connection.execute(Q["start_tracking"], {"version": VERSION, "open": Sessions().dump().decode()})
