"""When this instance may record a gateway: from its election until it is deposed, also while Postgres is away.

In: the lease of the gateway, and what is known of other instances. Out: the moments at which recording may begin and
must end. Called by the gateway's supervisor.

What is decided is in :mod:`~ibconnect.cluster.decision`, as docs/cluster.md draws it; here Postgres and the others are
asked, as the state wants it, and what they say is handed on. A leader that loses Postgres goes on with its session as
long as :mod:`~ibconnect.cluster.quorum` says so, and steps down then. When nobody could be elected for a while, an
instance stands in: it records without the lease, if the gateway lets it. The gateway is the judge then: it admits one
client of an id at a time, so whoever is admitted is the only one.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ibconnect.backoff import Backoff
from ibconnect.cluster.decision import ask_others_at, decide, wake_at, wonders_who_led
from ibconnect.cluster.lease import Lease
from ibconnect.cluster.quorum import ASK_S
from ibconnect.cluster.registry import Registry
from ibconnect.cluster.states import (
    Action,
    Admitted,
    Beat,
    Dropped,
    Event,
    Held,
    Leased,
    Left,
    Mode,
    NotTaken,
    Passed,
    Reached,
    Said,
    State,
    Unreachable,
)
from ibconnect.database.deadlines import ended
from ibconnect.errors import DatabaseUnavailable
from ibconnect.observe import Kind, observe

CHECK_S = 0.5
_RETRY_S = 0.2
_LINES = {
    Action.LOG_ELECTED: Kind.LEADER_ELECTED,
    Action.LOG_STANDS_IN: Kind.LEADER_STANDS_IN,
    Action.LOG_YIELDS: Kind.LEADER_YIELDS,
}


class Election:
    """One gateway's: :meth:`begin`, :meth:`end`, :meth:`left`, and again."""

    def __init__(self, lease: Lease, registry: Registry, gateway: str) -> None:
        self._lease = lease
        self._registry = registry
        self._gateway = gateway
        self._news = asyncio.Event()
        self._pause = Backoff(first=0.2, ceiling=0.5)
        self.state = State()
        self.may_record = False

    @property
    def is_elected(self) -> bool:
        """Whether the lease is, or was a moment ago, ours; if not, we stand in."""
        return self.state.mode in (Mode.LEADING, Mode.IN_DOUBT)

    async def begin(self) -> None:
        """Wait until this instance may record."""
        self._pause.reset()
        await self._run_until(lambda: self.may_record)

    async def end(self) -> str:
        """Wait until this instance may no longer record; return why."""
        await self._run_until(lambda: not self.may_record)
        return self.state.why

    async def left(self) -> None:
        """Recording has ended: free the lease for others."""
        await self._lease.close()
        self.may_record = False
        self._hear(Left())

    def admitted(self) -> None:
        """The gateway has let us in."""
        self._hear(Admitted())

    def dropped(self) -> None:
        """The connection to the gateway has ended."""
        self._hear(Dropped())

    def _hear(self, event: Event) -> None:
        now, before = asyncio.get_running_loop().time(), self.state
        for each in (self._beat(), event):
            self.state, actions = decide(self.state, each, now)
            for action in actions:
                self._do(action)
        if self.state != before:
            self._news.set()
            self._news = asyncio.Event()

    def _do(self, action: Action) -> None:
        if action in _LINES:
            observe(_LINES[action], gateway=self._gateway)
        else:
            self.may_record = action is Action.RECORD

    def _beat(self) -> Beat:
        registry = self._registry
        is_surplus = registry.surplus == self._gateway
        return Beat(registry.has_peers, registry.are_same_client, is_surplus, registry.connected_at)

    async def _run_until(self, is_so: Callable[[], bool]) -> None:
        """Ask Postgres and the others, and keep the time, until it is so."""
        lines = (self._until(is_so), self._ask_postgres(), self._ask_others(), self._keep_time())
        works = [asyncio.ensure_future(line) for line in lines]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in done:
                work.result()
        finally:
            await ended(*works)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not is_so():
            await self._news.wait()

    async def _news_until(self, moment: float | None) -> None:
        """Wait until the state is another, or until a moment."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(moment):
                await self._news.wait()

    async def _ask_postgres(self) -> None:
        """One question at a time. Who leaves keeps the lease until what was recorded is stored."""
        while True:
            match self.state.mode:
                case Mode.LEADING:
                    await self._keep()
                case Mode.FOLLOWING:
                    await self._campaign()
                    await asyncio.sleep(self._pause.wait())
                case Mode.IN_DOUBT | Mode.STANDING_IN:
                    await self._campaign()
                    await asyncio.sleep(_RETRY_S)
                case Mode.HOLDING_OFF:
                    await self._hold_off()
                case Mode.RESTING:
                    await self._lease.close()
                    await self._news_until(None)
                case Mode.LEAVING:
                    await self._news_until(None)

    async def _keep(self) -> None:
        if await self._lease.keeps(CHECK_S):
            self._registry.peers.answered(self._gateway)
            self._hear(Leased(self._lease.sure_at))
        else:
            self._hear(Unreachable(self._lease.has_server_gone_down))

    async def _hold_off(self) -> None:
        """Look now and then whether Postgres is still there: if it was away again, whoever records goes first again."""
        await self._news_until(asyncio.get_running_loop().time() + CHECK_S)
        if self.state.mode is not Mode.HOLDING_OFF:
            return
        if await self._lease.answers():
            self._registry.peers.answered(self._gateway)
        else:
            self._registry.peers.broke(self._gateway)
            self._hear(Unreachable(self._lease.has_server_gone_down))

    async def _campaign(self) -> None:
        """Reach Postgres; then try to have the lease, if we still want it."""
        try:
            await self._lease.reach()
            before = self.state.mode
            self._hear(Reached())
            if self.state.mode is Mode.HOLDING_OFF:
                self._registry.peers.answered(self._gateway)
            if self.state.mode is before:
                self._hear(await self._asked())
        except DatabaseUnavailable:
            self._registry.peers.broke(self._gateway)
            self._hear(Unreachable(self._lease.has_server_gone_down))

    async def _asked(self) -> Event:
        is_leader = await self._lease.campaign()
        self._registry.peers.answered(self._gateway)
        if not is_leader:
            return Held(by_us=self._lease.is_held_by_us)
        wonders = wonders_who_led(self.state, asyncio.get_running_loop().time())
        if wonders and await self._registry.was_last_led_here(self._gateway):
            self._hear(NotTaken())
        return Leased(self._lease.sure_at)

    async def _ask_others(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = ask_others_at(self.state)
            if due is None or due > loop.time():
                await self._news_until(due)
                continue
            asked_at = loop.time()
            self._hear(Said(asked_at, tuple(await self._registry.peers.ask())))
            await asyncio.sleep(ASK_S)

    async def _keep_time(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            moment = wake_at(self.state, loop.time())
            await self._news_until(moment)
            if moment is not None and moment <= loop.time():
                self._hear(Passed())
