"""Whether the live snapshot tables are those that this program reads: after an upgrade they are not, for a while.

In: the database. Out: nothing, or a 503 that says how far the rebuild is. Asked before each route that reads the
tables, and again when such a route fails or meets tables that were not there before. Everything else answers meanwhile.
"""

import asyncio
import time
from contextlib import suppress

import psycopg

from ibconnect.database.deadlines import ended
from ibconnect.database.sql import queries
from ibconnect.database.tables import SNAPSHOTS_VERSION
from ibconnect.http.server import db
from ibconnect.http.server.holders import HOLDER, OURS
from ibconnect.http.server.problems import Code, Problem

_SQL = queries("http/tables")
# What was found out holds for so long: another version may swap its tables in at any time.
_HOLDS_S = 1.0
# For so long a request waits for Postgres to say so once more.
_PATIENCE_S = 0.25


class Tables:
    """Of one application."""

    def __init__(self, pool: db.Pool) -> None:
        self._pool = pool
        self._current_until = 0.0
        self._were_current = False
        self._generation = 0
        self._looking: asyncio.Task[None] | None = None

    @property
    def are_current(self) -> bool:
        """Whether they were found to be ours a moment ago."""
        return time.monotonic() < self._current_until

    async def ensure_current(self) -> None:
        """Return if the live tables are of this program's version.

        Who asks while Postgres does not answer goes on with what was found last: much is kept here, and needs none.

        :raises Problem: they are not, or there are none
        """
        if self.are_current:
            return
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_for_all(), name="tables look")
        looking = self._looking
        await asyncio.wait({looking}, timeout=_PATIENCE_S if self._were_current else None)
        if looking.done() and isinstance(exc := looking.exception(), Problem):
            raise exc
        if not self._were_current:
            looking.result()

    async def _look_for_all(self) -> None:
        HOLDER.set(OURS)
        await self.look()

    async def look(self) -> None:
        """Find out whether the live tables are of this program's version.

        :raises Problem: they are not, or there are none
        """
        self._current_until = 0.0
        row = await db.row(self._pool, _SQL["live"], {})
        self._were_current = row is not None and row[0] == SNAPSHOTS_VERSION
        if not self._were_current:
            raise Problem(Code.REBUILDING, await self._detail(row))
        self._current_until = time.monotonic() + _HOLDS_S

    async def close(self) -> None:
        """End what is looked for."""
        if self._looking is not None:
            await ended(self._looking)

    async def vouch(self, generation: int) -> None:
        """Return if what was read just now came out of tables of this version: ``generation`` is their oid.

        Clients keep a report for a year, so none may be made of a newer version's tables in the moment after the swap.

        :raises Problem: it did not
        """
        if generation != self._generation:
            await self.look()
            self._generation = generation

    async def reasons(self) -> list[str]:
        """Why routes that read the tables do not answer now; empty if they do."""
        try:
            await self.ensure_current()
        except Problem as problem:
            return [problem.detail]
        return []

    async def _detail(self, row: tuple[int, bool] | None) -> str:
        if row is None:
            return "the snapshot tables are being created"
        version, is_rebuilding = row
        if version > SNAPSHOTS_VERSION:
            return (
                f"the snapshot tables are of version {version}, this program reads {SNAPSHOTS_VERSION}: "
                "it records on, and another instance answers; upgrade it"
            )
        done = "has not begun"
        if is_rebuilding:
            with suppress(psycopg.Error):
                ((position, newest),) = await db.rows(self._pool, _SQL["next"], {}) or ((0, 0),)
                done = f"has done {position:,} of {newest:,} events"
        return (
            f"the snapshot tables are of version {version}, this program reads {SNAPSHOTS_VERSION}; "
            f"their rebuild {done}, and recording goes on"
        )
