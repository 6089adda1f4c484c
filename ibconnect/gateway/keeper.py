"""Keeps one gateway recorded: leads or waits, connects and reconnects, refreshes when somebody wants it.

In: an address, the schedule, requests, what the gateway says. Out: recorded sessions, one after the other, and
reports of the gateway's state. One keeper per gateway and process, started by the service; it never ends by
itself and disturbs no other keeper.
"""

import asyncio
from contextlib import suppress
from typing import Any

from ibconnect import observe as o
from ibconnect.config import Config, GatewayAddress
from ibconnect.errors import DatabaseUnavailable, EventError, GatewayError, GatewayUnavailable
from ibconnect.events.orphans import close_orphans
from ibconnect.events.writer import Writer
from ibconnect.gateway.backoff import Backoff
from ibconnect.gateway.client import ACCOUNTS, NOTICE
from ibconnect.gateway.coordination import Coordination
from ibconnect.gateway.download import Patience
from ibconnect.gateway.leadership import Leadership
from ibconnect.gateway.link import Link
from ibconnect.gateway.refresh import Refresher, Walk
from ibconnect.gateway.schedule import Schedule
from ibconnect.gateway.wishes import Wish, Wishes
from ibconnect.observe import Kind, observe
from ibconnect.times import to_micros

# IB's documentation, "System message codes": connectivity lost; restored, data lost; restored, data maintained.
_LOST, _RESTORED = "1100", ("1101", "1102")
_FARM_NOTICES = frozenset({"2103", "2104", "2105", "2106", "2107", "2108", "2119", "2157", "2158"})

_CHECK_S = 1.0
# A leader that lost the database but has a peer which may have it steps down after this long.
_STEP_DOWN_S = 2.0


class Keeper:
    """See the module. ``run`` is its life."""

    def __init__(
        self, address: GatewayAddress, config: Config, url: str, writer: Writer, coordination: Coordination
    ) -> None:
        self.name = str(address)
        self._address = address
        self._config = config
        self._url = url
        self._writer = writer
        self._coordination = coordination
        self._patience = Patience(config.download_timeout, config.quiet_time)
        self._wishes = Wishes()
        self._backoff = Backoff()
        self._retry = Backoff(first=60.0, ceiling=3600.0)
        self._told: str | None = None
        self._is_stale = False
        self._link: Link | None = None

    async def run(self) -> None:
        """Keep the gateway, until cancelled."""
        self._coordination.on_request.append(self._on_request)
        async with asyncio.TaskGroup() as tasks, Leadership(self._url, self.name) as leadership:
            tasks.create_task(self._follow_schedule())
            campaign = Backoff(first=0.2, ceiling=2.0)
            while True:
                if not await _won(leadership):
                    await asyncio.sleep(campaign.wait())
                    continue
                campaign.reset()
                observe(Kind.LEADER_ELECTED, gateway=self.name)
                await self._lead(leadership)
                observe(Kind.LEADER_DEPOSED, gateway=self.name)
                await leadership.close()

    async def _lead(self, leadership: Leadership) -> None:
        leading = asyncio.ensure_future(self._until_deposed(leadership))
        recording = asyncio.ensure_future(self._record())
        try:
            await asyncio.wait({leading, recording}, return_when=asyncio.FIRST_COMPLETED)
            if recording.done():
                recording.result()
        finally:
            await _cancelled(leading, recording)
            self._coordination.no_longer_leads(self.name)

    async def _until_deposed(self, leadership: Leadership) -> None:
        loop = asyncio.get_running_loop()
        held_at = loop.time()
        while True:
            if await leadership.holds():
                held_at = loop.time()
                await asyncio.sleep(_CHECK_S)
                continue
            with suppress(DatabaseUnavailable):
                if not await leadership.campaign() or await self._was_succeeded():
                    return
                continue
            if self._coordination.has_peers and loop.time() - held_at > _STEP_DOWN_S:
                return
            await asyncio.sleep(0.2)

    async def _was_succeeded(self) -> bool:
        former = await self._coordination.former_session(self.name)
        return former is not None and self._link is not None and former[0] != self._link.session.id

    async def _record(self) -> None:
        while True:
            if not self._writer.has_room:
                await self._report("waiting", "the spool is full")
            elif await self._session():
                self._backoff.reset()
            await asyncio.sleep(self._backoff.wait())

    async def _session(self) -> bool:
        former = await self._coordination.former_session(self.name)
        if former is not None:
            await self._writer.flushed()
            await asyncio.to_thread(close_orphans, self._url, [former[0]])
        link = self._link = Link(self._address, self._config.ib_cid, self._writer, self._coordination.instance)
        await self._report("connecting", session_id=link.session.id)
        try:
            await link.open()
        except (GatewayUnavailable, EventError) as exc:
            await self._report("unavailable", str(exc), kind=Kind.GATEWAY_UNAVAILABLE)
            return False
        self._is_stale = False
        keeping = asyncio.ensure_future(link.keep_alive())
        try:
            with link.watching(self._on_message):
                await self._stay(link)
        finally:
            link.close("stopped", "")
            await _cancelled(keeping)
            o.GATEWAY_CONNECTED.labels(self.name).set(0)
        await self._report("disconnected", link.lost.result(), kind=Kind.GATEWAY_LOST)
        return True

    async def _stay(self, link: Link) -> None:
        o.GATEWAY_CONNECTED.labels(self.name).set(1)
        o.GATEWAY_CONNECTS.labels(self.name).inc()
        await self._report_connected(link, Kind.GATEWAY_CONNECTED)
        self._wishes.add(Wish("start"))
        refresher = Refresher(link, self._patience)
        while not link.lost.done():
            wish = asyncio.ensure_future(self._wishes.take())
            watched: set[asyncio.Future[Any]] = {wish, link.lost}
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not wish.done():
                await _cancelled(wish)
                return
            with suppress(GatewayError):
                self._follow_up(await self._refresh(link, refresher, wish.result()))

    async def _refresh(self, link: Link, refresher: Refresher, wish: Wish) -> Walk:
        created = link.session.now() if wish.created is None else to_micros(wish.created)
        walk = await refresher.run(
            wish.trigger, created, lambda: self._coordination.latest_request, is_stale=self._is_stale
        )
        if set(walk.accounts) == set(link.accounts):
            self._wishes.drop("accounts")
        return walk

    def _follow_up(self, walk: Walk) -> None:
        if self._is_stale or not (walk.missing or walk.not_ready):
            self._retry.reset()
            return
        asyncio.get_running_loop().call_later(self._retry.wait(), self._wishes.add, Wish("retry"))

    def _on_message(self, number: int, fields: list[str]) -> None:
        link = self._link
        if link is None:
            return
        if number == ACCOUNTS:
            self._wishes.add(Wish("accounts"))
        elif number == NOTICE and fields[3] not in _FARM_NOTICES:
            self._spawn(self._coordination.report_notice(self.name, fields[3], fields[4]))
            self._note_connectivity(link, fields[3])

    def _note_connectivity(self, link: Link, code: str) -> None:
        if code == _LOST and not self._is_stale:
            self._is_stale = True
            observe(Kind.GATEWAY_STALE, gateway=self.name)
            self._spawn(self._report("stale", "the gateway lost its connection to IB", connected=True))
        elif code in _RESTORED:
            self._is_stale = False
            self._wishes.add(Wish("restored"))
            self._spawn(self._report_connected(link, Kind.GATEWAY_FRESH))

    def _on_request(self, _: int) -> None:
        self._spawn(self._want_requested())

    async def _want_requested(self) -> None:
        request = self._coordination.latest_request
        asked = await self._coordination.asked_at(request) if request else None
        self._wishes.add(Wish("request", asked))

    async def _follow_schedule(self) -> None:
        async for tick in Schedule(self._config.acct_ref).ticks():
            self._wishes.add(Wish("schedule", tick))

    async def _report_connected(self, link: Link, kind: Kind) -> None:
        await self._report(
            "connected",
            kind=kind,
            connected=True,
            session_id=link.session.id,
            server_version=link.server_version,
        )

    async def _report(self, state: str, detail: str = "", kind: Kind | None = None, **facts: Any) -> None:
        if kind is not None and self._told != f"{state}: {detail}":
            observe(kind, gateway=self.name, **({"detail": detail} if detail else {}))
        if state != "connecting":
            self._told = f"{state}: {detail}"
        await self._coordination.report(self.name, state, detail, **facts)

    def _spawn(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        _BACKGROUND.add(task)
        task.add_done_callback(_BACKGROUND.discard)


_BACKGROUND: set[asyncio.Future[Any]] = set()


async def _won(leadership: Leadership) -> bool:
    try:
        return await leadership.campaign()
    except DatabaseUnavailable:
        return False


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
