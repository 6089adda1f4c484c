"""A refresh: a walk over accounts of one gateway, which becomes one snapshot for each.

In: a connection, why, when and for whom. Out: the recorded walk, and what it came to. Called by the collector of
accounts, never twice at once on the same connection.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ibconnect import observe as o
from ibconnect.events.types import AccountSubscribed, RefreshEnded, RefreshStarted
from ibconnect.gateway.collectors.accounts.conclusion import (
    Conclusion,
    Ended,
    Patience,
    Source,
    conclude,
    is_held_elsewhere,
)
from ibconnect.gateway.collectors.accounts.cross_check import Check, PositionCheck
from ibconnect.gateway.collectors.accounts.download import by_updates, judged, unsubscribe
from ibconnect.gateway.collectors.accounts.late import LateRows
from ibconnect.gateway.collectors.accounts.listing import Listing
from ibconnect.gateway.collectors.accounts.multi import by_multi
from ibconnect.gateway.collectors.accounts.received import Arrivals, Received
from ibconnect.gateway.collectors.accounts.roster import Roster
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.outcome import Outcome
from ibconnect.observe import Kind, observe

SOME = "some"


@dataclass(slots=True)
class Walk:
    """The result: what became of each account that was asked for, and why others are missing.

    ``served``: for each account that was asked for, the highest refresh request that its figures serve.
    """

    outcome: Outcome = Outcome.COMPLETE
    accounts: list[str] = field(default_factory=list)
    is_for_all: bool = True
    conclusions: dict[str, Conclusion] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    served: dict[str, int | None] = field(default_factory=dict)
    request: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Why a refresh is made, the time that its snapshots share (microseconds since the epoch), and for which accounts.

    ``trigger``: ``start``, ``schedule``, ``request``, ``restored``, ``accounts``, ``retry``, ``late``. ``accounts``:
    None for all that the gateway lists.
    """

    trigger: str
    created: int
    accounts: frozenset[str] | None = None


class Refresher:
    """Walks the accounts of one connection; remembers which one is subscribed, and what still comes of the others.

    :param latest_request: gives the highest refresh request known; those up to it are served by what ends then
    :param configured: gives what :class:`RefreshStarted` says of the gateways that are configured
    :param urgent: gives which of some accounts is to be taken next, since somebody waits for it, each of them once
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
        urgent: Callable[[Collection[str]], str | None] = lambda _: None,
    ) -> None:
        self._connection = connection
        self._patience = patience
        self._received = received
        self._listing = Listing(connection, roster)
        self._latest_request = latest_request
        self._configured = configured
        self._urgent = urgent
        self._check = PositionCheck(connection, patience.answer)
        self._subscribed: str | None = None
        self.late = LateRows(received)

    async def run(self, order: Order) -> Walk:
        """Walk the accounts.

        :raises GatewayLost: the connection ended before the walk did
        """
        connection, began = self._connection, _now()
        if not connection.connectivity.is_stale:
            await self._listing.renew()
        walk = Walk(accounts=self._wanted(order), is_for_all=order.accounts is None)
        self._begin(order, walk)
        if connection.connectivity.is_stale:
            walk.missing = dict.fromkeys(walk.accounts, self._stale())
        else:
            await self._walk(walk)
        if walk.is_for_all:
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

    async def _walk(self, walk: Walk) -> None:
        waiting, is_repeated = list(walk.accounts), False
        while waiting:
            # What is asked for again and again has every other turn at most, or the walk would never end.
            urgent = None if is_repeated else self._urgent(walk.accounts)
            account = urgent or waiting[0]
            is_repeated = account not in waiting
            waiting = [other for other in waiting if other != account]
            conclusion = await self._one(walk, account)
            await self._take_late(walk, [code for code in self._due() if code != account])
            if conclusion.ended is Ended.INTERRUPTED and self._connection.connectivity.is_stale:
                self.late.clear()
                walk.missing.update(dict.fromkeys(waiting, self._stale()))
                return

    async def _one(self, walk: Walk, account: str) -> Conclusion:
        """Ask for an account until its figures can be relied on, in the ways that promise something."""
        self.late.drop(account)
        source: Source | None = Source.UPDATES
        tries: list[tuple[Conclusion, Arrivals | None]] = []
        while source is not None:
            asked, source = source, None
            conclusion, arrivals = await self._ask(account, asked, tries)
            tries.append((conclusion, arrivals))
            source = _next(asked, conclusion, len(tries))
            best = _best_but(tries) if source is None and not conclusion.is_whole else None
            then = source or (Source.UPDATES if best else None)
            request = self._latest_request()
            last = None if arrivals is None else arrivals.last
            conclude(self._connection, account, conclusion, last=last, request=request, then=then or "")
            if best is not None:
                conclusion, arrivals = best
                self._conclude_again(account, conclusion, arrivals, request)
        observe(Kind.ACCOUNT_CONCLUDED, account=account, ended=conclusion.ended.value, detail=conclusion.detail)
        self._note(walk, account, conclusion, request)
        if arrivals is not None and conclusion.ended in (Ended.DOWNLOAD_END, Ended.QUIET):
            is_clean = conclusion.is_whole and conclusion.check is None and all(arrivals.prices)
            self.late.watch(account, arrivals, _now(), is_clean=is_clean)
        return conclusion

    async def _ask(
        self, account: str, source: Source, tries: Sequence[tuple[Conclusion, Arrivals | None]]
    ) -> tuple[Conclusion, Arrivals | None]:
        if source is Source.MULTI:
            has_rows = any(conclusion.has_rows for conclusion, _ in tries)
            check = self._check if any(conclusion.check is Check.DIFFERS for conclusion, _ in tries) else None
            answer = await by_multi(self._connection, account, self._patience, may_be_empty=not has_rows, check=check)
            return answer, None
        self._let_go()
        self._subscribed = account
        return await by_updates(self._connection, self._received, account, self._patience, self._check)

    def _conclude_again(self, account: str, conclusion: Conclusion, arrivals: Arrivals, request: int | None) -> None:
        """Have the last word on an account be what came of a download that has ended."""
        self._connection.record(AccountSubscribed, account=account, source=Source.UPDATES.value, since=arrivals.since)
        conclude(self._connection, account, conclusion, last=arrivals.last, request=request)

    def _note(self, walk: Walk, account: str, conclusion: Conclusion, request: int | None) -> None:
        walk.conclusions[account] = conclusion
        walk.served[account] = request
        if conclusion.is_whole:
            walk.missing.pop(account, None)
        else:
            walk.missing[account] = conclusion.why

    def _due(self) -> list[str]:
        return [] if self.late.is_idle else self.late.due(_now())

    async def _take_late(self, walk: Walk, accounts: Sequence[str]) -> None:
        for account in accounts:
            arrivals = self.late.take(account, _now())
            ended = Ended.QUIET if self._received.owes_end(account) else Ended.DOWNLOAD_END
            conclusion = await judged(Conclusion(ended), account, arrivals, self._check)
            request = walk.served.get(account)
            self._conclude_again(account, conclusion, arrivals, request)
            self._note(walk, account, conclusion, request)

    def _let_go(self) -> None:
        if self._subscribed is not None:
            unsubscribe(self._connection, self._subscribed)
            self._subscribed = None


def _now() -> float:
    return asyncio.get_running_loop().time()


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


def _best_but(tries: Sequence[tuple[Conclusion, Arrivals | None]]) -> tuple[Conclusion, Arrivals] | None:
    """The newest try with rows before the last one, if the last one is no better."""
    found = [(conclusion, arrivals) for conclusion, arrivals in tries[:-1] if arrivals and arrivals.has_rows]
    return found[-1] if found else None


def _outcome(walk: Walk) -> Outcome:
    if not walk.missing and (walk.accounts or not walk.is_for_all):
        return Outcome.COMPLETE
    is_none = all(code in walk.missing for code in walk.accounts)
    return Outcome.FAILED if is_none else Outcome.PARTIAL
