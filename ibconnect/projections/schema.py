"""The schema of the snapshot tables: made when absent, and the views for people on top of it.

Called at every start (any number of instances at once), by the projector and by a rebuild. ``VERSION`` grows
whenever the same events would make other rows; tables of an older version serve on until they are rebuilt.
"""

from hashlib import sha256
from typing import Any, LiteralString

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier, Literal

from ibconnect.database.pools import LIVE_SCHEMA, connect
from ibconnect.database.sql import queries, read_sql
from ibconnect.database.tables import SNAPSHOTS_VERSION
from ibconnect.errors import DatabaseError, SchemaError
from ibconnect.observe import Kind, observe
from ibconnect.projections.sessions import Sessions

VERSION = SNAPSHOTS_VERSION

Q = queries("projections/tracking")

# Advisory locks, by numbers that no other program on the database uses for its own.
APPLY_LOCK = 0x1BC0_0002
REBUILD_LOCK = 0x1BC0_0003
_ENSURE_LOCK = 0x1BC0_0004


def ensure(url: str) -> None:
    """Create the live tables (empty, at position 0) and the public views, as far as they are absent or other.

    The views on tables of another version stay as they are until a rebuild has replaced those.

    :raises DatabaseUnavailable: Postgres cannot be reached
    :raises DatabaseError: Postgres refused a statement (missing rights, for example)
    """
    with connect(url, name="schema") as connection:
        try:
            with connection.transaction():
                connection.execute(Q["lock"], {"lock": _ENSURE_LOCK})
                if not exists(connection, LIVE_SCHEMA):
                    create(connection, LIVE_SCHEMA)
                    connection.execute(read_sql("projections/constraints"))
                    observe(Kind.PROJECTION_CREATED)
                if _live_version(connection) == VERSION:
                    replace_views(connection)
        except psycopg.Error as exc:
            raise DatabaseError(f"the snapshot tables cannot be created: {exc}") from exc


def needs_rebuild(url: str) -> bool:
    """Whether the live tables are of an older version than this code makes.

    :raises SchemaError: there are no live tables
    """
    with connect(url, name="schema") as connection:
        version = _live_version(connection)
    if version is None:
        raise SchemaError("there are no snapshot tables")
    return version < VERSION


def refuse_newer(connection: Connection[Any]) -> None:
    """Keep an old version of the code from building its tables in the place of a newer one's.

    :raises SchemaError: the live tables are newer
    """
    version = _live_version(connection)
    if version is not None and version > VERSION:
        raise SchemaError(f"the snapshot tables are of version {version}, this ibconnect makes {VERSION}: upgrade it")


def _live_version(connection: Connection[Any]) -> int | None:
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
    connection.execute(read_sql("projections/currency"))
    connection.execute(Q["start_tracking"], {"version": VERSION, "open": Sessions().dump().decode()})


def replace_views(connection: Connection[Any], *, always: bool = False) -> None:
    """Create the public views upon the tables on the search_path, unless they are these already.

    ``always``: even then, since they stand upon other tables of the same names.

    :raises psycopg.errors.LockNotAvailable: somebody reads a view for longer than the lock_timeout
    """
    for name, query in queries("projections/views").items():
        comment = _comment(query)
        row = connection.execute(Q["view_comment"], {"view": f"public.{name}"}).fetchone()
        if always or row is None or row[0] != comment:
            _replace_view(connection, SQL("public.{}").format(Identifier(name)), query)
            statement = SQL("COMMENT ON VIEW public.{} IS {}").format(Identifier(name), Literal(comment))
            connection.execute(statement)


def _replace_view(connection: Connection[Any], name: Composed, query: LiteralString) -> None:
    """Replace a view; drop it first only if its columns have changed, since others may build upon it."""
    create_view = SQL("VIEW {} AS {}").format(name, SQL(query))
    try:
        with connection.transaction():
            connection.execute(SQL("CREATE OR REPLACE {}").format(create_view))
    except psycopg.errors.InvalidTableDefinition:
        connection.execute(SQL("DROP VIEW {}").format(name))
        connection.execute(SQL("CREATE {}").format(create_view))


def _comment(query: str) -> str:
    """What the comment lines of a view say, and a digest that tells whether the view is this one."""
    lines = [line.removeprefix("--").strip() for line in query.splitlines() if line.startswith("--")]
    return f"{' '.join(lines)} [{sha256(query.encode()).hexdigest()[:12]}]"
