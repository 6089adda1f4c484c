"""Where the difference between two values of an account came from, in its base currency.

In: what two reports say, and what statements say of the time between. Out: a :class:`Difference`, whose parts add up
to it to the last digit. Called by the handler. Pure: no database, no float.

It is a contribution analysis. What a position or the cash of a currency has become is split by size, price and
currency as changes are (:mod:`ibconnect.http.resources.changes.split`). Sizes change by trades, which move as much
between positions and cash: what is left of them when flows and income are taken out is what the trades have gained.
A future's value is no part of the account's, its gain is: it goes into cash when it is settled.
"""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Context, Decimal
from typing import NamedTuple

from ibconnect.http.resources.changes.facts import NOTHING, Facts, Held, ValueKey, number_of
from ibconnect.http.resources.changes.split import Parts, split
from ibconnect.http.resources.compare.moved import Moved, Unknown
from ibconnect.tags import BASE

_EXACT = Context(prec=2000)
_ZERO = Decimal(0)
_TYPE = 3
_FUTURE, _CURRENCY_PAIR = "FUT", "CASH"


class Difference(NamedTuple):
    """``flows``, ``income``, ``trading``: None where it is not known what came and left; ``moved`` is then all three.

    ``unsplit``: positions and currencies that could not be split, which are in ``rest`` too.
    """

    before: Decimal
    after: Decimal
    positions: Decimal
    currencies: Decimal
    flows: Decimal | None
    income: Decimal | None
    trading: Decimal | None
    moved: Decimal | None
    rest: Decimal
    unsplit: int

    @property
    def whole(self) -> Decimal:
        """By how much the value differs."""
        return _EXACT.subtract(self.after, self.before)


class _Sums(NamedTuple):
    """What all splits together say."""

    by_size: Decimal
    by_price: Decimal
    by_currency: Decimal
    of_futures: Decimal
    unsplit: int


def difference_of(before: Facts, after: Facts, moved: Moved | Unknown) -> Difference | None:
    """The difference of two reports in the same base currency; None if one of them says no value."""
    old, new = net_liquidation(before), net_liquidation(after)
    if old is None or new is None:
        return None
    sums = _sums(before, after)
    # What futures held at both moments have gained is settled into cash, but for what is not settled yet.
    settled = _EXACT.subtract(sums.of_futures, _EXACT.subtract(_unsettled(after), _unsettled(before)))
    together = _EXACT.subtract(sums.by_size, settled)
    flows = income = trading = None
    if isinstance(moved, Moved):
        flows, income = moved.flows, _added(*(amount for _, amount in moved.income))
        trading = _EXACT.subtract(together, _added(flows, income))
    whole = _EXACT.subtract(new, old)
    rest = _EXACT.subtract(whole, _added(sums.by_price, sums.by_currency, together))
    left = together if trading is None else None
    return Difference(old, new, sums.by_price, sums.by_currency, flows, income, trading, left, rest, sums.unsplit)


def net_liquidation(facts: Facts) -> Decimal | None:
    """What an account is worth."""
    value = facts.values.get(ValueKey("NetLiquidation", None, facts.base, False, None))
    return None if value is None else number_of(value.figure)


def _unsettled(facts: Facts) -> Decimal:
    """What futures have gained since they were settled last, in base currency."""
    value = facts.values.get(ValueKey("FuturesPNL", None, BASE, True, None))
    return (None if value is None else number_of(value.figure)) or _ZERO


def _sums(before: Facts, after: Facts) -> _Sums:
    size, price, currency, futures, unsplit = _ZERO, _ZERO, _ZERO, _ZERO, 0
    for was, now in _pairs(before, after):
        parts = split(was.side, now.side)
        kind = _kind(was, now)
        if not isinstance(parts, Parts):
            unsplit += 1
            continue
        by_price = Decimal(parts.by_price)
        price = _added(price, by_price)
        if kind == _FUTURE:
            futures = _added(futures, by_price)
            continue
        size = _added(size, Decimal(parts.by_size))
        currency = _added(currency, Decimal(parts.by_currency))
    return _Sums(size, price, currency, futures, unsplit)


def _pairs(before: Facts, after: Facts) -> Iterator[tuple[Held, Held]]:
    """What was held at both moments, of the account itself: positions but currency pairs, which are cash; and cash."""
    for key in dict.fromkeys((*before.positions, *after.positions)):
        was, now = before.positions.get(key, NOTHING), after.positions.get(key, NOTHING)
        if key.model is None and _kind(was, now) != _CURRENCY_PAIR:
            yield _rated(was), _rated(now)
    for currency in dict.fromkeys((*before.cash, *after.cash)):
        yield _rated(before.cash.get(currency, NOTHING)), _rated(after.cash.get(currency, NOTHING))


def _rated(held: Held) -> Held:
    """The same with the rate of the base currency, also where IB sent none."""
    return replace(held, rate="1") if held.rate is None and held.currency == held.base is not None else held


def _kind(was: Held, now: Held) -> str | None:
    """The security type of a position; None: it is cash."""
    contract = now.contract or was.contract
    return None if contract is None else contract.columns[_TYPE]


def _added(*parts: Decimal) -> Decimal:
    total = _ZERO
    for part in parts:
        total = _EXACT.add(total, part)
    return total
