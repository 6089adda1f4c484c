"""Reading from Postgres on behalf of a request: one statement, prepared, from a bounded pool.

Called by every read of this room. Driver errors leave here as they are;
:func:`~ibconnect.http.server.problems.problem_of` names them.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, LiteralString, TypeVar

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import Composed
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ibconnect.http.server.holders import Company, Holder
from ibconnect.http.server.limits import STATEMENTS_PER_TOKEN
from ibconnect.http.server.turns import Turns

Connection = AsyncConnection[TupleRow]
Pool = AsyncConnectionPool[Connection]
Query = LiteralString | Composed
Parameters = Mapping[str, Any]
Result = TypeVar("Result")

# A rebuild swaps the tables in one transaction. A statement that was planned just before it, and waits for the
# swap, finds its tables gone; planned again, it finds the new ones.
_SWAPPED = (psycopg.errors.UndefinedTable, psycopg.errors.FeatureNotSupported, psycopg.errors.InternalError)
_TRIES = 3


class FairPool(Pool):
    """A pool that gives its connections by turns: one holder never has all of them."""

    def __init__(self, company: Company, **options: Any) -> None:
        super().__init__(**options)
        self._turns = Turns(self.max_size, STATEMENTS_PER_TOKEN, company)
        self._whose: dict[Connection, Holder] = {}

    def get_stats(self) -> dict[str, int]:
        """The pool's own figures; who waits for his turn waits for a connection."""
        stats = super().get_stats()
        return {**stats, "requests_waiting": stats.get("requests_waiting", 0) + self._turns.waiting}

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - the pool's own
        """A connection, in turn."""
        holder = await self._turns.take()
        try:
            connection = await super().getconn(timeout)
        except BaseException as exc:
            if isinstance(exc, PoolTimeout):
                # Postgres is away: who waits for his turn would only then begin to wait for it.
                self._turns.fail(exc)
            self._turns.give(holder)
            raise
        self._whose[connection] = holder
        return connection

    async def putconn(self, conn: Connection) -> None:
        """Give it back."""
        holder = self._whose.pop(conn)
        try:
            await super().putconn(conn)
        finally:
            self._turns.give(holder)


def compact(query: LiteralString) -> LiteralString:
    """The same query without comments and indentation: psycopg parses what is longer than 4096 bytes at each call."""
    lines = [line.strip() for line in query.split("\n")]
    return "\n".join([line for line in lines if not line.startswith("--")])


def instants(times: Iterable[datetime]) -> str:
    """A parameter for an array of times: for thousands of them psycopg's own way takes ten times as long."""
    return f"{{{','.join([time.isoformat() for time in times])}}}"


async def rows(
    pool: Pool, query: Query, parameters: Parameters, *, binary: bool = False, prepare: bool = True
) -> list[TupleRow]:
    """All rows of one statement.

    :param prepare: plan it once and for all, which pays for what is quick; without, each time for its parameters
    """

    async def read() -> list[TupleRow]:
        async with pool.connection() as connection:
            cursor = await connection.execute(query, parameters, prepare=prepare, binary=binary)
            return await cursor.fetchall()

    return await unswapped(read)


async def unswapped(work: Callable[[], Awaitable[Result]]) -> Result:
    """What ``work`` gives, which is begun anew if the tables were swapped under it."""
    for remaining in reversed(range(_TRIES)):
        try:
            return await work()
        except _SWAPPED:
            if not remaining:
                raise
    raise AssertionError("unreachable: the last try returns or raises")


async def document(pool: Pool, query: Query, parameters: Parameters, *, prepare: bool = True) -> list[Any]:
    """The JSON array that is a statement's one answer; an aggregate of no rows is null, and empty here."""
    ((text,),) = await rows(pool, query, parameters, prepare=prepare)
    found: list[Any] = orjson.loads(text) if text is not None else []
    return found


async def row(pool: Pool, query: Query, parameters: Parameters) -> TupleRow | None:
    """The first row of one statement, or None."""
    found = await rows(pool, query, parameters)
    return found[0] if found else None
