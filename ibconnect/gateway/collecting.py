"""Everything that is asked of one gateway, while a connection lasts: the accounts, and beside them whatever else.

In: the collectors of the registry, a connection. Out: all of them at work on it, and word of those that get no answer.
Called by the supervisor, once for each connection.

One that hangs, raises or is refused does no harm to the others: each has a task of its own, what it sends waits for
the walk over the accounts, and what is wrong is logged once, until that is over.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from ibconnect.backoff import Backoff
from ibconnect.errors import GatewayError, GatewayLost
from ibconnect.gateway.collectors import registry
from ibconnect.gateway.collectors.collector import Collector, Home
from ibconnect.gateway.collectors.question import Answer, Ended
from ibconnect.gateway.connection import Connection
from ibconnect.observe import Kind, observe

# After a fault of a collector.
FIRST_S, LONGEST_S = 15.0, 3600.0
# How long a collector may take to end with its connection.
_END_S = 1.0
# The same is logged again after so long, if it is still, or again, the case; so many reasons of one in that time.
LOG_AGAIN_S, _MOST_REASONS = 3600.0, 5


class Collecting:
    """Of one gateway.

    :param on_change: called when something begins to get no answer, and when it has one again
    """

    def __init__(self, gateway: str, home: Home, on_change: Callable[[], None]) -> None:
        self._gateway = gateway
        self._collectors: Sequence[Collector] = [make(home) for make in registry.chosen(home.config.collect)]
        self._on_change = on_change
        self._wrong: dict[str, str] = {}
        self._logged: dict[str, dict[str, float]] = {}
        self._is_logged = set[str]()
        self._lingering = set[Collector]()

    @property
    def steering(self) -> Mapping[int, int]:
        """The messages that the collectors act on, with the number of fields that is needed of each."""
        found: dict[int, int] = {}
        for collector in self._collectors:
            for number, fields in collector.messages.items():
                found[number] = max(fields, found.get(number, 0))
        return found

    @property
    def detail(self) -> str:
        """What gets no answer, and why, for people; empty if all do."""
        return "; ".join(f"{name}: {why}" for name, why in self._wrong.items())

    async def run(self, connection: Connection) -> None:
        """Have all collectors work, for as long as the connection lasts.

        :raises GatewayLost: the connection is over
        """
        first, *others = self._collectors
        # One that has not ended with the connection before is not begun a second time.
        free = [each for each in others if each not in self._lingering]
        tasks = {each: asyncio.ensure_future(self._contained(each, connection)) for each in free}
        try:
            await first.run(connection, partial(self._note, first))
        finally:
            await self._end(tasks)

    async def _contained(self, collector: Collector, connection: Connection) -> None:
        backoff = Backoff(FIRST_S, LONGEST_S)

        def note(answer: Answer) -> None:
            backoff.reset()
            self._note(collector, answer)

        while not connection.lost.done():
            try:
                await collector.run(connection, note)
            except GatewayLost:
                return
            except Exception as exc:  # noqa: BLE001 - whatever it is, it is no reason to record nothing
                self._failed(collector, exc)
            await asyncio.sleep(backoff.wait())

    def _note(self, collector: Collector, answer: Answer) -> None:
        """One round of a collector's questions has ended."""
        name = collector.name
        if answer.ended is Ended.WHOLE:
            if self._wrong.pop(name, None) is not None:
                self._on_change()
            if name in self._is_logged:
                self._is_logged.discard(name)
                observe(Kind.COLLECTOR_ANSWERED, gateway=self._gateway, collector=name)
        elif answer.ended is not Ended.STALE:
            # What the gateway says may name accounts, which no log does.
            reason = f"{answer.ended.value} ({answer.code})" if answer.code else answer.ended.value
            if self._is_news(name, f"{answer.ended.value}: {answer.detail}"):
                observe(Kind.COLLECTOR_UNANSWERED, gateway=self._gateway, collector=name, reason=reason)

    def _failed(self, collector: Collector, exc: Exception) -> None:
        if self._is_news(collector.name, f"failed: {type(exc).__name__}"):
            observe(Kind.COLLECTOR_FAILED, gateway=self._gateway, collector=collector.name, error=exc)

    def _is_news(self, name: str, why: str) -> bool:
        """Something is wrong with a collector: whether that is to be logged, which a reason is once in a while."""
        if self._wrong.get(name) != why:
            self._wrong[name] = why
            self._on_change()
        now = asyncio.get_running_loop().time()
        logged = {reason: at for reason, at in self._logged.get(name, {}).items() if now - at < LOG_AGAIN_S}
        is_news = why not in logged and len(logged) < _MOST_REASONS
        self._logged[name] = {**logged, why: now} if is_news else logged
        self._is_logged |= {name} if is_news else set()
        return is_news

    async def _end(self, tasks: "Mapping[Collector, asyncio.Task[None]]") -> None:
        """Have tasks end; the supervisor waits for none that does not."""
        for task in tasks.values():
            task.cancel()
        if tasks:
            await asyncio.wait(tasks.values(), timeout=_END_S)
        for collector, task in tasks.items():
            if not task.done():
                self._lingering.add(collector)
                task.add_done_callback(partial(self._ended_late, collector))
                self._failed(collector, GatewayError("it did not end with its connection"))

    def _ended_late(self, collector: Collector, task: "asyncio.Task[None]") -> None:
        self._lingering.discard(collector)
        if not task.cancelled():
            task.exception()
