"""Whether the accounts' tables say something new: what is made of them is made again only then.

In: nothing. Out: a state, which is another one whenever an account or a snapshot was added, or what gateways list
changed. Called by the lists of accounts, and whatever shows all accounts.
"""

import asyncio
from collections.abc import Hashable
from time import monotonic
from typing import Self

from ibconnect.database.deadlines import ended
from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.holders import HOLDER, OURS
from ibconnect.http.server.limits import STATE_SECONDS
from ibconnect.http.server.services import Part, Services

_SQL = queries("http/accounts")


class TableState(Part):
    """Of one application. Who asks while it is being looked hears what that look finds."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._state: Hashable = None
        self._again = self._until = 0.0
        self._looking: asyncio.Task[Hashable] | None = None

    @classmethod
    def made(cls, services: Services) -> Self:
        """With the pool of the application."""
        return cls(services)

    def known(self) -> Hashable:
        """The state as it was a moment ago (at most ``STATE_SECONDS``), if it was looked for then; else None.

        It is looked for again in good time, so that nobody has to wait in a flood of requests.
        """
        now = monotonic()
        if now >= self._again and now < self._until:
            self._look_for_all()
        return self._state if now < self._until else None

    async def state(self) -> Hashable:
        """The state as it is now.

        :raises Problem: the tables are of another version
        """
        row = await db.row(self._services.pool, _SQL["state"], {})
        assert row is not None
        await self._services.tables.vouch("accounts", row[0])
        return row

    async def recent(self) -> Hashable:
        """The state as it was a moment ago: of many who ask at once, one looks.

        :raises Problem: the tables are of another version
        """
        state = self.known()
        return await asyncio.shield(self._look_for_all()) if state is None else state

    def _look_for_all(self) -> asyncio.Task[Hashable]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="http state of the accounts")
            self._looking.add_done_callback(_seen)
        return self._looking

    async def _look(self) -> Hashable:
        # For all who wait, whoever was the first.
        HOLDER.set(OURS)
        began = monotonic()
        state = await self.state()
        self._state, self._again, self._until = state, began + STATE_SECONDS / 2, began + STATE_SECONDS
        return state

    async def close(self) -> None:
        """End a look that nobody waits for any more."""
        if self._looking is not None:
            await ended(self._looking)


def _seen(look: asyncio.Task[Hashable]) -> None:
    """Whoever asked may have gone: then asyncio would log that nobody has looked at its failure."""
    if not look.cancelled():
        look.exception()
