"""Days as returns count them: from one reset of profit to the next, weekdays only.

In: days. Out: instants, days. Called by what reads reports and rates of days.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ibconnect.daily_reset import DailyReset
from ibconnect.http.server.moments import MICROSECOND, local_instant

DAY = timedelta(days=1)
_EARLIEST, _LATEST = datetime(1800, 1, 1, tzinfo=UTC), datetime(9900, 1, 1, tzinfo=UTC)
_SATURDAY = 5


def bounds_of(day: date, reset: DailyReset) -> tuple[datetime, datetime]:
    """After the one and up to the other instant a day lasts."""
    return local_instant(day - DAY, reset.clock, reset.zone), local_instant(day, reset.clock, reset.zone)


def last_complete(now: datetime, reset: DailyReset) -> date:
    """The last day that is over."""
    day = now.astimezone(reset.zone).date()
    return day if bounds_of(day, reset)[1] <= now else day - DAY


def day_of(instant: datetime, reset: DailyReset) -> date:
    """The day that an instant belongs to."""
    day = instant.astimezone(reset.zone).date()
    return day if instant <= bounds_of(day, reset)[1] else day + DAY


def weekdays(first: date, last: date) -> Iterator[date]:
    """From one day to another, both included."""
    for number in range((last - first).days + 1):
        day = first + number * DAY
        if day.weekday() < _SATURDAY:
            yield day


def local_day(moment: datetime, zone: tzinfo) -> date:
    """The day of a moment in a zone; of one at an end of the calendar a day near it, since zones lead beyond."""
    return min(max(moment, _EARLIEST), _LATEST).astimezone(zone).date()


def within_day(to: datetime | None, zone: tzinfo, now: datetime) -> datetime | None:
    """A moment before now that is not the end of a day of the zone: what is asked for then is as of this moment."""
    if to is None or not _EARLIEST <= to < now or (to + MICROSECOND).astimezone(zone).time() == time():
        return None
    return to
