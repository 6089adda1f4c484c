"""A client wants figures that are not older than so much: ask the gateways for newer ones, wait until they have served.

In: accounts, and how old their figures may be. Out: what could not be refreshed, and why. A request for one is a row in
``coordination.refresh_request``; it is granted when each gateway that was asked has served it. Requests for the same
that come while this instance waits join that wait, and what was asked for a moment ago, by whichever instance, is not
asked for again. One holder has so many refreshes under way; the leaders of gateways serve holders by turns.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import orjson

from ibconnect.database.deadlines import ended
from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.holders import HOLDER, OURS, Held, Holder
from ibconnect.http.server.limits import (
    GATEWAY_FRESH_SECONDS,
    POLL_SECONDS,
    REFRESHES_PER_TOKEN,
    RETRY_AFTER_SECONDS,
)
from ibconnect.http.server.problems import Code, Problem
from ibconnect.http.server.services import Part, Services
from ibconnect.http.server.wakeups import PROJECTED, Wakeups
from ibconnect.texts import one_line

_SQL = queries("http/refresh")
_STALE = "stale"
# A recorder's clock may be ahead of the database's by so much.
_CLOCK_S = 2.0
_WHY_LENGTH = 200


class Wanted(NamedTuple):
    """What a client wants. ``accounts``: None for all. ``is_required``: an answer that is older is none.

    ``is_limited``: he may see some accounts only. IB's own words may name others: he hears what stands before them.
    ``gateway``: the only one that is to be asked; None: those that the accounts belong to.
    """

    accounts: frozenset[str] | None
    max_age: float
    is_required: bool
    is_limited: bool = False
    gateway: str | None = None


class _Listed(NamedTuple):
    """An account as a gateway was last asked for it: how many seconds ago, whether its figures can be relied on."""

    code: str
    age: float | None
    is_whole: bool
    why: str

    def is_fresh(self, max_age: float, floor: float) -> bool:
        """Whether it need not be asked for: its figures are new enough, or it was asked for a moment ago."""
        if self.age is None or self.age < -_CLOCK_S:
            return False
        return self.age <= floor or (self.is_whole and self.age <= max_age)


@dataclass(frozen=True, slots=True)
class _Gateway:
    """A gateway, and those of its accounts that are wanted."""

    name: str
    is_connected: bool
    state: str
    detail: str
    listed: tuple[_Listed, ...]

    @property
    def is_usable(self) -> bool:
        """Whether it can be asked: it is connected, and so is it to IB."""
        return self.is_connected and self.state != _STALE

    def absence(self, is_limited: bool) -> str:
        """Why it cannot be asked."""
        return f"{self.state}: {self.detail}" if self.detail and not is_limited else self.state


_Pair = tuple[str, str | None]
"""A gateway, and which account it is to be asked for; None stands for all."""
_Ask = frozenset[_Pair]


def _about(ask: _Ask) -> dict[str, list[str] | None]:
    """The gateways and accounts of a request."""
    is_for_all = any(account is None for _, account in ask)
    return {
        "gateways": sorted({gateway for gateway, _ in ask}),
        "accounts": None if is_for_all else sorted({account for _, account in ask if account is not None}),
    }


def _as_json(requests: Mapping[_Pair, int | None]) -> str:
    rows = [
        {"gateway": gateway, "account": account, "request": request} for (gateway, account), request in requests.items()
    ]
    return orjson.dumps(rows).decode()


class Refresher(Part):
    """Waits for refreshes on behalf of requests.

    :param writes: pool of the primary, where the request is written
    :param pool: pool of the database that answers reads, where the result must be seen
    :param timeout: seconds that one request waits (``REFRESH_TIMEOUT``)
    :param floor: seconds for which nothing is asked for twice (``REFRESH_FLOOR``)
    :param instance: this instance's name
    """

    def __init__(
        self,
        writes: db.Pool,
        pool: db.Pool,
        wakeups: Wakeups,
        *,
        timeout: float,
        floor: float,
        instance: str,
    ) -> None:
        self._writes = writes
        self._pool = pool
        self._wakeups = wakeups
        self._timeout = timeout
        self._floor = floor
        self._instance = instance
        self._running: dict[_Ask, asyncio.Task[bool]] = {}
        self._under_way = Held()

    @classmethod
    def made(cls, services: Services) -> Self:
        """As the settings say."""
        config = services.config
        return cls(
            services.writes,
            services.pool,
            services.wakeups,
            timeout=config.refresh_timeout,
            floor=config.refresh_floor,
            instance=config.instance,
        )

    async def refreshed(self, wanted: Wanted) -> list[str]:
        """Return once everything is as new as wanted, as far as that can be had; name what is not: ``gateway; why``.

        :raises Problem: nothing can be refreshed, or the refresh does not end in time (it goes on)
        """
        gateways = await self._relevant(wanted)
        usable = [gateway for gateway in gateways if gateway.is_usable]
        if not usable and (wanted.is_required or not await self._is_recorded(wanted.accounts)):
            raise Problem(Code.NO_GATEWAY, _nobody(gateways, wanted.is_limited))
        ask = frozenset(pair for gateway in usable for pair in self._to_ask(gateway, wanted))
        if ask:
            await self._joined(ask)
            gateways = await self._relevant(wanted)
        if not gateways and wanted.accounts is not None:
            if wanted.gateway is not None:
                return [f"{wanted.gateway}; the account is not this gateway's, or it does not list it now"]
            return ["none; no gateway lists this account now"]
        return [f"{gateway.name}; {why}" for gateway in gateways if (why := _incomplete(gateway, wanted.is_limited))]

    def _to_ask(self, gateway: _Gateway, wanted: Wanted) -> Iterable[_Pair]:
        """What a gateway is to be asked for."""
        old = [listed.code for listed in gateway.listed if not listed.is_fresh(wanted.max_age, self._floor)]
        if wanted.accounts is None and len(old) == len(gateway.listed):
            return [(gateway.name, None)]
        return [(gateway.name, code) for code in old]

    async def _joined(self, ask: _Ask) -> None:
        task = self._running.get(ask) or self._begun(ask, HOLDER.get())
        # Not cancelled with this request: one client that goes away must not end the wait of the others.
        await asyncio.wait({task}, timeout=self._timeout)
        if not task.done() or not task.result():
            raise Problem(
                Code.REFRESH_TIMEOUT, f"not ended after {self._timeout:g} s; it goes on, ask again for its result"
            )

    def _begun(self, ask: _Ask, holder: Holder) -> asyncio.Task[bool]:
        if self._under_way[holder] >= REFRESHES_PER_TOKEN:
            raise Problem(
                Code.TOO_MANY_OF_TOKEN,
                f"at most {REFRESHES_PER_TOKEN} different refreshes of one token (without tokens: of one address) are "
                "under way at once; wait for one to end, or ask for all accounts together",
                {"Retry-After": str(RETRY_AFTER_SECONDS)},
            )
        self._under_way.add(holder)
        task = self._running[ask] = asyncio.create_task(self._refresh(ask, holder), name="refresh wait")
        task.add_done_callback(lambda ended: self._forget(ask, holder, ended))
        return task

    def _forget(self, ask: _Ask, holder: Holder, task: asyncio.Task[bool]) -> None:
        self._running.pop(ask, None)
        self._under_way.remove(holder)
        if not task.cancelled():
            # If every client has left, nobody is there to hear what went wrong.
            task.exception()

    async def close(self) -> None:
        """End the waits that nobody is left to hear of."""
        await ended(*self._running.values())

    async def _refresh(self, ask: _Ask, holder: Holder) -> bool:
        """Ask and wait; whether it ended in time."""
        # For all who join.
        HOLDER.set(OURS)
        requests = await db.unswapped(lambda: self._asked(ask, holder))
        asked = {"wanted": _as_json(requests), "fresh": GATEWAY_FRESH_SECONDS}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while await db.rows(self._pool, _SQL["unserved"], asked):
            if loop.time() >= deadline:
                return False
            await self._wakeups.wait(PROJECTED, POLL_SECONDS)
        return True

    @property
    def _patience(self) -> float:
        """Twice as long as one client waits, since another may have joined it meanwhile."""
        return 2 * self._timeout

    async def _asked(self, ask: _Ask, holder: Holder) -> dict[_Pair, int]:
        """The request by which each is served: one that was made a moment ago, or else a new one."""
        wanted = {"wanted": _as_json(dict.fromkeys(ask)), "floor": self._floor, "patience": self._patience}
        async with self._writes.connection() as connection, connection.transaction():
            await connection.execute(_SQL["one_at_a_time"])
            found = await (await connection.execute(_SQL["asked_lately"], wanted, prepare=False)).fetchall()
            requests: dict[_Pair, int] = {(gateway, account): number for gateway, account, number in found}
            left = ask - requests.keys()
            if left:
                values = {**_about(left), "instance": self._instance, "holder": holder}
                row = await (await connection.execute(_SQL["ask"], values)).fetchone()
                assert row is not None
                requests.update(dict.fromkeys(left, int(row[0])))
        return requests

    async def _is_recorded(self, codes: frozenset[str] | None) -> bool:
        row = await db.row(self._pool, _SQL["is_recorded"], {"codes": None if codes is None else sorted(codes)})
        return row is not None and bool(row[0])

    async def _relevant(self, wanted: Wanted) -> list[_Gateway]:
        """The gateways that matter: those that list one of the accounts and that it belongs to, or all."""
        codes = wanted.accounts
        asked = {
            "fresh": GATEWAY_FRESH_SECONDS,
            "codes": None if codes is None else sorted(codes),
            "gateway": wanted.gateway,
        }
        found: dict[str, _Gateway] = {}
        for name, is_connected, state, detail, code, age, is_whole, why in await db.rows(
            self._writes, _SQL["relevant"], asked
        ):
            listed = () if code is None else (_Listed(code, age, is_whole, why or ""),)
            known = found.get(name)
            before = known.listed if known else ()
            found[name] = _Gateway(name, is_connected, state, detail or "", before + listed)
        return [gateway for gateway in found.values() if codes is None or gateway.listed]


def _nobody(gateways: list[_Gateway], is_limited: bool) -> str:
    if not gateways:
        return "no gateway is connected, so nothing can be refreshed; see /v1/gateways"
    named = "; ".join(f"{gateway.name} is {gateway.absence(is_limited)}" for gateway in gateways)
    return f"nothing can be refreshed: {one_line(named, 4 * _WHY_LENGTH)}"


def _incomplete(gateway: _Gateway, is_limited: bool) -> str:
    """Why figures of a gateway are not as new as they should be; empty if they are."""
    if not gateway.is_usable:
        return one_line(gateway.absence(is_limited), _WHY_LENGTH)
    bad = [listed for listed in gateway.listed if not listed.is_whole]
    if not bad:
        return ""
    why = bad[0].why or "not asked for yet"
    why = why.partition(":")[0] if is_limited else why
    if len(gateway.listed) == 1:
        return one_line(why, _WHY_LENGTH)
    return one_line(f"{len(bad)} of {len(gateway.listed)} accounts, the first: {why}", _WHY_LENGTH)
