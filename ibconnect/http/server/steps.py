"""Steps of a time series: where each ends, in a zone, at a time of the day; and the one that is still running.

In: what a request says by ``step``, ``tz`` and ``at``. Out: spans, one for each point. Called by every resource that
shows something over time.

A point is the last value of its step: of (begin, end]. There are two kinds of steps:

- *elapsed* ones are always as long as they say. They count from ``from``; where it is not given they fall on whole
  multiples since 1970, in a zone on multiples since the midnight before what comes first.
- *calendar* ones are weeks from Monday, months, quarters and years, and days if a zone or a time of the day is named.
  They end where the calendar says, whatever ``from`` is. With a time of the day (``at=16:00``) each ends at that time
  of its last day: so many closes.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from ibconnect.http.server.moments import MICROSECOND, Length, local_instant
from ibconnect.times import EPOCH

_FIRST_DAY = date(1970, 1, 1)
_FIRST_MONDAY = date(1970, 1, 5)
# No report is later, and the calendar does not end before a step that begins here.
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MIDNIGHT = time()
_OF_CALENDAR = ("w", "mo", "q", "y")


class Step(NamedTuple):
    """The span (begin, end] of one point.

    ``is_partial``: it is the running step, cut at the end of what was asked for. Its point is the newest value, and
    stands at the time of that value, so that it is the same until there is a newer one.
    """

    begin: datetime
    end: datetime
    is_partial: bool


class Steps:
    """The steps that a request asks for.

    :param length: how long each is
    :param zone: whose calendar, whose clocks; None: UTC
    :param at: the time of the day at which days and what is longer end; None: midnight
    :raises ValueError: a time of the day does not go with so short a step
    """

    def __init__(self, length: Length, zone: tzinfo | None = None, at: time | None = None) -> None:
        if at is not None and length.unit in "smh":
            raise ValueError(f"goes with steps of days, weeks, months, quarters or years, not with {length.text}")
        self.text = length.text
        self._months = length.months
        self._zone = zone or UTC
        self._at = at or _MIDNIGHT
        self._is_local = zone is not None
        self._origin, self._days = _FIRST_DAY, length.count
        if length.unit == "w":
            self._origin, self._days = _FIRST_MONDAY, length.count * 7
        is_calendar = length.unit in _OF_CALENDAR or (length.unit == "d" and (self._is_local or at is not None))
        self.elapsed = None if is_calendar else length.elapsed

    def first(self, instant: datetime) -> datetime:
        """The end of the first step at or after an instant, where no ``from`` says from where they count."""
        if self.elapsed is None:
            return self._closes(instant)[1]
        local = instant.astimezone(self._zone)
        origin = local_instant(local.date(), _MIDNIGHT, self._zone) if self._is_local else EPOCH
        return origin - (origin - instant) // self.elapsed * self.elapsed

    def bounds(self, start: datetime, end: datetime, *, counts: bool = True) -> Iterator[Step]:
        """The steps that end from ``start`` to ``end``, both included, in order; last the running one, cut at ``end``.

        A step that ends a microsecond after ``end`` is whole: so ``to=2026-11-30`` has the last day of November.

        :param end: not later than now, or steps would be taken for whole that are not over
        :param counts: whether elapsed steps count from ``start``; else they fall where they do without ``from``
        """
        end = min(end, _LATEST)
        if start > end:
            return
        for begin, close in self._spans(self._anchor(start, counts)):
            if close - MICROSECOND > end:
                break
            yield Step(begin, close, False)
        running = self.running(start, end, counts=counts)
        if running is not None:
            yield running

    def at_most(self, start: datetime, end: datetime) -> int:
        """Not fewer than :meth:`bounds` has, of calendar steps, without a look at each."""
        return self._number(min(end, _LATEST)) - self._number(self._anchor(start, counts=True)) + 2

    def running(self, start: datetime, end: datetime, *, counts: bool = True) -> Step | None:
        """The last of :meth:`bounds`, if that is cut."""
        end = min(end, _LATEST)
        if start > end:
            return None
        begin = max(self._running(start, end, counts)[0], max(start, EPOCH) - MICROSECOND)
        return Step(begin, end, True) if begin < end else None

    def over(self, start: datetime, end: datetime, *, counts: bool = True) -> datetime:
        """When the first step ends that is not whole yet at ``end``."""
        return self._running(start, min(end, _LATEST), counts)[1]

    def _running(self, start: datetime, end: datetime, counts: bool) -> tuple[datetime, datetime]:
        if self.elapsed is None:
            return self._closes(end + 2 * MICROSECOND)
        first, count = self.regular(start, end, counts=counts)
        close = first + count * self.elapsed
        return close - self.elapsed, close

    def regular(self, start: datetime, end: datetime, *, counts: bool = True) -> tuple[datetime, int]:
        """Where the first of :meth:`bounds` ends, and how many there are that are whole, of elapsed steps."""
        assert self.elapsed is not None
        first, end = self._anchor(start, counts), min(end, _LATEST)
        return first, max((end + MICROSECOND - first) // self.elapsed + 1, 0)

    def _anchor(self, start: datetime, counts: bool) -> datetime:
        """The first end that may be asked for: nothing is recorded of before 1970."""
        if self.elapsed is None:
            return max(start, EPOCH)
        if not counts:
            return self.first(max(start, EPOCH))
        return start if start >= EPOCH else start - (start - EPOCH) // self.elapsed * self.elapsed

    def _spans(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Every span that ends at or after ``start``, without an end."""
        if self.elapsed is not None:
            while True:
                yield start - self.elapsed, start
                start += self.elapsed
        begin, close = self._closes(start)
        number = self._number(start)
        while True:
            # Where a zone has left out a whole day, two steps end at once.
            if close > begin:
                yield begin, close
                begin = close
            number += 1
            close = self._close(number)

    def _closes(self, instant: datetime) -> tuple[datetime, datetime]:
        """The ends of the last calendar step before an instant, and of the first at or after it."""
        number = self._number(instant)
        return self._close(number - 1), self._close(number)

    def _number(self, instant: datetime) -> int:
        """Which calendar step is the first that ends at or after an instant."""
        number = self._number_of(instant.astimezone(self._zone).date()) - 2
        while self._close(number) < instant:
            number += 1
        return number

    def _close(self, number: int) -> datetime:
        """When a calendar step ends."""
        following = self._first_day(number + 1)
        if self._at == _MIDNIGHT:
            return local_instant(following, _MIDNIGHT, self._zone)
        return local_instant(following - _DAY, self._at, self._zone)

    def _number_of(self, day: date) -> int:
        """Which calendar step a day belongs to, counted from 1970."""
        if self._months:
            return ((day.year - 1970) * 12 + day.month - 1) // self._months
        return (day - self._origin).days // self._days

    def _first_day(self, number: int) -> date:
        """The first day of a calendar step."""
        if self._months:
            year, month = divmod(number * self._months, 12)
            return date(1970 + year, month + 1, 1)
        return self._origin + number * self._days * _DAY
