"""Which instance records a gateway: a session-level advisory lock, on a connection of its own.

In: a gateway's name. Out: at most one leader at a time over all instances of a database. Called by the keeper.
"""

import asyncio
from types import TracebackType
from typing import Self

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ibconnect.database.pools import parameters
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseUnavailable

Q = queries("gateway/coordination")

_CLASS = 0x1BC2
_ANSWER_S = 2.0


class Leadership:
    """A candidate for, then the leader of, one gateway. Closing it frees the gateway for others."""

    def __init__(self, url: str, gateway: str) -> None:
        self._url = url
        self._gateway = gateway
        self._connection: AsyncConnection[TupleRow] | None = None
        self.is_leader = False

    async def campaign(self) -> bool:
        """Try once to become the leader; tell whether this instance is.

        :raises DatabaseUnavailable: Postgres cannot be reached
        """
        try:
            async with asyncio.timeout(2 * _ANSWER_S):
                if self._connection is None:
                    wanted = {**parameters(self._url, name=f"leader {self._gateway}"), "tcp_user_timeout": 4000}
                    self._connection = await AsyncConnection.connect(autocommit=True, **wanted)
                    await self._connection.execute(Q["lead_settings"])
                cursor = await self._connection.execute(Q["lead"], {"class": _CLASS, "gateway": self._gateway})
                row = await cursor.fetchone()
                self.is_leader = bool(row and row[0])
                return self.is_leader
        except (psycopg.Error, TimeoutError) as exc:
            await self.close()
            raise DatabaseUnavailable(f"cannot ask Postgres who leads {self._gateway}: {exc!r}") from exc

    async def holds(self) -> bool:
        """Whether the lock's connection is still there; if not, the lock may be another's already."""
        if self._connection is None or not self.is_leader:
            return False
        try:
            async with asyncio.timeout(_ANSWER_S):
                await self._connection.execute("SELECT 1")
                return True
        except (psycopg.Error, TimeoutError):
            await self.close()
            return False

    async def close(self) -> None:
        """Give up the lock, if it is held."""
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
