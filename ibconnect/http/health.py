"""Alive, ready, and measured: for process supervisors, load balancers and Prometheus."""

from typing import Any

import orjson
import psycopg
from aiohttp import web
from psycopg_pool import PoolTimeout

from ibconnect.database.migrations import available
from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.http.calls import Call
from ibconnect.http.headers import COMMON

_SQL = queries("http/health")


async def alive(call: Call) -> web.StreamResponse:
    """The process answers, and says what other instances ask when they have lost Postgres."""
    services = call.services
    seconds = round(services.database_seconds(), 3)
    return _json(200, {"Alive": True, "Instance": services.config.instance, "DatabaseSeconds": seconds})


async def ready(call: Call) -> web.StreamResponse:
    """Whether requests can be answered; what is missing if not."""
    reasons = await _missing(call) or await call.services.tables.reasons()
    return _json(503 if reasons else 200, {"Ready": not reasons, "Reasons": reasons})


async def _missing(call: Call) -> list[str]:
    try:
        row = await reads.row(call.services.pool, _SQL["readiness"], {})
    except psycopg.errors.UndefinedTable:
        return ["the database has no schema yet"]
    except (psycopg.OperationalError, PoolTimeout):
        return ["the database cannot be reached"]
    migrations, has_tables = row or (None, False)
    wanted = available()[-1].number
    reasons = []
    if migrations != wanted:
        reasons.append(f"the database's schema is at version {migrations}, this program needs {wanted}")
    if not has_tables:
        reasons.append("the snapshot tables are not there yet")
    return reasons


def _json(status: int, body: dict[str, Any]) -> web.Response:
    headers = {**COMMON, "Content-Type": "application/json", "Cache-Control": "no-store"}
    return web.Response(status=status, body=orjson.dumps(body), headers=headers)
