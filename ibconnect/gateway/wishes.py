"""Refreshes that are wanted and not yet begun: whatever comes in while one runs becomes one next refresh.

In: wishes, from the schedule, from requests, from what the gateway says. Out: one at a time, for the keeper.
"""

import asyncio
from datetime import datetime
from typing import NamedTuple

# When several are wanted at once, the one whose time others share names the refresh.
_RANK = ("request", "schedule", "restored", "accounts", "retry", "start")


class Wish(NamedTuple):
    """Why a refresh is wanted, and the time that all instances would give it (None: the time it begins)."""

    trigger: str
    created: datetime | None = None


class Wishes:
    """The wishes of one gateway."""

    def __init__(self) -> None:
        self._wanted: dict[str, Wish] = {}
        self._changed = asyncio.Event()

    def add(self, wish: Wish) -> None:
        """Want a refresh; of several with the same trigger the latest counts."""
        self._wanted[wish.trigger] = wish
        self._changed.set()

    def drop(self, trigger: str) -> None:
        """No longer want it for this reason."""
        self._wanted.pop(trigger, None)

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
        wish = min(self._wanted.values(), key=lambda each: _RANK.index(each.trigger))
        self._wanted.clear()
        return wish
