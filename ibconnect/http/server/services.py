"""What all requests of one application share: settings, pools, caches; opened and closed with the application.

In: the settings, and what the resources keep (:class:`Part`). Out: the services that every request is given. Called by
:mod:`ibconnect.http.app`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self, TypeVar

from aiohttp import web

from ibconnect.config import Config
from ibconnect.database.deadlines import ended
from ibconnect.database.pools import async_pool
from ibconnect.http.server.access_log import AccessLog, as_combined, as_json
from ibconnect.http.server.asked import Asked
from ibconnect.http.server.auth import Guard, follow_tokens, open_guard
from ibconnect.http.server.crowd import Crowd, bounds_of
from ibconnect.http.server.db import FairPool, Pool
from ibconnect.http.server.holders import Company
from ibconnect.http.server.limits import POOL_MAX, POOL_MIN, SCAN_CONNECTIONS, STATEMENT_TIMEOUT_MS
from ibconnect.http.server.links import Links
from ibconnect.http.server.others import Others
from ibconnect.http.server.projectors import watch_projectors
from ibconnect.http.server.scans import Scans
from ibconnect.http.server.sessions import Sessions
from ibconnect.http.server.shares import Shares
from ibconnect.http.server.signed_in import SignedIn
from ibconnect.http.server.tables import Tables
from ibconnect.http.server.turns import Gate, Turns
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


class Part:
    """What a resource keeps for all requests of one application: a cache, a wait that many requests join."""

    @classmethod
    def made(cls, services: "Services") -> Self:
        """A new one for an application, nothing of it opened yet."""
        raise NotImplementedError

    async def close(self) -> None:
        """The application ends; the pools are still open."""

    def measure(self) -> None:
        """The metrics are scraped: set the gauges of it."""


Kept = TypeVar("Kept", bound=Part)


@dataclass
class Services:
    """Shared by all requests.

    ``pool`` answers reads; ``writes`` is the primary (the same pool, or another); ``scans`` has connections of its own.
    ``gate``: through it goes what computes for long; ``encoding``: what does so in a thread. ``asked``: describes
    requests in the log.
    """

    config: Config
    instance: Instance
    guard: Guard
    sessions: Sessions
    asked: Asked
    writes: Pool
    pool: Pool
    wakeups: Wakeups
    scans: Scans
    tables: Tables
    access: AccessLog | None
    links: Links
    crowd: Crowd
    shares: Shares
    gate: Gate
    encoding: Turns
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    pools: list[Pool] = field(default_factory=list)
    parts: dict[type[Part], Part] = field(default_factory=dict)

    def part(self, kind: type[Kept]) -> Kept:
        """What a resource keeps."""
        part = self.parts[kind]
        assert isinstance(part, kind)
        return part

    def add_pool(self, name: str, most: int) -> Pool:
        """A further pool of the database that answers reads; opened and closed with the application."""
        pool = _reading_pool(self.config, name, 0, most)
        self.pools.append(pool)
        return pool

    @property
    def gateways(self) -> list[str]:
        """The gateways that this instance could record: none, if it records nothing."""
        return [str(each) for each in self.config.ib_gw] if RECORD in self.instance.roles else []


def make_services(
    config: Config, instance: Instance, parts: Collection[type[Part]], shown_names: frozenset[str]
) -> Services:
    """The services, nothing of them opened yet.

    :param instance: what they answer for
    :param parts: what the resources keep
    :param shown_names: the parameters of a query that the log shows
    :raises ConfigError: tokens are missing or wrong, or there are too few descriptors
    """
    company = Company()
    fair = partial(FairPool, company)
    writes = _pool(config.db_url, "http", kind=fair)
    pool = _reading_pool(config, "http reads", kind=fair) if config.db_read_url else writes
    scans = Scans(_reading_pool(config, "http events", 0, SCAN_CONNECTIONS), company)
    guard = open_guard(config, has_sessions=config.web and instance.is_api)
    asked = Asked(guard, shown_names)
    form = as_json if config.log_format == "json" else as_combined
    services = Services(
        config=config,
        instance=instance,
        guard=guard,
        sessions=Sessions(writes, guard.signed_in or SignedIn(), config.web_session),
        asked=asked,
        writes=writes,
        pool=pool,
        wakeups=Wakeups(),
        scans=scans,
        tables=Tables(pool),
        access=AccessLog(asked, form) if config.access_log else None,
        links=Links(config.public_url),
        crowd=Crowd(bounds_of(config)),
        shares=Shares(guard),
        gate=Gate(company),
        encoding=Turns(1, 1, company),
        pools=list({id(each): each for each in (writes, pool, scans.pool)}.values()),
    )
    services.parts.update({part: part.made(services) for part in parts})
    return services


def _reading_pool(config: Config, name: str, least: int = POOL_MIN, most: int = POOL_MAX, **options: Any) -> Pool:
    """A pool of the database that answers reads, which complains by the setting that names it."""
    setting = "DB_READ_URL" if config.db_read_url else "DB_URL"
    return _pool(config.db_read_url or config.db_url, name, least, most, setting=setting, **options)


def _pool(url: str, name: str, least: int = POOL_MIN, most: int = POOL_MAX, **options: Any) -> Pool:
    timeout = STATEMENT_TIMEOUT_MS
    return async_pool(url, name=name, min_size=least, max_size=most, statement_timeout_ms=timeout, **options)


def running(services: Services) -> Callable[[web.Application], AsyncIterator[None]]:
    """The cleanup context that opens the services with the application and closes them after it."""

    async def context(_: web.Application) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for pool in services.pools:
                await pool.open()
                stack.push_async_callback(pool.close)
            stack.callback(services.crowd.close)
            stack.callback(services.shares.close)
            for part in services.parts.values():
                stack.push_async_callback(part.close)
            stack.push_async_callback(services.tables.close)
            if services.instance.is_api:
                await _background(stack, "listen", services.wakeups.listen(services.config.db_url))
                await _background(stack, "projectors", watch_projectors(services.writes))
            if services.guard.tokens is not None:
                await _background(stack, "tokens", follow_tokens(services.guard, services.config.api_tokens_file))
                if services.guard.signed_in is not None and services.instance.is_api:
                    await _background(stack, "sessions", services.sessions.follow())
            yield

    return context


async def _background(stack: AsyncExitStack, name: str, work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work, name=f"http {name}")
    task.add_done_callback(_log_failure)

    async def stop() -> None:
        await ended(task)

    stack.push_async_callback(stop)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (exc := task.exception()) is not None:
        observe(Kind.BACKGROUND_FAILED, task=task.get_name(), error=exc)
