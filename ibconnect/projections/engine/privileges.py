"""Rights on relations, carried over to those that take their place.

Called by a rebuild just before the swap and by a takeover, for tables, and when a public view is made anew: roles that
may read (the reader of docs/projections.md, say) must not lose that to a rebuild.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.sql import SQL, Composed, Identifier

from ibconnect.database.sql import queries

Q = queries("projections/engine/privileges")


class Granted(NamedTuple):
    """A right on a relation, or on one column of it; no role means everyone."""

    privilege: str
    column: str | None
    role: str | None
    is_grantable: bool


def privileges_of(connection: Connection[Any], relation: int) -> list[Granted]:
    """What is granted on a table or view (by its oid) and its columns to anyone but its owner."""
    return [Granted._make(row) for row in connection.execute(Q["of_relation"], {"relation": relation})]


def grant(connection: Connection[Any], granted: Sequence[Granted], schema: str, name: str) -> None:
    """Grant that on another relation, as far as it has these columns."""
    relation = Identifier(schema, name)
    if any(right.column for right in granted):
        found = connection.execute(Q["columns"], {"relation": relation.as_string(connection)})
        columns = {column for (column,) in found}
        granted = [right for right in granted if right.column is None or right.column in columns]
    for privilege, column, role, is_grantable in granted:
        on_column = SQL("") if column is None else SQL("({})").format(Identifier(column))
        what = SQL("{} {}").format(SQL(_known(privilege)), on_column)
        _grant(connection, what, SQL("TABLE {}").format(relation), role, is_grantable)


def copy_privileges(connection: Connection[Any], source: str, target: str) -> None:
    """Grant on ``target`` and its tables what is granted on ``source`` and its tables of the same names."""
    for privilege, role, grantable in connection.execute(Q["of_schema"], {"schema": source}).fetchall():
        schema = SQL("SCHEMA {}").format(Identifier(target))
        _grant(connection, SQL(_known(privilege)), schema, role, grantable)
    tables = connection.execute(Q["tables_of_both"], {"source": source, "target": target}).fetchall()
    for table, oid in tables:
        grant(connection, privileges_of(connection, oid), target, table)


def _grant(connection: Connection[Any], what: SQL | Composed, on: Composed, role: str | None, grantable: bool) -> None:
    statement = SQL("GRANT {} ON {} TO {} {}").format(
        what,
        on,
        SQL("PUBLIC") if role is None else Identifier(role),
        SQL("WITH GRANT OPTION" if grantable else ""),
    )
    connection.execute(statement)


def _known(privilege: str) -> Any:
    """A privilege's keyword, which cannot be quoted; it comes from the catalog, not from a user."""
    if not privilege.isalpha():
        raise ValueError(f"{privilege!r} is not a privilege")
    return privilege
