"""How much of a change of value comes from the size, how much from the price, how much from the currency.

In: what was held of one thing at two moments. Out: the difference of its value in base currency and its three parts,
whose sum is the difference to the last digit: all four have the same number of decimals, and nothing passes through
a float. Called by :mod:`ibconnect.http.resources.changes.rows`.

The order is: first the size changes, at the first value of a unit and the first rate; then the price, at the first
rate; then the currency. Whatever IB rounded, in values that are not exactly size times price, is in the part of the
price.
"""

from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum

# More digits than any product or quotient of the tables' figures has.
_EXACT = Context(prec=2000)
_ZERO = Decimal(0)


class Change(StrEnum):
    """What became of a position."""

    OPENED = "opened"
    CLOSED = "closed"
    RESIZED = "resized"
    REVALUED = "revalued"
    UNKNOWN = "unknown"


class Why(StrEnum):
    """Why there is no split."""

    NO_SIZE = "no-size"
    NO_VALUE = "no-value"
    NO_RATE = "no-rate"
    OTHER_BASE = "other-base-currency"


@dataclass(frozen=True, slots=True)
class Side:
    """What was held of a thing at one moment: its size, its value in its currency, the rate to the base currency.

    A figure that IB did not give is None. ``base``: the base currency then.
    """

    size: Decimal | None
    value: Decimal | None
    rate: Decimal | None
    base: str | None


@dataclass(frozen=True, slots=True)
class Parts:
    """The difference in base currency, and what of it comes from size, price and currency."""

    whole: str
    by_size: str
    by_price: str
    by_currency: str


def change_of(before: Side | None, after: Side | None) -> Change:
    """What became of it; None stands for what was not held, as does a size of 0."""
    if any(side is not None and side.size is None for side in (before, after)):
        return Change.UNKNOWN
    was, now = _size(before), _size(after)
    if not was and not now:
        return Change.REVALUED
    if not was:
        return Change.OPENED
    if not now:
        return Change.CLOSED
    return Change.RESIZED if was != now else Change.REVALUED


def _size(side: Side | None) -> Decimal:
    return _ZERO if side is None or side.size is None else side.size


def difference(before: str, after: str) -> str:
    """How much more one figure is than another, with every digit of both.

    >>> difference("1.50", "1"), difference("-0.5", "-0.50")
    ('-0.50', '0.00')
    """
    return f"{_EXACT.plus(_EXACT.subtract(Decimal(after), Decimal(before))):f}"


def split(before: Side | None, after: Side | None) -> Parts | Why:
    """The parts of a change, or why there are none.

    What is opened or closed is a matter of its size alone, valued where it was held.
    """
    first, last = _held(before), _held(after)
    missing = _missing(first, last)
    if missing is not None:
        return missing
    old_value, new_value = _known(first, "value"), _known(last, "value")
    # Where nothing was held the other moment's rate will do: no part of the change is the currency's.
    old_rate, new_rate = _known(first or last, "rate"), _known(last or first, "rate")
    unit = Decimal(1).scaleb(_last_digit(old_value, new_value) + _last_digit(old_rate, new_rate))
    old, new = _EXACT.multiply(old_value, old_rate), _EXACT.multiply(new_value, new_rate)
    by_currency = _EXACT.multiply(new_value, _EXACT.subtract(new_rate, old_rate))
    at_old_rate = _EXACT.multiply(_EXACT.subtract(new_value, old_value), old_rate)
    by_size = at_old_rate if first is None or last is None else _by_size(first, last, old, unit)
    by_price = _EXACT.subtract(at_old_rate, by_size)
    whole = _EXACT.subtract(new, old)
    return Parts(*(_text(part, unit) for part in (whole, by_size, by_price, by_currency)))


def _held(side: Side | None) -> Side | None:
    """What was held, as far as anything was; of an unknown size there may have been something."""
    return None if side is None or (side.size is not None and not side.size) else side


def _missing(first: Side | None, last: Side | None) -> Why | None:
    sides = [side for side in (first, last) if side is not None]
    if any(side.size is None for side in sides):
        return Why.NO_SIZE
    if any(side.value is None for side in sides):
        return Why.NO_VALUE
    if any(side.rate is None for side in sides):
        return Why.NO_RATE
    return Why.OTHER_BASE if len({side.base for side in sides}) > 1 else None


def _known(side: Side | None, name: str) -> Decimal:
    """A figure of what is held, which is not missing; of nothing at all, nothing."""
    figure: Decimal = _ZERO if side is None else getattr(side, name)
    return figure


def _by_size(first: Side, last: Side, old: Decimal, unit: Decimal) -> Decimal:
    """What more or less of it was worth at first, rounded to the last digit that the whole has."""
    was, now = _size(first), _size(last)
    if was == now:
        return _ZERO
    more = _EXACT.divide(_EXACT.multiply(old, _EXACT.subtract(now, was)), was)
    return more.quantize(unit, context=_EXACT)


def _last_digit(*figures: Decimal) -> int:
    """The exponent of the last digit that any of them has; 0 where none has decimals."""
    return min(0, *(int(figure.as_tuple().exponent) for figure in figures))


def _text(part: Decimal, unit: Decimal) -> str:
    """As plain digits; a zero has no sign."""
    return f"{_EXACT.plus(part.quantize(unit, context=_EXACT)):f}"
