"""Alive and ready: for process supervisors, load balancers and other instances.

In: what the database, this process and the others of its instance say. Out: ``/healthz`` and ``/readyz``. Called by the
pipeline, in every process that listens; nobody needs a token for it.
"""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import psycopg
from aiohttp import web
from psycopg_pool import PoolTimeout

from ibconnect import troubles
from ibconnect.database.migrations import available
from ibconnect.database.sql import queries
from ibconnect.http.openapi.schemas import TEXT, object_of
from ibconnect.http.openapi.shared import SERVICE
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.each_report import of_each_report
from ibconnect.http.server.negotiation import COMMON, JSON
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.observe import Trouble
from ibconnect.roles import RECORD, SUPERVISOR
from ibconnect.status import lasts, of_this_process, reasons

_SQL = queries("http/health")
# Without these an instance is not alive, whatever else of it answers.
_VITAL = (RECORD, SUPERVISOR)


async def alive(call: Call) -> web.StreamResponse:
    """The process answers, and says what other instances ask when they have lost Postgres."""
    instance = call.services.instance
    others = await instance.others.look()
    known = [status.database_seconds for status in others.values() if status is not None]
    seconds = round(max([instance.database_seconds(), *known]), 3)
    body: dict[str, Any] = {"Alive": True, "Instance": call.services.config.instance, "DatabaseSeconds": seconds}
    silent = [name for name, status in others.items() if status is None and name in _VITAL]
    if silent:
        return _json(503, {**body, "Alive": False, "Silent": silent})
    return _json(200, body)


async def ready(call: Call) -> web.StreamResponse:
    """Whether requests can be answered and what is missing if not; and what else is amiss, which does not change that.

    Anybody may read it, so the reasons say nothing of what is stored.
    """
    found = await _found(call)
    body = {"Ready": not found.missing, "Reasons": [*found.missing, *found.amiss]}
    return _json(503 if found.missing else 200, body)


class _Found(NamedTuple):
    """What keeps requests from being answered, and what does not."""

    missing: list[str]
    amiss: list[str]


async def _found(call: Call) -> _Found:
    instance, reads_from = call.services.instance, call.services.config.db_read_url
    found, others = await asyncio.gather(_of_database(call), instance.others.look())
    known = [status for status in others.values() if status is not None]
    # After that, so that what it has found out about Postgres is seen.
    statuses = [of_this_process(instance.process, 0.0, has_metrics=False), *known]
    if found is not None:
        return _Found(found.missing, [*found.amiss, *reasons(statuses)])
    which = "the database of DB_READ_URL" if reads_from else "the database"
    why = "cannot be used" if lasts(statuses, Trouble.DATABASE_REFUSES) else "cannot be reached"
    # That is why the schema waits, and need not be said twice.
    return _Found([f"{which} {why}"], reasons(statuses, but=frozenset({Trouble.DATABASE_WAITS})))


async def _of_database(call: Call) -> _Found | None:
    """What the database lacks; None if it does not answer."""
    services = call.services
    try:
        row = await db.row(services.pool, _SQL["readiness"], {})
        found = _judged(row[0] if row else None)
        if not found.missing and services.instance.is_api:
            found.missing.extend(await services.tables.reasons())
        if not found.missing:
            found.amiss.extend(await _poisoned(services.pool))
    except psycopg.errors.UndefinedTable:
        return _Found(["the database has no schema yet"], [])
    except (psycopg.OperationalError, PoolTimeout):
        return None
    except psycopg.Error as exc:
        return _Found([f"the database refuses to be read: {troubles.brief(exc)}"], [])
    return found


def _judged(migrations: int | None) -> _Found:
    wanted = available()[-1].number
    missing, amiss = [], []
    if migrations is None or migrations < wanted:
        missing.append(f"the database's schema is at version {migrations}, this program needs {wanted}")
    elif migrations > wanted:
        amiss.append(
            f"the database's schema is at version {migrations}, of a newer program: "
            f"this one, which knows {wanted}, cannot be started again"
        )
    return _Found(missing, amiss)


async def _poisoned(pool: db.Pool) -> list[str]:
    try:
        count = sum(number for (number,) in await db.rows(pool, of_each_report(_SQL["poisoned"]), {}))
    except psycopg.errors.UndefinedTable:
        # Those of some report are not there yet.
        count = 0
    if not count:
        return []
    return [
        f"{count} events could not be applied to the snapshot tables and were set aside: ibconnect set-aside lists them"
    ]


def _json(status: int, body: dict[str, Any]) -> web.Response:
    headers = {**COMMON, "Content-Type": "application/json", "Cache-Control": "no-store"}
    return web.Response(status=status, body=orjson.dumps(body), headers=headers)


_ALIVE = object_of(
    "The process answers",
    {
        "Alive": {"type": "boolean"},
        "Instance": {"type": "string", "description": "Which one it is"},
        "DatabaseSeconds": {
            "type": "number",
            "minimum": 0,
            "description": "For how long Postgres has answered what records here, without a break; 0: it does not",
        },
        "Silent": {"type": "array", "items": TEXT, "description": "Processes that run and do not answer"},
    },
    optional=("Silent",),
)
_READY = object_of(
    "Whether requests can be answered",
    {"Ready": {"type": "boolean"}, "Reasons": {"type": "array", "items": TEXT}},
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/healthz",
        name="getHealth",
        handler=alive,
        tag=SERVICE,
        right=None,
        summary="Alive",
        description="The processes answer: which instance they are, and for how long Postgres has answered it.",
        answers={200: Answer("They do", {JSON: "Alive"}), 503: Answer("One hangs", {JSON: "Alive"})},
    ),
    Route(
        path="/readyz",
        name="getReadiness",
        handler=ready,
        tag=SERVICE,
        right=None,
        summary="Ready",
        description="Whether requests can be answered: the database is reachable and its schema is current.",
        answers={200: Answer("Ready", {JSON: "Ready"}), 503: Answer("Not ready, and why", {JSON: "Ready"})},
    ),
)

RESOURCE = Resource(
    ROUTES, {"Alive": _ALIVE, "Ready": _READY}, Path(__file__).with_suffix(".json"), is_operational=True
)
