"""The composition root: enters every resource in order, leaves in reverse.

embedded Postgres (if no DB_URL) → HTTP → migrations → writer → projector → keepers of gateways. Called by the
command line: :func:`serve_until` is the whole of ``ibconnect serve``. What it cannot do without is under
:mod:`~ibconnect.supervision`.
"""

import asyncio
import gc
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ibconnect import __version__, data_directory, disks, troubles
from ibconnect.config import Config
from ibconnect.database.embedded import EmbeddedPostgres
from ibconnect.database.remembered import is_remembered, remember
from ibconnect.database_url import hide_password
from ibconnect.errors import ConfigError
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.writer import Writer
from ibconnect.gateway.coordination import Coordination
from ibconnect.gateway.keeper import Keeper
from ibconnect.gateway.peers import Peers
from ibconnect.http.app import create_app, serve
from ibconnect.http.auth import read_tokens
from ibconnect.http.peers import asking
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.preparing import prepared, tables_made
from ibconnect.projections.runner import Projector
from ibconnect.series import expect
from ibconnect.service_manager import ENDS, LISTENS, NOBODY, ServiceManager
from ibconnect.setting_values import GatewayAddress
from ibconnect.supervision import Parts, looking
from ibconnect.troubles import State, brief

# What a clean stop may take: the writer commits or leaves the rest in the spool, requests end.
_STOP_S = 3.0
# How long a start waits for a database that it knows before it records without.
_MEET_S = 3.0
_WATCH_S = 1.0
_ROOM_S = 0.5
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What ends a service cleanly."""
# The tasks of the HTTP room that it cannot do without, and what people call them.
_LISTENER = {"http listen": "the connection that wakes up waiting requests"}
_TOKENS = {"http tokens": "the watch over API tokens"}
# The parts that are started again when they die.
_PROJECTOR = "the projector of the snapshot tables"
_COORDINATION = "the coordination with other instances"


@contextmanager
def database(config: Config) -> Iterator[str]:
    """The URL of the database to use: ``DB_URL``, or that of the embedded Postgres while the context lasts."""
    if config.db_url:
        yield config.db_url
        return
    data_directory.check(config.data_dir)
    with EmbeddedPostgres(config.data_dir) as server, _watched(server):
        yield server.url


@contextmanager
def _watched(server: EmbeddedPostgres) -> Iterator[None]:
    """Start the embedded server again whenever it is killed (the kernel's out-of-memory killer, somebody's kill)."""
    over = threading.Event()
    down = State(Trouble.EMBEDDED_DOWN)

    def watch() -> None:
        while not over.wait(_WATCH_S):
            try:
                if server.revive():
                    observe(Kind.DATABASE_REVIVED_TO_END if troubles.is_ending() else Kind.DATABASE_REVIVED)
                down.over()
            except Exception as exc:  # noqa: BLE001 - without this thread nobody would ever start it again
                down.note(brief(exc), error=exc)

    thread = threading.Thread(target=watch, name="embedded Postgres", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        down.forget()


@dataclass(frozen=True, slots=True)
class Service:
    """What runs: where it listens, and the database it uses."""

    urls: tuple[str, ...]
    db_url: str


@asynccontextmanager
async def running(
    config: Config, parts: Parts | None = None, manager: ServiceManager = NOBODY
) -> AsyncIterator[Service]:
    """Run everything while the context lasts.

    :param parts: hears of what dies; without, nobody does anything about it
    :param manager: is told when it listens and when it ends
    :raises PartFailed: something died for good before everything ran
    :raises ConfigError: the settings cannot go together
    :raises DatabaseError: the database is not to be used, as in :func:`prepared`
    """
    read_tokens(config)
    data_directory.check(config.data_dir)
    parts = parts or Parts()
    async with AsyncExitStack() as stack:
        url = stack.enter_context(database(config))
        config = replace(config, db_url=url)
        expect(config, [_PROJECTOR, _COORDINATION, *map(_keeper_of, config.ib_gw)])
        # It answers while it waits for Postgres, if only that it does; and it is the first to end.
        answering = await stack.enter_async_context(AsyncExitStack())
        peers = Peers(await stack.enter_async_context(asking()))
        site = await answering.enter_async_context(serve(create_app(config, peers.seconds), config.host, config.port))
        peers.bound = site.bound
        # Not later: whoever waits for that would take a database that is away for a start that fails.
        manager.tell(LISTENS, "STATUS=answering, not yet recording")
        parts.watch_named({**_LISTENER, **(_TOKENS if config.api_tokens or config.api_tokens_file else {})})
        preparing = asyncio.create_task(_prepared_and_remembered(config))
        parts.watch("the preparation of the database", preparing, may_end=True)
        stack.push_async_callback(_cancelled, [preparing])
        await _recordable(config, preparing, parts)
        await stack.enter_async_context(recording(config, preparing, peers, parts))
        stack.push_async_callback(answering.aclose)
        # What was made until now stays for good: looking through it again at each full collection would cost a
        # tenth of the time of a cached report.
        gc.collect()
        gc.freeze()
        observe(Kind.SERVICE_STARTED, version=__version__, database=hide_password(url), urls=" ".join(site.urls))
        manager.tell("STATUS=recording and answering")
        yield Service(tuple(site.urls), url)
        observe(Kind.SERVICE_STOPPING)
    observe(Kind.SERVICE_STOPPED)


async def _recordable(config: Config, preparing: asyncio.Task[None], parts: Parts) -> None:
    """Wait until events may be recorded: the database is prepared, or is away and was prepared by an earlier start.

    :raises PartFailed: something died for good meanwhile
    """
    patience = _MEET_S if is_remembered(config.data_dir, config.db_url) else None
    failing = asyncio.ensure_future(parts.failed.wait())
    try:
        await asyncio.wait({preparing, failing}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        failing.cancel()
    parts.check()
    if preparing.done():
        preparing.result()
    else:
        observe(Kind.STARTED_WITHOUT_DATABASE)


@asynccontextmanager
async def recording(
    config: Config, preparing: "asyncio.Future[None]", peers: Peers, parts: Parts | None = None
) -> AsyncIterator[None]:
    """Record the gateways and project what is recorded while the context lasts: everything but the answers.

    :param preparing: ends when the database that ``config.db_url`` names is :func:`prepared`; until then events stay
        in the spool
    :param peers: how to ask other instances, and where they can ask this one
    :param parts: hears of what dies; without, nobody does anything about it
    :raises ConfigError: the spool cannot be written
    """
    parts = parts or Parts()
    async with AsyncExitStack() as stack:
        look = asyncio.create_task(looking())
        parts.watch("the look after troubles", look)
        stack.push_async_callback(_cancelled, [look])
        writer = await _entered_writer(stack, config, parts)
        _enter_projector(stack, config.db_url, preparing, parts)
        await _entered_keepers(stack, config, writer, peers, parts)
        yield


async def _prepared_and_remembered(config: Config) -> None:
    await prepared(config.db_url)
    await asyncio.to_thread(remember, config.data_dir, config.db_url)


async def _entered_writer(stack: AsyncExitStack, config: Config, parts: Parts) -> Writer:
    recorder = EventRecorder(stack.enter_context(Datastore(config.db_url)))
    writer = await _made_writer(recorder, config, partial(parts.died, "the writer of events"))
    await writer.start()
    stack.push_async_callback(writer.close, _STOP_S)
    return writer


async def _made_writer(recorder: EventRecorder, config: Config, on_death: Callable[[BaseException], None]) -> Writer:
    """The writer, as soon as there is room for its spool: requests are answered meanwhile.

    :raises ConfigError: the spool cannot be written for another reason
    """
    full = State(Trouble.RECORDING_INTERRUPTED)
    try:
        while True:
            try:
                return Writer(
                    recorder,
                    data_directory.spool(config.data_dir),
                    config.spool_max_bytes,
                    on_death,
                    [str(address) for address in config.ib_gw],
                )
            except OSError as exc:
                why = disks.cause(exc, config.data_dir / "spool")
                if not disks.is_full(exc):
                    raise ConfigError(f"DATA_DIR={str(config.data_dir)!r} cannot hold the spool: {why}") from exc
            full.note("there is no room for the spool", error=why)
            await asyncio.sleep(_ROOM_S)
    finally:
        full.forget()


def _enter_projector(stack: AsyncExitStack, url: str, preparing: "asyncio.Future[None]", parts: Parts) -> None:
    async def project() -> None:
        await asyncio.wait({preparing})
        if preparing.cancelled() or preparing.exception() is not None:
            # The service ends for that reason, which is the one to tell.
            await asyncio.Event().wait()
        await tables_made(url)
        await _projected(url)

    stack.push_async_callback(_cancelled, [parts.keep(_PROJECTOR, project)])


def _tell(loop: asyncio.AbstractEventLoop, die: Callable[[BaseException], None], exc: BaseException) -> None:
    with suppress(RuntimeError):  # the loop has ended: nobody is there to be told
        loop.call_soon_threadsafe(die, exc)


async def _projected(url: str) -> None:
    """Apply events until the projector dies of something."""
    loop = asyncio.get_running_loop()
    died: asyncio.Future[None] = loop.create_future()

    def die(exc: BaseException) -> None:
        if not died.done():
            died.set_exception(exc)

    projector = Projector(url, on_death=lambda exc: _tell(loop, die, exc))
    projector.start()
    try:
        await died
    finally:
        await asyncio.to_thread(projector.stop, _STOP_S)


async def _entered_keepers(stack: AsyncExitStack, config: Config, writer: Writer, peers: Peers, parts: Parts) -> None:
    url = config.db_url
    gateways = [str(address) for address in config.ib_gw]
    coordination = Coordination(url, config.instance, gateways, config.ib_cid, peers)
    stack.push_async_callback(coordination.leave)

    async def keep(address: GatewayAddress) -> None:
        keeper = Keeper(address, config, url, writer, coordination)
        try:
            await keeper.run()
        finally:
            heard = coordination.on_request
            heard[:] = [tell for tell in heard if getattr(tell, "__self__", None) is not keeper]

    tasks = [parts.keep(_COORDINATION, coordination.run)]
    tasks += [
        parts.keep(_keeper_of(each), partial(keep, each), shown="the keeper of a gateway") for each in config.ib_gw
    ]
    stack.push_async_callback(_cancelled, tasks)


def _keeper_of(address: GatewayAddress) -> str:
    return f"the keeper of the gateway {address}"


async def _cancelled(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def stop_event() -> asyncio.Event:
    """An event that SIGTERM, SIGINT and SIGHUP (the terminal is gone) set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        troubles.end()
        stop.set()

    for number in STOPS:
        loop.add_signal_handler(number, end)
    return stop


async def serve_until(
    stop: asyncio.Event,
    config: Config,
    on_started: Callable[[Service], None] = lambda service: None,
    manager: ServiceManager = NOBODY,
    on_failed: Callable[[], None] = lambda: None,
) -> None:
    """Run everything until ``stop`` is set, also if that happens while it still waits for Postgres.

    :param on_failed: called when something that it cannot do without has died, before it ends for that reason
    :raises PartFailed: something that it cannot do without has died for good
    :raises IbConnectError: it could not be started
    """
    parts = Parts()
    is_started = False

    async def live() -> None:
        nonlocal is_started
        async with running(config, parts, manager) as service:
            on_started(service)
            is_started = True
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)

    ends = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(parts.failed.wait())}
    living = asyncio.ensure_future(live())
    try:
        await asyncio.wait({living, *ends}, return_when=asyncio.FIRST_COMPLETED)
        manager.tell(ENDS)
        if parts.failed.is_set():
            # It ends by itself; cancelled in the middle of that, it would leave behind what keeps the process alive.
            on_failed()
        elif not is_started:
            living.cancel()
        await asyncio.wait({living})
        parts.check()
        if not living.cancelled():
            living.result()
    finally:
        await _cancelled([living, *ends])
