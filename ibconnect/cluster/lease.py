"""Which instance records a gateway: a row that only recorders may write, held by a connection of its own.

In: a gateway's name. Out: at most one leader at a time over all instances of a database. Called by the
gateway's election.

The row is held for as long as the connection lives, as a lock is. It is a lease in effect: the leader says something
twice a second, the server ends a connection that has been silent for three, and the leader counts itself deposed well
before that.
"""

import asyncio
from types import TracebackType
from typing import LiteralString, Self

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ibconnect.database import discreet
from ibconnect.database.deadlines import within
from ibconnect.database.notices import notices
from ibconnect.database.pools import parameters
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseUnavailable

Q = queries("cluster/lease")

# Of the advisory lock by which earlier versions lead.
_CLASS = 0x1BC2
_ANSWER_S, _CONNECT_S = 1.0, 4.0
# PostgreSQL's documentation, "Error codes": admin_shutdown (also when the postmaster was killed), crash_shutdown.
_GOING_DOWN = frozenset({"57P01", "57P02"})


class Lease:
    """A candidate for, then the leader of, one gateway. Closing it frees the gateway for others."""

    def __init__(self, url: str, gateway: str) -> None:
        self._url = url
        self._gateway = gateway
        self._connection: AsyncConnection[TupleRow] | None = None
        self._held_as: tuple[object, ...] | None = None
        self.is_leader = False
        self.is_held_by_us = False
        """Whether the connection that has the lease in our place is a former one of our own, which is dying."""
        self.sure_at = float("-inf")
        """When (``loop.time()``) the last question was asked whose answer was that the lease is ours."""
        self.has_server_gone_down = False
        """Whether the last connection ended with the server's own word that it goes down, for everybody."""

    async def campaign(self) -> bool:
        """Try once to become the leader; return whether this instance is.

        :raises DatabaseUnavailable: Postgres cannot be reached, or does not answer in time
        """
        await self.reach()
        is_leader = await self._asked_whether(Q["lead"], {"class": _CLASS, "gateway": self._gateway})
        if is_leader:
            self._held_as = await self._holder()
        self.is_held_by_us = not is_leader and self._held_as is not None and await self._holder() == self._held_as
        return is_leader

    async def _holder(self) -> TupleRow | None:
        """The session that has the lease; none if that is one of an earlier version, which has no row."""
        return await self._asked(Q["holder"], {"gateway": self._gateway})

    async def reach(self) -> None:
        """Connect, unless connected.

        :raises DatabaseUnavailable: Postgres cannot be reached, or does not answer in time
        """
        if self._connection is not None:
            return
        try:
            async with asyncio.timeout(_CONNECT_S):
                wanted = parameters(self._url, name=f"leader {self._gateway}")
                self._connection = await discreet.AsyncConnection[TupleRow].connect(autocommit=True, **wanted)
            self.has_server_gone_down = False
            self._connection.add_notice_handler(lambda notice: self._heed(notice.sqlstate))
            await within(_ANSWER_S, self._connection, self._connection.execute(Q["watch_settings"]))
        except (psycopg.Error, TimeoutError) as exc:
            await self.close()
            raise DatabaseUnavailable(f"cannot ask Postgres who leads {self._gateway}: {exc!r}") from exc

    async def _asked_whether(self, query: LiteralString, values: dict[str, object] | None = None) -> bool:
        asked_at = asyncio.get_running_loop().time()
        row = await self._asked(query, values)
        self.is_leader = bool(row and row[0])
        if self.is_leader:
            self.sure_at = asked_at
        return self.is_leader

    async def _asked(self, query: LiteralString, values: dict[str, object] | None = None) -> TupleRow | None:
        assert self._connection is not None
        try:
            cursor = await within(_ANSWER_S, self._connection, self._connection.execute(query, values))
            return await cursor.fetchone()
        except psycopg.Error as exc:
            self._heed(exc.sqlstate)
            await self.close()
            raise DatabaseUnavailable(f"cannot ask Postgres who leads {self._gateway}: {exc!r}") from exc

    def _heed(self, sqlstate: str | None) -> None:
        """A server that goes down takes leave of idle connections by a notice, of others by an error."""
        if sqlstate in _GOING_DOWN:
            self.has_server_gone_down = True

    async def keeps(self, seconds: float) -> bool:
        """Lead for so long, or less if the connection breaks; return whether the lease is still ours."""
        if self._connection is None or not self.is_leader:
            return False
        try:
            await notices(self._connection, seconds)
            return await self._asked_whether("SELECT true")
        except (psycopg.Error, DatabaseUnavailable):
            await self.close()
            return False

    async def answers(self) -> bool:
        """Whether Postgres still answers on the connection that was reached; the lease is not asked for."""
        if self._connection is None:
            return False
        try:
            await self._asked("SELECT true")
        except DatabaseUnavailable:
            return False
        return True

    async def close(self) -> None:
        """Give up the lease, if it is held."""
        self.is_leader = False
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
