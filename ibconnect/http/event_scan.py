"""Reading the event store in order, a page at a time, each event with the time at which it arrived.

No connection is held between pages, so a client may take its time; commits are in the order of positions, so
reading on from a position neither misses nor repeats anything while recording goes on.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.http.event_lines import Stored, account_of, arrived
from ibconnect.http.limits import EVENTS_PAGE
from ibconnect.times import to_micros

_SQL = queries("http/events")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted; None: any. ``accounts``: only events about exactly one of these."""

    session: UUID | None
    topics: frozenset[str] | None
    accounts: frozenset[str] | None
    start: datetime | None
    end: datetime | None

    def select(self, events: list[Stored]) -> list[Stored]:
        """The wanted ones, in order."""
        if self.topics is not None:
            events = [event for event in events if event.topic in self.topics]
        if self.start is not None:
            low = to_micros(self.start)
            events = [event for event in events if event.micros >= low]
        if self.end is not None:
            high = to_micros(self.end)
            events = [event for event in events if event.micros <= high]
        if self.accounts is not None:
            events = [event for event in events if account_of(event.topic, event.state) in self.accounts]
        return events


class Scan:
    """One pass over the events. ``position`` is how far it has come."""

    def __init__(self, pool: reads.Pool, wanted: Filter, position: int) -> None:
        self._pool = pool
        self._wanted = wanted
        self._times: dict[bytes, int] = {}
        self._version = 0
        self.position = position

    async def pages(self, until: int) -> AsyncIterator[list[Stored]]:
        """The wanted events up to a position; a page may be empty."""
        while self.position < until:
            page = await self._page(until)
            yield self._wanted.select(page)
            if len(page) < EVENTS_PAGE:
                self.position = until

    async def _page(self, until: int) -> list[Stored]:
        session = self._wanted.session
        asked: dict[str, Any] = {"after": self.position, "until": until, "rows": EVENTS_PAGE}
        if session is None:
            rows = await reads.rows(self._pool, _SQL["scan_all"], asked, binary=True)
        else:
            asked |= {"session": session, "version": self._version}
            rows = await reads.rows(self._pool, _SQL["scan_session"], asked, binary=True)
        events = []
        for position, stream, version, topic, state in rows:
            micros = arrived(state)
            if micros is None:
                micros = self._times.get(stream)
            if micros is None:
                micros = await self._time_before(stream, version)
            self._times[stream] = micros
            events.append(Stored(position, stream, version, topic, state, micros))
        if events:
            self.position, self._version = events[-1].position, events[-1].version
        return events

    async def _time_before(self, session: bytes, version: int) -> int:
        asked = {"session": UUID(bytes=session), "version": version}
        row = await reads.row(self._pool, _SQL["time_before"], asked)
        return (row and arrived(row[0])) or 0


async def head(pool: reads.Pool) -> int:
    """The position of the newest event, 0 if there is none."""
    row = await reads.row(pool, _SQL["head"], {})
    return row[0] if row else 0
