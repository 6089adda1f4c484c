"""Connections to Postgres: every one in UTC, named after what uses it, with the schemas on its search path.

Called by the event store, the projections, the cluster and the HTTP reads. Any libpq URL works: several hosts,
``target_session_attrs``, ``sslmode``, ``options``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from ibconnect.database import discreet
from ibconnect.database.outages import is_passing
from ibconnect.database.reach import telling
from ibconnect.database_url import place
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.refusals import refusal

LIVE_SCHEMA = "accounts"
LIVE_PATH = f"{LIVE_SCHEMA}, public"
SERVERS_OWN = "pg_catalog"
"""The search_path of whoever may more than others: a function that somebody with fewer rights has put into a schema,
and that fits an expression better than the server's own, would run with these rights."""
CONNECT_TIMEOUT_S = 5
# Whoever needs a connection learns soon that there is none; the pool tries again whenever somebody needs one. Its own
# way, to try less and less often, would go on failing for minutes after Postgres is back.
POOL_TIMEOUT_S = 3.0

# A peer that vanished without a word is noticed within about ten seconds.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


def parameters(url: str, *, name: str, search_path: str = LIVE_PATH, statement_timeout_ms: int = 0) -> dict[str, Any]:
    """libpq parameters for ``url``: what it says itself wins over our defaults."""
    given = conninfo_to_dict(url)
    quoted_path = search_path.replace(" ", r"\ ")
    # Nothing here runs long enough to be worth compiling, whatever the planner makes of sub-queries that hardly run.
    ours = f"-c search_path={quoted_path} -c TimeZone=UTC -c jit=off -c statement_timeout={statement_timeout_ms}"
    options = f"{ours} {given.pop('options', '')}".strip()
    defaults = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": f"ibconnect {name}",
        "client_encoding": "UTF8",
        **_KEEPALIVE,
    }
    return {**defaults, **given, "options": options}


def connect(
    url: str,
    *,
    name: str,
    search_path: str = LIVE_PATH,
    statement_timeout_ms: int = 0,
    autocommit: bool = True,
) -> Connection[TupleRow]:
    """Open one connection for blocking use (threads, command line).

    :raises DatabaseUnavailable: Postgres cannot be reached or refuses the login
    """
    wanted = parameters(url, name=name, search_path=search_path, statement_timeout_ms=statement_timeout_ms)
    try:
        return discreet.Connection[TupleRow].connect(autocommit=autocommit, **wanted)
    except psycopg.OperationalError as exc:
        raise DatabaseUnavailable(_told(exc)) from exc


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Raise errors of the driver as ours; ``doing``: what is done meanwhile, for the message.

    :raises DatabaseUnavailable: the connection broke, or the server cannot do it now
    :raises DatabaseError: Postgres refused a statement (missing rights, for example)
    """
    try:
        yield
    except psycopg.Error as exc:
        kind = DatabaseUnavailable if is_passing(exc) else DatabaseError
        raise kind(f"{doing}: Postgres says: {exc}") from exc


def _told(exc: psycopg.OperationalError) -> str:
    if found := refusal(exc):
        return f"Postgres is there, and {found.reason}: {found.advice} ({exc})"
    return f"cannot connect to Postgres: {exc}"


def async_pool(
    url: str,
    *,
    name: str,
    min_size: int = 1,
    max_size: int = 4,
    statement_timeout_ms: int = 0,
    setting: str = "DB_URL",
    kind: Callable[..., AsyncConnectionPool[AsyncConnection[TupleRow]]] = AsyncConnectionPool,
) -> AsyncConnectionPool[AsyncConnection[TupleRow]]:
    """A pool for the event loop, in autocommit mode, not yet opened (enter it as a context manager).

    :param kind: makes the pool
    :param setting: which setting names the database, for the log when it cannot be reached
    """
    wanted = parameters(url, name=name, statement_timeout_ms=statement_timeout_ms)
    return kind(
        connection_class=telling(place(url, setting)),
        kwargs={**wanted, "autocommit": True},
        min_size=min_size,
        max_size=max_size,
        open=False,
        timeout=POOL_TIMEOUT_S,
        reconnect_timeout=0.0,
        name=name,
    )
