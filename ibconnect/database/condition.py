"""How a database is: version, clock, schema, and what its role lacks; found out without changing anything.

In: a URL. Out: facts, which :mod:`ibconnect.checking` judges.
"""

import time
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from ibconnect.database.pools import SERVERS_OWN, connect, explained
from ibconnect.database.sql import queries
from ibconnect.database.tables import schema_names
from ibconnect.times import to_micros

_Q = queries("database/condition")
_OWNERSHIP = queries("database/ownership")
_MONTHS = queries("database/months")


class Condition(NamedTuple):
    """What was found. ``schema``: the newest migration; None if there is none, or if it may not be read."""

    version: str
    major: int
    role: str
    is_standby: bool
    is_read_only: bool
    ahead: float
    """Seconds that its clock is ahead of ours."""
    schema: int | None
    missing: list[str]
    owner: str
    """Who is to own the events."""
    recorder: str
    """Who is to own the snapshot tables."""
    months: list[str]
    """Those whose events should have a partition, and have none."""
    strays: int
    """Streams that no month can take, a hundred and one at most."""


def condition(url: str, *, is_for_reads: bool = False) -> Condition:
    """Ask how the database is; ``is_for_reads``: as that of ``DB_READ_URL``, which needs less.

    :raises DatabaseUnavailable: it cannot be reached
    :raises DatabaseError: it does not answer the questions
    """
    with (
        connect(url, name="check", search_path=SERVERS_OWN) as connection,
        explained("it cannot be asked how it is"),
    ):
        connection.execute(_Q["limit_time"])
        return _condition(connection, "missing_rights_of_reads" if is_for_reads else "missing_rights")


def _condition(connection: Connection[Any], rights: str) -> Condition:
    before = time.time_ns()
    ((version, is_standby, is_read_only, role, now),) = connection.execute(_Q["server"]).fetchall()
    middle = (before + time.time_ns()) // 2
    ((_, owner),) = connection.execute(_OWNERSHIP["owner_of_events"]).fetchall()
    ((_, recorder),) = connection.execute(_OWNERSHIP["owner_of_tables"], {"schemas": schema_names()}).fetchall()
    months, strays = _months(connection)
    return Condition(
        version=version,
        major=connection.info.server_version // 10000,
        role=role,
        is_standby=is_standby,
        is_read_only=is_read_only,
        ahead=to_micros(now) / 1e6 - middle / 1e9,
        schema=_schema(connection),
        missing=[what for (what,) in connection.execute(_Q[rights], {"schemas": schema_names()}).fetchall()],
        owner=owner,
        recorder=recorder,
        months=months,
        strays=strays,
    )


def _schema(connection: Connection[Any]) -> int | None:
    try:
        row = connection.execute(_Q["schema"]).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        return None
    return row[0] if row else None


def _months(connection: Connection[Any]) -> tuple[list[str], int]:
    """The months without a partition, and the streams that no month takes; nothing if the role may not read that, or if
    the schema knows no months.
    """
    try:
        months = [f"{month:%Y-%m}" for (month,) in connection.execute(_MONTHS["missing"])]
        ((strays,),) = connection.execute(_Q["strays"]).fetchall()
    except psycopg.errors.ProgrammingError:
        return [], 0
    return months, strays
