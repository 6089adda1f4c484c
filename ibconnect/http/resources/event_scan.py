"""The reader of events (:mod:`ibconnect.events.reading`), run in the event loop for one request.

In: what is wanted (:class:`~ibconnect.events.selection.Wanted`), from where and how far. Out: pages of stored events.
Called by the handler of ``/v1/events``. No connection is held between pages, so a client may take its time.
"""

from collections.abc import AsyncIterator
from typing import Any, TypeVar
from uuid import UUID

from ibconnect.database.sql import queries
from ibconnect.events import reading
from ibconnect.events.reading import Program
from ibconnect.events.selection import Question, Stored, Walk, Wanted
from ibconnect.http.server.limits import EVENTS_PAGE, EVENTS_SCANNED
from ibconnect.http.server.scans import Looks

_EVENTS = queries("events/reader")

T = TypeVar("T")
Range = reading.Range


class Scan:
    """One pass over the events behind a position. ``position`` is how far it has come."""

    def __init__(self, looks: Looks, wanted: Wanted, position: int) -> None:
        self._looks = looks
        self._walk = Walk(wanted, position, position, rows=EVENTS_PAGE, most=EVENTS_SCANNED, session=wanted.session)

    @property
    def position(self) -> int:
        """Everything up to here is looked through."""
        return self._walk.at

    async def pages(self, until: int) -> AsyncIterator[list[Stored]]:
        """The wanted events up to a position; a page may be empty."""
        self._walk.end = until
        async for page in _pages(self._looks, self._walk):
            yield page


def of_session(
    looks: Looks, wanted: Wanted, after: int, until: int, rows: int = EVENTS_PAGE
) -> AsyncIterator[list[Stored]]:
    """The wanted events of one session between two of its versions: behind the first, up to the second.

    :param wanted: names the session
    :param rows: how many events are looked through at first, and read at most, at a time
    """
    walk = Walk(wanted, after, until, rows=rows, most=EVENTS_SCANNED, by_version=True, session=wanted.session)
    return _pages(looks, walk)


async def _pages(looks: Looks, walk: Walk) -> AsyncIterator[list[Stored]]:
    program = reading.pages(walk)
    answer: Any = None
    while (step := _next(program, answer)) is not None:
        answer = None
        if isinstance(step, Question):
            answer = await looks.rows(_EVENTS[step.query], step.parameters)
        else:
            yield step


def _next(program: reading.Pages, answer: Any) -> Question | list[Stored] | None:
    try:
        return program.send(answer)
    except StopIteration:
        return None


async def answered(looks: Looks, program: Program[T]) -> T:
    """The value of a program, which is given its answers one after the other."""
    try:
        asked = next(program)
        while True:
            asked = program.send(await looks.rows(_EVENTS[asked.query], asked.parameters))
    except StopIteration as end:
        value: T = end.value
        return value


async def head(looks: Looks) -> int:
    """The position of the newest event, 0 if there is none."""
    return await answered(looks, reading.head())


async def ends(looks: Looks, session: UUID) -> Range:
    """The positions (after, until) between which a session has its events."""
    return await answered(looks, reading.ends(session))
