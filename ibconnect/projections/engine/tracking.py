"""Where the tables of a report are: which are live, of which version, how far the events are applied, whose turn it is.

In: a connection. Out: what the tracking row and the catalog say. Called by everything in the engine that works on
tables.
"""

from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError, SchemaError
from ibconnect.projections.engine.projection import Projection, Turn

Q = queries("projections/engine/tracking")


class Tracking(NamedTuple):
    """The tracking row, and which tables it is in: a rebuild puts others in their place."""

    tables: int
    version: int
    position: int
    open: Any


def read_tracking(connection: Connection[Any], report: Projection) -> Tracking:
    """The tracking row of the tables on the search_path.

    :raises ProjectionError: there is none
    """
    row = connection.execute(Q["tracking"]).fetchone()
    if row is None:
        raise ProjectionError(f"the {report.title} have no tracking row")
    return Tracking._make(row)


def advance(connection: Connection[Any], position: int, opened: bytes) -> None:
    """The events up to a position are applied, and this, as JSON, is open there."""
    connection.execute(Q["advance"], {"position": position, "open": opened.decode()})


def notify_projected(connection: Connection[Any], position: int) -> None:
    """Wake whoever waits for the tables to be at a position."""
    connection.execute(Q["notify_projected"], {"position": position})


def take_turn(connection: Connection[Any], turn: Turn) -> None:
    """Wait for a turn, and have it until the transaction ends."""
    connection.execute(Q["lock"], turn._asdict())


def path_of(schema: str) -> str:
    """The search_path of whoever works on the tables in a schema."""
    return f"{schema}, public"


def look_into(connection: Connection[Any], schema: str) -> None:
    """Have the tables in this schema on the search_path until the transaction ends."""
    connection.execute(Q["search_path"], {"path": path_of(schema)})


def exists(connection: Connection[Any], schema: str) -> bool:
    """Whether there is a schema of this name."""
    row = connection.execute(Q["schema_exists"], {"schema": schema}).fetchone()
    return bool(row and row[0])


def has_tables(connection: Connection[Any], schema: str) -> bool:
    """Whether the tables of a report are in this schema; somebody's own may have the same name."""
    row = connection.execute(Q["has_tables"], {"schema": schema}).fetchone()
    return bool(row and row[0])


def refuse_others(connection: Connection[Any], schema: str) -> None:
    """Keep our hands off a schema that somebody made for something else.

    :raises SchemaError: it holds no tables of a report
    """
    if not has_tables(connection, schema):
        raise SchemaError(
            f"the schema {schema} is there and holds no tables of ibconnect, which needs this name: give it another one"
        )


def live_version(connection: Connection[Any], report: Projection) -> int | None:
    """The version of the live tables; None if there are none, or if they do not say.

    :raises SchemaError: the schema is somebody else's
    """
    if not exists(connection, report.name):
        return None
    refuse_others(connection, report.name)
    row = connection.execute(SQL(Q["version"]).format(Identifier(report.name, "projection"))).fetchone()
    return int(row[0]) if row else None
