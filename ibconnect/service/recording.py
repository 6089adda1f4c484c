"""What records: the writer of events, the registry of instances, a supervisor for each gateway, Flex statements.

In: the settings, a database that is prepared or may be away. Out: events in the journal and in Postgres. Entered by the
composition root, in a process of its own or beside the others. What it cannot do without is under
:mod:`~ibconnect.service.supervision`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from ibconnect import disks
from ibconnect.cluster.peers import Peers
from ibconnect.cluster.registry import Registry
from ibconnect.config import Config
from ibconnect.database.remembered import is_remembered
from ibconnect.errors import ConfigError
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.writer import Writer
from ibconnect.gateway.supervisor import Supervisor
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.roles import COORDINATION, MONTHS, STATEMENTS, keeper_of
from ibconnect.service import data_directory
from ibconnect.service.months import months_ahead
from ibconnect.service.supervision import Parts, cancelled
from ibconnect.setting_values import GatewayAddress
from ibconnect.troubles import State

# What a clean stop may take: the writer commits or leaves the rest in the spool.
STOP_S = 3.0
# How long a start waits for a database that it knows before it records without.
_MEET_S = 3.0
_ROOM_S = 0.5


@asynccontextmanager
async def recording(
    config: Config, preparing: "asyncio.Future[None]", peers: Peers, parts: Parts | None = None
) -> AsyncIterator[None]:
    """Record the gateways while the context lasts.

    :param preparing: ends when the database that ``config.db_url`` names is prepared; it is waited for, unless an
        earlier start has met that database: then events go to the spool until it is there
    :param peers: how to ask other instances, and where they can ask this one
    :param parts: hears of what dies; without, nobody does anything about it
    :raises PartFailed: something died for good meanwhile
    :raises ConfigError: the spool cannot be written
    """
    parts = parts or Parts()
    await _recordable(config, preparing, parts)
    async with AsyncExitStack() as stack:
        writer = await _entered_writer(stack, config, parts)
        await _entered_supervisors(stack, config, writer, peers, parts)
        yield


async def _recordable(config: Config, preparing: "asyncio.Future[None]", parts: Parts) -> None:
    """Wait until events may be recorded: the database is prepared, or is away and was prepared by an earlier start.

    :raises PartFailed: something died for good meanwhile
    """
    patience = _MEET_S if is_remembered(config.data_dir, config.db_url) else None
    failing = asyncio.ensure_future(parts.failed.wait())
    either: set[asyncio.Future[Any]] = {preparing, failing}
    try:
        await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    finally:
        failing.cancel()
    parts.check()
    if preparing.done():
        preparing.result()
    else:
        observe(Kind.STARTED_WITHOUT_DATABASE)


async def _entered_writer(stack: AsyncExitStack, config: Config, parts: Parts) -> Writer:
    recorder = EventRecorder(stack.enter_context(Datastore(config.db_url)))
    writer = await _made_writer(recorder, config, partial(parts.died, "the writer of events"))
    await writer.start()
    stack.push_async_callback(writer.close, STOP_S)
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


async def _entered_supervisors(
    stack: AsyncExitStack, config: Config, writer: Writer, peers: Peers, parts: Parts
) -> None:
    url = config.db_url
    gateways = [str(address) for address in config.ib_gw]
    registry = Registry(url, config.instance, gateways, config.ib_cid, peers)
    stack.push_async_callback(registry.leave)

    async def keep(address: GatewayAddress) -> None:
        supervisor = Supervisor(address, config, url, writer, registry)
        try:
            await supervisor.run()
        finally:
            heard = registry.on_request
            heard[:] = [tell for tell in heard if getattr(tell, "__self__", None) is not supervisor]

    tasks = [parts.keep(COORDINATION, registry.run), parts.keep(MONTHS, partial(months_ahead, url))]
    tasks += [
        parts.keep(keeper_of(each), partial(keep, each), shown="the keeper of a gateway") for each in config.ib_gw
    ]
    if config.flex_queries:
        # What nobody has asked for is not imported either.
        from ibconnect.service.statements import fetched_by_schedule

        tasks.append(parts.keep(STATEMENTS, partial(fetched_by_schedule, config, url)))
    stack.push_async_callback(cancelled, tasks)
