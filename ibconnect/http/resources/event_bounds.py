"""Where the events of a span of time lie, without reading all of them.

In: a span, and the newest position. Out: ranges of positions. Called by the handler of ``/v1/events``.

Arrival times grow within a session (by the clock of its machine), not over sessions: a spool that was drained
late, or two gateways, put older events behind newer ones. So each session that overlaps the span is bisected.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from ibconnect.database.sql import queries
from ibconnect.events.codec import time_in
from ibconnect.http.resources.event_scan import Range
from ibconnect.http.server.scans import Looks
from ibconnect.times import from_micros, to_micros

_SQL = queries("http/events")
_EVENTS = queries("events/reader")
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
    """Positions (after, until), in order, that together hold every event of the span up to ``head``.

    :param known: up to where the tables know of every session; what is behind it is read in any case
    """
    low = start - _CLOCK_SLACK if start and start > _EARLIEST + _CLOCK_SLACK else _EARLIEST
    high = end + _CLOCK_SLACK if end and end < _LATEST - _CLOCK_SLACK else _LATEST
    known = min(known, head)
    first, last = known, 0
    for session in (await looks.rows(_SQL["sessions_around"], {"from": low, "to": high})).rows:
        stream, opened, closed, versions, begins, ends = session
        if opened < low:
            begins = await _first_at(looks, stream, versions, low)
        if begins is not None:
            first = min(first, begins - 1)
            beyond = None if closed is not None and closed <= high else await _first_at(looks, stream, versions, high)
            last = max(last, beyond or ends)
    if last >= known:
        return ((first, head),)
    return (first, last), (known, head)


async def _first_at(looks: Looks, session: UUID, versions: int, instant: datetime) -> int | None:
    """The position of a session's first event at or after an instant, by bisection; None if there is none."""
    low, high, found = 1, versions, None
    while low <= high:
        middle = (low + high) // 2
        rows = (await looks.rows(_EVENTS["timed_from"], {"session": session, "version": middle})).rows
        if not rows:
            high = middle - 1
        elif (time_in(rows[0][2]) or 0) >= to_micros(instant):
            found, high = rows[0][0], middle - 1
        else:
            low = rows[0][1] + 1
    return found
