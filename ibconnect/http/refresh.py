"""A client wants data newer than anything stored: ask the gateways' leaders to refresh, wait until they have.

The wish is a row in ``coordination.refresh_request``; it is granted when each gateway that was connected at that
time has ended a refresh that serves it. Requests that come while this instance waits join the same wait.
"""

import asyncio

from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.http.limits import GATEWAY_FRESH_SECONDS, POLL_SECONDS
from ibconnect.http.problems import Code, Problem
from ibconnect.http.wakeups import PROJECTED, Wakeups

_SQL = queries("http/refresh")


class Refresher:
    """Waits for refreshes on behalf of requests.

    :param writes: pool of the primary, where the wish is written
    :param pool: pool of the database that answers reads, where the result must be seen
    :param timeout: seconds that one request waits (``REFRESH_TIMEOUT``)
    :param instance: this instance's name
    """

    def __init__(self, writes: reads.Pool, pool: reads.Pool, wakeups: Wakeups, timeout: float, instance: str) -> None:
        self._writes = writes
        self._pool = pool
        self._wakeups = wakeups
        self._timeout = timeout
        self._instance = instance
        self._running: asyncio.Task[None] | None = None

    async def refreshed(self) -> None:
        """Return once everything is as new as this call.

        :raises Problem: no gateway is connected, or the refresh does not end in time (it goes on)
        """
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._refresh(), name="refresh wait")
        try:
            async with asyncio.timeout(self._timeout):
                # Shielded: one client that goes away must not end the wait of the others.
                await asyncio.shield(self._running)
        except TimeoutError:
            raise Problem(
                Code.REFRESH_TIMEOUT, f"not ended after {self._timeout:g} s; it goes on, ask again for its result"
            ) from None

    async def close(self) -> None:
        """End a wait that nobody is left to hear of."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))

    async def _refresh(self) -> None:
        asked = await reads.row(self._writes, _SQL["ask"], {"instance": self._instance, "fresh": GATEWAY_FRESH_SECONDS})
        if asked is None:
            raise Problem(Code.NO_GATEWAY, "no gateway is connected, so nothing can be refreshed; see /v1/gateways")
        request, gateways, _ = asked
        async with asyncio.timeout(self._timeout):
            while not await self._is_served(request, gateways):
                await self._wakeups.wait(PROJECTED, POLL_SECONDS)

    async def _is_served(self, request: int, gateways: list[str]) -> bool:
        found = await reads.row(self._pool, _SQL["is_served"], {"request": request, "gateways": gateways})
        return found is not None and bool(found[0])
