"""Whether the live tables of a report are those that this program reads: after an upgrade they are not, for a while.

In: the database, and the names of reports. Out: nothing, or a 503 that says how far the rebuild is. Asked before each
route that reads the tables, and again when such a route fails or meets tables that were not there before. Everything
else answers meanwhile, routes of other reports included.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from ibconnect.database.deadlines import ended
from ibconnect.database.sql import queries
from ibconnect.database.tables import reports
from ibconnect.http.server import db
from ibconnect.http.server.holders import HOLDER, OURS
from ibconnect.http.server.problems import Code, Problem

_SQL = queries("http/tables")
# What was found out holds for so long: another version may swap its tables in at any time.
_HOLDS_S = 1.0
# For so long a request waits for Postgres to say so once more.
_PATIENCE_S = 0.25


class Wanted(NamedTuple):
    """The tables of a report that this program reads: what they are called, and of which version they have to be.

    ``live``, ``following``: the table that says how far they are, and that of those which are being built beside them.
    """

    title: str
    version: int
    live: tuple[str, ...]
    following: tuple[str, ...]


WANTED = {
    report.name: Wanted(report.title, report.version, (report.name, "projection"), (report.next_schema, "projection"))
    for report in reports()
}
"""Of each report."""


@dataclass(slots=True)
class _Known:
    """What was found out of a report's tables. ``generation``: the oid of those that were vouched for last."""

    current_until: float = 0.0
    were_current: bool = False
    generation: int = 0
    looking: asyncio.Task[None] | None = None


class Tables:
    """Of one application."""

    def __init__(self, pool: db.Pool) -> None:
        self._pool = pool
        self._known = {name: _Known() for name in WANTED}

    def are_current(self, reports: Iterable[str]) -> bool:
        """Whether they were found to be ours a moment ago."""
        now = time.monotonic()
        # For each request for a report, kept ones included: a generator would take three times as long.
        for name in reports:  # noqa: SIM110
            if now >= self._known[name].current_until:
                return False
        return True

    async def ensure_current(self, reports: Iterable[str]) -> None:
        """Return if the live tables of these reports are of this program's version.

        Who asks while Postgres does not answer goes on with what was found last: much is kept here, and needs none.

        :raises Problem: they are not, or there are none
        """
        for name in reports:
            if not self.are_current((name,)):
                await self._ensure(name, self._known[name])

    async def _ensure(self, name: str, known: _Known) -> None:
        if known.looking is None or known.looking.done():
            known.looking = asyncio.create_task(self._look_for_all(name), name=f"tables look {name}")
            known.looking.add_done_callback(_seen)
        looking = known.looking
        if known.were_current:
            await asyncio.wait({looking}, timeout=_PATIENCE_S)
        if not known.were_current:
            # Also if that was found out just now: why they are not is still to come.
            await asyncio.wait({looking})
            looking.result()

    async def _look_for_all(self, name: str) -> None:
        HOLDER.set(OURS)
        await self._look(name)

    async def look(self, reports: Iterable[str]) -> None:
        """Find out whether the live tables of these reports are of this program's version.

        :raises Problem: they are not, or there are none
        """
        for name in reports:
            await self._look(name)

    async def look_at(self, primary: db.Pool, reports: Iterable[str]) -> None:
        """The same for the tables of the primary, whose standby may be those that answer: it has them a moment later.

        :raises Problem: they are not of this program's version
        """
        for name in reports:
            row = await _row(primary, WANTED[name])
            if row is None or row[0] != WANTED[name].version:
                raise Problem(Code.REBUILDING, await _detail(primary, WANTED[name], row))

    async def _look(self, name: str) -> None:
        known, wanted = self._known[name], WANTED[name]
        known.current_until = 0.0
        try:
            row = await _row(self._pool, wanted)
        except psycopg.errors.UndefinedTable:
            # Postgres has answered: what was found before holds no longer.
            known.were_current = False
            raise
        known.were_current = row is not None and row[0] == wanted.version
        if not known.were_current:
            raise Problem(Code.REBUILDING, await _detail(self._pool, wanted, row))
        known.current_until = time.monotonic() + _HOLDS_S

    async def close(self) -> None:
        """End what is looked for."""
        await ended(*[known.looking for known in self._known.values() if known.looking is not None])

    async def vouch(self, report: str, generation: int) -> None:
        """Return if what was read just now came out of tables of this version: ``generation`` is their oid.

        Clients keep a report for a year, so none may be made of a newer version's tables in the moment after the swap.

        :raises Problem: it did not
        """
        known = self._known[report]
        if generation != known.generation:
            await self._look(report)
            known.generation = generation

    async def reasons(self) -> list[str]:
        """Why routes that read tables do not answer now, one for each report; empty if all do."""
        reasons = []
        for name in self._known:
            try:
                await self.ensure_current((name,))
            except Problem as problem:
                reasons.append(problem.detail)
            except psycopg.errors.UndefinedTable:
                reasons.append(f"the {WANTED[name].title} are not there yet")
        return reasons


async def _row(pool: db.Pool, wanted: Wanted) -> TupleRow | None:
    """Of which version the live tables are, and whether others are being built; None: there are none."""
    query = SQL(_SQL["live"]).format(live=Identifier(*wanted.live), following=Literal(".".join(wanted.following)))
    return await db.row(pool, query, {})


async def _detail(pool: db.Pool, wanted: Wanted, row: TupleRow | None) -> str:
    if row is None:
        return f"the {wanted.title} are being created"
    version, is_rebuilding = row
    if version > wanted.version:
        return (
            f"the {wanted.title} are of version {version}, this program reads {wanted.version}: "
            "it records on, and another instance answers; upgrade it"
        )
    done = "has not begun"
    if is_rebuilding:
        query = SQL(_SQL["following"]).format(following=Identifier(*wanted.following))
        with suppress(psycopg.Error):
            ((position, newest),) = await db.rows(pool, query, {}) or ((0, 0),)
            done = f"has done {position:,} of {newest:,} events"
    return (
        f"the {wanted.title} are of version {version}, this program reads {wanted.version}; "
        f"their rebuild {done}, and recording goes on"
    )


def _seen(look: asyncio.Task[None]) -> None:
    """Whoever asked may have gone on without it: then asyncio would log that nobody has looked at its failure."""
    if not look.cancelled():
        look.exception()
