"""Reading the event store in order for one request, a page at a time, each event with the time at which it arrived.

In: what is wanted (:class:`~ibconnect.events.selection.Wanted`), from where and how far. Out: pages of stored events.
Called by the handler of ``/v1/events``. The queries and the rules are those of the command line's reader.

No connection is held between pages, so a client may take its time; commits are in the order of positions, so
reading on from a position neither misses nor repeats anything while recording goes on.
"""

from collections.abc import AsyncIterator
from uuid import UUID

from ibconnect.database.sql import queries
from ibconnect.events.codec import time_in
from ibconnect.events.selection import Stored, Walk, Wanted
from ibconnect.http.server.limits import EVENTS_PAGE, EVENTS_SCANNED
from ibconnect.http.server.scans import Looks

_EVENTS = queries("events/reader")

Range = tuple[int, int]


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
        walk = self._walk
        walk.end = until
        while (asked := walk.question()) is not None:
            rows, seconds = await self._looks.rows(_EVENTS[asked.query], asked.parameters)
            for session, version in walk.unknown(rows).items():
                walk.know(session, await self._time_before(session, version))
            yield walk.take(rows, seconds)

    async def _time_before(self, session: bytes, version: int) -> int:
        asked = {"session": UUID(bytes=session), "version": version}
        rows = (await self._looks.rows(_EVENTS["timed_before"], asked)).rows
        return (time_in(rows[0][0]) if rows else None) or 0


async def head(looks: Looks) -> int:
    """The position of the newest event, 0 if there is none."""
    rows = (await looks.rows(_EVENTS["head"], {})).rows
    return int(rows[0][0])


async def ends(looks: Looks, session: UUID) -> Range:
    """The positions (after, until) between which a session has its events."""
    rows = (await looks.rows(_EVENTS["ends"], {"session": session})).rows
    return (rows[0][0] - 1, rows[0][1]) if rows else (0, 0)
