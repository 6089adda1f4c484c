"""What projects: makes the tables of this version, and applies events to them as they come, each report by itself.

In: the URL of a database that is being prepared. Out: the tables. Entered by the composition root, in a process of its
own or beside the others; of any number of projectors on one database one applies each event.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial

from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.runner import Projector
from ibconnect.projections.upkeep import REPORTS
from ibconnect.roles import PROJECTOR
from ibconnect.service.making import Making
from ibconnect.service.supervision import Parts, cancelled

_STOP_S = 3.0


@asynccontextmanager
async def projecting(url: str, preparing: "asyncio.Future[None]", parts: Parts | None = None) -> AsyncIterator[None]:
    """Project what is recorded while the context lasts.

    :param preparing: ends when the database is prepared, which is waited for
    :param parts: hears of what dies; without, nobody does anything about it
    """
    parts = parts or Parts()
    making = Making(url)

    async def project(report: Projection) -> None:
        await asyncio.wait({preparing})
        if preparing.cancelled() or preparing.exception() is not None:
            # The service ends for that reason, which is the one to report.
            await asyncio.Event().wait()
        await making.made(report)
        await _projected(url, report)

    tasks = [parts.keep(PROJECTOR, partial(project, report)) for report in REPORTS]
    try:
        yield
    finally:
        await cancelled(tasks)
        await making.close()


def _tell(loop: asyncio.AbstractEventLoop, die: Callable[[BaseException], None], exc: BaseException) -> None:
    with suppress(RuntimeError):  # the loop has ended: nobody is there to hear it
        loop.call_soon_threadsafe(die, exc)


async def _projected(url: str, report: Projection) -> None:
    """Apply events until the projector dies of something."""
    loop = asyncio.get_running_loop()
    died: asyncio.Future[None] = loop.create_future()

    def die(exc: BaseException) -> None:
        if not died.done():
            died.set_exception(exc)

    projector = Projector(url, report, on_death=lambda exc: _tell(loop, die, exc))
    projector.start()
    try:
        await died
    finally:
        await asyncio.to_thread(projector.stop, _STOP_S)
