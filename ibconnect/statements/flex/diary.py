"""How far the fetching of each query has got, in Postgres; and whose turn it is to fetch.

In: the URL of the database. Out: the states of queries, the same for all instances; a turn, which one process of all
has. Called by what fetches. The turn is a name that a connection holds, as the lease of a gateway is: with the
connection it is gone.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ibconnect.database import discreet
from ibconnect.database.deadlines import within
from ibconnect.database.pools import explained, parameters
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseUnavailable, FlexError
from ibconnect.flex_settings import FlexQuery
from ibconnect.statements.flex.days import Span

_Q = queries("statements/flex")
_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class State:
    """How it is with one query; ``now``: the time by the clock of Postgres, by which all the others are."""

    query: str
    name: str
    due: datetime
    tried: datetime | None
    got: datetime | None
    up_to: date | None
    failures: int
    failing_since: datetime | None
    code: str | None
    error: str | None
    now: datetime


class Diary:
    """One connection to it."""

    def __init__(self, connection: AsyncConnection[TupleRow]) -> None:
        self._connection = connection

    @classmethod
    @asynccontextmanager
    async def opened(cls, url: str) -> AsyncIterator[Self]:
        """A diary for as long as the context lasts.

        :raises DatabaseUnavailable: Postgres cannot be reached
        """
        try:
            connection = await discreet.AsyncConnection[TupleRow].connect(
                autocommit=True, **parameters(url, name="flex statements")
            )
        except psycopg.OperationalError as exc:
            raise DatabaseUnavailable(f"Postgres cannot be reached: {exc}") from exc
        async with connection:
            yield cls(connection)

    async def _rows(self, name: str, values: dict[str, Any] | None = None) -> list[TupleRow]:
        with explained("the diary of Flex statements"):
            cursor = await within(_ANSWER_S, self._connection, self._connection.execute(_Q[name], values))
            return await cursor.fetchall() if cursor.description else []

    async def take_turn(self) -> bool:
        """Whether this is the one process that may fetch; it keeps the turn until the diary is closed.

        :raises DatabaseError: Postgres cannot be reached, or refuses; so do all others
        """
        await self._rows("watch_settings")
        return bool((await self._rows("take_turn"))[0][0])

    async def is_ours(self) -> bool:
        """Whether it still has the turn."""
        return bool((await self._rows("is_ours"))[0][0])

    async def announce(self, wanted: Sequence[FlexQuery]) -> None:
        """Say that these are fetched."""
        about = {"queries": [each.id for each in wanted], "names": [each.name for each in wanted]}
        await self._rows("announce", about)

    async def retry_refused(self, wanted: Sequence[FlexQuery]) -> None:
        """Have those due that failed last: whoever starts may have other settings."""
        await self._rows("retry_refused", {"queries": [each.id for each in wanted]})

    async def hasten(self, query: str, due: datetime) -> None:
        """Have a query that is well due then, if it is due later."""
        await self._rows("hasten", {"query": query, "due": due})

    async def states(self, wanted: Iterable[FlexQuery]) -> list[State]:
        """How these are, by id."""
        return [State(*row) for row in await self._rows("states", {"queries": [each.id for each in wanted]})]

    async def succeeded(self, query: str, up_to: date, due: datetime) -> None:
        """Note what came, and when the query is due next."""
        await self._rows("succeeded", {"query": query, "up_to": up_to, "due": due})

    async def failed(self, query: str, exc: FlexError, due: datetime) -> None:
        """Note what did not, and why."""
        await self._rows("failed", {"query": query, "code": exc.code or None, "error": str(exc), "due": due})

    async def note_request(self) -> None:
        """A request is sent now.

        :raises DatabaseUnavailable: the turn has gone to somebody else, or Postgres is away: nothing may be sent
        """
        if not await self.is_ours():
            raise DatabaseUnavailable("another process fetches Flex statements now")
        await self._rows("note_request")

    async def recent_requests(self) -> list[float]:
        """Seconds since requests of whatever process, the oldest first."""
        await self._rows("forget_requests")
        return [seconds for (seconds,) in await self._rows("recent_requests")]

    async def windows(self, query: str) -> dict[Span, int]:
        """Spans of days that were given before, with their numbers of statements."""
        return {(since, until): number for since, until, number in await self._rows("windows", {"query": query})}

    async def note_window(self, query: str, days: Span, statements: int, stream: UUID) -> None:
        """A span of days was given."""
        about = {"query": query, "from_day": days[0], "to_day": days[1], "statements": statements, "stream": stream}
        await self._rows("note_window", about)
