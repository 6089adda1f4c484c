"""Elections themselves, with their tasks and waits, on a clock that jumps from one moment to the next.

In: what goes wrong. Out: who records; :class:`Broken` if a promise of mechanisms.md does not hold. The code of
``ibconnect.cluster.election`` and its peers are the real ones; Postgres, the gateway, and what a supervisor does are
modelled, each answer a little late.
"""

import asyncio
import random
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, cast

from ibconnect.cluster.election import Election
from ibconnect.cluster.lease import Lease
from ibconnect.cluster.peers import Peers
from ibconnect.cluster.registry import Registry
from ibconnect.cluster.states import RECORDING, Mode
from ibconnect.errors import DatabaseUnavailable
from tests.cluster_promises import Broken
from tests.cluster_world import ANSWER_S, CONNECT_S, LEASE_OUTLIVES_S

GATEWAY = "gateway"
LATE_S, WATCH_S = 0.02, 0.05
# What is promised, and what an answer that is late, or who watches, adds.
TAKEN_OVER_S, DEPOSED_S = 5.0 + 0.5, 2.5 + 0.3


class JumpingLoop(asyncio.SelectorEventLoop):
    """Time goes on only when nobody has anything to do: then at once to the next moment that somebody waits for."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        loop = cast(Any, self)
        if not loop._ready and loop._scheduled:
            self._now = max(self._now, loop._scheduled[0]._when)
        cast(Any, super())._run_once()


class Session:
    """A connection to Postgres that is there for a lease."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.heard_at = 0.0


class ModelLease:
    """What :class:`ibconnect.cluster.lease.Lease` does, with the lab's Postgres."""

    def __init__(self, lab: "Lab", name: str) -> None:
        self._lab = lab
        self._name = name
        self.session: Session | None = None
        self._held_as: Session | None = None
        self.is_held_by_us = self.has_server_gone_down = False
        self.sure_at = float("-inf")

    async def reach(self) -> None:
        if self.session is None:
            await self._answer(CONNECT_S)
            self.session, self.has_server_gone_down = Session(self._name), False

    async def campaign(self) -> bool:
        asked_at = self._lab.loop.time()
        await self._answer(ANSWER_S)
        holder = self._lab.living_holder()
        if holder is None:
            self._lab.holder = self.session
        is_ours = self._lab.holder is self.session
        await asyncio.sleep(self._lab.late())
        self.is_held_by_us = not is_ours and self._held_as is not None and holder is self._held_as
        if is_ours:
            self.sure_at, self._held_as = asked_at, self.session
        return is_ours

    async def keeps(self, seconds: float) -> bool:
        loop, end = self._lab.loop, self._lab.loop.time() + seconds
        while loop.time() < end:
            if self.session is None:
                return False
            await asyncio.sleep(0.05)
        asked_at = loop.time()
        with suppress(DatabaseUnavailable):
            await self._answer(ANSWER_S)
            if self.session is not None and self._lab.living_holder() is self.session:
                self.sure_at = asked_at
                return True
        await self.close()
        return False

    async def answers(self) -> bool:
        if self.session is None:
            return False
        with suppress(DatabaseUnavailable):
            await self._answer(ANSWER_S)
            return self.session is not None
        return False

    async def close(self) -> None:
        if self.session is not None:
            self._lab.closed(self._name, self.session)
            self.session = None

    async def _answer(self, patience: float) -> None:
        end = self._lab.loop.time() + patience
        await asyncio.sleep(self._lab.late())
        while self._lab.is_silent(self._name):
            if self._lab.loop.time() >= end:
                await self.close()
                raise DatabaseUnavailable("silence")
            await asyncio.sleep(0.05)
        if not self._lab.has_pg(self._name):
            await self.close()
            raise DatabaseUnavailable("refused")
        if self.session is not None:
            self.session.heard_at = self._lab.loop.time()


class ModelRegistry:
    """What an election asks of :class:`ibconnect.cluster.registry.Registry`."""

    def __init__(self, lab: "Lab", name: str) -> None:
        self._lab = lab
        self._name = name
        self.peers = Peers(lab.ask, lab.loop.time)
        self.are_same_client = True
        self.surplus: str | None = None
        self.connected_at = float("inf")

    @property
    def has_peers(self) -> bool:
        return bool(self.peers.known)

    async def was_last_led_here(self, _: str) -> bool:
        return self._lab.last_led == self._name

    async def run(self) -> None:
        while True:
            now = self._lab.loop.time()
            if self._lab.has_pg(self._name):
                self.connected_at = min(self.connected_at, now)
                self._lab.beats[self._name] = now
                found = {name: name for name, at in self._lab.beats.items() if name != self._name and now - at <= 5}
                self.peers.known = (dict(self.peers.known) if now - self.connected_at < 5 else {}) | found
                self.are_same_client = self._lab.same_client or not self.peers.known
            else:
                self.connected_at = float("inf")
            await asyncio.sleep(2.0 if self._lab.has_pg(self._name) else 0.3)


class Instance:
    """A process with one gateway: its election, and what a supervisor does with it."""

    def __init__(self, lab: "Lab", name: str) -> None:
        self.lab, self.name = lab, name
        self.lease, self.registry = ModelLease(lab, name), ModelRegistry(lab, name)
        self.election = Election(cast(Lease, self.lease), cast(Registry, self.registry), GATEWAY)
        self.tasks = [lab.loop.create_task(work()) for work in (self.registry.run, self._run)]
        self.peers_since: float | None = None
        """Since when it has known of others: before that it may record alone."""

    async def _run(self) -> None:
        while True:
            await self.election.begin()
            recording = asyncio.ensure_future(self._record())
            try:
                why = await self.election.end()
            finally:
                recording.cancel()
                await asyncio.wait({recording})
            self.lab.stopped(self, why)
            await asyncio.sleep(self.lab.random.uniform(0.0, 0.5))
            await self.election.left()

    async def _record(self) -> None:
        lab = self.lab
        while True:
            if lab.admits(self.name):
                lab.admitted.add(self.name)
                self.election.admitted()
                try:
                    while self.name in lab.admitted:
                        if self.election.is_elected:
                            lab.last_led = self.name
                        await asyncio.sleep(0.05)
                finally:
                    lab.admitted.discard(self.name)
                    self.election.dropped()
            await asyncio.sleep(0.4)

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        done, late = await asyncio.wait(self.tasks, timeout=ANSWER_S)
        if late:
            raise Broken(f"{self.name} does not end when it is cancelled")
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                raise Broken(f"{self.name} has died") from task.exception()
        await self.lease.close()


class Lab:
    """Instances, their Postgres, their gateway."""

    def __init__(self, count: int, *, same_client: bool, seed: int) -> None:
        self.loop = JumpingLoop()
        self.random = random.Random(seed)
        self.same_client = same_client
        self.server, self.gateway_is_up = "up", True
        self.lines = {chr(ord("a") + number): "ok" for number in range(count)}
        self.ports = dict.fromkeys(self.lines, True)
        self.beats = dict[str, float]()
        self.running = dict[str, Instance]()
        self.holder: Session | None = None
        self.dying = set[Session]()
        self.admitted = set[str]()
        self.last_led = ""
        self.changed_at = self.silent_since = 0.0
        self.lost_at = dict[str, float]()
        self.cut_at = dict[str, float]()
        """When the server last gave a lease up at once, and its owner may not have learnt of it."""
        for name in self.lines:
            self.start(name)
        self.watching = self.loop.create_task(self._watch())

    # Postgres and the gateway, as they are.

    def late(self) -> float:
        return self.random.uniform(0.0, LATE_S)

    def is_silent(self, name: str) -> bool:
        return self.lines[name] == "silent" or (self.lines[name] == "ok" and self.server == "silent")

    def has_pg(self, name: str) -> bool:
        return self.server == "up" and self.lines[name] == "ok"

    def living_holder(self) -> Session | None:
        holder = self.holder
        if holder is not None:
            is_quiet = holder in self.dying or self.lines[holder.owner] != "ok"
            if is_quiet and self.loop.time() - holder.heard_at >= LEASE_OUTLIVES_S:
                self.holder = None
        return self.holder

    def closed(self, name: str, session: Session) -> None:
        if session is self.holder:
            if self.lines[name] == "ok" and self.server != "silent":
                self.holder = None
            else:
                self.dying.add(session)

    def admits(self, name: str) -> bool:
        others = self.admitted - {name}
        return self.gateway_is_up and not (self.same_client and others)

    async def ask(self, name: str, _: str) -> float | None:
        await asyncio.sleep(self.late())
        one = self.running.get(name)
        return one.registry.peers.seconds() if one is not None and self.ports[name] else None

    # What goes wrong, and right again.

    def start(self, name: str) -> None:
        self.lines[name] = "ok"
        self.running[name] = Instance(self, name)
        self.changed_at = self.loop.time()

    def end(self, name: str, *, cleanly: bool) -> None:
        one = self.running.pop(name)
        self._wait(one.end())
        if cleanly and self.has_pg(name):
            self.beats.pop(name, None)
            for other in self.running.values():
                other.registry.peers.known.pop(name, None)
        self.changed_at = self.loop.time()

    def part(self, name: str, line: str) -> None:
        self.lines[name] = line
        self.lost_at[name] = self.changed_at = self.loop.time()
        session = self.running[name].lease.session if name in self.running else None
        if line == "cut":
            self.cut_at[name] = self.changed_at
        if line == "cut" and session is not None:
            self.running[name].lease.session = None
            if session is self.holder:
                self.holder = None

    def turn(self, server: str) -> None:
        self.changed_at = self.loop.time()
        if server == "down":
            self.holder = None
            for name, one in self.running.items():
                if one.lease.session is not None and self.lines[name] == "ok":
                    one.lease.session, one.lease.has_server_gone_down = None, True
                elif self.lines[name] == "silent":
                    self.cut_at[name] = self.changed_at
        if server != "up":
            self.lost_at.update(dict.fromkeys(self.lines, self.changed_at))
        self.server = server

    def turn_gateway(self, *, is_up: bool) -> None:
        self.gateway_is_up, self.changed_at = is_up, self.loop.time()
        if not is_up:
            self.admitted.clear()

    def pass_time(self, seconds: float) -> None:
        self._wait(asyncio.sleep(seconds))

    def close(self) -> None:
        try:
            for name in list(self.running):
                self.end(name, cleanly=True)
            self.watching.cancel()
            self.loop.run_until_complete(asyncio.wait({self.watching}))
            if left := asyncio.all_tasks(self.loop):
                raise Broken(f"they go on: {left}")
        finally:
            self._end_all()
            self.loop.close()

    def _end_all(self) -> None:
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left))

    def _wait(self, work: Awaitable[None]) -> None:
        self.loop.run_until_complete(work)
        if self.watching.done() and not self.watching.cancelled():
            self.watching.result()

    # What is promised.

    def stopped(self, one: Instance, why: str) -> None:
        others = [each for name, each in self.running.items() if each is not one]
        if not others and not one.registry.has_peers:
            raise Broken(f"{one.name} is alone and stops: {why}")
        lost = self.lost_at.get(one.name, 0.0)
        nobody_has_it = self.server != "up" and self.loop.time() - lost > 0
        askable = all(name in self.running and self.ports[name] for name in one.registry.peers.known)
        if self.same_client and nobody_has_it and askable and why.startswith("Postgres is away"):
            if lost < self.changed_at - 4 or one.name not in self.admitted:
                return
            raise Broken(f"{one.name} stops although nobody has Postgres: {why}")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self._check_silence()
            for one in list(self.running.values()):
                self._check_one(one)

    def _check_silence(self) -> None:
        now = self.loop.time()
        has_pg = any(self.has_pg(name) for name in self.running)
        if self.admitted or not self.gateway_is_up or not has_pg:
            self.silent_since = now
        elif now - max(self.silent_since, self.changed_at) > TAKEN_OVER_S:
            raise Broken(f"nobody has recorded for {now - self.silent_since:.2f} s")

    def _check_one(self, one: Instance) -> None:
        state, now = one.election.state, self.loop.time()
        if not one.registry.has_peers:
            one.peers_since = None
            return
        one.peers_since = now if one.peers_since is None else one.peers_since
        if state.mode not in RECORDING:
            return
        silence = now - state.sure_at
        if state.mode is not Mode.STANDING_IN and silence > DEPOSED_S:
            raise Broken(f"{one.name} takes itself for elected after {silence:.2f} s")
        if not self.same_client and min(silence, now - one.peers_since) > DEPOSED_S:
            raise Broken(f"{one.name} records {silence:.2f} s after Postgres has said that it leads")
        holder = self.living_holder()
        is_anothers = holder is not None and holder.owner != one.name
        was_cut = now - self.cut_at.get(one.name, -DEPOSED_S) < DEPOSED_S
        if not self.same_client and is_anothers and not was_cut and self.lines[one.name] == "silent":
            raise Broken(f"{one.name} records beside another, which is elected")
        if is_anothers and self.has_pg(one.name) and now - self.changed_at > TAKEN_OVER_S:
            raise Broken(f"{one.name} records beside another, which is elected, although it has Postgres")
