"""Where the events of a span of time lie, without reading all of them.

In: a span, and the newest position. Out: ranges of positions. Called by the handler of ``/v1/events``. Which sessions
there are is known from the tables; where their events lie within them the reader of events finds out.
"""

from datetime import UTC, datetime, timedelta

from ibconnect.database.sql import queries
from ibconnect.events.reading import Range, Span, between
from ibconnect.http.resources.event_scan import answered
from ibconnect.http.server.scans import Looks
from ibconnect.times import from_micros, to_micros

_SQL = queries("http/events")
# How far a machine's clock may have been set back within a session without an event being missed.
_CLOCK_SLACK = timedelta(minutes=1)
_EARLIEST = from_micros(0)
_LATEST = datetime.max.replace(tzinfo=UTC)


async def applied(looks: Looks) -> int:
    """Up to where the tables know of every session."""
    rows = (await looks.rows(_SQL["applied"], {})).rows
    return int(rows[0][0])


async def position_ranges(
    looks: Looks, known: int, head: int, start: datetime | None, end: datetime | None
) -> tuple[Range, ...]:
    """Positions (after, until), in order, that between them hold every event of the span up to ``head``.

    :param known: up to where the tables know of every session; what is behind it is read in any case
    """
    low = start - _CLOCK_SLACK if start and start > _EARLIEST + _CLOCK_SLACK else _EARLIEST
    high = end + _CLOCK_SLACK if end and end < _LATEST - _CLOCK_SLACK else _LATEST
    rows = (await looks.rows(_SQL["sessions_around"], {"from": low, "to": high})).rows
    spans = [
        Span(session, to_micros(opened), None if closed is None else to_micros(closed), versions, first, last)
        for session, opened, closed, versions, first, last in rows
    ]
    known = min(known, head)
    since, until = (None if each is None else to_micros(each) for each in (start, end))
    found = await answered(looks, between(spans, since, until))
    for statements in (await looks.rows(_SQL["statements_around"], {"from": low, "to": high})).rows:
        found = _joined(found, statements[0], statements[1])
    first, last = (known, 0) if found is None else (min(known, found[0]), found[1])
    if last >= known:
        return ((first, head),)
    return (first, last), (known, head)


def _joined(found: Range | None, low: int, high: int) -> Range:
    """Positions that hold both: those of sessions, and those of statements."""
    return (low, high) if found is None else (min(found[0], low), max(found[1], high))
