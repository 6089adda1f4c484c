"""When this instance may record a gateway: from its election until it is deposed, also while Postgres is away.

In: the lock of the gateway, and what is known of other instances. Out: the moments at which recording may begin and
must end. Called by the keeper.

A leader that loses Postgres without a word cannot tell a dead Postgres from a cut network, behind which another
instance is being elected. So it asks the others whether they have Postgres. As long as all say no, nobody can be
elected and it goes on; if one has it, or cannot be asked, it steps down. When nobody could be elected for a while, an
instance stands in: it records without the lock, if the gateway lets it. The gateway is the judge then: it admits one
client of an id at a time, so whoever is admitted is the only one. A leader to whom the server has said that it goes
down, for everybody, stands in at once and goes on with its session, also if the others cannot be asked. Whoever records
without the lock ends when another has Postgres for so long that it is, or will be, elected.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from ibconnect.errors import DatabaseUnavailable
from ibconnect.gateway.backoff import Backoff
from ibconnect.gateway.coordination import Coordination
from ibconnect.gateway.leadership import Leadership
from ibconnect.observe import Kind, observe

CHECK_S = 0.5
# Well before the server gives the lock to another, which is after 3 s of silence; and well before one that has just got
# Postgres back holds off no longer.
STEP_DOWN_S = 2.5
# Whoever led last stands in first.
STAND_IN_S = 6.0
OTHERS_STAND_IN_S = 15.0
# When Postgres is back, whoever records goes on; the others let him.
HOLD_OFF_S = 3.0
# A gateway that was given up is left to others for so long; if nobody took it, it is not given up again for a while.
ABSTAIN_S = 5.0
YIELD_AGAIN_S = 60.0
_RETRY_S = 0.2
_ASK_S = 0.3


class Reign:
    """One gateway's: :meth:`begin`, :meth:`end`, and again."""

    def __init__(self, leadership: Leadership, coordination: Coordination, gateway: str) -> None:
        self._leadership = leadership
        self._coordination = coordination
        self._peers = coordination.peers
        self._gateway = gateway
        self._has_led = False
        self._yielded_at = self._not_taken_at = float("-inf")
        self._nobody_had_it_at = float("-inf")
        self._somebody_has_it = False
        self._needs_word = True
        self._must_hold_off = False
        self.is_elected = False
        """Whether the lock is ours; if not, we stand in."""
        self.is_recording = False
        """Whether the gateway has let us in, which the keeper says."""

    async def begin(self) -> None:
        """Wait until this instance may record."""
        loop = asyncio.get_running_loop()
        pause = Backoff(first=0.2, ceiling=0.5)
        away_since: float | None = None
        await self._abstain()
        while True:
            try:
                await self._leadership.reach()
                away_since = None
                if self._must_hold_off and self._coordination.has_peers:
                    await self._hold_off()
                    continue
                is_elected = await self._leadership.campaign()
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
                    self._needs_word = False
                    self._note(is_elected=False)
                    return
            await asyncio.sleep(pause.wait())

    async def _abstain(self) -> None:
        """Leave a gateway that was just given up to others; if Postgres was away meanwhile, to whoever records it."""
        rest = self._yielded_at + ABSTAIN_S - asyncio.get_running_loop().time()
        if rest > 0:
            await asyncio.sleep(rest)
            self._must_hold_off = not self._coordination.has_been_connected_since(self._yielded_at)

    async def _hold_off(self) -> None:
        """Leave the lock to whoever records; what happens meanwhile is found out afterwards."""
        self._must_hold_off = False
        self._peers.answered(self._gateway)
        await self._leadership.close()
        await asyncio.sleep(HOLD_OFF_S)

    async def _may_stand_in(self, away: float) -> bool:
        if not self._coordination.are_same_client or away < (STAND_IN_S if self._has_led else OTHERS_STAND_IN_S):
            return False
        await self._ask_others()
        return not self._somebody_has_it

    async def _note_if_nobody_took_it(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._yielded_at < YIELD_AGAIN_S and await self._coordination.was_last_led_here(self._gateway):
            self._not_taken_at = now

    def _note(self, *, is_elected: bool) -> None:
        self.is_elected = is_elected
        self._has_led = self._has_led or is_elected
        self._needs_word = self._needs_word or is_elected
        self._must_hold_off = self._must_hold_off and not is_elected
        observe(Kind.LEADER_ELECTED if is_elected else Kind.LEADER_STANDS_IN, gateway=self._gateway)

    async def end(self) -> str:
        """Wait until this instance may no longer record; return why."""
        while True:
            if self._should_yield():
                self._yielded_at = asyncio.get_running_loop().time()
                observe(Kind.LEADER_YIELDS, gateway=self._gateway)
                return "another instance records fewer gateways"
            if await self._leadership.keeps(CHECK_S):
                self._peers.answered(self._gateway)
            elif reason := await _first(self._regain(), self._step_down()):
                return reason

    async def _regain(self) -> str:
        """Try until Postgres answers: nothing if the lock is ours, else why we are deposed."""
        while True:
            try:
                await self._leadership.reach()
                if self._coordination.has_peers and not self.is_recording:
                    self._must_hold_off = True
                    return "Postgres was away, and another instance may be recording"
                is_elected = await self._leadership.campaign()
                self._peers.answered(self._gateway)
                if is_elected and not self.is_elected:
                    self._note(is_elected=True)
                return "" if is_elected else "another instance was elected"
            except DatabaseUnavailable:
                self._peers.broke(self._gateway)
                await asyncio.sleep(_RETRY_S)

    async def _step_down(self) -> str:
        """Ask the others again and again, until another one is, or may be, elected."""
        self._somebody_has_it = False
        while not self._must_step_down():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._deadline()):
                    await self._ask_others()
                    await asyncio.sleep(_ASK_S)
            self._go_on_without_the_lock()
        return "Postgres is away, and another instance may be elected"

    async def _ask_others(self) -> None:
        asked_at = asyncio.get_running_loop().time()
        seconds = await self._peers.ask()
        self._somebody_has_it = any(each is not None and each >= HOLD_OFF_S for each in seconds)
        if all(each is not None and each < HOLD_OFF_S for each in seconds):
            self._nobody_had_it_at = asked_at

    def _deadline(self) -> float | None:
        """Until when nobody else can be elected, as far as we know; None if that does not matter."""
        if not (self._needs_word and self._coordination.has_peers):
            return None
        may_go_on = self.is_recording and self._coordination.are_same_client
        heard_at = self._nobody_had_it_at if may_go_on else float("-inf")
        return max(self._leadership.sure_at, heard_at) + STEP_DOWN_S

    def _must_step_down(self) -> bool:
        deadline = self._deadline()
        is_late = deadline is not None and deadline <= asyncio.get_running_loop().time()
        return is_late or (self._somebody_has_it and self._is_silent())

    def _go_on_without_the_lock(self) -> None:
        has_word = self._leadership.has_server_gone_down and self._coordination.are_same_client
        self._needs_word = self._needs_word and not has_word
        may_go_on = has_word or (self._is_silent() and not self._must_step_down())
        if self.is_elected and self._coordination.has_peers and may_go_on:
            self._note(is_elected=False)

    def _is_silent(self) -> bool:
        """Whether Postgres has not answered for so long that the lock may be another's."""
        return asyncio.get_running_loop().time() - self._leadership.sure_at >= STEP_DOWN_S

    def _should_yield(self) -> bool:
        rested = asyncio.get_running_loop().time() - self._not_taken_at >= YIELD_AGAIN_S
        return self.is_elected and rested and self._coordination.surplus == self._gateway


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
