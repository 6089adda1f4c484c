"""Where the events of a span of time lie, without reading all of them.

Arrival times grow within a session (by the clock of its machine), not over sessions: a spool that was drained
late, or two gateways, put older events behind newer ones. So each session that overlaps the span is bisected.
"""

from datetime import UTC, datetime, timedelta

from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.http.event_lines import arrived
from ibconnect.times import from_micros, to_micros

_SQL = queries("http/events")
# How far a machine's clock may have been set back within a session without an event being missed.
_CLOCK_SLACK = timedelta(minutes=1)
_EARLIEST = from_micros(0)
_LATEST = datetime.max.replace(tzinfo=UTC)

Range = tuple[int, int]


async def position_ranges(
    pool: reads.Pool, head: int, start: datetime | None, end: datetime | None
) -> tuple[Range, ...]:
    """Positions (after, until), in order, that together hold every event of the span up to ``head``."""
    if start is None and end is None:
        return ((0, head),)
    low = start - _CLOCK_SLACK if start and start > _EARLIEST + _CLOCK_SLACK else _EARLIEST
    high = end + _CLOCK_SLACK if end and end < _LATEST - _CLOCK_SLACK else _LATEST
    # The tables know every session that was opened up to this position; what is behind it is read in any case.
    row = await reads.row(pool, _SQL["applied"], {})
    applied = min(row[0] if row else 0, head)
    first, last = applied, 0
    for session, versions in await reads.rows(pool, _SQL["sessions_around"], {"from": low, "to": high}):
        begins = await _first_at(pool, session, versions, low)
        if begins is not None:
            first = min(first, begins - 1)
            last = max(last, await _first_at(pool, session, versions, high) or applied)
    if last >= applied:
        return ((first, head),)
    return (first, last), (applied, head)


async def _first_at(pool: reads.Pool, session: object, versions: int | None, instant: datetime) -> int | None:
    """The position of a session's first event at or after an instant, by bisection; None if there is none."""
    low, high, found = 1, versions or 0, None
    while low <= high:
        middle = (low + high) // 2
        row = await reads.row(pool, _SQL["at_version"], {"session": session, "version": middle})
        if row is None:
            high = middle - 1
        elif (arrived(row[2]) or 0) >= to_micros(instant):
            found, high = row[0], middle - 1
        else:
            low = row[1] + 1
    return found
