"""The money-weighted return: the rate at which all flows and the last value are worth nothing at the start (XIRR).

In: amounts by day. Out: the rate, and whether it is the only one. Called by :mod:`ibconnect.returns.summary`.

The rate is that of pyxirr, of binary fractions, in years of 365 days: it is no amount, and is given with nine decimals.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

import pyxirr

from ibconnect.returns.figures import EXACT, ONE, ZERO
from ibconnect.returns.linking import DAYS_OF_YEAR

_DIGITS = Decimal("1e-9")
_LARGEST = 1e15
# Of Newton's method, from a rate that is nearly right.
_STEPS = 20
# Rates at which the worth is looked at, to see how often it changes its sign: from -99.99 % to 100,000 % a year.
_GRID = (
    *(-0.9999, -0.999, -0.99, -0.95),
    *(number / 50 - 0.9 for number in range(1, 145)),
    *(2 * 1.15**number for number in range(45)),
)
# The same rates by the day, and beyond: a bad week is, as of a year, a loss of all.
_DAILY_GRID = tuple(sorted({*((1 + rate) ** (1 / DAYS_OF_YEAR) - 1 for rate in _GRID), *_GRID}))


class Solutions(Enum):
    """How many rates there are."""

    ONE = "one"
    NONE = "none"
    SEVERAL = "several"


class Rate(NamedTuple):
    """The rate a year, and what it is over the whole span; both None unless there is one."""

    solutions: Solutions
    annual: Decimal | None
    over: Decimal | None


def rate_of(first: date, start: Decimal, flows: Mapping[date, Decimal], last: date, value: Decimal) -> Rate:
    """The money-weighted return from the end of one day to the end of another.

    :param flows: external ones of the days after the first, positive into the account
    """
    amounts = dict.fromkeys((first, *sorted(flows), last), ZERO)
    amounts[first] -= start
    for day, amount in flows.items():
        amounts[day] -= amount
    amounts[last] += value
    paid = {day: amount for day, amount in amounts.items() if amount}
    if last <= first or not any(each < 0 for each in paid.values()) or not any(each > 0 for each in paid.values()):
        return Rate(Solutions.NONE, None, None)
    return _rate(sorted(paid), paid, (last - first).days)


def _rate(days: Sequence[date], paid: Mapping[date, Decimal], length: int) -> Rate:
    # As shares of the largest, so that no amount is too large or small for a binary fraction.
    largest = max(abs(amount) for amount in paid.values())
    shares = [float(EXACT.divide(paid[day], largest)) for day in days]
    places = [(day - days[0]).days for day in days]
    # Of less than a year by the rate of a day: as of a year it may be -1 to every digit, after one bad week.
    is_short = length < DAYS_OF_YEAR
    times = [float(place) if is_short else place / DAYS_OF_YEAR for place in places]
    if not _is_single(shares):
        roots = _sign_changes(_DAILY_GRID if is_short else _GRID, times, shares)
        if roots != 1:
            return Rate(Solutions.SEVERAL if roots else Solutions.NONE, None, None)
    found = _of_days(places, shares) if is_short else pyxirr.xirr(list(days), shares, silent=True)
    if found is None or not -1 < found < _LARGEST:
        return Rate(Solutions.NONE, None, None)
    factor = EXACT.add(ONE, Decimal(_polished(found, times, shares)))
    of_year, of_span = (DAYS_OF_YEAR, length) if is_short else (1, EXACT.divide(Decimal(length), Decimal(DAYS_OF_YEAR)))
    return Rate(Solutions.ONE, _power(factor, of_year), _power(factor, of_span))


def _of_days(places: Sequence[int], shares: Sequence[float]) -> float | None:
    """The rate a day."""
    daily = [0.0] * (places[-1] + 1)
    for place, share in zip(places, shares, strict=True):
        daily[place] = share
    return pyxirr.irr(daily, silent=True)


def _polished(rate: float, times: Sequence[float], shares: Sequence[float]) -> float:
    """The rate with all of its digits: pyxirr ends where the worth is small, which with small shares is too soon."""
    for _ in range(_STEPS):
        worths = [share * (1 + rate) ** -time for share, time in zip(shares, times, strict=True)]
        slope = sum(-time * worth for time, worth in zip(times, worths, strict=True)) / (1 + rate)
        step = sum(worths) / slope if slope else 0.0
        if not abs(step) < 0.1 * (1 + rate):
            break
        rate -= step
        if abs(step) < 1e-14 * (1 + rate):
            break
    return rate


def _power(factor: Decimal, times: Decimal | int) -> Decimal | None:
    """A rate over so many of its spans; None if it is beyond all figures."""
    try:
        return EXACT.subtract(EXACT.power(factor, times), ONE).quantize(_DIGITS, ROUND_HALF_EVEN, EXACT)
    except InvalidOperation:
        return None


def _is_single(shares: Sequence[float]) -> bool:
    """Whether the signs alone say that there is one rate (Descartes): they change once."""
    signs = [share > 0 for share in shares]
    return sum(one is not other for one, other in pairwise(signs)) == 1


def _sign_changes(rates: Sequence[float], times: Sequence[float], shares: Sequence[float]) -> int:
    """How often the worth changes its sign over some rates."""
    worths = [_worth(rate, times, shares) for rate in rates]
    signs = [worth > 0 for worth in worths if worth]
    return sum(one is not other for one, other in pairwise(signs))


def _worth(rate: float, times: Sequence[float], shares: Sequence[float]) -> float:
    """What all is worth, at the start or, of a loss, at the end: the sign is the same, no power is beyond a float."""
    shift = times[-1] if rate < 0 else 0.0
    worth: float = sum(share * (1 + rate) ** (shift - time) for share, time in zip(shares, times, strict=True))
    return worth
