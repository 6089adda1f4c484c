"""One account, asked for until its figures can be relied on, in the ways that promise something.

In: a connection and an account. Out: one try after the other, each recorded, and which way promises something next.
Called by the walk, which decides when: what an account needs more than one try for holds up the others only once.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ibconnect.events.types import AccountSubscribed
from ibconnect.gateway.collectors.accounts.conclusion import (
    Conclusion,
    Ended,
    Patience,
    Source,
    conclude,
    is_held_elsewhere,
)
from ibconnect.gateway.collectors.accounts.cross_check import Check, PositionCheck
from ibconnect.gateway.collectors.accounts.download import by_updates
from ibconnect.gateway.collectors.accounts.multi import by_multi
from ibconnect.gateway.collectors.accounts.received import Arrivals, Received
from ibconnect.gateway.collectors.accounts.subscription import Subscription
from ibconnect.gateway.connection import Connection

_Try = tuple[Conclusion, Arrivals | None]


@dataclass(slots=True, eq=False)
class Asked:
    """An account, and what came of each try so far.

    ``next``: what to ask it by; None once it has its last word. ``is_quick``: that follows at once, since what the
    account waited for until now was a word of the gateway, not its silence.
    """

    account: str
    next: Source | None = Source.UPDATES
    is_quick: bool = False
    tries: list[_Try] = field(default_factory=list)
    request: int | None = None
    _updates: int = 0

    @property
    def last(self) -> _Try:
        """What has the last word on it by now."""
        return self.tries[-1]

    def note(self, conclusion: Conclusion, arrivals: Arrivals | None, source: Source, *, is_careful: bool) -> None:
        """A try has ended; ``is_careful``: the same is to be asked once more, after unsubscribing it."""
        self.tries.append((conclusion, arrivals))
        self._updates += source is Source.UPDATES and not is_careful
        self.next = Source.UPDATES if is_careful else _next(source, conclusion, self._updates)
        self.is_quick = is_careful or is_held_elsewhere(conclusion)

    @property
    def best(self) -> tuple[Conclusion, Arrivals] | None:
        """What has the last word in the place of the last try: one before with rows, if the last is no better."""
        if self.next is not None or self.last[0].is_whole:
            return None
        found = [(conclusion, rows) for conclusion, rows in self.tries[:-1] if rows is not None and rows.has_rows]
        return found[-1] if found else None


class Asking:
    """Of one connection.

    :param latest_request: gives the highest refresh request known; those up to it are served by what ends then
    :param gives_way: whether somebody waits for another account than the one that is asked for
    """

    def __init__(
        self,
        connection: Connection,
        received: Received,
        patience: Patience,
        latest_request: Callable[[], int | None],
        gives_way: Callable[[str], bool],
    ) -> None:
        self._connection = connection
        self._received = received
        self._patience = patience
        self._latest_request = latest_request
        self._gives_way = gives_way
        self._subscription = Subscription(connection)
        self.check = PositionCheck(connection, patience.answer)

    async def ask(self, asked: Asked) -> None:
        """Try once more, by ``asked.next``.

        :raises GatewayLost: the connection is over
        """
        source, is_careful = asked.next, False
        assert source is not None
        if source is Source.MULTI:
            conclusion, arrivals = await self._by_multi(asked), None
        else:
            conclusion, arrivals = await self._by_updates(asked)
            is_careful = self._subscription.note(conclusion)
        asked.note(conclusion, arrivals, source, is_careful=is_careful)
        then = asked.next or (Source.UPDATES if asked.best else None)
        asked.request = self._latest_request()
        last = None if arrivals is None else arrivals.last
        conclude(self._connection, asked.account, conclusion, last=last, request=asked.request, then=then or "")
        if (best := asked.best) is not None:
            asked.tries.append(best)
            conclude_again(self._connection, asked.account, *best, asked.request)

    async def _by_updates(self, asked: Asked) -> tuple[Conclusion, Arrivals]:
        self._subscription.pass_to(asked.account)
        return await by_updates(
            self._connection,
            self._received,
            asked.account,
            self._patience,
            self.check,
            has_replaced=self._subscription.has_replaced,
            gives_way=lambda: not asked.tries and self._gives_way(asked.account),
        )

    async def _by_multi(self, asked: Asked) -> Conclusion:
        has_rows = any(conclusion.has_rows for conclusion, _ in asked.tries)
        check = self.check if any(conclusion.check is Check.DIFFERS for conclusion, _ in asked.tries) else None
        return await by_multi(self._connection, asked.account, self._patience, may_be_empty=not has_rows, check=check)

    async def ask_together(self, waiting: list[Asked], at_once: int) -> None:
        """Try each of some accounts once more by what any number of requests may be under way of.

        :raises GatewayLost: the connection is over
        """
        turn = asyncio.Semaphore(at_once)

        async def one(asked: Asked) -> None:
            async with turn:
                await self.ask(asked)

        tasks = [asyncio.ensure_future(one(asked)) for asked in waiting]
        try:
            for task in tasks:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def conclude_again(
    connection: Connection, account: str, conclusion: Conclusion, arrivals: Arrivals, request: int | None
) -> None:
    """Have the last word on an account be what came of a download that has ended."""
    connection.record(AccountSubscribed, account=account, source=Source.UPDATES.value, since=arrivals.since)
    conclude(connection, account, conclusion, last=arrivals.last, request=request)


def _next(source: Source, conclusion: Conclusion, tried: int) -> Source | None:
    """What to ask an account by next; None if this was its last word for now."""
    if conclusion.is_whole or source is Source.MULTI:
        return None
    if is_held_elsewhere(conclusion):
        return Source.MULTI
    is_final = conclusion.ended in (Ended.DISCONNECTED, Ended.INTERRUPTED, Ended.REJECTED)
    # Prices follow by themselves, and the other way has none at all.
    if is_final or not conclusion.is_ready or conclusion.awaits_prices:
        return None
    return Source.UPDATES if tried == 1 else Source.MULTI
