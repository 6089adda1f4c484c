"""The sessions of a gateway that dead instances left open: closed before the next one begins, and now and then.

In: a gateway's name. Out: their ends, in the event store. Called by the supervisor of a gateway that leads it.
"""

import asyncio
from contextlib import suppress
from uuid import UUID

from ibconnect.cluster.registry import Registry
from ibconnect.errors import DatabaseUnavailable
from ibconnect.events.recovery.streams import close_streams
from ibconnect.events.writer import Writer

# How long another instance that is alive may take to store the end of its session.
_ENDING_S = 5.0
_POLL_S = 0.1


class OpenSessions:
    """Of one gateway."""

    def __init__(self, gateway: str, url: str, writer: Writer, coordination: Registry) -> None:
        self._gateway = gateway
        self._url = url
        self._writer = writer
        self._coordination = coordination

    async def close(self, current: UUID | None = None) -> None:
        """Close all but the current one.

        A living instance, which has just been deposed, stores the rest of its session and its end by itself; the
        next session begins after it, but does not wait longer than that takes as a rule.
        """
        with suppress(TimeoutError, DatabaseUnavailable):
            async with asyncio.timeout(_ENDING_S):
                await self._writer.recovered()
                await self._writer.flushed()
                while await self._close_now(current) and current is None:  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(_POLL_S)

    async def _close_now(self, current: UUID | None) -> bool:
        """Close what can be closed; return whether a living instance has a session open."""
        found = await self._coordination.open_sessions(self._gateway)
        theirs = {name for _, name in found} - {self._coordination.own_name}
        alive = {name for name in theirs if await self._coordination.is_alive(name)}
        orphans = [stream for stream, name in found if name not in alive and stream != current]
        if orphans:
            notes = self._writer.notes
            await asyncio.to_thread(close_streams, self._url, orphans, notes.ends())
            notes.ended(orphans)
        return bool(alive)
