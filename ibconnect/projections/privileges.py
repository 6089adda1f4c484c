"""Rights on the live schema and its tables, carried over to the tables that take their place.

Called by a rebuild just before the swap: roles that may read (the reader of docs/projections.md, say) must not lose
that to a rebuild.
"""

from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.sql import queries

Q = queries("projections/privileges")


def copy_privileges(connection: Connection[Any], source: str, target: str) -> None:
    """Grant on ``target`` and its tables what is granted on ``source`` and its tables of the same names."""
    for privilege, role, grantable in connection.execute(Q["of_schema"], {"schema": source}).fetchall():
        _grant(connection, privilege, SQL("SCHEMA {}").format(Identifier(target)), role, grantable)
    granted = connection.execute(Q["of_tables"], {"source": source, "target": target}).fetchall()
    for privilege, table, role, grantable in granted:
        _grant(connection, privilege, SQL("TABLE {}").format(Identifier(target, table)), role, grantable)


def _grant(connection: Connection[Any], privilege: str, what: Any, role: str | None, grantable: bool) -> None:
    statement = SQL("GRANT {} ON {} TO {} {}").format(
        SQL(_known(privilege)),
        what,
        SQL("PUBLIC") if role is None else Identifier(role),
        SQL("WITH GRANT OPTION" if grantable else ""),
    )
    connection.execute(statement)


def _known(privilege: str) -> Any:
    """A privilege's keyword, which cannot be quoted; it comes from the catalog, not from a user."""
    if not privilege.isalpha():
        raise ValueError(f"{privilege!r} is not a privilege")
    return privilege
