"""Requests for refreshes, as clients of the REST server make them, and what gateways and time do about them.

In: a database with the world of tests/serving.py. Out: what was requested and answered. Called by tests of refreshes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg

from ibconnect.times import to_micros, utc_now
from tests.projecting import Stream, project, record
from tests.serving import DU1, DU2, EMPTY, GATEWAY, Served, admin, build_world, messages
from tests.waiting import until

FRESH = {"Cache-Control": "max-age=0"}
TOKEN = "a-token-of-one-account-only"
NEW = datetime(2025, 1, 1, tzinfo=UTC)
Connection = psycopg.Connection[tuple[object, ...]]


@contextmanager
def one_snapshot(url: str) -> Iterator[Connection]:
    """A world of one snapshot, and a connection to it."""
    build_world(url, 1)
    with admin(url) as connection:
        yield connection


def requests(connection: Connection) -> list[tuple[int, list[str] | None, list[str]]]:
    """The requests for refreshes that were written: id, accounts (None: all), gateways."""
    query = "SELECT id, accounts, gateways FROM coordination.refresh_request ORDER BY id"
    return [tuple(row) for row in connection.execute(query).fetchall()]  # type: ignore[misc]


def grant(
    url: str,
    request: int,
    gateway: str = GATEWAY,
    *,
    day: int = 0,
    accounts: tuple[str, ...] = (DU1,),
    why: str = "",
    is_for_all: bool = True,
    **facts: object,
) -> None:
    """Record and project a refresh that serves a request, as a gateway's leader and the projector do."""
    instant = to_micros(NEW) + day * 86_400_000_000
    stream = Stream(gateway, at=to_micros(utc_now()))
    stream.message("15", "1", f"{DU1},{DU2},{EMPTY}" if gateway == GATEWAY else ",".join(accounts), timed=True)
    scope = "" if is_for_all else "some"
    stream.own("rs", created=instant, trigger="request", accounts=list(accounts), scope=scope)
    for account in accounts:
        stream.own("as", account=account, source="updates")
        for fields in messages(account, 1):
            stream.message(*fields)
        stream.own("ac", class_version=2, account=account, ended="download-end", request=request, why=why)
    stream.own("re", created=instant, **{"outcome": "complete", "request": request, **facts})
    record(url, stream.events)
    project(url)
    with admin(url) as connection:
        connection.execute("NOTIFY projected")


def asked_ago(connection: Connection, seconds: float, account: str = DU1, *, is_whole: bool = True) -> None:
    """Let an account have been asked for so long ago."""
    connection.execute(
        """
        UPDATE accounts.gateway_account
        SET concluded = clock_timestamp() - make_interval(secs => %s),
            is_whole = %s,
            detail = CASE WHEN %s THEN NULL ELSE 'rejected: 321: No.' END
        WHERE account_id = (SELECT id FROM accounts.account WHERE code = %s)
        """,
        (seconds, is_whole, is_whole, account),
    )


async def latest(served: Served, account: str = DU1, **headers: str) -> tuple[int, str, list[str]]:
    """Status, where it leads, and what could not be refreshed."""
    async with served.get(f"/v1/accounts/{account}", headers=headers or FRESH) as response:
        location = response.headers.get("Location", "").rpartition("/")[2]
        return response.status, location, response.headers.getall("Refresh-Incomplete", [])


async def look(connection: Connection) -> None:
    """Wait until the server has looked once more whether the request is granted."""
    (now,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    looks = """
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE '%%DISTINCT wanted.gateway%%' AND pid <> pg_backend_pid()
            AND query_start > %s AND state = 'idle'
    """

    def has_looked() -> bool:
        connection.execute("NOTIFY projected")
        return connection.execute(looks, (now,)).fetchone() != (0,)

    await until(has_looked, "the server looks again")


async def look_twice(connection: Connection) -> None:
    """Wait until it has surely looked again: had it been content the first time, it would not look a second time."""
    await look(connection)
    await look(connection)
