"""What this instance and the others say to one another through Postgres: requests, gateway states, who is alive.

In: the tables of schema ``coordination``. Out: the latest refresh request, who is alive, which gateway another
should take over; and our own reports. NOTIFY only wakes: the truth is polled. While Postgres is away nothing is
sent, and nothing fails here.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ibconnect import __version__
from ibconnect.backoff import Backoff
from ibconnect.cluster.peers import Peers
from ibconnect.cluster.sightings import Sighting, Sightings
from ibconnect.cluster.unled import Unled
from ibconnect.database import discreet
from ibconnect.database.deadlines import to_its_end, within
from ibconnect.database.notices import notices
from ibconnect.database.pools import parameters
from ibconnect.database.sql import queries
from ibconnect.errors import ConfigError
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.refusals import refusal
from ibconnect.troubles import State, brief

Q = queries("cluster/registry")

_POLL_S = 1.0
_BEAT_S = 2.0
# Between the newest notices of gateways and the next ones.
_NOTICES_S = 0.25
_ANSWER_S = 3.0
# After Postgres was away for all, the others' heartbeats are old until they are back as well; they are not gone.
_REUNION_S = 5.0
# So long a gateway counts as configured after the last living instance with it has said so: its accounts do not become
# another one's because its instance is started again.
REMEMBERED_S = 300.0
# So long a process of our name that is being stopped may still take.
PATIENCE_WITH_NAMESAKE_S = 20.0


class Request(NamedTuple):
    """Somebody (``holder``, as the log names him) wants fresh figures. ``accounts`` and ``gateways``: None for all."""

    id: int
    asked: datetime
    accounts: frozenset[str] | None
    gateways: frozenset[str] | None
    holder: str = ""


class Registry:
    """One per process; :meth:`run` keeps it current for as long as it runs.

    :param gateways: what this instance could record
    :param client_id: its API client id at all of them
    :param peers: learns here who the others are, and says where this instance can be asked
    """

    def __init__(
        self,
        url: str,
        instance: str,
        gateways: Sequence[str] = (),
        client_id: int = 0,
        peers: Peers | None = None,
    ) -> None:
        self._url = url
        self.instance = instance
        self.peers = peers or Peers()
        self.latest_request: int | None = None
        self.are_same_client = True
        """Whether all instances are the same client to the gateways, which then admit one of them at a time."""
        self.own_name: str | None = None
        """This instance's name, once Postgres has confirmed that no other process has it."""
        self.surplus: str | None = None
        """A gateway that we record and another instance should."""
        self.others: list[str] | None = None
        """The gateways that other instances have configured, or had minutes ago; None before Postgres has answered."""
        self.on_request: list[Callable[[Request], None]] = []
        self._about = {
            "name": instance,
            "gateways": list(gateways),
            "client_id": client_id,
            "address": None,
            "version": __version__,
            "is_new": True,
        }
        self.connected_at = float("inf")
        """Since when (``loop.time()``) Postgres has been there for us without a break; infinite while it is not."""
        self._refused = State(Trouble.DATABASE_REFUSES)
        self._unled = Unled(gateways)
        self._sightings = Sightings()
        self._reports: dict[str, dict[str, Any]] = {}
        self._named: AsyncConnection[TupleRow] | None = None
        self._namesake_since: float | None = None
        self._connection: AsyncConnection[TupleRow] | None = None
        self._turn = asyncio.Lock()
        self._notices: dict[str, tuple[str, str]] = {}
        self._sending: asyncio.Task[None] | None = None
        self._seen_at: dict[str, float] = {}
        self._has_heard = asyncio.Event()
        self._leaving = asyncio.Event()

    @property
    def has_peers(self) -> bool:
        """Whether another instance was alive at the last beat that could take over one of our gateways."""
        return bool(self.peers.known)

    async def heard(self, patience_s: float) -> None:
        """Wait until Postgres has named the others, or for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._has_heard.wait()

    async def run(self) -> None:
        """Follow requests and beat, until cancelled; reconnects by itself.

        :raises ConfigError: another living process has our name, and keeps it
        """
        backoff = Backoff(first=0.1, ceiling=1.0)
        try:
            while True:
                try:
                    async with await self._connect() as listening:
                        await self._follow(listening, backoff)
                except (psycopg.Error, TimeoutError, OSError) as exc:
                    self.connected_at = float("inf")
                    if refusal(exc):
                        self._refused.note(brief(exc), user="coordination", error=exc)
                    await asyncio.sleep(backoff.wait())
        finally:
            self._refused.forget()
            self._unled.forget()

    async def _connect(self) -> AsyncConnection[TupleRow]:
        async with asyncio.timeout(_ANSWER_S):
            return await discreet.AsyncConnection[TupleRow].connect(
                autocommit=True, **parameters(self._url, name="coordination")
            )

    async def _follow(self, connection: AsyncConnection[TupleRow], backoff: Backoff) -> None:
        loop = asyncio.get_running_loop()
        beaten = float("-inf")
        await within(_ANSWER_S, connection, self._begin(connection))
        while True:
            await within(_ANSWER_S, connection, self._see_requests(connection))
            if loop.time() - beaten >= _BEAT_S:
                beaten = loop.time()
                await to_its_end(within(_ANSWER_S, connection, self._beat(connection)))
                backoff.reset()
                self._refused.over(user="coordination")
            await notices(connection, _POLL_S)

    async def _begin(self, connection: AsyncConnection[TupleRow]) -> None:
        await connection.execute(queries("cluster/lease")["watch_settings"])
        await connection.execute("LISTEN refresh_requested")
        self.connected_at = asyncio.get_running_loop().time()
        self._about["address"] = self.peers.address(_local_host(connection))

    async def _see_requests(self, connection: AsyncConnection[TupleRow]) -> None:
        """Pass on the requests that are new to us; at the start those that somebody may still wait for."""
        cursor = await connection.execute(Q["new_requests"], {"last": self.latest_request})
        for number, asked, accounts, gateways, holder, is_news in await cursor.fetchall():
            self.latest_request = number
            request = Request(number, asked, _some(accounts), _some(gateways), holder or "")
            for tell in tuple(self.on_request) if is_news else ():
                tell(request)

    async def _beat(self, connection: AsyncConnection[TupleRow]) -> None:
        if self._named is not connection and await _value(connection, "hold_name", self._about):
            self._named, self.own_name = connection, self.instance
        if self.own_name is None:
            # To announce a name that is not ours would make a dead process of that name look alive.
            self._bear(await _value(connection, "namesake", self._about))
            return
        await connection.execute(Q["announce_instance"], self._about)
        self._about["is_new"] = False
        for report in tuple(self._reports.values()):
            await connection.execute(Q["report_gateway"], report)
        await self._see_unled(connection)
        await self._see_instances(connection)
        await self._see_others(connection)
        self.surplus = await _value(connection, "surplus", self._about) if self.has_peers else None
        await connection.execute(Q["forget_requests"])
        await connection.execute(Q["forget_gone"])

    async def _see_unled(self, connection: AsyncConnection[TupleRow]) -> None:
        found = await (await connection.execute(Q["unled"], self._about)).fetchall()
        self._unled.see({name for (name,) in found}, asyncio.get_running_loop().time())

    def _bear(self, address: str | None) -> None:
        """Wait for the process whose name we have got as well: it may be about to end.

        Nothing is announced meanwhile. Once we have had the name ourselves, it is for the other to go.

        :param address: where it can be asked; None: what holds the name gives no sign of life
        :raises ConfigError: it has been there for too long
        """
        now = asyncio.get_running_loop().time()
        if address is None:
            self._namesake_since = None
            return
        if self._namesake_since is None:
            self._namesake_since = now
            observe(Kind.INSTANCE_TAKEN, instance=self.instance, address=address)
        if now - self._namesake_since > PATIENCE_WITH_NAMESAKE_S:
            raise ConfigError(
                f"INSTANCE={self.instance!r} is the name of another running process, at {address}: stop that one, or "
                "give this one another INSTANCE (empty: host name and process id)"
            )

    async def _see_instances(self, connection: AsyncConnection[TupleRow]) -> None:
        now = asyncio.get_running_loop().time()
        asked = {**self._about, "recent": self._sightings.recent(now)}
        rows = await (await connection.execute(Q["instances"], asked)).fetchall()
        alive = self._sightings.see([Sighting(name, *beat) for name, _, _, *beat in rows], now)
        found = [row for row in rows if row[0] in alive]
        is_reunion = now - self.connected_at < _REUNION_S
        before = self.peers.known if is_reunion else {}
        self.peers.known = before | {name: address for name, address, *_ in found}
        self.are_same_client = all(is_same for _, _, is_same, *_ in found) and (self.are_same_client or not is_reunion)

    async def _see_others(self, connection: AsyncConnection[TupleRow]) -> None:
        """Learn what else is configured. What was a moment ago still counts: its instance may be restarting."""
        now = asyncio.get_running_loop().time()
        asked = {**self._about, "remembered": REMEMBERED_S}
        for name, silent in await (await connection.execute(Q["configured_elsewhere"], asked)).fetchall():
            self._seen_at[name] = max(now - silent, self._seen_at.get(name, now - silent))
        self._seen_at = {name: at for name, at in self._seen_at.items() if now - at <= REMEMBERED_S}
        self.others = sorted(self._seen_at)
        self._has_heard.set()

    async def open_sessions(self, gateway: str) -> list[tuple[UUID, str]]:
        """The stored sessions of a gateway that do not say how they ended, each with its instance's name."""
        return [(stream, instance) for stream, instance in await self._fetch("open_sessions", gateway=gateway)]

    async def unfinished_refresh(
        self, gateway: str, session: UUID
    ) -> tuple[int, list[tuple[str, int, int | None]]] | None:
        """The refresh of all accounts that the gateway's session before this one was cut off in, if any.

        When it was created; and for each account with figures to rely on, when they came and which request they serve.
        """
        rows = await self._fetch("unfinished_refresh", gateway=gateway, session=session)
        if not rows:
            return None
        done = [(account, at, request) for _, account, at, request in rows if account is not None]
        return int(rows[0][0]), done

    async def is_alive(self, instance: str) -> bool:
        """Whether another instance is connected to Postgres (true if that cannot be learnt now)."""
        rows = await self._fetch("is_alive", name=instance)
        return not rows or bool(rows[0][0])

    def report(self, gateway: str, state: str, detail: str = "", **facts: Any) -> None:
        """Note how a gateway that we lead is; it is sent with :meth:`say` and with every beat."""
        row = {"connected": False, "session_id": None, "server_version": None, **facts}
        report = {"gateway": gateway, "instance": self.instance, "state": state, "detail": detail or None, **row}
        self._reports[gateway] = report

    async def say(self, gateway: str) -> None:
        """Tell at once how a gateway is, if we still lead it."""
        async with self._turn:
            if (report := self._reports.get(gateway)) is not None:
                await self._answer("report_gateway", report)

    async def was_last_led_here(self, gateway: str) -> bool:
        """Whether nobody else has reported this gateway since we did."""
        rows = await self._fetch("leader", gateway=gateway)
        return bool(rows) and rows[0][0] == self.instance

    async def contracts_asked(self, contracts: Sequence[int]) -> list[tuple[int, float, str, str]]:
        """Which of some contracts any instance has asked IB for: their ids, how many seconds ago that was answered, and
        symbol and multiplier as IB sent them. As far as their report's tables know, and Postgres answers.
        """
        return [(*row,) for row in await self._fetch("contracts_asked", contracts=list(contracts))]

    def note_notice(self, gateway: str, code: str, text: str) -> None:
        """Note a gateway's newest notice; of many that come at once only the last is sent."""
        if self._notices.get(gateway) != (code, text):
            self._notices[gateway] = (code, text)
            if self._sending is None or self._sending.done():
                self._sending = asyncio.ensure_future(self._send_notices())

    async def _send_notices(self) -> None:
        """One of each gateway, then a pause: a gateway that does not stop talking keeps no other waiting, nor us."""
        while self._notices:
            notices, self._notices = self._notices, {}
            for gateway, (code, text) in notices.items():
                await self._send("report_notice", gateway=gateway, code=code, text=text)
            with suppress(TimeoutError):
                async with asyncio.timeout(_NOTICES_S):
                    await self._leaving.wait()

    def no_longer_leads(self, gateway: str) -> None:
        """Stop saying how a gateway is."""
        self._reports.pop(gateway, None)

    async def leave(self) -> None:
        """Say that this instance is gone."""
        self._leaving.set()
        if self._sending is not None:
            await asyncio.wait({self._sending})
        if self._namesake_since is None or self.own_name is not None:
            await self._send("leave_instance", name=self.instance)
        if self._connection is not None:
            await self._connection.close()

    async def _send(self, query: str, **values: Any) -> None:
        async with self._turn:
            await self._answer(query, values)

    async def _fetch(self, query: str, **values: Any) -> list[TupleRow]:
        async with self._turn:
            return await self._answer(query, values)

    async def _answer(self, query: str, values: dict[str, Any]) -> list[TupleRow]:
        """The rows of a statement; none if Postgres does not answer. One at a time."""
        try:
            if self._connection is None or self._connection.closed:
                async with asyncio.timeout(_ANSWER_S):
                    wanted = parameters(self._url, name="reports")
                    self._connection = await discreet.AsyncConnection[TupleRow].connect(autocommit=True, **wanted)
            cursor = await within(_ANSWER_S, self._connection, self._connection.execute(Q[query], values))
            return await cursor.fetchall() if cursor.description else []
        except (psycopg.Error, TimeoutError, OSError):
            if self._connection is not None:
                await self._connection.close()
            return []


def _some(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


async def _value(connection: AsyncConnection[TupleRow], query: str, values: dict[str, Any]) -> Any:
    row = await (await connection.execute(Q[query], values)).fetchone()
    return row[0] if row else None


def _local_host(connection: AsyncConnection[TupleRow]) -> str | None:
    """Our own address on this connection; None if it is a Unix socket."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        return None if line.family == socket.AF_UNIX else str(line.getsockname()[0])
