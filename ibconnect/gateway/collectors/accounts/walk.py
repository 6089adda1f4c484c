"""A refresh: a walk over accounts of one gateway, which becomes one snapshot for each.

In: a connection, why, when and for whom. Out: the recorded walk, and what it came to. Called by the collector of
accounts, never twice at once on the same connection.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ibconnect import observe as o
from ibconnect.events.types import RefreshEnded, RefreshStarted
from ibconnect.gateway.collectors.accounts.asking import Asked, Asking, conclude_again
from ibconnect.gateway.collectors.accounts.conclusion import Conclusion, Ended, Patience, Source
from ibconnect.gateway.collectors.accounts.download import judged
from ibconnect.gateway.collectors.accounts.late import LateRows
from ibconnect.gateway.collectors.accounts.listing import Listing
from ibconnect.gateway.collectors.accounts.received import Received
from ibconnect.gateway.collectors.accounts.roster import Roster
from ibconnect.gateway.collectors.accounts.unfinished import Done, Unfinished
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.outcome import Outcome
from ibconnect.gateway.refresh_queue import RefreshQueue
from ibconnect.observe import Kind, observe

SOME = "some"
RESUMED = "resumed"
# Accounts that are asked for by requests of which any number may be under way.
_TOGETHER = 10


@dataclass(slots=True)
class Walk:
    """The result: what became of each account that was asked for, and why others are missing.

    ``served``: for each account that was asked for, the highest refresh request that its figures serve. ``resumed``:
    those that need not be asked for, since the part of the refresh before it was cut off has their figures.
    ``slow``: those of which some answer did not come in time.
    """

    outcome: Outcome = Outcome.COMPLETE
    accounts: list[str] = field(default_factory=list)
    resumed: dict[str, Done] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    is_for_all: bool = True
    conclusions: dict[str, Conclusion] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    served: dict[str, int | None] = field(default_factory=dict)
    request: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Why a refresh is made, the time that its snapshots share (microseconds since the epoch), and for which accounts.

    ``trigger``: ``start``, ``schedule``, ``request``, ``restored``, ``accounts``, ``retry``, ``late``, ``resumed``.
    ``accounts``: None for all that the gateway lists. ``done``: those that a refresh that is resumed need not ask for.
    """

    trigger: str
    created: int
    accounts: frozenset[str] | None = None
    done: Mapping[str, Done] = field(default_factory=dict)


class Refresher:
    """Walks the accounts of one connection; remembers which one is subscribed, and what still comes of the others.

    :param latest_request: gives the highest refresh request known; those up to it are served by what ends then
    :param configured: gives what :class:`RefreshStarted` says of the gateways that are configured
    :param queue: says which accounts are to be taken next, since somebody waits for them alone
    :param unfinished: takes note of what is done, in case that the connection ends before the refresh does
    :param troubled: gives the accounts that had no figures to rely on, or only after long, the last time
    """

    def __init__(
        self,
        connection: Connection,
        received: Received,
        patience: Patience,
        roster: Roster,
        *,
        latest_request: Callable[[], int | None],
        configured: Callable[[], Mapping[str, Any]],
        queue: RefreshQueue,
        unfinished: Unfinished,
        troubled: Callable[[], frozenset[str]],
    ) -> None:
        self._connection = connection
        self._received = received
        self._listing = Listing(connection, roster)
        self._latest_request = latest_request
        self._configured = configured
        self._queue = queue
        self._unfinished = unfinished
        self._troubled = troubled
        self._asking = Asking(connection, received, patience, latest_request, self._gives_way)
        self._turns: Collection[Asked] = ()
        self.late = LateRows(received)

    async def run(self, order: Order) -> Walk:
        """Walk the accounts.

        :raises GatewayLost: the connection ended before the walk did
        """
        connection, began = self._connection, _now()
        if not connection.connectivity.is_stale:
            await self._listing.renew()
        walk = Walk(accounts=self._wanted(order), is_for_all=order.accounts is None)
        walk.resumed = {code: order.done[code] for code in walk.accounts if code in order.done}
        self._begin(order, walk)
        waiting = self._unfinished.in_order(
            [code for code in walk.accounts if code not in walk.resumed], self._troubled()
        )
        if walk.is_for_all:
            self._unfinished.begin(order.created, walk.resumed)
        if connection.connectivity.is_stale:
            walk.missing = dict.fromkeys(waiting, self._stale())
        else:
            await self._walk(walk, waiting)
        if walk.is_for_all:
            self._unfinished.end(is_cut_short=connection.connectivity.is_stale)
            self._note_unlisted(walk)
        self._end(order, walk, began)
        return walk

    async def conclude_late(self) -> Walk | None:
        """Take what came late together with the downloads that it belongs to; None if nothing did.

        :raises GatewayLost: the connection is over
        """
        accounts = self._due()
        if not accounts:
            return None
        order = Order("late", self._connection.session.now(), frozenset(accounts))
        walk, began = Walk(accounts=accounts, is_for_all=False), _now()
        self._begin(order, walk)
        await self._take_late(walk, accounts)
        self._end(order, walk, began)
        return walk

    def _wanted(self, order: Order) -> list[str]:
        return [code for code in self._connection.accounts if order.accounts is None or code in order.accounts]

    def _begin(self, order: Order, walk: Walk) -> None:
        connection = self._connection
        observe(
            Kind.REFRESH_STARTED, gateway=str(connection.address), trigger=order.trigger, accounts=len(walk.accounts)
        )
        connection.record(
            RefreshStarted,
            created=order.created,
            trigger=order.trigger,
            accounts=walk.accounts,
            scope="" if walk.is_for_all else SOME,
            resumed=list(walk.resumed),
            **self._configured(),
        )

    def _end(self, order: Order, walk: Walk, began: float) -> None:
        walk.outcome = _outcome(walk)
        walk.request = self._latest_request()
        gateway, seconds = str(self._connection.address), _now() - began
        self._connection.record(
            RefreshEnded,
            created=order.created,
            outcome=walk.outcome.value,
            request=walk.request,
            missing=walk.missing,
            detail=walk.detail,
        )
        o.REFRESH_SECONDS.labels(gateway, walk.outcome.value).observe(seconds)
        observe(
            Kind.REFRESH_ENDED,
            gateway=gateway,
            trigger=order.trigger,
            outcome=walk.outcome.value,
            accounts=len(walk.accounts),
            missing=len(walk.missing),
            seconds=round(seconds, 3),
            **({"detail": walk.detail} if walk.detail else {}),
        )

    def _stale(self) -> str:
        code, text = self._connection.connectivity.why
        return f"stale: the gateway has lost its connection to IB ({code}: {text})"

    def _note_unlisted(self, walk: Walk) -> None:
        for code, why in self._listing.missing(walk.accounts).items():
            if code not in walk.conclusions:
                walk.missing.setdefault(code, why)
        if not walk.accounts:
            pinned = " that IB_GW pins to it" if self._connection.address.pins else ""
            walk.detail = f"the gateway lists no account{pinned}"

    async def _walk(self, walk: Walk, waiting: list[str]) -> None:
        """Ask for each once. What needs more follows when all others have been asked for, so it holds up none of them
        for longer than one download may last."""
        turns, together = deque(map(Asked, waiting)), list[Asked]()
        self._turns, is_repeated = turns, False
        while turns:
            # What is asked for again and again has every other turn at most, or the walk would never end.
            asked = turns[0] if is_repeated else self._urgent(walk, turns, together)
            is_repeated = asked.account in walk.conclusions
            if asked in turns:
                turns.remove(asked)
            if await self._is_cut_short(walk, asked):
                self._cut_short(walk, [*turns, *together])
                return
            if asked.next is Source.MULTI:
                together.append(asked)
            elif asked.next is not None:
                turns.append(asked)
        await self._asking.ask_together(together, _TOGETHER)
        for asked in together:
            self._concluded(walk, asked)

    async def _is_cut_short(self, walk: Walk, asked: Asked) -> bool:
        """Give an account its turn; whether the gateway has lost IB meanwhile."""
        self.late.drop(asked.account)
        await self._asking.ask(asked)
        while asked.next is not None and asked.is_quick:
            await self._asking.ask(asked)
        if asked.next is None:
            self._concluded(walk, asked)
        await self._take_late(walk, [code for code in self._due() if code != asked.account])
        return asked.last[0].ended is Ended.INTERRUPTED and self._connection.connectivity.is_stale

    def _urgent(self, walk: Walk, turns: Sequence[Asked], together: Sequence[Asked]) -> Asked:
        """Whose turn it is: of an account that somebody waits for, unless it was asked for in vain a moment ago."""
        in_vain = {asked.account for asked in (*turns, *together) if asked.tries}
        account = self._queue.begin_urgent([code for code in walk.accounts if code not in in_vain])
        if account is None:
            return turns[0]
        return next((asked for asked in turns if asked.account == account), Asked(account))

    def _gives_way(self, account: str) -> bool:
        """Whether somebody waits for another account than the one that is asked for."""
        return self._queue.is_urgent({asked.account for asked in self._turns if not asked.tries} - {account})

    def _cut_short(self, walk: Walk, left: Sequence[Asked]) -> None:
        self.late.clear()
        walk.missing.update(dict.fromkeys((asked.account for asked in left), self._stale()))

    def _concluded(self, walk: Walk, asked: Asked) -> None:
        conclusion, arrivals = asked.last
        if any(tried.ended is Ended.TIMEOUT for tried, _ in asked.tries):
            walk.slow.add(asked.account)
        observe(Kind.ACCOUNT_CONCLUDED, account=asked.account, ended=conclusion.ended.value, detail=conclusion.detail)
        self._note(walk, asked.account, conclusion, asked.request)
        if arrivals is not None and conclusion.ended in (Ended.DOWNLOAD_END, Ended.QUIET):
            is_clean = conclusion.is_whole and conclusion.check is None and all(arrivals.prices)
            self.late.watch(asked.account, arrivals, _now(), is_clean=is_clean)

    def _note(self, walk: Walk, account: str, conclusion: Conclusion, request: int | None) -> None:
        walk.conclusions[account] = conclusion
        walk.served[account] = request
        if conclusion.is_whole:
            self._unfinished.note(account, Done(self._connection.session.now(), request))
            walk.missing.pop(account, None)
        else:
            walk.missing[account] = conclusion.why

    def _due(self) -> list[str]:
        return [] if self.late.is_idle else self.late.due(_now())

    async def _take_late(self, walk: Walk, accounts: Sequence[str]) -> None:
        for account in accounts:
            arrivals = self.late.take(account, _now())
            ended = Ended.QUIET if self._received.owes_end(account) else Ended.DOWNLOAD_END
            conclusion = await judged(Conclusion(ended), account, arrivals, self._asking.check)
            request = walk.served.get(account)
            conclude_again(self._connection, account, conclusion, arrivals, request)
            self._note(walk, account, conclusion, request)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _outcome(walk: Walk) -> Outcome:
    if not walk.missing and (walk.accounts or not walk.is_for_all):
        return Outcome.COMPLETE
    is_none = all(code in walk.missing for code in walk.accounts)
    return Outcome.FAILED if is_none else Outcome.PARTIAL
