"""A database with the roles of deploy/postgres, and connections of whoever turns against the service."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from ibconnect.database.migrations import migrate
from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import ensure
from tests.own_postgres import GRANTS, ROLES, run_file


def as_role(url: str, role: str) -> str:
    """The URL for one of the roles."""
    return url.replace("ibconnect@", f"ibconnect_{role}@", 1)


def install(url: str, *, has_tables: bool = True) -> str:
    """Set a database up as README.md says, with its snapshot tables; return its URL."""
    run_file(url, ROLES)
    migrate(as_role(url, "owner"))
    run_file(as_role(url, "owner"), GRANTS)
    if has_tables:
        ensure(as_role(url, "recorder"))
    return url


@contextmanager
def attacking(url: str, role: str = "reader") -> Iterator[Connection[Any]]:
    """A connection of a role; closed and gone when the context ends."""
    with connect(as_role(url, role), name="attack") as connection:
        yield connection
