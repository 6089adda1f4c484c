"""Whether the databases that requests are answered from can be reached: told when one is lost and when it is back.

In: attempts to connect. Out: a line in the log that says which database it is (which setting, host and port, never the
password) and why. Called by the pools; all pools of one database tell together.
"""

import threading
import time
from typing import Any, Self

from psycopg import AsyncConnection, Error
from psycopg.rows import TupleRow

from ibconnect import troubles
from ibconnect.database import discreet
from ibconnect.observe import Kind, observe

# A database that is lost and found all the time is told no oftener.
_AGAIN_S = 10.0


class Reach:
    """Of one database."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._guard = threading.Lock()
        self._is_told = False
        self._told_at = float("-inf")

    def lost(self, exc: Exception) -> None:
        """It could not be connected to."""
        with self._guard:
            now = time.monotonic()
            if self._is_told or now - self._told_at < _AGAIN_S or troubles.is_ending():
                return
            self._is_told, self._told_at = True, now
        observe(Kind.DATABASE_LOST, database=self._place, error=exc)

    def found(self) -> None:
        """It could."""
        with self._guard:
            was_told, self._is_told = self._is_told, False
        if was_told:
            observe(Kind.DATABASE_BACK, database=self._place)


_known: dict[str, Reach] = {}


def telling(place: str) -> type[AsyncConnection[TupleRow]]:
    """The class of connections that tell whether the database ``place`` can be reached."""
    reach = _known.setdefault(place, Reach(place))

    class Telling(discreet.AsyncConnection[TupleRow]):
        @classmethod
        async def connect(cls, conninfo: str = "", **parameters: Any) -> Self:
            try:
                connection = await super().connect(conninfo, **parameters)
            except (Error, OSError) as exc:
                reach.lost(exc)
                raise
            reach.found()
            return connection

    return Telling
