"""When this instance may record a gateway: from its election until it is deposed, also while Postgres is away.

In: the lock of the gateway, and what is known of other instances. Out: the moments at which recording may begin and
must end. Called by the keeper.

A leader that loses Postgres without a word cannot tell a dead Postgres from a cut network, behind which another
instance is being elected: if there are others it steps down. When nobody could be elected for a while, an instance
stands in: it records without the lock, if the gateway lets it. The gateway is the judge then: it admits one client of
an id at a time, so whoever is admitted is the only one. A leader to whom the server has said that it goes down, for
everybody, stands in at once and goes on with its session.
"""

import asyncio

from ibconnect.errors import DatabaseUnavailable
from ibconnect.gateway.backoff import Backoff
from ibconnect.gateway.coordination import Coordination
from ibconnect.gateway.leadership import Leadership
from ibconnect.observe import Kind, observe

CHECK_S = 0.5
# Well before the server gives the lock to another, which is after 3 s of silence.
STEP_DOWN_S = 1.5
# Whoever led last stands in first.
STAND_IN_S = 6.0
OTHERS_STAND_IN_S = 15.0
# When Postgres is back, whoever records goes on; the others let him.
HOLD_OFF_S = 3.0
# A gateway that was given up is left to others for so long; if nobody took it, it is not given up again for a while.
ABSTAIN_S = 5.0
YIELD_AGAIN_S = 60.0
_RETRY_S = 0.2


class Reign:
    """One gateway's: :meth:`begin`, :meth:`end`, and again."""

    def __init__(self, leadership: Leadership, coordination: Coordination, gateway: str) -> None:
        self._leadership = leadership
        self._coordination = coordination
        self._gateway = gateway
        self._has_led = False
        self._yielded_at = self._not_taken_at = float("-inf")
        self.is_elected = False
        """Whether the lock is ours; if not, we stand in."""

    async def begin(self) -> None:
        """Wait until this instance may record."""
        loop = asyncio.get_running_loop()
        pause = Backoff(first=0.2, ceiling=0.5)
        away_since: float | None = None
        await asyncio.sleep(self._yielded_at + ABSTAIN_S - loop.time())
        while True:
            try:
                await self._leadership.reach()
                if away_since is not None and self._coordination.has_peers:
                    away_since = None
                    await self._leadership.close()
                    await asyncio.sleep(HOLD_OFF_S)
                    continue
                away_since = None
                if await self._leadership.campaign():
                    await self._note_if_nobody_took_it()
                    self._note(is_elected=True)
                    return
            except DatabaseUnavailable:
                away_since = away_since or loop.time()
                if self._may_stand_in(loop.time() - away_since):
                    self._note(is_elected=False)
                    return
            await asyncio.sleep(pause.wait())

    def _may_stand_in(self, away: float) -> bool:
        return self._coordination.are_same_client and away >= (STAND_IN_S if self._has_led else OTHERS_STAND_IN_S)

    async def _note_if_nobody_took_it(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._yielded_at < YIELD_AGAIN_S and await self._coordination.was_last_led_here(self._gateway):
            self._not_taken_at = now

    def _note(self, *, is_elected: bool) -> None:
        self.is_elected = is_elected
        self._has_led = self._has_led or is_elected
        observe(Kind.LEADER_ELECTED if is_elected else Kind.LEADER_STANDS_IN, gateway=self._gateway)

    async def end(self) -> str:
        """Wait until this instance may no longer record; return why."""
        loop = asyncio.get_running_loop()
        while True:
            if self._should_yield():
                self._yielded_at = loop.time()
                observe(Kind.LEADER_YIELDS, gateway=self._gateway)
                return "another instance records fewer gateways"
            if await self._leadership.keeps(CHECK_S):
                continue
            try:
                if not await self._leadership.campaign(self._patience()):
                    return "another instance was elected"
                if not self.is_elected:
                    self._note(is_elected=True)
            except DatabaseUnavailable:
                if self._may_go_on():
                    self._note(is_elected=False)
                if self._must_step_down():
                    return "Postgres is away, and another instance may be elected"
                await asyncio.sleep(_RETRY_S)

    def _patience(self) -> float:
        if not (self.is_elected and self._coordination.has_peers):
            return 4.0
        return max(_RETRY_S, self._leadership.sure_at + STEP_DOWN_S - asyncio.get_running_loop().time())

    def _may_go_on(self) -> bool:
        is_down = self._leadership.has_server_gone_down and self._coordination.are_same_client
        return self.is_elected and self._coordination.has_peers and is_down

    def _must_step_down(self) -> bool:
        silent = asyncio.get_running_loop().time() - self._leadership.sure_at
        return self.is_elected and self._coordination.has_peers and silent >= STEP_DOWN_S

    def _should_yield(self) -> bool:
        rested = asyncio.get_running_loop().time() - self._not_taken_at >= YIELD_AGAIN_S
        return self.is_elected and rested and self._coordination.surplus == self._gateway
