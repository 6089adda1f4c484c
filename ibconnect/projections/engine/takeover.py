"""The tables of a report that an earlier version made under another name, taken over as they are: no row is read.

In: a connection that holds the report's name for rebuilds. Out: the same tables in the schema of the report's name.
Instances of the earlier version that still run beside this one find, where their tables were, a tracking row of a
version that they do not know: they leave the tables alone, record on, and answer 503 ``rebuilding`` until they are
stopped.
"""

from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.sql import queries, read_sql
from ibconnect.observe import Kind, observe
from ibconnect.projections.engine.privileges import copy_privileges
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.tracking import exists, has_tables, look_into, take_turn

Q = queries("projections/engine/takeover")


def has_former_tables(connection: Connection[Any], report: Projection) -> bool:
    """Whether tables of an earlier version wait to be taken over: then the report has none under its own name."""
    if not report.former_schema or exists(connection, report.name) or not has_tables(connection, report.former_schema):
        return False
    statement = SQL(Q["is_left_behind"]).format(Identifier(report.former_schema, "projection"))
    row = connection.execute(statement, {"name": report.name}).fetchone()
    return not (row and row[0])


def take_over(connection: Connection[Any], report: Projection) -> None:
    """Take over the tables of an earlier version, if there are any.

    Nobody else may build them meanwhile (:func:`~ibconnect.projections.engine.lock.alone`).

    :raises psycopg.Error: Postgres refuses it, since the tables are another role's, for example
    """
    with connection.transaction():
        take_turn(connection, report.ensure)
        # Whoever applies events to them ends before, or finds them moved.
        take_turn(connection, report.apply)
        if not has_former_tables(connection, report):
            return
        former = Identifier(report.former_schema)
        connection.execute(SQL("ALTER SCHEMA {} RENAME TO {}").format(former, Identifier(report.name)))
        connection.execute(SQL(Q["name"]).format(Identifier(report.name, "projection")), {"name": report.name})
        connection.execute(SQL("CREATE SCHEMA {}").format(former))
        look_into(connection, report.former_schema)
        connection.execute(read_sql("projections/engine/tables"))
        connection.execute(Q["leave_behind"], {"name": report.name, "version": report.version + 1})
        copy_privileges(connection, report.name, report.former_schema)
    observe(Kind.PROJECTION_MOVED, report=report.name, former=report.former_schema)
