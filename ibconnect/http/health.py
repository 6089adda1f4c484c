"""Alive, ready, and measured: for process supervisors, load balancers and Prometheus."""

from typing import Any, NamedTuple

import orjson
import psycopg
from aiohttp import web
from psycopg_pool import PoolTimeout

from ibconnect import troubles
from ibconnect.database.migrations import available
from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.http.calls import Call
from ibconnect.http.headers import COMMON
from ibconnect.observe import Trouble

_SQL = queries("http/health")


async def alive(call: Call) -> web.StreamResponse:
    """The process answers, and says what other instances ask when they have lost Postgres."""
    services = call.services
    seconds = round(services.database_seconds(), 3)
    return _json(200, {"Alive": True, "Instance": services.config.instance, "DatabaseSeconds": seconds})


async def ready(call: Call) -> web.StreamResponse:
    """Whether requests can be answered and what is missing if not; and what else is amiss, which does not change that.

    Anybody may read it, so the reasons tell of nothing that is stored.
    """
    found = await _found(call)
    body = {"Ready": not found.missing, "Reasons": [*found.missing, *found.amiss]}
    return _json(503 if found.missing else 200, body)


class _Found(NamedTuple):
    """What keeps requests from being answered, and what does not."""

    missing: list[str]
    amiss: list[str]


async def _found(call: Call) -> _Found:
    pool = call.services.pool
    try:
        row = await reads.row(pool, _SQL["readiness"], {})
        found = _judged(*(row or (None, False)))
        if not found.missing:
            found.missing.extend(await call.services.tables.reasons())
        if not found.missing:
            found.amiss.extend(await _poisoned(pool))
    except psycopg.errors.UndefinedTable:
        found = _Found(["the database has no schema yet"], [])
    except (psycopg.OperationalError, PoolTimeout):
        # That is why the schema waits, and need not be said twice.
        but = frozenset({Trouble.DATABASE_WAITS})
        is_there = troubles.lasts(Trouble.DATABASE_REFUSES)
        which = "the database of DB_READ_URL" if call.services.config.db_read_url else "the database"
        why = f"{which} cannot be used" if is_there else f"{which} cannot be reached"
        return _Found([why], troubles.lasting(but=but))
    except psycopg.Error as exc:
        found = _Found([f"the database refuses to be read: {troubles.brief(exc)}"], [])
    return _Found(found.missing, [*found.amiss, *troubles.lasting()])


def _judged(migrations: int | None, has_tables: bool) -> _Found:
    wanted = available()[-1].number
    missing, amiss = [], []
    if migrations is None or migrations < wanted:
        missing.append(f"the database's schema is at version {migrations}, this program needs {wanted}")
    elif migrations > wanted:
        amiss.append(
            f"the database's schema is at version {migrations}, of a newer program: "
            f"this one, which knows {wanted}, cannot be started again"
        )
    if not has_tables:
        missing.append("the snapshot tables are not there yet")
    return _Found(missing, amiss)


async def _poisoned(pool: reads.Pool) -> list[str]:
    row = await reads.row(pool, _SQL["poisoned"], {})
    count = row[0] if row else 0
    if not count:
        return []
    return [
        f"{count} events could not be applied to the snapshot tables and were set aside: ibconnect set-aside lists them"
    ]


def _json(status: int, body: dict[str, Any]) -> web.Response:
    headers = {**COMMON, "Content-Type": "application/json", "Cache-Control": "no-store"}
    return web.Response(status=status, body=orjson.dumps(body), headers=headers)
