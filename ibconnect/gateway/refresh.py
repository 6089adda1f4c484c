"""A refresh: a walk over all accounts of one gateway, which becomes one snapshot for each.

In: a link, why and when. Out: the recorded walk, and what it came to. Called by the keeper, never twice at once
on the same link.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ibconnect import observe as o
from ibconnect.errors import GatewayLost
from ibconnect.events.kinds import RefreshEnded, RefreshStarted
from ibconnect.gateway.client import ACCOUNTS
from ibconnect.gateway.download import Conclusion, Ended, Patience, download, unsubscribe
from ibconnect.gateway.link import Link
from ibconnect.observe import Kind, observe

# How long the gateway may take to repeat its list of accounts; it is used as last sent if it does not.
_LIST_S = 2.0
_ATTEMPTS = 2


class Outcome(StrEnum):
    """What a walk came to: a snapshot of every account, of some, of none, or cut off."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    ABORTED = "aborted"


@dataclass(slots=True)
class Walk:
    """The result: its outcome, why accounts are missing, and which were not ready."""

    outcome: Outcome
    accounts: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    not_ready: list[str] = field(default_factory=list)


class Refresher:
    """Walks the accounts of one link. It remembers which account is subscribed."""

    def __init__(self, link: Link, patience: Patience) -> None:
        self._link = link
        self._patience = patience
        self._subscribed: str | None = None

    async def run(
        self, trigger: str, created: int, latest_request: Callable[[], int | None], *, is_stale: bool = False
    ) -> Walk:
        """Walk all accounts.

        :param trigger: why: ``start``, ``schedule``, ``request``, ``restored``, ``accounts``, ``retry``
        :param created: the time that all its snapshots share, microseconds since the epoch
        :param latest_request: gives the highest refresh request known when the walk ends; those up to it are served
        :param is_stale: the gateway lost its own connection to IB: what it would send now is old, so nothing is asked
        :raises GatewayLost: the connection ended before the walk did
        """
        link, began = self._link, asyncio.get_running_loop().time()
        if not is_stale:
            await self._list_accounts()
        accounts = list(link.accounts)
        observe(Kind.REFRESH_STARTED, gateway=str(link.address), trigger=trigger, accounts=len(accounts))
        link.tell(RefreshStarted, created=created, trigger=trigger, accounts=accounts)
        walk = _stale(accounts) if is_stale else await self._walk(accounts)
        request = latest_request()
        link.tell(RefreshEnded, created=created, outcome=walk.outcome.value, request=request, missing=walk.missing)
        took = asyncio.get_running_loop().time() - began
        o.REFRESH_SECONDS.labels(str(link.address), walk.outcome.value).observe(took)
        observe(
            Kind.REFRESH_ENDED,
            gateway=str(link.address),
            trigger=trigger,
            outcome=walk.outcome.value,
            accounts=len(accounts),
            missing=len(walk.missing),
            seconds=round(took, 3),
        )
        return walk

    async def _list_accounts(self) -> None:
        listed = asyncio.Event()

        def watch(number: int, _: list[str]) -> None:
            if number == ACCOUNTS:
                listed.set()

        with self._link.watching(watch):
            if self._link.lost.done():
                raise GatewayLost(self._link.lost.result())
            self._link.client.reqManagedAccts()
            waiting = asyncio.ensure_future(listed.wait())
            watched: set[asyncio.Future[Any]] = {waiting, self._link.lost}
            await asyncio.wait(watched, timeout=_LIST_S, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    async def _walk(self, accounts: list[str]) -> Walk:
        walk = Walk(Outcome.COMPLETE, accounts)
        for account in accounts:
            conclusion = await self._one(account)
            if conclusion.ended is Ended.DISCONNECTED:
                raise GatewayLost(conclusion.detail)
            if not conclusion.ended.is_whole:
                walk.missing[account] = f"{conclusion.ended.value}: {conclusion.detail}"
            elif not conclusion.is_ready:
                walk.not_ready.append(account)
        if walk.missing:
            walk.outcome = Outcome.FAILED if len(walk.missing) == len(accounts) else Outcome.PARTIAL
        return walk

    async def _one(self, account: str) -> Conclusion:
        conclusion = Conclusion(Ended.TIMEOUT)
        for _ in range(_ATTEMPTS):
            self._let_go()
            self._subscribed = account
            conclusion = await download(self._link, account, self._patience)
            observe(Kind.ACCOUNT_CONCLUDED, account=account, ended=conclusion.ended.value, detail=conclusion.detail)
            if conclusion.ended is not Ended.TIMEOUT:
                break
        return conclusion

    def _let_go(self) -> None:
        if self._subscribed is not None:
            unsubscribe(self._link, self._subscribed)
            self._subscribed = None


def _stale(accounts: list[str]) -> Walk:
    why = "the gateway has lost its connection to IB (1100)"
    return Walk(Outcome.FAILED, accounts, dict.fromkeys(accounts, why))
