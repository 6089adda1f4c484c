"""Keeps one gateway recorded: leads or waits, connects and reconnects, has the collectors ask.

In: an address, the schedule, requests, what the gateway says. Out: recorded sessions, one after the other, and
reports of the gateway's state. One supervisor per gateway and process, started by the service; it never ends by
itself and disturbs no other supervisor.
"""

import asyncio
import math
from contextlib import suppress
from typing import Any

from ibconnect import observe as o
from ibconnect.backoff import Backoff
from ibconnect.cluster.election import Election
from ibconnect.cluster.lease import Lease
from ibconnect.cluster.registry import Registry, Request
from ibconnect.config import Config
from ibconnect.errors import EventError, GatewayError, GatewayUnavailable, HandshakeUnfinished
from ibconnect.events.journal import JournalFull
from ibconnect.events.writer import Writer
from ibconnect.gateway import gap
from ibconnect.gateway.collecting import Collecting
from ibconnect.gateway.collectors.collector import Home
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.flood import Flood
from ibconnect.gateway.open_sessions import OpenSessions
from ibconnect.gateway.refresh_queue import QueuedRefresh, RefreshQueue
from ibconnect.gateway.reports import Reports
from ibconnect.gateway.schedule import Schedule
from ibconnect.gateway.transport import ACCOUNTS, NOTICE
from ibconnect.observe import Kind, observe
from ibconnect.setting_values import GatewayAddress

# How long the end of a session may take to be stored before the gateway is left to another instance.
_SETTLE_S = 1.0
_WATCH_S = 1.0
# A predecessor that is cut off from the database keeps the gateway's one place for our client id until it steps down.
_TAKE_OVER_S, _TAKE_OVER_PAUSE_S = 5.0, 0.4
_ORPHANS_S = 10.0
# A Gateway 10.41 lets nobody in any more after handshakes that did not end, so the next one is not begun soon.
UNFINISHED_S, LONGEST_UNFINISHED_S = 10.0, 30.0
_FULL_S = 0.5
# A gateway may list other accounts as often as it likes; each time everything is asked for anew, so often at most.
_ACCOUNTS_S = 5.0


class Supervisor:
    """See the module. ``run`` is its life."""

    def __init__(
        self, address: GatewayAddress, config: Config, url: str, writer: Writer, coordination: Registry
    ) -> None:
        self.name = str(address)
        self._address = address
        self._config = config
        self._url = url
        self._writer = writer
        self._coordination = coordination
        self._open_sessions = OpenSessions(self.name, url, writer, coordination)
        self._reports = Reports(self.name, coordination)
        self._queue = RefreshQueue()
        self._collecting = Collecting(self.name, Home(config, coordination, self._queue), self._on_collecting)
        self._backoff = Backoff()
        self._unfinished = Backoff(UNFINISHED_S, LONGEST_UNFINISHED_S)
        self._handshake_at = float("-inf")
        self._listed = frozenset[str]()
        self._flood = Flood(self.name, config)
        self._relisted_at = float("-inf")
        self._relisting: asyncio.TimerHandle | None = None
        self._connection: Connection | None = None
        self._ending = ("stopped", "")

    async def run(self) -> None:
        """Keep the gateway, until cancelled."""
        self._coordination.on_request.append(self._on_request)
        try:
            await self._run()
        finally:
            self._flood.forget()
            if self._relisting is not None:
                self._relisting.cancel()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks, Lease(self._url, self.name) as lease:
            tasks.create_task(self._follow_schedule())
            election = Election(lease, self._coordination, self.name)
            while True:
                await election.begin()
                try:
                    await self._lead(election)
                except Exception as exc:  # noqa: BLE001 - a gateway that nobody keeps is worse than any failure
                    observe(Kind.KEEPER_FAILED, gateway=self.name, error=exc)
                    await asyncio.sleep(self._backoff.wait())
                await election.left()

    async def _lead(self, election: Election) -> None:
        self._ending = ("stopped", "")
        ending = asyncio.ensure_future(election.end())
        recording = asyncio.ensure_future(self._record(election))
        try:
            await asyncio.wait({ending, recording}, return_when=asyncio.FIRST_COMPLETED)
            if recording.done():
                recording.result()
            self._ending = ("deposed", ending.result())
        finally:
            if self._connection is not None:
                # At once: a collector that takes its time to end must not make two of us record.
                self._connection.close(*self._ending)
            await _cancelled(ending, recording)
            self._coordination.no_longer_leads(self.name)
            with suppress(TimeoutError):
                async with asyncio.timeout(_SETTLE_S):
                    await self._writer.flushed()
        observe(Kind.LEADER_DEPOSED, gateway=self.name, reason=self._ending[1])

    async def _record(self, election: Election) -> None:
        began = asyncio.get_running_loop().time()
        self._backoff.reset()
        while True:
            if not self._has_room():
                await asyncio.sleep(_FULL_S)
                continue
            if self._flood.rest:
                self._reports.other("waiting", self._flood.detail)
                await asyncio.sleep(self._flood.rest)
            await self._until_handshake()
            if election.is_elected:
                await self._open_sessions.close()
            if await self._session(election):
                self._backoff.reset()
            is_new = asyncio.get_running_loop().time() - began < _TAKE_OVER_S
            await asyncio.sleep(min(self._backoff.wait(), _TAKE_OVER_PAUSE_S if is_new else math.inf))

    async def _until_handshake(self) -> None:
        """Leave the gateway alone for a while after a handshake that did not end, whoever broke it off."""
        await asyncio.sleep(max(0.0, self._handshake_at - asyncio.get_running_loop().time()))

    def _has_room(self) -> bool:
        try:
            if self._writer.has_room_for(self.name):
                self._writer.end_sessions()
                return True
        except JournalFull:
            pass
        self._reports.other("waiting", "the spool is full")
        return False

    async def _session(self, election: Election) -> bool:
        connection = self._connection = Connection(
            self._address,
            self._config.ib_cid,
            self._writer,
            self._coordination.instance,
            self._flood.allowance,
            steering=self._collecting.steering,
        )
        self._reports.connecting()
        try:
            await connection.open()
        except (GatewayUnavailable, EventError) as exc:
            if isinstance(exc, HandshakeUnfinished):
                self._handshake_at = asyncio.get_running_loop().time() + self._unfinished.wait()
            self._flood.ended(connection)
            self._reports.notice(connection)
            self._reports.other("unavailable", str(exc), kind=Kind.GATEWAY_UNAVAILABLE)
            return False
        self._unfinished.reset()
        election.admitted()
        watching = [
            asyncio.ensure_future(each) for each in (connection.keep_alive(), self._watch(connection, election))
        ]
        try:
            with connection.watching(self._on_message), suppress(GatewayError):
                gap.record(self._writer.notes, connection)
                self._flood.begun(connection)
                await self._stay(connection)
        finally:
            election.dropped()
            connection.close(*self._ending)
            await _cancelled(*watching)
            self._flood.ended(connection)
            o.GATEWAY_CONNECTED.labels(self.name).set(0)
        self._reports.other("disconnected", connection.lost.result(), kind=Kind.GATEWAY_LOST)
        return connection.session.unrecorded is None

    async def _watch(self, connection: Connection, election: Election) -> None:
        """Notice when the event store takes no more of this session; close what dead instances left open."""
        loop = asyncio.get_running_loop()
        began = looked = loop.time()
        while True:
            await asyncio.sleep(_WATCH_S)
            connection.probe()
            self._flood.look(connection, loop.time() - began)
            if self._writer.is_fenced(connection.session.id):
                connection.close("fenced", "the event store takes no more of this session")
            if election.is_elected and loop.time() - looked >= _ORPHANS_S:
                looked = loop.time()
                await self._open_sessions.close(connection.session.id)

    async def _stay(self, connection: Connection) -> None:
        o.GATEWAY_CONNECTED.labels(self.name).set(1)
        o.GATEWAY_CONNECTS.labels(self.name).inc()
        self._reports.connected(connection, self._collecting.detail, Kind.GATEWAY_CONNECTED)
        self._reports.notice(connection)
        connection.freshness.on_change.append(lambda: self._note_connectivity(connection))
        if connection.connectivity.is_stale:
            # It said so with its greeting.
            self._note_connectivity(connection)
        self._listed = frozenset(connection.accounts)
        await self._collecting.run(connection)

    def _on_message(self, number: int, _: list[str]) -> None:
        connection = self._connection
        if connection is None:
            return
        if number == ACCOUNTS:
            # It comes at each refresh, too: only others than before are news.
            known, self._listed = self._listed, frozenset(connection.accounts)
            if self._listed != known:
                self._want_accounts()
        elif number == NOTICE:
            self._reports.notice(connection)

    def _want_accounts(self) -> None:
        """Want the accounts of another list, if need be a little later."""
        loop = asyncio.get_running_loop()
        due = self._relisted_at + _ACCOUNTS_S
        if self._relisting is not None:
            return
        if loop.time() >= due:
            self._relist()
        else:
            self._relisting = loop.call_at(due, self._relist)

    def _relist(self) -> None:
        self._relisted_at, self._relisting = asyncio.get_running_loop().time(), None
        self._queue.add(QueuedRefresh("accounts"))

    def _note_connectivity(self, connection: Connection) -> None:
        if connection.connectivity.is_stale:
            code, text = connection.connectivity.why
            detail = f"the gateway has lost its connection to IB ({code}: {text})"
            self._reports.other("stale", detail, kind=Kind.GATEWAY_STALE, connected=True)
        else:
            self._queue.add(QueuedRefresh("restored"))
            self._reports.connected(connection, self._collecting.detail, Kind.GATEWAY_FRESH)

    def _on_collecting(self) -> None:
        connection = self._connection
        if connection is not None and not connection.lost.done() and not connection.connectivity.is_stale:
            self._reports.connected(connection, self._collecting.detail)

    def _on_request(self, request: Request) -> None:
        """Somebody wants fresh figures: of all accounts, or of some, which this gateway may have or not."""
        if request.gateways is not None and self.name not in request.gateways:
            return
        listed = frozenset(self._connection.accounts) if self._connection is not None else frozenset()
        accounts = None if request.accounts is None else request.accounts & listed
        if accounts is None or accounts:
            self._queue.add(QueuedRefresh("request", request.asked, accounts, request.id, request.holder))

    async def _follow_schedule(self) -> None:
        async for tick in Schedule(self._config.acct_ref).ticks():
            self._queue.add(QueuedRefresh("schedule", tick))


async def _cancelled(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
