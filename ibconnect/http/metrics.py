"""Prometheus metrics: the counters of the whole process, and at each scrape what the tables and pools say."""

import psycopg
from aiohttp import web
from prometheus_client import Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from psycopg_pool import PoolTimeout

from ibconnect import observe
from ibconnect.database.sql import queries
from ibconnect.events.wire import time_in
from ibconnect.http import reads
from ibconnect.http.calls import Call
from ibconnect.http.headers import COMMON
from ibconnect.http.problems import Code, Problem
from ibconnect.http.services import Services
from ibconnect.times import to_micros, utc_now

_SQL = queries("http/health")

DATABASE_UP = Gauge("ibconnect_database_up", "1 if the database answered the scrape.")
POOL_CONNECTIONS = Gauge("ibconnect_pool_connections", "Connections of the HTTP server's pools.", ["pool", "state"])
POOL_WAITING = Gauge("ibconnect_pool_waiting", "Requests that wait for a connection.", ["pool"])
CACHE_BYTES = Gauge("ibconnect_http_cache_bytes", "Reports kept ready to send, compressed forms included.")
LIVE_STREAMS = Gauge("ibconnect_http_live_streams", "Live streams of events that are open.")
EVENT_SEARCHES = Gauge("ibconnect_http_event_searches", "Searches of events that are open.")
LAST_COMPLETE_REFRESH = Gauge(
    "ibconnect_last_complete_refresh_timestamp_seconds",
    "When the gateway's newest complete refresh ended, seconds since the epoch.",
    ["gateway"],
)


async def metrics(call: Call) -> web.StreamResponse:
    """Everything, in Prometheus' text format. For limited tokens only with that right: the figures are of all."""
    if not call.principal.has_metrics:
        raise Problem(Code.UNKNOWN_PATH, "this token is limited to accounts, and these figures are of all of them")
    _look_at_process(call.services)
    try:
        await _look_at_tables(call.services.pool)
        DATABASE_UP.set(1)
    except (psycopg.Error, PoolTimeout):
        DATABASE_UP.set(0)
    headers = {**COMMON, "Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"}
    return web.Response(body=generate_latest(), headers=headers)


def _look_at_process(services: Services) -> None:
    for pool in {services.pool, services.writes, services.scans.pool}:
        stats = pool.get_stats()
        idle, size = stats.get("pool_available", 0), stats.get("pool_size", 0)
        POOL_CONNECTIONS.labels(pool.name, "idle").set(idle)
        POOL_CONNECTIONS.labels(pool.name, "busy").set(size - idle)
        POOL_WAITING.labels(pool.name).set(stats.get("requests_waiting", 0))
    CACHE_BYTES.set(services.reports.size)
    LIVE_STREAMS.set(services.tails.open)
    EVENT_SEARCHES.set(services.scans.open)


async def _look_at_tables(pool: reads.Pool) -> None:
    row = await reads.row(pool, _SQL["progress"], {})
    if row is not None:
        position, newest, oldest_state, poisoned = row
        observe.PROJECTION_POSITION.set(position)
        observe.PROJECTION_LAG_EVENTS.set(max(newest - position, 0))
        observe.PROJECTION_LAG_SECONDS.set(_age(oldest_state))
        observe.PROJECTION_POISON.set(poisoned)
    for gateway, ended in await reads.rows(pool, _SQL["last_refreshes"], {}):
        LAST_COMPLETE_REFRESH.labels(gateway).set(to_micros(ended) / 1_000_000)


def _age(state: bytes | None) -> float:
    micros = time_in(state) if state else None
    return 0.0 if micros is None else max(0.0, (to_micros(utc_now()) - micros) / 1_000_000)
