"""Returns of days linked to those of months, years and any other periods, and made those of a year.

In: returns by day. Out: returns of periods. Called by :mod:`ibconnect.returns.summary` and whoever shows a series.

A period's return is the product of the factors of its days (GIPS 2020, section 2.A); one without a return leaves
its period without one. A day belongs to the period that it ends in.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import groupby
from typing import NamedTuple

from ibconnect.returns.figures import EXACT, ONE, ZERO, Code, DayReturn, Gap, Method, Source

DAYS_OF_YEAR = 365
"""Of annual returns: what XIRR counts with, too."""


class Period(NamedTuple):
    """A period: from the value at the end of ``since`` to that of ``day``. ``factor``: None where it has no return.

    ``sources``, ``methods``: all of its days', each once. ``level``: 1 at the start of the series, linked; None from
    the first day on that has no return.
    """

    since: date
    day: date
    start: Decimal
    value: Decimal
    gain: Decimal
    factor: Decimal | None
    level: Decimal | None
    sources: tuple[Source, ...]
    methods: tuple[Method, ...]
    days: int

    @property
    def flow(self) -> Decimal:
        """The change of value that is no gain: flows, and accounts that joined a set or left it."""
        return EXACT.subtract(EXACT.subtract(self.value, self.start), self.gain)


def linked(days: Iterable[DayReturn]) -> Decimal | None:
    """The factor of all of these days: 1 of none, None if one has none."""
    factor = ONE
    with localcontext(EXACT):
        for day in days:
            if day.factor is None:
                return None
            factor *= day.factor
    return factor


def trimmed(days: Sequence[DayReturn]) -> tuple[Sequence[DayReturn], list[Gap]]:
    """The same without the days at both ends that have no return."""
    first, last = 0, len(days)
    while first < last and days[first].factor is None:
        first += 1
    while last > first and days[last - 1].factor is None:
        last -= 1
    ends = (days[:first], days[last:]) if first < last else (days,)
    gaps = [Gap(Code.CUT, end[0].day, end[-1].day, len(end)) for end in ends if end]
    return days[first:last], gaps


def month_of(day: date) -> tuple[int, int]:
    """What a day's month is told by."""
    return day.year, day.month


def year_of(day: date) -> int:
    """What a day's year is told by."""
    return day.year


def each_day(day: date) -> date:
    """Every day is a period of its own."""
    return day


def periods(days: Sequence[DayReturn], of: Callable[[date], object]) -> list[Period]:
    """The days by periods, oldest first.

    :param of: what the periods of days are told apart by
    """
    made, index = list[Period](), ONE
    is_whole = True
    with localcontext(EXACT):
        for _, some in groupby(days, key=lambda each: of(each.day)):
            group = list(some)
            factor = linked(group) if len(group) > 1 else group[0].factor
            is_whole = is_whole and factor is not None
            if factor is not None:
                index *= factor
            gain = sum((each.gain for each in group), ZERO) if len(group) > 1 else group[0].gain
            made.append(
                Period(
                    group[0].since,
                    group[-1].day,
                    group[0].start,
                    group[-1].value,
                    gain,
                    factor,
                    index if is_whole else None,
                    tuple(dict.fromkeys(each.source for each in group)),
                    tuple(dict.fromkeys(each.method for each in group)),
                    len(group),
                )
            )
    return made


def joined(parts: Sequence[Period], of: Callable[[date], object]) -> list[Period]:
    """Periods by longer ones that they are whole parts of, oldest first: months by years."""
    made = list[Period]()
    with localcontext(EXACT):
        for _, some in groupby(parts, key=lambda each: of(each.day)):
            group = list(some)
            factor: Decimal | None = ONE
            for each in group:
                factor = None if factor is None or each.factor is None else factor * each.factor
            made.append(
                Period(
                    group[0].since,
                    group[-1].day,
                    group[0].start,
                    group[-1].value,
                    sum((each.gain for each in group), ZERO),
                    factor,
                    group[-1].level,
                    tuple(dict.fromkeys(source for each in group for source in each.sources)),
                    tuple(dict.fromkeys(method for each in group for method in each.methods)),
                    sum(each.days for each in group),
                )
            )
    return made


def annual(factor: Decimal, days: int) -> Decimal | None:
    """A factor over so many days as that of a year; None for less than a year (GIPS 2020, 2.A), or a total loss."""
    if days < DAYS_OF_YEAR or factor <= ZERO:
        return None
    return EXACT.power(factor, EXACT.divide(Decimal(DAYS_OF_YEAR), Decimal(days)))
