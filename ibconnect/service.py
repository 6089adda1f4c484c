"""The composition root: enters every resource in order, leaves in reverse.

embedded Postgres (if no DB_URL) → HTTP → migrations → writer → projector → keepers of gateways. Called by the
command line: :func:`serve_until` is the whole of ``ibconnect serve``.
"""

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from ibconnect import __version__
from ibconnect.config import Config
from ibconnect.database.embedded import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.database.remembered import is_remembered, remember
from ibconnect.database_url import hide_password
from ibconnect.errors import ConfigError, DatabaseUnavailable, EmbeddedPostgresError, ProjectionError
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.writer import Writer
from ibconnect.gateway.backoff import Backoff
from ibconnect.gateway.coordination import Coordination
from ibconnect.gateway.keeper import Keeper
from ibconnect.gateway.peers import Peers
from ibconnect.http.app import create_app, serve
from ibconnect.http.auth import read_tokens
from ibconnect.http.peers import asking
from ibconnect.observe import Kind, observe
from ibconnect.projections.rebuild import rebuild
from ibconnect.projections.runner import Projector
from ibconnect.projections.schema import ensure, needs_rebuild

# What a clean stop may take: the writer commits or leaves the rest in the spool, requests end.
_STOP_S = 3.0
_REBUILD_AGAIN_S = 2.0
# How long a start waits for a database that it knows before it records without.
_MEET_S = 3.0
_WATCH_S = 1.0


@contextmanager
def database(config: Config) -> Iterator[str]:
    """The URL of the database to use: ``DB_URL``, or that of the embedded Postgres while the context lasts."""
    if config.db_url:
        yield config.db_url
        return
    with EmbeddedPostgres(config.data_dir) as server, _watched(server):
        yield server.url


@contextmanager
def _watched(server: EmbeddedPostgres) -> Iterator[None]:
    """Start the embedded server again whenever it is killed (the kernel's out-of-memory killer, somebody's kill)."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_WATCH_S):
            try:
                if server.revive():
                    observe(Kind.DATABASE_REVIVED)
            except EmbeddedPostgresError as exc:
                observe(Kind.DATABASE_LOST, error=exc)

    thread = threading.Thread(target=watch, name="embedded Postgres", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Service:
    """What runs: where it listens, the database it uses, and whether that is up to date."""

    urls: tuple[str, ...]
    db_url: str
    preparing: asyncio.Task[None]


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Service]:
    """Run everything while the context lasts.

    :raises ConfigError: the settings cannot go together
    :raises SchemaError: the database is newer than this code
    """
    read_tokens(config)
    async with AsyncExitStack() as stack:
        url = stack.enter_context(database(config))
        config = replace(config, db_url=url)
        # It answers while it waits for Postgres, if only that it does; and it is the first to end.
        answering = await stack.enter_async_context(AsyncExitStack())
        peers = Peers(await stack.enter_async_context(asking()))
        site = await answering.enter_async_context(serve(create_app(config, peers.seconds), config.host, config.port))
        peers.bound = site.bound
        preparing = asyncio.create_task(_prepared_and_remembered(config))
        stack.push_async_callback(_cancelled, [preparing])
        await _recordable(config, preparing)
        await stack.enter_async_context(recording(config, preparing, peers))
        stack.push_async_callback(answering.aclose)
        # What was made until now stays for good: looking through it again at each full collection would cost a
        # tenth of the time of a cached report.
        gc.collect()
        gc.freeze()
        observe(Kind.SERVICE_STARTED, version=__version__, database=hide_password(url), urls=" ".join(site.urls))
        yield Service(tuple(site.urls), url, preparing)
        observe(Kind.SERVICE_STOPPING)
    observe(Kind.SERVICE_STOPPED)


async def _recordable(config: Config, preparing: asyncio.Task[None]) -> None:
    """Wait until events may be recorded: the database is prepared, or is away and was prepared by an earlier start."""
    if is_remembered(config.data_dir, config.db_url):
        await asyncio.wait({preparing}, timeout=_MEET_S)
        if not preparing.done():
            observe(Kind.STARTED_WITHOUT_DATABASE)
            return
    await preparing


@asynccontextmanager
async def recording(config: Config, preparing: Awaitable[None], peers: Peers) -> AsyncIterator[None]:
    """Record the gateways and project what is recorded while the context lasts: everything but the answers.

    :param preparing: ends when the database that ``config.db_url`` names is :func:`prepared`; until then events stay
        in the spool
    :param peers: how to ask other instances, and where they can ask this one
    :raises ConfigError: the spool's directory cannot be made
    """
    async with AsyncExitStack() as stack:
        writer = await _entered_writer(stack, config, config.db_url)
        _enter_projector(stack, config.db_url, preparing)
        await _entered_keepers(stack, config, config.db_url, writer, peers)
        yield


async def prepared(url: str) -> None:
    """Wait for Postgres, and bring the schema up to date.

    :raises SchemaError: the database is newer than this code
    """
    backoff = Backoff(first=0.25, ceiling=2.0)
    told = False
    while True:
        try:
            for migration in await asyncio.to_thread(migrate, url):
                observe(Kind.DATABASE_MIGRATED, migration=migration.name)
            await asyncio.to_thread(ensure, url)
            return
        except DatabaseUnavailable as exc:
            if not told:
                observe(Kind.DATABASE_LOST, error=exc)
                told = True
            await asyncio.sleep(backoff.wait())


async def _prepared_and_remembered(config: Config) -> None:
    await prepared(config.db_url)
    await asyncio.to_thread(remember, config.data_dir, config.db_url)


async def _entered_writer(stack: AsyncExitStack, config: Config, url: str) -> Writer:
    datastore = stack.enter_context(Datastore(url))
    spool = config.data_dir / "spool"
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"DATA_DIR={str(config.data_dir)!r} cannot hold the spool: {exc}") from exc
    writer = Writer(EventRecorder(datastore), spool, config.spool_max_bytes)
    await writer.start()
    stack.push_async_callback(writer.close, _STOP_S)
    return writer


def _enter_projector(stack: AsyncExitStack, url: str, preparing: Awaitable[None]) -> None:
    projector = Projector(url)

    async def project() -> None:
        await asyncio.shield(preparing)
        while True:
            try:
                if await asyncio.to_thread(needs_rebuild, url):
                    await asyncio.to_thread(rebuild, url)
                projector.start()
                return
            except (DatabaseUnavailable, ProjectionError):
                # Postgres is away, or another instance rebuilds: the tables that there are serve on meanwhile.
                await asyncio.sleep(_REBUILD_AGAIN_S)

    async def stop() -> None:
        await _cancelled([projecting])
        if not projecting.cancelled() and projecting.exception() is None:
            await asyncio.to_thread(projector.stop, _STOP_S)

    projecting = asyncio.create_task(project())
    projecting.add_done_callback(_report_failure)
    stack.push_async_callback(stop)


async def _entered_keepers(stack: AsyncExitStack, config: Config, url: str, writer: Writer, peers: Peers) -> None:
    gateways = [str(address) for address in config.ib_gw]
    coordination = Coordination(url, config.instance, gateways, config.ib_cid, peers)
    stack.push_async_callback(coordination.leave)
    keepers = [Keeper(address, config, url, writer, coordination) for address in config.ib_gw]
    tasks = [asyncio.create_task(coordination.run()), *(asyncio.create_task(keeper.run()) for keeper in keepers)]
    stack.push_async_callback(_cancelled, tasks)
    for task in tasks:
        task.add_done_callback(_report_failure)


def _report_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        observe(Kind.BACKGROUND_FAILED, error=error)


async def _cancelled(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def stop_event() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def serve_until(
    stop: asyncio.Event, config: Config, on_started: Callable[[Service], None] = lambda service: None
) -> None:
    """Run everything until ``stop`` is set, also if that happens while it still waits for Postgres.

    :raises IbConnectError: it could not be started
    """
    started = asyncio.Event()

    async def live() -> None:
        async with running(config) as service:
            on_started(service)
            started.set()
            await asyncio.wait({stopping, service.preparing}, return_when=asyncio.FIRST_COMPLETED)
            if service.preparing.done():
                service.preparing.result()
                await stop.wait()

    stopping, living = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(live())
    try:
        await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not started.is_set():
            living.cancel()
        with suppress(asyncio.CancelledError):
            await living
    finally:
        await _cancelled([living, stopping])
