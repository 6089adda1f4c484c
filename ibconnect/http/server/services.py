"""What all requests of one application share: settings, pools, caches; opened and closed with the application."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from aiohttp import web

from ibconnect.config import Config
from ibconnect.database.deadlines import ended
from ibconnect.database.pools import async_pool
from ibconnect.http.resources.progress import Progress
from ibconnect.http.resources.refresh import Refresher
from ibconnect.http.resources.report import ReportReader
from ibconnect.http.resources.tail import Tails
from ibconnect.http.server.access_log import AccessLog, as_combined, as_json
from ibconnect.http.server.auth import Guard, follow_tokens, open_guard
from ibconnect.http.server.crowd import Crowd, bounds_of
from ibconnect.http.server.db import FairPool, Pool
from ibconnect.http.server.holders import Company
from ibconnect.http.server.limits import (
    POOL_MAX,
    POOL_MIN,
    REPORT_CACHE_BYTES,
    SCAN_CONNECTIONS,
    STATEMENT_TIMEOUT_MS,
)
from ibconnect.http.server.links import Links
from ibconnect.http.server.others import Others
from ibconnect.http.server.projectors import watch_projectors
from ibconnect.http.server.response_cache import CachedResponse, ResponseCache
from ibconnect.http.server.scans import Scans
from ibconnect.http.server.shares import Shares
from ibconnect.http.server.tables import Tables
from ibconnect.http.server.turns import Gate
from ibconnect.http.server.wakeups import Wakeups
from ibconnect.observe import Kind, observe
from ibconnect.roles import API, RECORD


@dataclass(frozen=True, slots=True)
class Instance:
    """What this application answers for.

    ``roles``: what the instance does; ``process``: what this process of it is called; ``database_seconds``: for how
    long Postgres has answered what this process records; ``others``: its other processes.
    """

    roles: frozenset[str]
    process: str
    database_seconds: Callable[[], float]
    others: Others

    @property
    def is_api(self) -> bool:
        """Whether the API is served here, not operations alone."""
        return API in self.roles


@dataclass
class Services:
    """Shared by all requests.

    ``pool`` answers reads; ``writes`` is the primary (the same pool, or another); ``scans`` and ``progress`` have
    connections of their own. ``gate``: through it goes what computes for long. ``refreshed``: when each gateway was
    last refreshed completely, as far as was heard.
    """

    config: Config
    guard: Guard
    writes: Pool
    pool: Pool
    wakeups: Wakeups
    refresher: Refresher
    scans: Scans
    tails: Tails
    reader: ReportReader
    tables: Tables
    instance: Instance
    progress: Progress
    access: AccessLog | None
    links: Links
    crowd: Crowd
    shares: Shares
    gate: Gate
    refreshed: dict[str, datetime] = field(default_factory=dict)
    reports: ResponseCache = field(default_factory=lambda: ResponseCache(REPORT_CACHE_BYTES))
    lists: dict[frozenset[str] | None, tuple[object, CachedResponse]] = field(default_factory=dict)
    closing: asyncio.Event = field(default_factory=asyncio.Event)


def make_services(config: Config, instance: Instance) -> Services:
    """The services, nothing of them opened yet.

    :param instance: what they answer for
    :raises ConfigError: tokens are missing or wrong, or there are too few descriptors
    """
    company = Company()
    fair = partial(FairPool, company)
    writes = _pool(config.db_url, "http", kind=fair)
    reading = "DB_READ_URL" if config.db_read_url else "DB_URL"
    pool = _pool(config.db_read_url, "http reads", setting=reading, kind=fair) if config.db_read_url else writes
    wakeups = Wakeups()
    refresher = Refresher(
        writes,
        pool,
        wakeups,
        timeout=config.refresh_timeout,
        floor=config.refresh_floor,
        instance=config.instance,
    )
    looking = _pool(config.db_read_url or config.db_url, "http events", 0, SCAN_CONNECTIONS, setting=reading)
    scans = Scans(looking, company)
    tails, tables = Tails(scans, wakeups), Tables(pool)
    gate = Gate(company)
    reader = ReportReader(pool, tables.vouch, gate)
    progress = Progress(
        _pool(config.db_read_url or config.db_url, "http metrics", 0, 1, setting=reading),
        gateways_of(config, instance),
    )
    guard = open_guard(config)
    form = as_json if config.log_format == "json" else as_combined
    return Services(
        config=config,
        guard=guard,
        writes=writes,
        pool=pool,
        wakeups=wakeups,
        refresher=refresher,
        scans=scans,
        tails=tails,
        reader=reader,
        tables=tables,
        instance=instance,
        progress=progress,
        access=AccessLog(guard, form) if config.access_log else None,
        links=Links(config.public_url),
        crowd=Crowd(bounds_of(config)),
        shares=Shares(guard),
        gate=gate,
    )


def gateways_of(config: Config, instance: Instance) -> list[str]:
    """The gateways that this instance could record: none, if it records nothing."""
    return [str(each) for each in config.ib_gw] if RECORD in instance.roles else []


def _pool(url: str, name: str, least: int = POOL_MIN, most: int = POOL_MAX, **options: Any) -> Pool:
    timeout = STATEMENT_TIMEOUT_MS
    return async_pool(url, name=name, min_size=least, max_size=most, statement_timeout_ms=timeout, **options)


def running(services: Services) -> Callable[[web.Application], AsyncIterator[None]]:
    """The cleanup context that opens the services with the application and closes them after it."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pools = (services.writes, services.pool, services.scans.pool, services.progress.pool)
            for pool in {id(pool): pool for pool in pools}.values():
                await pool.open()
                stack.push_async_callback(pool.close)
            stack.callback(services.crowd.close)
            stack.callback(services.shares.close)
            stack.push_async_callback(services.progress.close)
            stack.push_async_callback(services.refresher.close)
            stack.push_async_callback(services.tails.close)
            stack.push_async_callback(services.tables.close)
            if services.instance.is_api:
                await _background(stack, "listen", services.wakeups.listen(services.config.db_url))
                await _background(stack, "projectors", watch_projectors(services.writes))
            if services.guard.tokens is not None:
                await _background(stack, "tokens", follow_tokens(services.guard, services.config.api_tokens_file))
            yield

    return context


async def _background(stack: AsyncExitStack, name: str, work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work, name=f"http {name}")
    task.add_done_callback(_tell_failure)

    async def stop() -> None:
        await ended(task)

    stack.push_async_callback(stop)


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (exc := task.exception()) is not None:
        observe(Kind.BACKGROUND_FAILED, task=task.get_name(), error=exc)
