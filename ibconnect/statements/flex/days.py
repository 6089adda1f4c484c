"""Which days are asked of the Flex Web Service, and when it is asked next.

In: how far a query has got, the time. Out: spans of days; moments. Called by what fetches. Nothing here reads a clock.

A statement of a day is made in New York's night after it, and is corrected for some days: so each fetch asks for the
last days once more, and what has not changed is known already.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from ibconnect.setting_values import parse_schedule

MOST_DAYS = 365
"""IBKR gives no longer span at once."""
OVERLAP_DAYS = 7
FIFTY_YEARS = timedelta(days=50 * 365)
"""Further back nobody need ask: IBKR began later."""
_DAY = timedelta(days=1)
_NEW_YORK = ZoneInfo("America/New_York")
# What is not there yet is asked for again within the hour, for as long as it may still come that day.
_LATE_AGAIN = timedelta(hours=1)
_LATE_FOR = timedelta(hours=6)
_FIRST_AGAIN, _LONGEST_AGAIN = timedelta(minutes=5), timedelta(hours=1)

Span = tuple[date, date]


def last_day(now: datetime) -> date:
    """The last day of which IBKR can have a statement: New York's yesterday, at weekends and on Mondays Friday."""
    day = now.astimezone(_NEW_YORK).date() - _DAY
    return day - max(day.weekday() - 4, 0) * _DAY


def span_after(up_to: date | None, last: date) -> Span:
    """The days to ask for next: after a week of downtime those of the week as well, at first those of a year.

    :param up_to: the last day that is covered
    """
    oldest = last - (MOST_DAYS - 1) * _DAY
    since = oldest if up_to is None else min(up_to, last) - (OVERLAP_DAYS - 1) * _DAY
    return since, min(last, since + (MOST_DAYS - 1) * _DAY)


def newest(last: date) -> Span:
    """The last days alone."""
    return last - (OVERLAP_DAYS - 1) * _DAY, last


def covered_to(asked: Span, got: date | None, last: date) -> date:
    """The last day that is covered by what came; ``got``: that of the newest statement in it.

    Of the past it is all that was asked for. Of yesterday IBKR may not have made the statement yet.
    """
    until = asked[1]
    return until if until < last or got is None else min(until, max(got, asked[0]))


def due_after_success(now: datetime, cron: str, asked: Span, covered: date, last: date) -> datetime:
    """When to ask next: at once while there are days after those that were asked for."""
    if asked[1] < last:
        return now
    due = next_tick(now, cron)
    began = parse_schedule(cron).previous(now=now, default_utc=True, return_datetime=True)
    if covered < last and began is not None and now - began < _LATE_FOR:
        return min(due, now + _LATE_AGAIN)
    return due


def due_after_failure(now: datetime, cron: str, failures: int, *, is_for_good: bool) -> datetime:
    """When to ask again; ``failures``: in a row, this one included. What must be mended waits for the schedule."""
    due = next_tick(now, cron)
    if is_for_good:
        return due
    again: timedelta = min(_FIRST_AGAIN * 2 ** min(failures - 1, 10), _LONGEST_AGAIN)
    return min(due, now + again)


def next_tick(now: datetime, cron: str) -> datetime:
    """The next time of the schedule; of one that has none any more a time that never comes."""
    due: datetime | None = parse_schedule(cron).next(now=now, default_utc=True, return_datetime=True)
    return datetime(9999, 1, 1, tzinfo=UTC) if due is None else due


def span_back(until: date, oldest: date, known: Iterable[Span], most: int = MOST_DAYS) -> Span | None:
    """The newest span of days up to one that was not given yet; None: there is none.

    :param oldest: the first day of all
    :param known: spans that were given
    :param most: how many days it may have
    """
    spans = sorted(known, key=lambda span: span[1], reverse=True)
    for first, last in spans:
        if first <= until <= last:
            until = first - _DAY
    if until < oldest:
        return None
    below = [last + _DAY for _, last in spans if last < until]
    return max([oldest, until - (most - 1) * _DAY, *below]), until
