"""Returns that were made last, each with the state of the tables that it is of: made again when they say something new.

In: what is asked for. Out: what was made of the tables as they are now. Called by the handlers.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Self

from ibconnect.http.resources.performance.days import last_complete
from ibconnect.http.resources.performance.making import Asked, Made, made_of
from ibconnect.http.resources.performance.reading import SQL_OF
from ibconnect.http.server import db
from ibconnect.http.server.services import Part, Services
from ibconnect.times import EPOCH

_TRIES = 3
"""So often it is read again where statements were imported while it was read; after that it is answered as it is."""
_OF_STATEMENTS = 2
"""So many parts of the state are of statements."""
_DAYS_KEPT = 40_000
"""Returns of days that are kept, of all sets: some 20 MB. Each full collection of garbage looks through them."""


class Returns(Part):
    """Of one application."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kept: OrderedDict[Hashable, tuple[Hashable, Made]] = OrderedDict()
        self._days = 0

    @classmethod
    def made(cls, services: Services) -> Self:
        """None yet."""
        return cls(services)

    async def of(self, asked: Asked) -> Made:
        """What is asked for, made of the tables as they are now.

        :raises Problem: the accounts have several base currencies, and none is named
        """
        key = asked._replace(now=EPOCH)
        state = await self._state(asked)
        known = self._kept.get(key)
        if known is not None and known[0] == state:
            self._kept.move_to_end(key)
            return known[1]
        for _ in range(_TRIES):
            made = await made_of(self._services, asked)
            # What is kept is of the state before it was read: what came meanwhile may not be in it.
            known_state, state = state, await self._state(asked)
            if known_state[:_OF_STATEMENTS] == state[:_OF_STATEMENTS]:
                break
        self._forget(key)
        self._kept[key] = known_state, made
        self._days += len(made.days) + 1
        while self._days > _DAYS_KEPT and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))
        return made

    async def _state(self, asked: Asked) -> tuple[Any, ...]:
        (row,) = await db.rows(self._services.pool, SQL_OF["state"], {})
        return (*row, last_complete(asked.moment, self._services.config.pnl_reset))

    def _forget(self, key: Hashable) -> None:
        _, made = self._kept.pop(key, (None, None))
        self._days -= 0 if made is None else len(made.days) + 1
