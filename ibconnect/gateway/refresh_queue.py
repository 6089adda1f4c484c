"""Refreshes that are wanted and not yet begun: whatever comes in while one runs becomes one next refresh.

In: refreshes, as the schedule, requests and what the gateway says call for them. Out: one at a time, for the walk.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

# When several are wanted at once, the one whose time others share names the refresh.
_RANK = ("request", "schedule", "restored", "accounts", "retry", "start")


class QueuedRefresh(NamedTuple):
    """Why a refresh is wanted, and the time that all instances would give it (None: the time it begins).

    ``accounts``: None for all. ``request``: the number of the request that it is for; ``holder``: whose that is.
    """

    trigger: str
    created: datetime | None = None
    accounts: frozenset[str] | None = None
    request: int | None = None
    holder: str = ""


class RefreshQueue:
    """Those of one gateway."""

    def __init__(self) -> None:
        self._queued: list[QueuedRefresh] = []
        # Of the refresh that runs: what somebody waits for, and how much was begun for whom.
        self._taken: list[QueuedRefresh] = []
        self._begun: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._hearers: list[Callable[[], None]] = []

    def add(self, refresh: QueuedRefresh) -> None:
        """Want a refresh; of several with the same trigger for the same accounts the latest counts."""
        self._queued = [
            other for other in self._queued if (other.trigger, other.accounts) != (refresh.trigger, refresh.accounts)
        ]
        self._queued.append(refresh)
        self._changed.set()

    def drop(self, trigger: str) -> None:
        """No longer want it for this reason."""
        self._queued = [refresh for refresh in self._queued if refresh.trigger != trigger]

    def drop_served(self, request: int | None, accounts: Mapping[str, int | None]) -> None:
        """No longer want what has been done.

        :param request: the highest request for all accounts that was served; None if none was
        :param accounts: for each account the highest request for it alone that was served
        """
        self._queued = [refresh for refresh in self._queued if not _is_served(refresh, request, accounts)]

    def clear(self) -> None:
        """Want nothing."""
        self._queued.clear()
        self._taken.clear()

    @contextmanager
    def hearing_ends(self, hear: Callable[[], None]) -> Iterator[None]:
        """Have ``hear()`` called at the end of each refresh that was asked for, while the context lasts."""
        self._hearers.append(hear)
        try:
            yield
        finally:
            self._hearers.remove(hear)

    def ended(self) -> None:
        """A refresh that was asked for has ended."""
        for hear in tuple(self._hearers):
            hear()

    async def wanted(self) -> None:
        """Wait until something is wanted; takes nothing, so whoever gives up waiting has taken nothing."""
        while not self._queued:
            self._changed.clear()
            await self._changed.wait()

    def take(self) -> QueuedRefresh:
        """One refresh; all that are there are fulfilled by it. There must be one."""
        of_all = [refresh for refresh in self._queued if refresh.accounts is None]
        first = min(of_all or self._queued, key=lambda refresh: _RANK.index(refresh.trigger))
        accounts = None if of_all else frozenset[str]().union(*(refresh.accounts or () for refresh in self._queued))
        self._taken = [refresh for refresh in self._queued if _is_urgent(refresh)]
        self._queued.clear()
        return first._replace(accounts=accounts)

    def is_urgent(self, accounts: Collection[str]) -> bool:
        """Whether somebody waits for one of the accounts alone."""
        return any(
            _is_urgent(refresh) and not (refresh.accounts or frozenset()).isdisjoint(accounts)
            for refresh in (*self._taken, *self._queued)
        )

    def begin_urgent(self, accounts: Collection[str]) -> str | None:
        """Which of the accounts is to be taken next, since somebody waits for it alone; it then counts as begun.

        It is one of whoever has had the fewest so far: who wants many does not make wait who wants one.
        """
        waiting = [
            (refresh, code)
            for refresh in (*self._taken, *self._queued)
            if _is_urgent(refresh)
            for code in sorted((refresh.accounts or frozenset()).intersection(accounts))
        ]
        if not waiting:
            self._begun.clear()
            return None
        refresh, account = min(waiting, key=lambda each: self._begun[each[0].holder])
        self._begun[refresh.holder] += 1
        self._taken = _without(self._taken, account)
        self._queued = _without(self._queued, account)
        return account


def _is_urgent(refresh: QueuedRefresh) -> bool:
    return refresh.trigger == "request" and refresh.accounts is not None


def _without(refreshes: Iterable[QueuedRefresh], account: str) -> list[QueuedRefresh]:
    """The refreshes, once an account that somebody waits for is being asked for."""
    left = []
    for refresh in refreshes:
        if _is_urgent(refresh) and refresh.accounts is not None:
            accounts = refresh.accounts - {account}
            left += [refresh._replace(accounts=accounts)] if accounts else []
        else:
            left.append(refresh)
    return left


def _is_served(refresh: QueuedRefresh, request: int | None, accounts: Mapping[str, int | None]) -> bool:
    if refresh.request is None:
        return False
    if refresh.accounts is None:
        return request is not None and refresh.request <= request
    return all((accounts.get(code) or 0) >= refresh.request for code in refresh.accounts)
