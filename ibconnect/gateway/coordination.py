"""What this instance and the others tell one another through Postgres: refresh requests, gateway states, peers.

In: the tables of schema ``coordination``. Out: the latest refresh request, whether peers are alive; and our own
reports. NOTIFY only wakes: the truth is polled. While Postgres is away nothing is told, and nothing fails here.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ibconnect.database.pools import parameters
from ibconnect.database.sql import queries
from ibconnect.gateway.backoff import Backoff

Q = queries("gateway/coordination")

_POLL_S = 1.0
_BEAT_S = 5.0
_ANSWER_S = 5.0


class Coordination:
    """One per process; :meth:`run` keeps it current for as long as it runs."""

    def __init__(self, url: str, instance: str) -> None:
        self._url = url
        self.instance = instance
        self.latest_request: int | None = None
        self.has_peers = False
        self.on_request: list[Callable[[int], None]] = []
        self._led: set[str] = set()
        self._connection: AsyncConnection[TupleRow] | None = None
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Follow requests and beat, until cancelled; reconnects by itself."""
        backoff = Backoff(first=0.2, ceiling=5.0)
        while True:
            try:
                async with await self._connect() as listening:
                    backoff.reset()
                    await self._follow(listening)
            except (psycopg.Error, TimeoutError, OSError):
                await asyncio.sleep(backoff.wait())

    async def _connect(self) -> AsyncConnection[TupleRow]:
        async with asyncio.timeout(_ANSWER_S):
            connection = await AsyncConnection.connect(autocommit=True, **parameters(self._url, name="coordination"))
            await connection.execute("LISTEN refresh_requested")
            return connection

    async def _follow(self, connection: AsyncConnection[TupleRow]) -> None:
        beaten = 0.0
        loop = asyncio.get_running_loop()
        while True:
            async with asyncio.timeout(_ANSWER_S):
                await self._see_requests(connection)
                if loop.time() - beaten >= _BEAT_S:
                    beaten = loop.time()
                    await self._beat(connection)
            async for _ in connection.notifies(timeout=_POLL_S, stop_after=1):
                pass

    async def _see_requests(self, connection: AsyncConnection[TupleRow]) -> None:
        row = await (await connection.execute(Q["last_request"])).fetchone()
        if row is None or (self.latest_request is not None and row[0] <= self.latest_request):
            return
        is_news = self.latest_request is not None or row[1]
        self.latest_request = row[0]
        for tell in tuple(self.on_request) if is_news else ():
            tell(row[0])

    async def _beat(self, connection: AsyncConnection[TupleRow]) -> None:
        await connection.execute(Q["announce_instance"], {"name": self.instance})
        for gateway in tuple(self._led):
            await connection.execute(Q["beat_gateway"], {"gateway": gateway, "instance": self.instance})
        row = await (await connection.execute(Q["has_peers"], {"name": self.instance})).fetchone()
        self.has_peers = bool(row and row[0])
        await connection.execute(Q["forget_requests"])

    async def asked_at(self, request: int) -> datetime | None:
        """When a refresh request was asked; None if that cannot be learnt now."""
        row = await self._fetch("request_asked", id=request)
        return row[0] if row else None

    async def former_session(self, gateway: str) -> tuple[UUID, int, str] | None:
        """The last announced session of a gateway: its id, last version and last topic."""
        row = await self._fetch("former_session", gateway=gateway)
        return (row[0], row[1], row[2]) if row else None

    async def report(self, gateway: str, state: str, detail: str = "", **facts: Any) -> bool:
        """Say how a gateway that we lead is; tell whether it could be said."""
        self._led.add(gateway)
        row = {"connected": False, "session_id": None, "server_version": None, **facts}
        return await self._tell(
            "report_gateway", gateway=gateway, instance=self.instance, state=state, detail=detail or None, **row
        )

    async def report_notice(self, gateway: str, code: str, text: str) -> None:
        """Say what a gateway's last notice was."""
        await self._tell("report_notice", gateway=gateway, code=code, text=text)

    def no_longer_leads(self, gateway: str) -> None:
        """Stop beating for a gateway."""
        self._led.discard(gateway)

    async def leave(self) -> None:
        """Say that this instance is gone."""
        await self._tell("leave_instance", name=self.instance)
        if self._connection is not None:
            await self._connection.close()

    async def _tell(self, query: str, **values: Any) -> bool:
        return await self._answered(query, values) is not None

    async def _fetch(self, query: str, **values: Any) -> TupleRow | None:
        cursor = await self._answered(query, values)
        return await cursor.fetchone() if cursor is not None else None

    async def _answered(self, query: str, values: dict[str, Any]) -> psycopg.AsyncCursor[TupleRow] | None:
        async with self._turn:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    if self._connection is None or self._connection.closed:
                        wanted = parameters(self._url, name="reports")
                        self._connection = await AsyncConnection.connect(autocommit=True, **wanted)
                    return await self._connection.execute(Q[query], values)
            except (psycopg.Error, TimeoutError, OSError):
                if self._connection is not None:
                    await self._connection.close()
                return None
