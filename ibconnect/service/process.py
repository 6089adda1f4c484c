"""The composition root of one process: enters what it does in order, leaves in reverse.

embedded Postgres (if no DB_URL) → HTTP → migrations → projecting → recording. Called by the verbs ``record``,
``project`` and ``api``, each alone, by ``demo`` with all of them in one process, and by the processes that ``ibconnect
serve`` starts (:mod:`~ibconnect.service.child`). What it cannot do without is under
:mod:`~ibconnect.service.supervision`. What a process does not do is not imported: that is a third of its memory.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from socket import socket
from typing import TYPE_CHECKING

from ibconnect import __version__
from ibconnect.cluster.peers import Peers
from ibconnect.config import Config
from ibconnect.database.presence import present
from ibconnect.database.remembered import remember
from ibconnect.database_url import hide_password
from ibconnect.observe import Kind, observe
from ibconnect.roles import ALL, API, PROJECT, RECORD
from ibconnect.service import data_directory
from ibconnect.service.lifetime import lived
from ibconnect.service.postgres import database
from ibconnect.service.preparing import prepared
from ibconnect.service.series import expect
from ibconnect.service.service_manager import LISTENS, NOBODY, ServiceManager
from ibconnect.service.supervision import Parts, cancelled, looking

if TYPE_CHECKING:
    from ibconnect.http.server.others import Ask
    from ibconnect.http.server.site import Site

# The tasks of the HTTP room that it cannot do without, and what people call them.
_LISTENER = {"http listen": "the connection that wakes up waiting requests"}
_TOKENS = {"http tokens": "the watch over API tokens"}


@dataclass(frozen=True, slots=True)
class Service:
    """What runs: where it listens, and the database it uses."""

    urls: tuple[str, ...]
    db_url: str


BeforeRecording = Callable[[Service], Awaitable[None]]
"""What is done when it answers and the database is prepared, before anything is recorded."""


@asynccontextmanager
async def running(
    config: Config,
    parts: Parts | None = None,
    manager: ServiceManager = NOBODY,
    roles: frozenset[str] = ALL,
    before_recording: BeforeRecording | None = None,
) -> AsyncIterator[Service]:
    """Do all of this in this process while the context lasts, and answer at ``HOST`` and ``PORT``.

    :param parts: hears of what dies; without, nobody does anything about it
    :param manager: is notified when it listens and when it ends
    :param before_recording: is waited for before anything is recorded; what is there is projected meanwhile
    :raises PartFailed: something died for good before everything ran
    :raises ConfigError: the settings cannot go together
    :raises DatabaseError: the database is not to be used, as in :func:`prepared`
    """
    parts = parts or Parts()
    data_directory.check(config.data_dir)
    async with AsyncExitStack() as stack:
        url = stack.enter_context(_checked_database(config, roles))
        config = replace(config, db_url=url)
        # It answers while it waits for Postgres, if only that it does; and it is the first to end.
        answers = await stack.enter_async_context(AsyncExitStack())
        peers = await stack.enter_async_context(peering(roles))
        site = await answers.enter_async_context(answering(config, parts, roles, peers.seconds))
        peers.bound = site.bound
        # Not later: whoever waits for that would take a database that is away for a start that fails.
        manager.tell(LISTENS, "STATUS=answering")
        service = Service(tuple(site.urls), url)
        before = partial(before_recording, service) if before_recording is not None else None
        await stack.enter_async_context(working(config, parts, roles, peers, before))
        stack.push_async_callback(answers.aclose)
        keep_what_is_made()
        facts = {"database": hide_password(url), "urls": " ".join(site.urls)}
        alone = {} if roles == ALL else {"roles": " ".join(sorted(roles))}
        observe(Kind.SERVICE_STARTED, version=__version__, **facts, **alone)
        manager.tell("STATUS=running")
        yield service
        observe(Kind.SERVICE_STOPPING)
    observe(Kind.SERVICE_STOPPED)


@contextmanager
def _checked_database(config: Config, roles: frozenset[str]) -> Iterator[str]:
    """The database, once the settings are found right: a wrong one is reported before a server is started."""
    from ibconnect.http.server.auth import read_tokens

    read_tokens(config)
    with database(config) as url:
        yield url


def keep_what_is_made() -> None:
    """What was made until now stays for good: to look through it at each full collection costs a tenth of a report."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def peering(roles: frozenset[str], bound: Sequence[tuple[str, int]] = ()) -> AsyncIterator[Peers]:
    """How to ask other instances, for as long as the context lasts; who does not record asks nobody.

    :param bound: where this instance can be asked
    """
    if RECORD not in roles:
        yield Peers()
        return
    from ibconnect.cluster.probe import asking

    async with asking() as ask:
        peers = Peers(ask)
        peers.bound = bound
        yield peers


@asynccontextmanager
async def answering(
    config: Config,
    parts: Parts,
    roles: frozenset[str] = ALL,
    database_seconds: Callable[[], float] = lambda: 0.0,
    *,
    process: str = "",
    ask: "Ask | None" = None,
    sockets: Sequence[socket] | None = None,
) -> "AsyncIterator[Site]":
    """Answer requests while the context lasts: of the API, or of operations alone.

    :param roles: what this instance does, as far as it is answered for here
    :param process: what this process is called beside others, whom ``ask`` asks
    :param sockets: bound ones to listen on in the place of ``HOST`` and ``PORT``
    :raises ConfigError: the settings cannot go together, or an address cannot be had
    """
    from ibconnect.http.app import create_app, serve
    from ibconnect.http.server.others import nobody

    expect(config, roles)
    app = create_app(config, database_seconds, roles, process, ask or nobody)
    async with serve(app, config.host, config.port, sockets) as site:
        tokens = _TOKENS if config.api_tokens or config.api_tokens_file else {}
        parts.watch_named({**(_LISTENER if API in roles else {}), **tokens})
        yield site


@asynccontextmanager
async def working(
    config: Config,
    parts: Parts,
    roles: frozenset[str],
    peers: Peers,
    before_recording: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[None]:
    """Do everything but answer while the context lasts, in this order: prepare the database, record, project.

    :raises PartFailed: something died for good before everything ran
    :raises ConfigError: the spool cannot be written
    """
    async with AsyncExitStack() as stack:
        look = asyncio.create_task(looking())
        parts.watch("the look after troubles", look)
        stack.push_async_callback(cancelled, [look])
        await stack.enter_async_context(present(config.db_url, config.instance, roles, peers.address))
        if roles & {RECORD, PROJECT}:
            preparing = asyncio.create_task(_prepared_and_remembered(config))
            parts.watch("the preparation of the database", preparing, may_end=True)
            stack.push_async_callback(cancelled, [preparing])
        if PROJECT in roles:
            from ibconnect.service.projecting import projecting

            await stack.enter_async_context(projecting(config.db_url, preparing, parts))
        if RECORD in roles:
            from ibconnect.service.recording import recording

            if before_recording is not None:
                await preparing
                await before_recording()
                parts.check()
            await stack.enter_async_context(recording(config, preparing, peers, parts))
        yield


async def _prepared_and_remembered(config: Config) -> None:
    await prepared(config.db_url)
    await asyncio.to_thread(remember, config.data_dir, config.db_url)


async def serve_until(
    stop: asyncio.Event,
    config: Config,
    on_started: Callable[[Service], None] = lambda service: None,
    manager: ServiceManager = NOBODY,
    on_failed: Callable[[], None] = lambda: None,
    *,
    roles: frozenset[str] = ALL,
    before_recording: BeforeRecording | None = None,
) -> None:
    """Run all of this in this process until ``stop`` is set, also if that happens while it still waits for Postgres.

    :param on_failed: called when something that it cannot do without has died, before it ends for that reason
    :raises PartFailed: something that it cannot do without has died for good
    :raises IbConnectError: it could not be started
    """
    await lived(
        stop, lambda parts: running(config, parts, manager, roles, before_recording), on_started, manager, on_failed
    )
