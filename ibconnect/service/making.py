"""The tables of reports made for this version, while what is up to date already serves on.

In: the URL of a database that is prepared. Out: for each report, that it has tables of this version. All that are older
are built again in one pass over the events; the others wait for nothing. Called by what projects.
"""

import asyncio
from functools import partial

from ibconnect.database_url import place
from ibconnect.errors import DatabaseError, ProjectionError, SchemaError
from ibconnect.observe import Trouble
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.schema import needs_rebuild
from ibconnect.projections.upkeep import REPORTS, ensure, rebuild_if_older
from ibconnect.service.supervision import cancelled, in_thread
from ibconnect.troubles import State, brief

_AGAIN_S = 2.0

_Reports = frozenset[Projection]


class Making:
    """One per database. Whoever asks while tables are looked at or built waits for what comes of that."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._looking: asyncio.Task[_Reports] | None = None
        self._building: asyncio.Task[None] | None = None

    async def made(self, report: Projection) -> None:
        """Have tables of this version for a report: made again, if they, or what they say of themselves, are gone."""
        failing = State(Trouble.PROJECTION_FAILS, database=place(self._url))
        try:
            while True:
                try:
                    if await self._is_made(report):
                        return
                except (DatabaseError, ProjectionError) as exc:
                    # Postgres is away or refuses something, another instance rebuilds, a backup runs, or somebody's
                    # view is in the way: the tables that there are serve on meanwhile, and recording goes on.
                    failing.note(brief(exc), error=exc)
                    await asyncio.sleep(_AGAIN_S)
        finally:
            failing.forget()

    async def _is_made(self, report: Projection) -> bool:
        """Whether the tables are there; if they are not, build them, with all others that are old."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(in_thread(partial(_old, self._url)), name="tables look")
        old = await asyncio.shield(self._looking)
        if report not in old:
            return True
        if self._building is None or self._building.done():
            self._building = asyncio.create_task(in_thread(partial(_build, self._url, old)), name="tables build")
        await asyncio.shield(self._building)
        return False

    async def close(self) -> None:
        """Wait for nothing any more; what is being built is given up with the process."""
        await cancelled(task for task in (self._looking, self._building) if task is not None)


def _old(url: str) -> _Reports:
    """The reports that need a rebuild, once those that have no tables at all have got them."""
    found = [report for report in REPORTS if _is_old(url, report)]
    if found:
        ensure(url, found)
    return frozenset(report for report in found if _is_old(url, report))


def _is_old(url: str, report: Projection) -> bool:
    """Whether the tables are of an older version, or gone, or do not say."""
    try:
        return needs_rebuild(url, report)
    except SchemaError:
        return True


def _build(url: str, old: _Reports) -> None:
    """Build these together; one by one, if one of them keeps the others from it.

    :raises DatabaseError: one of them could not be built
    :raises ProjectionError: the same
    """
    reports = [report for report in REPORTS if report in old]
    try:
        rebuild_if_older(url, reports)
    except (DatabaseError, ProjectionError):
        if len(reports) == 1:
            raise
    else:
        return
    failed: Exception | None = None
    for report in reports:
        try:
            rebuild_if_older(url, [report])
        except (DatabaseError, ProjectionError) as exc:
            failed = failed or exc
    if failed is not None:
        raise failed
