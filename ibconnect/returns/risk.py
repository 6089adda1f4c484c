"""How unsteady returns were: volatility, Sharpe, Sortino, drawdown, the best and the worst.

In: returns by day, periods. Out: figures. Called by :mod:`ibconnect.returns.summary`.

Of days that are one day long and have a return: those that go over missing days are no daily returns. 252 of them make
a year. Sums are exact; roots and quotients are rounded at the end.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from ibconnect.returns.figures import EXACT, ONE, ZERO, DayReturn, Method
from ibconnect.returns.linking import Period

TRADING_DAYS = 252
"""Daily returns that make a year."""


class Spread(NamedTuple):
    """Of daily returns, as those of a year. None where there are too few, or they do not differ."""

    observations: int
    volatility: Decimal | None
    sharpe: Decimal | None
    sortino: Decimal | None


class Drawdown(NamedTuple):
    """The deepest fall of the linked return from what it had been: -0.2 is a fall by a fifth.

    ``recovered``: when it was again what it had been at the peak; None: not yet.
    """

    depth: Decimal
    peak: date
    trough: date
    recovered: date | None


class Extreme(NamedTuple):
    """A return and the last day of its period."""

    value: Decimal
    day: date


def spread(days: Iterable[DayReturn], free: Decimal = ZERO) -> Spread:
    """Volatility and what is divided by it.

    :param free: the risk-free rate of a year, which is also what the Sortino ratio takes for the least acceptable
    """
    with localcontext(EXACT):
        daily = free / TRADING_DAYS
        returns = [
            each.factor - ONE
            for each in days
            if each.factor is not None and each.days == 1 and each.method is not Method.EMPTY
        ]
        count = len(returns)
        if count < 2:
            return Spread(count, None, None, None)
        total = sum(returns, ZERO)
        mean, excess = total / count, total / count - daily
        squares = sum((each * each for each in returns), ZERO)
        # Not below zero but for the rounding of its last digits.
        variance = max((squares - total * mean) / (count - 1), ZERO)
        below = sum(((each - daily) ** 2 for each in returns if each < daily), ZERO) / count
        year = Decimal(TRADING_DAYS)
        deviation = variance.sqrt() if variance > _NOTHING else ZERO
        sharpe = excess * year / (deviation * year.sqrt()) if deviation else None
        sortino = excess * year / (below.sqrt() * year.sqrt()) if below else None
        return Spread(count, deviation * year.sqrt(), sharpe, sortino)


# What is below this is the rounding of equal returns.
_NOTHING = Decimal("1e-40")


def drawdown(days: Sequence[DayReturn]) -> Drawdown | None:
    """The deepest fall; None where there was none, or a day has no return."""
    if not days:
        return None
    index, peak, peak_day = ONE, ONE, days[0].since
    worst, found = ONE, None
    deep_peak = ONE
    with localcontext(EXACT):
        for each in days:
            if each.factor is None:
                return None
            index *= each.factor
            if index >= peak:
                peak, peak_day = index, each.day
            elif index < worst * peak:
                worst, deep_peak = index / peak, peak
                found = Drawdown(worst - ONE, peak_day, each.day, None)
        if found is None:
            return None
    return found._replace(recovered=_recovery(days, found, deep_peak))


def _recovery(days: Sequence[DayReturn], fall: Drawdown, peak: Decimal) -> date | None:
    index = ONE
    with localcontext(EXACT):
        for each in days:
            assert each.factor is not None
            index *= each.factor
            if each.day > fall.trough and index >= peak:
                return each.day
    return None


def extremes(periods: Sequence[Period | DayReturn]) -> tuple[Extreme, Extreme] | None:
    """The best and the worst, of equal ones the first; None where none has a return."""
    known = [each for each in periods if each.factor is not None]
    if not known:
        return None
    best = max(known, key=lambda each: each.factor or ZERO)
    worst = min(known, key=lambda each: each.factor or ZERO)
    return _extreme(best), _extreme(worst)


def _extreme(each: Period | DayReturn) -> Extreme:
    assert each.factor is not None
    return Extreme(EXACT.subtract(each.factor, ONE), each.day)
