"""Refreshes that are wanted and not yet begun: whatever comes in while one runs becomes one next refresh.

In: wishes, from the schedule, from requests, from what the gateway says. Out: one at a time, for the keeper.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

# When several are wanted at once, the one whose time others share names the refresh.
_RANK = ("request", "schedule", "restored", "accounts", "retry", "start")


class Wish(NamedTuple):
    """Why a refresh is wanted, and the time that all instances would give it (None: the time it begins).

    ``accounts``: None for all. ``request``: the number of the request that it is for.
    """

    trigger: str
    created: datetime | None = None
    accounts: frozenset[str] | None = None
    request: int | None = None


class Wishes:
    """The wishes of one gateway."""

    def __init__(self) -> None:
        self._wanted: list[Wish] = []
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
        self._wanted.clear()
        return first._replace(accounts=accounts)

    def urgent(self) -> Iterable[str]:
        """The accounts that somebody waits for, each by itself."""
        return [code for wish in self._wanted if wish.trigger == "request" for code in sorted(wish.accounts or ())]


def _is_served(wish: Wish, request: int | None, accounts: Mapping[str, int | None]) -> bool:
    if wish.request is None:
        return False
    if wish.accounts is None:
        return request is not None and wish.request <= request
    return all((accounts.get(code) or 0) >= wish.request for code in wish.accounts)
