"""The steps that values are of: weekdays, or weeks, months, quarters and years of them, one after the other.

In: the first and the last day, the step. Out: spans, oldest first. Called by the handler. Days end when those of profit
do, as returns count them; what is of a weekend is of the next weekday.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import NamedTuple

from ibconnect.daily_reset import DailyReset
from ibconnect.http.resources.performance.days import DAY, bounds_of, day_of, last_complete, weekdays
from ibconnect.http.resources.performance.writing import STEPS

LATE = 10 * DAY
"""So long the last value of an account counts on where there is no newer one."""


class Span(NamedTuple):
    """After ``begin`` up to ``end``. ``day``: its last one; ``is_running``: it is not over, and ends now."""

    day: date
    begin: datetime
    end: datetime
    is_running: bool


def spans_of(first: date, last: date, step: str, now: datetime, reset: DailyReset) -> list[Span]:
    """The spans that end from one day to another, both included; none ends after ``now``, whichever moment that is."""
    over, today = last_complete(now, reset), day_of(now, reset)
    days = [*weekdays(first, min(last, over)), *([today] if first <= today <= last else [])]
    made, begin = list[Span](), bounds_of(first, reset)[0]
    for _, some in groupby(days, key=STEPS[step]):
        *_, day = some
        is_running = day == today
        end = now if is_running else bounds_of(day, reset)[1]
        made.append(Span(day, begin, end, is_running))
        begin = end
    return made


def span_before(first: date, reset: DailyReset) -> Span:
    """What is looked at for the values that the first step begins with."""
    return Span(first - DAY, bounds_of(first - LATE, reset)[0], bounds_of(first, reset)[0], False)


def numbered(spans: Sequence[Span], first: date, reset: DailyReset) -> Iterator[tuple[date, int, datetime]]:
    """Each day from ``first`` on that is over, in which of these spans it is (1 is the first), and when it ends."""
    number = 0
    for count in range((spans[-1].day - first).days + 1):
        day = first + count * DAY
        while spans[number].day < day:
            number += 1
        end = bounds_of(day, reset)[1]
        if end > spans[-1].end:
            break
        yield day, number + 1, end
