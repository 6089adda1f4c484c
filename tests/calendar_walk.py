"""Where steps of the calendar end, by a walk through it day by day, which knows nothing of numbers of steps."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from ibconnect.http.server.steps import Step

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)


def begins_period(day: date, unit: str, count: int) -> bool:
    """Whether a step of the calendar begins on this day, told by the day alone."""
    months = {"mo": 1, "q": 3, "y": 12}.get(unit, 0) * count
    if months:
        return day.day == 1 and (day.year * 12 + day.month - 1 - 1970 * 12) % months == 0
    if unit == "w":
        return day.weekday() == 0 and (day - date(1970, 1, 5)).days % (7 * count) == 0
    return (day - date(1970, 1, 1)).days % count == 0


def walk(asked: tuple[str, int], zone: ZoneInfo, at: time, start: datetime, end: datetime) -> list[Step]:
    """Walk from long before the start, day by day, and note when clocks show the end of a step."""
    closes, (unit, count) = set(), asked
    longest = {"d": 1, "w": 7, "mo": 31, "q": 92, "y": 366}[unit] * count
    day, last = start.date() - timedelta(days=longest + 3), end.date() + timedelta(days=longest + 3)
    while day <= last:
        if begins_period(day, unit, count):
            shown_on = day if at == time() else day - DAY
            closes.add(datetime.combine(shown_on, at, zone).astimezone(UTC))
        day += DAY
    found = []
    for begin, close in pairwise(sorted(closes)):
        if close < start:
            continue
        if close <= end + MICROSECOND:
            found.append(Step(begin, close, False))
        else:
            cut = max(begin, start - MICROSECOND)
            found += [Step(cut, end, True)] if cut < end else []
            break
    return found
