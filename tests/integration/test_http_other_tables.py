"""Tables of a newer version are swapped in the moment after it was looked whether they are ours: nothing fails."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from ibconnect.database.tables import report_of
from ibconnect.http.app import SERVICES
from ibconnect.http.resources.accounts.cached import Reports
from ibconnect.http.resources.accounts.listed import Lists
from ibconnect.http.resources.overview.handler import Overviews
from ibconnect.http.resources.registry import ROUTES
from ibconnect.http.server.response_cache import ResponseCache
from ibconnect.projections.upkeep import rebuild
from tests.routes import EMPTY, path_of, target_of
from tests.serving import DU1, Served, admin, at, build_world, serving

QUERIES = {"/v1/accounts/{AccountCode}/history": "?tag=NetLiquidation&tag=CashBalance&currency=EUR"}
PATHS = [
    path_of(route, Timestamp=at(2)) + QUERIES[route.path]
    if route.path in QUERIES
    else target_of(route, Timestamp=at(2))
    for route in ROUTES
    if "accounts" in route.reports and route.path not in EMPTY
]
VERSION = report_of("accounts").version
REBUILDING = "urn:ibconnect:problem:rebuilding"

Database = psycopg.Connection[tuple[object, ...]]


def unaware(served: Served) -> None:
    """Have the server believe that the tables are its own, and read everything anew."""
    services = served.app[SERVICES]
    services.tables._known["accounts"].current_until = math.inf
    services.part(Lists).kept.clear()
    services.part(Overviews).kept.clear()
    services.part(Reports).cache = ResponseCache(1)


async def answers(served: Served) -> list[tuple[str, int, Any]]:
    """What each route that reads the tables answers: status, and the document or the problem's code."""
    found = []
    for path in PATHS:
        unaware(served)
        async with served.get(path) as response:
            body = await response.json(content_type=None) if response.status != 303 else response.headers["Location"]
            is_told = response.status < 400 or "Retry-After" in response.headers
            found.append((path, response.status, body if response.status < 400 else is_told and body["type"]))
    return found


@pytest.mark.parametrize("statement", ["RENAME COLUMN {column} TO other", "ALTER COLUMN {column} TYPE {other}"])
async def test_whatever_column_is_another_one_is_no_failure(database_url: str, statement: str) -> None:
    build_world(database_url, 3)
    async with serving(database_url) as served:
        right = await answers(served)
        assert {status for _, status, _ in right} == {200, 303}
        with admin(database_url) as connection:
            connection.execute("UPDATE projection SET version = version + 1")
            outcomes = set()
            for table, column, kind in columns(connection):
                with changed(connection, statement, table, column, kind):
                    for expected, found in zip(right, await answers(served), strict=True):
                        is_refused = found[1:] == (503, REBUILDING)
                        assert is_refused or found == expected, (table, column)
                        outcomes.add(is_refused)
            assert outcomes == {True, False}


def columns(connection: Database) -> list[tuple[str, str, str]]:
    """The columns of the snapshot tables but of the one that holds their version."""
    query = """
        SELECT relation.relname, attribute.attname, format_type(attribute.atttypid, NULL)
        FROM pg_class AS relation
        JOIN pg_attribute AS attribute ON attribute.attrelid = relation.oid AND attribute.attnum > 0
        WHERE relation.relnamespace = 'accounts'::regnamespace AND relation.relkind = 'r'
          AND relation.relname NOT IN ('projection', 'account_segment', 'account_ledger')
        ORDER BY 1, 2
    """
    return connection.execute(query).fetchall()  # type: ignore[return-value]


OTHER_TYPE = {"text": "varchar", "integer": "bigint", "smallint": "integer", "bigint": "numeric", "numeric": "text"}


@contextmanager
def changed(connection: Database, statement: str, table: str, column: str, kind: str) -> Iterator[None]:
    """A table in which one column is another one, if there is such a one; then it is as before."""
    if "TYPE" in statement and kind not in OTHER_TYPE:
        yield
        return
    names = {"column": Identifier(column), "other": SQL(OTHER_TYPE.get(kind, kind))}  # type: ignore[arg-type]
    alter = SQL("ALTER TABLE {} ").format(Identifier("accounts", table))
    connection.execute("SET lock_timeout = '20s'")
    drop_views(connection)
    connection.execute(alter + SQL(statement).format(**names))  # type: ignore[arg-type]
    yield
    if "TYPE" in statement:
        back = SQL("ALTER COLUMN {0} TYPE {1} USING {0}::{1}").format(names["column"], SQL(kind))  # type: ignore[arg-type]
    else:
        back = SQL("RENAME COLUMN other TO {}").format(names["column"])
    connection.execute(alter + back)


def drop_views(connection: Database) -> None:
    """Views hold the types of columns."""
    for (name,) in connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall():
        connection.execute(SQL("DROP VIEW {}").format(Identifier("public", str(name))))


async def test_no_report_is_made_of_tables_that_came_after_the_last_look(database_url: str) -> None:
    build_world(database_url, 3)
    async with serving(database_url) as served:
        await answers(served)
        rebuild(database_url)
        with admin(database_url) as connection:
            connection.execute("UPDATE projection SET version = %s", (VERSION + 1,))
            connection.execute("UPDATE account_segment SET net_liquidation = 0")
        found = {path: (status, code) for path, status, code in await answers(served)}
        for path in ("/v1/accounts", f"/v1/accounts/{DU1}/{at(2)}"):
            assert found[path] == (503, REBUILDING)
        unaware(served)
        served.app[SERVICES].tables._known["accounts"].current_until = 0.0
        async with served.get("/readyz") as response:
            ready = await response.json()
        assert (response.status, ready["Ready"]) == (503, False)
        assert f"of version {VERSION + 1}" in ready["Reasons"][0]
