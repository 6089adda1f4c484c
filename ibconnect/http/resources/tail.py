"""Waiting for events that are not there yet, on behalf of all live tails of this instance at once.

In: notifications, and the newest position in Postgres. Out: the newest position, to each tail that waits; a slot for
each. Called by :mod:`ibconnect.http.resources.events`.
"""

import asyncio
from contextlib import AbstractContextManager
from typing import Self

from ibconnect.database.deadlines import ended
from ibconnect.http.resources.event_scan import head
from ibconnect.http.server.gauges import LIVE_STREAMS
from ibconnect.http.server.holders import HOLDER, OURS, Holder
from ibconnect.http.server.limits import POLL_SECONDS, TAILS_MAX, TAILS_PER_TOKEN
from ibconnect.http.server.problems import Code
from ibconnect.http.server.scans import Looks
from ibconnect.http.server.services import Part, Services
from ibconnect.http.server.slots import Slots
from ibconnect.http.server.wakeups import EVENTS, Wakeups


class Tails(Part):
    """The live tails that are open, and the newest position that any of them knows of.

    However many tails wait, one query at a time looks for them; without tails nobody looks.
    """

    def __init__(self, looks: Looks, wakeups: Wakeups) -> None:
        self._looks = looks
        self._wakeups = wakeups
        self._look: asyncio.Task[int] | None = None
        self._slots = Slots("live streams", Code.TOO_MANY_STREAMS)

    @classmethod
    def made(cls, services: Services) -> Self:
        """With the connections of searches."""
        return cls(services.scans, services.wakeups)

    def measure(self) -> None:
        """How many are open."""
        LIVE_STREAMS.set(self.open)

    @property
    def open(self) -> int:
        """The live tails that are open."""
        return self._slots.open

    def slot(self, holder: Holder) -> AbstractContextManager[None]:
        """One more is open while the context lasts.

        :raises Problem: there are too many
        """
        return self._slots.taken(holder, TAILS_MAX, TAILS_PER_TOKEN)

    async def newest(self) -> int:
        """The newest position, after a wait for events of at most ``POLL_SECONDS``."""
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._wait_and_look(), name="http tail")
        return await asyncio.shield(self._look)

    async def _wait_and_look(self) -> int:
        # For all tails, whichever was the first to wait.
        HOLDER.set(OURS)
        await self._wakeups.wait(EVENTS, POLL_SECONDS)
        return await head(self._looks)

    async def close(self) -> None:
        """End a look that nobody waits for."""
        if self._look is not None:
            await ended(self._look)
