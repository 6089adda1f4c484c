"""When this instance may record a gateway: from its election until it is deposed, also while Postgres is away.

In: the lock of the gateway, and what is known of other instances. Out: the moments at which recording may begin and
must end. Called by the keeper.

A leader that loses Postgres goes on with its session as long as :mod:`quorum` says so, and steps down then. When
nobody could be elected for a while, an instance stands in: it records without the lock, if the gateway lets it. The
gateway is the judge then: it admits one client of an id at a time, so whoever is admitted is the only one. Whoever
records without the lock ends when another has Postgres for so long that it is, or will be, elected.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from ibconnect.backoff import Backoff
from ibconnect.cluster.lease import Lease
from ibconnect.cluster.quorum import HOLD_OFF_S, Quorum
from ibconnect.cluster.registry import Registry
from ibconnect.errors import DatabaseUnavailable
from ibconnect.observe import Kind, observe

CHECK_S = 0.5
# Whoever led last stands in first.
STAND_IN_S = 6.0
OTHERS_STAND_IN_S = 15.0
# A gateway that was given up is left to others for so long; if nobody took it, it is not given up again for a while.
ABSTAIN_S = 5.0
YIELD_AGAIN_S = 60.0
# How long our own connection that broke may keep the lock: the server ends one that has been silent for 3 s.
OWN_LOCK_S = 5.0
_RETRY_S = 0.2
_ASK_S = 0.3


class Election:
    """One gateway's: :meth:`begin`, :meth:`end`, and again."""

    def __init__(self, lease: Lease, registry: Registry, gateway: str) -> None:
        self._lease = lease
        self._registry = registry
        self._peers = registry.peers
        self._gateway = gateway
        self.quorum = Quorum(lease, registry)
        self._has_led = False
        self._yielded_at = self._not_taken_at = float("-inf")
        self._must_hold_off = False
        self.is_elected = False
        """Whether the lock is ours; if not, we stand in."""

    async def begin(self) -> None:
        """Wait until this instance may record."""
        loop = asyncio.get_running_loop()
        pause = Backoff(first=0.2, ceiling=0.5)
        away_since: float | None = None
        await self._abstain()
        while True:
            try:
                await self._lease.reach()
                away_since = None
                if self._must_hold_off and self._registry.has_peers:
                    await self._hold_off()
                    continue
                is_elected = await self._lease.campaign()
                self._peers.answered(self._gateway)
                if is_elected:
                    await self._note_if_nobody_took_it()
                    self._note(is_elected=True)
                    return
            except DatabaseUnavailable:
                self._peers.broke(self._gateway)
                self._must_hold_off = True
                away_since = away_since or loop.time()
                if await self._may_stand_in(loop.time() - away_since):
                    self.quorum.is_free = True
                    self._note(is_elected=False)
                    return
            await asyncio.sleep(pause.wait())

    async def _abstain(self) -> None:
        """Leave a gateway that was just given up to others; if Postgres was away meanwhile, to whoever records it."""
        rest = self._yielded_at + ABSTAIN_S - asyncio.get_running_loop().time()
        if rest > 0:
            await asyncio.sleep(rest)
            self._must_hold_off = not self._registry.has_been_connected_since(self._yielded_at)

    async def _hold_off(self) -> None:
        """Leave the lock to whoever records; what happens meanwhile is found out afterwards."""
        self._must_hold_off = False
        self._peers.answered(self._gateway)
        await self._lease.close()
        await asyncio.sleep(HOLD_OFF_S)

    async def _may_stand_in(self, away: float) -> bool:
        if not self._registry.are_same_client or away < (STAND_IN_S if self._has_led else OTHERS_STAND_IN_S):
            return False
        await self.quorum.ask()
        return not self.quorum.somebody_has_it

    async def _note_if_nobody_took_it(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._yielded_at < YIELD_AGAIN_S and await self._registry.was_last_led_here(self._gateway):
            self._not_taken_at = now

    def _note(self, *, is_elected: bool) -> None:
        self.is_elected = is_elected
        self._has_led = self._has_led or is_elected
        self.quorum.is_free = self.quorum.is_free and not is_elected
        self._must_hold_off = self._must_hold_off and not is_elected
        observe(Kind.LEADER_ELECTED if is_elected else Kind.LEADER_STANDS_IN, gateway=self._gateway)

    async def end(self) -> str:
        """Wait until this instance may no longer record; return why."""
        while True:
            if self._should_yield():
                self._yielded_at = asyncio.get_running_loop().time()
                observe(Kind.LEADER_YIELDS, gateway=self._gateway)
                return "another instance records fewer gateways"
            if await self._lease.keeps(CHECK_S):
                self._peers.answered(self._gateway)
            elif reason := await _first(self._regain(), self._step_down()):
                return reason

    async def _regain(self) -> str:
        """Try until Postgres answers: nothing if the lock is ours, else why we are deposed.

        Where no other instance is known, the lock is still held by our own connection that broke.
        """
        loop = asyncio.get_running_loop()
        refused_at: float | None = None
        while True:
            try:
                await self._lease.reach()
                if self._registry.has_peers and not self.quorum.is_recording:
                    self._must_hold_off = True
                    return "Postgres was away, and another instance may be recording"
                is_elected = await self._lease.campaign()
                self._peers.answered(self._gateway)
                if is_elected and not self.is_elected:
                    self._note(is_elected=True)
                if is_elected:
                    return ""
                refused_at = refused_at or loop.time()
                if self._registry.has_peers or loop.time() - refused_at >= OWN_LOCK_S:
                    return "another instance was elected"
            except DatabaseUnavailable:
                self._peers.broke(self._gateway)
            await asyncio.sleep(_RETRY_S)

    async def _step_down(self) -> str:
        """Ask the others again and again, until another one is, or may be, elected."""
        quorum = self.quorum
        quorum.somebody_has_it = False
        while not quorum.is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(quorum.deadline):
                    await quorum.ask()
                    await asyncio.sleep(_ASK_S)
            if self.is_elected and self._registry.has_peers and quorum.outlasts_the_lock():
                self._note(is_elected=False)
        return "Postgres is away, and another instance may be elected"

    def _should_yield(self) -> bool:
        rested = asyncio.get_running_loop().time() - self._not_taken_at >= YIELD_AGAIN_S
        return self.is_elected and rested and self._registry.surplus == self._gateway


async def _first(*works: Coroutine[Any, Any, str]) -> str:
    """What the first to end returns, or the first named of several; the others are cancelled."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task.result() for task in tasks if task in done)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
