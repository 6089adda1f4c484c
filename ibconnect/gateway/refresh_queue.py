"""Refreshes that are wanted and not yet begun: whatever comes in while one runs becomes one next refresh.

In: wishes, from the schedule, from requests, from what the gateway says. Out: one at a time, for the keeper.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

# When several are wanted at once, the one whose time others share names the refresh.
_RANK = ("request", "schedule", "restored", "accounts", "retry", "start")


class Wish(NamedTuple):
    """Why a refresh is wanted, and the time that all instances would give it (None: the time it begins).

    ``accounts``: None for all. ``request``: the number of the request that it is for; ``holder``: whose that is.
    """

    trigger: str
    created: datetime | None = None
    accounts: frozenset[str] | None = None
    request: int | None = None
    holder: str = ""


class Wishes:
    """The wishes of one gateway."""

    def __init__(self) -> None:
        self._wanted: list[Wish] = []
        # Of the refresh that runs: what somebody waits for, and how much was begun for whom.
        self._taken: list[Wish] = []
        self._begun: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def add(self, wish: Wish) -> None:
        """Want a refresh; of several with the same trigger for the same accounts the latest counts."""
        self._wanted = [
            other for other in self._wanted if (other.trigger, other.accounts) != (wish.trigger, wish.accounts)
        ]
        self._wanted.append(wish)
        self._changed.set()

    def drop(self, trigger: str) -> None:
        """No longer want it for this reason."""
        self._wanted = [wish for wish in self._wanted if wish.trigger != trigger]

    def drop_served(self, request: int | None, accounts: Mapping[str, int | None]) -> None:
        """No longer want what has been done.

        :param request: the highest request for all accounts that was served; None if none was
        :param accounts: for each account the highest request for it alone that was served
        """
        self._wanted = [wish for wish in self._wanted if not _is_served(wish, request, accounts)]

    def clear(self) -> None:
        """Want nothing."""
        self._wanted.clear()
        self._taken.clear()

    async def wanted(self) -> None:
        """Wait until something is wanted; takes nothing, so whoever gives up waiting has taken nothing."""
        while not self._wanted:
            self._changed.clear()
            await self._changed.wait()

    def take(self) -> Wish:
        """One wish; all that are there are fulfilled by it. There must be one."""
        of_all = [wish for wish in self._wanted if wish.accounts is None]
        first = min(of_all or self._wanted, key=lambda wish: _RANK.index(wish.trigger))
        accounts = None if of_all else frozenset[str]().union(*(wish.accounts or () for wish in self._wanted))
        self._taken = [wish for wish in self._wanted if _is_urgent(wish)]
        self._wanted.clear()
        return first._replace(accounts=accounts)

    def begin_urgent(self, accounts: Collection[str]) -> str | None:
        """Which of the accounts is to be taken next, since somebody waits for it by itself; its wish is then fulfilled.

        It is one of whoever has had the fewest so far: who wants many does not make wait who wants one.
        """
        waiting = [
            (wish, code)
            for wish in (*self._taken, *self._wanted)
            if _is_urgent(wish)
            for code in sorted((wish.accounts or frozenset()).intersection(accounts))
        ]
        if not waiting:
            self._begun.clear()
            return None
        wish, account = min(waiting, key=lambda each: self._begun[each[0].holder])
        self._begun[wish.holder] += 1
        self._taken = _without(self._taken, account)
        self._wanted = _without(self._wanted, account)
        return account


def _is_urgent(wish: Wish) -> bool:
    return wish.trigger == "request" and wish.accounts is not None


def _without(wishes: Iterable[Wish], account: str) -> list[Wish]:
    """The wishes, once an account that somebody waits for is being asked for."""
    left = []
    for wish in wishes:
        if _is_urgent(wish) and wish.accounts is not None:
            accounts = wish.accounts - {account}
            left += [wish._replace(accounts=accounts)] if accounts else []
        else:
            left.append(wish)
    return left


def _is_served(wish: Wish, request: int | None, accounts: Mapping[str, int | None]) -> bool:
    if wish.request is None:
        return False
    if wish.accounts is None:
        return request is not None and wish.request <= request
    return all((accounts.get(code) or 0) >= wish.request for code in wish.accounts)
