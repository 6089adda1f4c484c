"""Prometheus metrics: the counters of all processes of this instance, and at each scrape what tables and pools say.

In: the registry of this process, the texts of the others, the database. Out: ``/metrics``. Called by the pipeline.
"""

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from ibconnect import observe
from ibconnect.http.openapi.shared import SERVICE
from ibconnect.http.resources.progress import Applied, Progress
from ibconnect.http.server.call import Call
from ibconnect.http.server.gauges import (
    CONNECTIONS,
    DATABASE_UP,
    EVENT_SEARCHES,
    LAST_COMPLETE_REFRESH,
    POOL_CONNECTIONS,
    POOL_WAITING,
    REFRESH_DUE,
)
from ibconnect.http.server.limits import SCRAPE_SECONDS, SCRAPE_SHARE
from ibconnect.http.server.negotiation import COMMON
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.services import Services
from ibconnect.http.server.tokens import Right
from ibconnect.metrics.exposition import merged, own
from ibconnect.setting_values import parse_schedule
from ibconnect.times import utc_now

_BEGAN = utc_now()


async def metrics(call: Call) -> web.StreamResponse:
    """Everything, in Prometheus' text format."""
    _look_at_process(call.services)
    seconds = _patience(call.request)
    found, others = await asyncio.gather(
        call.services.part(Progress).look(seconds), call.services.instance.others.metrics(seconds)
    )
    DATABASE_UP.set(found.is_up)
    _show_applied(found.applied)
    _show_refreshed(call.services, found.refreshed)
    _show_conflicts(call.services, found.conflicts)
    headers = {**COMMON, "Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"}
    text = merged([own(call.services.instance.process), *others])
    return web.Response(body=text.encode(), headers=headers)


def _patience(request: web.Request) -> float:
    """How long the database may take, so that the scraper is still there."""
    try:
        given = float(request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", ""))
    except ValueError:
        return SCRAPE_SECONDS
    return min(SCRAPE_SECONDS, max(0.0, given * SCRAPE_SHARE))


def _look_at_process(services: Services) -> None:
    for pool in services.pools:
        stats = pool.get_stats()
        idle, size = stats.get("pool_available", 0), stats.get("pool_size", 0)
        POOL_CONNECTIONS.labels(pool.name, "idle").set(idle)
        POOL_CONNECTIONS.labels(pool.name, "busy").set(size - idle)
        if pool is not services.part(Progress).pool:
            # What waits there is this question itself, while Postgres is away.
            POOL_WAITING.labels(pool.name).set(stats.get("requests_waiting", 0))
    for part in services.parts.values():
        part.measure()
    EVENT_SEARCHES.set(services.scans.open)
    CONNECTIONS.set(services.crowd.open)


def _show_applied(applied: Applied | None) -> None:
    """What is not known is no number: an old one, or none, would look like all is well."""
    known: tuple[float, ...] = (math.nan,) * len(Applied._fields) if applied is None else applied
    position, lag_events, lag_seconds, poisoned = known
    observe.PROJECTION_POSITION.set(position)
    observe.PROJECTION_LAG_EVENTS.set(lag_events)
    observe.PROJECTION_LAG_SECONDS.set(lag_seconds)
    observe.PROJECTION_POISON.set(poisoned)


def _show_refreshed(services: Services, refreshed: Mapping[str, datetime] | None) -> None:
    """Of the gateways that this instance has configured, and no others. Without an answer the last one holds."""
    known = services.part(Progress).refreshed
    known.update(refreshed or {})
    LAST_COMPLETE_REFRESH.clear()
    REFRESH_DUE.clear()
    for gateway in services.gateways:
        ended = known.get(gateway)
        LAST_COMPLETE_REFRESH.labels(gateway).set(ended.timestamp() if ended else 0)
        REFRESH_DUE.labels(gateway).set(_due(services.config.acct_ref, ended))


def _show_conflicts(services: Services, conflicts: Mapping[str, int] | None) -> None:
    """Of the same gateways. Without an answer it is not known."""
    observe.ACCOUNT_CONFLICTS.clear()
    for gateway in services.gateways:
        count = math.nan if conflicts is None else conflicts.get(gateway, 0)
        observe.ACCOUNT_CONFLICTS.labels(gateway).set(count)


@lru_cache(maxsize=64)
def _due(schedule: str, ended: datetime | None) -> float:
    if ended is None:
        return _BEGAN.timestamp()
    due: datetime | None = parse_schedule(schedule).next(
        now=ended.astimezone(UTC), default_utc=True, return_datetime=True
    )
    return math.inf if due is None else due.timestamp()


ROUTES: tuple[Route, ...] = (
    Route(
        path="/metrics",
        name="getMetrics",
        handler=metrics,
        tag=SERVICE,
        right=Right.METRICS,
        summary="Prometheus metrics",
        description=(
            "Counters of this instance and the state of its database, of all accounts together. A limited token needs "
            "the right `metrics`."
        ),
        answers={200: Answer("The metrics", {"text/plain": "Text"})},
        media=("text/plain",),
    ),
)

RESOURCE = Resource(ROUTES, parts=(Progress,), is_operational=True)
