"""All figures of a series: linked and money-weighted return, gain, flows, risk, months and years.

In: a series, of which flows as they were. Out: a :class:`Summary`. Called by the resource of performance.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from ibconnect.returns.figures import EXACT, ONE, ZERO, DayReturn, Source
from ibconnect.returns.linking import Period, annual, joined, month_of, periods, year_of
from ibconnect.returns.money_weighted import Rate, rate_of
from ibconnect.returns.risk import Drawdown, Extreme, Spread, drawdown, extremes, spread


class Summary(NamedTuple):
    """Of the days from the end of ``since`` to the end of ``until``. ``annual``: of a year or more."""

    since: date
    until: date
    start: Decimal
    value: Decimal
    flows: Decimal
    inflows: Decimal
    outflows: Decimal
    gain: Decimal
    time_weighted: Decimal | None
    annual: Decimal | None
    money_weighted: Rate
    spread: Spread
    drawdown: Drawdown | None
    days: tuple[Extreme, Extreme] | None
    best_months: tuple[Extreme, Extreme] | None
    months: Sequence[Period]
    years: Sequence[Period]


def summary_of(days: Sequence[DayReturn], flows: Mapping[date, Decimal], free: Decimal = ZERO) -> Summary | None:
    """The figures of these days; None of no day.

    :param flows: by the days on which they were; those that the days estimate are taken from them
    :param free: the risk-free rate of a year
    """
    if not days:
        return None
    first, last = days[0], days[-1]
    known = {day: amount for day, amount in flows.items() if first.since < day <= last.day}
    known |= {each.day: each.flow for each in days if each.flow and each.source is Source.RECORDER}
    months = periods(days, month_of)
    years = joined(months, year_of)
    (whole,) = joined(years, lambda _: None)
    factor = whole.factor
    length = (last.day - first.since).days
    yearly = None if factor is None else annual(factor, length)
    return Summary(
        first.since,
        last.day,
        first.start,
        last.value,
        whole.flow,
        sum((amount for amount in known.values() if amount > 0), ZERO),
        sum((amount for amount in known.values() if amount < 0), ZERO),
        whole.gain,
        None if factor is None else EXACT.subtract(factor, ONE),
        None if yearly is None else EXACT.subtract(yearly, ONE),
        rate_of(first.since, first.start, known, last.day, last.value),
        spread(days, free),
        drawdown(days),
        extremes([each for each in days if each.days == 1]),
        extremes(months),
        months,
        years,
    )
