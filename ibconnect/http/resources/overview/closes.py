"""The moments that an overview compares with: the last close, and those that ended the month and the year before.

In: a moment, a time zone, the time of day at which a day closes there. Out: three moments; the days after each that are
over. Called by the handler.
"""

from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from ibconnect.http.resources.performance.stated import Periods
from ibconnect.http.server.moments import MICROSECOND, local_instant
from ibconnect.times import EPOCH

_DAY = timedelta(days=1)


class Closes(NamedTuple):
    """The last close before a moment, and those of the month and of the year before the one that it is in."""

    day: datetime
    month: datetime
    year: datetime


def closes_before(moment: datetime, zone: tzinfo, close: time) -> Closes:
    """The closes that figures of a moment are compared with, in UTC; none is before 1970.

    A day closes at ``close`` by the clocks of ``zone``, one that closes at midnight at its end. A moment that is itself
    a close is compared with the one before: the end of November is of November.

    """
    local = (moment - MICROSECOND).astimezone(zone)
    # Where clocks jump, a day is 23 or 25 hours: of the last few closes the latest that has been is taken.
    recent = (_close_of((local + number * _DAY).date(), zone, close) for number in (1, 0, -1, -2))
    day = next(each for each in recent if each < moment)
    month = _close_of((local.replace(day=1) - _DAY).date(), zone, close)
    year = _close_of((local.replace(month=1, day=1) - _DAY).date(), zone, close)
    return Closes(*(max(each, EPOCH) for each in (day, month, year)))


def days_over(closes: Closes, moment: datetime, zone: tzinfo, close: time) -> Periods:
    """The days that each change is over, as far as they are over at a moment: those after one, up to the last."""
    begins = [(each - MICROSECOND).astimezone(zone).date() for each in closes]
    last = begins[0]
    if _close_of(last + _DAY, zone, close) - MICROSECOND <= moment:
        last += _DAY
    return Periods(tuple(begins), last)


def _close_of(day: date, zone: tzinfo, close: time) -> datetime:
    """When a day closes."""
    return local_instant(day if close > time() else day + _DAY, close, zone)
