"""Prometheus metrics: the counters of all processes of this instance, and at each scrape what tables and pools say."""

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from aiohttp import web
from prometheus_client import Gauge
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from ibconnect import observe
from ibconnect.http.resources.progress import Applied
from ibconnect.http.server.call import Call
from ibconnect.http.server.limits import SCRAPE_SECONDS, SCRAPE_SHARE
from ibconnect.http.server.negotiation import COMMON
from ibconnect.http.server.services import Services, gateways_of
from ibconnect.metrics.exposition import merged, own
from ibconnect.setting_values import parse_schedule
from ibconnect.times import utc_now

DATABASE_UP = Gauge("ibconnect_database_up", "1 if the database answered the scrape.")
POOL_CONNECTIONS = Gauge("ibconnect_pool_connections", "Connections of the HTTP server's pools.", ["pool", "state"])
POOL_WAITING = Gauge("ibconnect_pool_waiting", "Requests that wait for a connection.", ["pool"])
CACHE_BYTES = Gauge("ibconnect_http_cache_bytes", "Reports kept ready to send, compressed forms included.")
LIVE_STREAMS = Gauge("ibconnect_http_live_streams", "Live streams of events that are open.")
CONNECTIONS = Gauge("ibconnect_http_connections", "Connections of clients that are open.")
EVENT_SEARCHES = Gauge("ibconnect_http_event_searches", "Searches of events that are open.")
LAST_COMPLETE_REFRESH = Gauge(
    "ibconnect_last_complete_refresh_timestamp_seconds",
    "When all accounts of the gateway were last refreshed, seconds since the epoch; 0: not yet.",
    ["gateway"],
)
REFRESH_DUE = Gauge(
    "ibconnect_refresh_due_timestamp_seconds",
    "When ACCT_REF next wanted, or wants, a refresh after the last complete one; without one: when this process began.",
    ["gateway"],
)
_BEGAN = utc_now()


async def metrics(call: Call) -> web.StreamResponse:
    """Everything, in Prometheus' text format."""
    _look_at_process(call.services)
    seconds = _patience(call.request)
    others = asyncio.ensure_future(call.services.instance.others.metrics(seconds))
    found = await call.services.progress.look(seconds)
    DATABASE_UP.set(found.is_up)
    _show_applied(found.applied)
    _show_refreshed(call.services, found.refreshed)
    _show_conflicts(call.services, found.conflicts)
    headers = {**COMMON, "Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"}
    text = merged([own(call.services.instance.process), *await others])
    return web.Response(body=text.encode(), headers=headers)


def _patience(request: web.Request) -> float:
    """How long the database may take, so that the scraper is still there."""
    try:
        given = float(request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", ""))
    except ValueError:
        return SCRAPE_SECONDS
    return min(SCRAPE_SECONDS, max(0.0, given * SCRAPE_SHARE))


def _look_at_process(services: Services) -> None:
    for pool in {services.pool, services.writes, services.scans.pool, services.progress.pool}:
        stats = pool.get_stats()
        idle, size = stats.get("pool_available", 0), stats.get("pool_size", 0)
        POOL_CONNECTIONS.labels(pool.name, "idle").set(idle)
        POOL_CONNECTIONS.labels(pool.name, "busy").set(size - idle)
        if pool is not services.progress.pool:
            # What waits there is this question itself, while Postgres is away.
            POOL_WAITING.labels(pool.name).set(stats.get("requests_waiting", 0))
    CACHE_BYTES.set(services.reports.size)
    LIVE_STREAMS.set(services.tails.open)
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
    known = services.refreshed
    known.update(refreshed or {})
    LAST_COMPLETE_REFRESH.clear()
    REFRESH_DUE.clear()
    for gateway in gateways_of(services.config, services.instance):
        ended = known.get(gateway)
        LAST_COMPLETE_REFRESH.labels(gateway).set(ended.timestamp() if ended else 0)
        REFRESH_DUE.labels(gateway).set(_due(services.config.acct_ref, ended))


def _show_conflicts(services: Services, conflicts: Mapping[str, int] | None) -> None:
    """Of the same gateways. Without an answer it is not known."""
    observe.ACCOUNT_CONFLICTS.clear()
    for gateway in map(str, services.config.ib_gw):
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
