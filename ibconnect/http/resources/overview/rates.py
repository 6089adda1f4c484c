"""Exchange rates between any two currencies, of what ledgers give: how much of each account's base currency another is.

In: rates of ledgers, of one moment. Out: the rate between two currencies and what it is made of. Called by the maker of
an overview. What a ledger gives is exact; a quotient has so many significant digits, and everything else is a product.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import NamedTuple

from ibconnect.times import EPOCH, parse_rfc3339

SIGNIFICANT_DIGITS = 12
# Sums and products keep every digit: no figure of IB has nearly as many.
EXACT = Context(prec=10_000)
_ROUNDED = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_HALF_EVEN)
_ONE = Decimal(1)


class Given(NamedTuple):
    """One unit of ``source`` in ``base``, the base currency of an account, as the ledger of one of its reports says."""

    source: str
    base: str
    rate: str
    created: str
    account: str
    gateway: str


class Rate(NamedTuple):
    """One unit of ``source`` in ``target``; ``given``: the one or two rates that it is made of, in their order."""

    source: str
    target: str
    rate: Decimal
    given: tuple[Given, ...]


class Rates:
    """The rates of one moment. At most one for each pair of a currency and a base currency."""

    def __init__(self, given: list[Given]) -> None:
        self._given = {(each.source, each.base): each for each in given}
        self._currencies = sorted({code for pair in self._given for code in pair})
        self._found: dict[tuple[str, str], Rate | None] = {}

    def between(self, source: str, target: str) -> Rate | None:
        """One unit of ``source`` in ``target``, or None if the ledgers do not say.

        By one rate if there is one; else by two, over the currency whose older rate is the newest.
        """
        pair = source, target
        if pair not in self._found:
            ways = [*self._ways(source, target)]
            self._found[pair] = _rate(source, target, max(ways, key=_newness)) if ways else None
        return self._found[pair]

    def _ways(self, source: str, target: str) -> Iterator[tuple[Given, ...]]:
        """What leads from one currency to the other: of the equally good, in this order."""
        if source == target:
            yield ()
            return
        one = list(self._steps(source, target))
        if one:
            yield from ((each,) for each in one)
            return
        for over in self._currencies:
            if over not in (source, target):
                for first in self._steps(source, over):
                    yield from ((first, second) for second in self._steps(over, target))

    def _steps(self, source: str, target: str) -> Iterator[Given]:
        for pair in ((source, target), (target, source)):
            if pair in self._given:
                yield self._given[pair]


def _newness(way: tuple[Given, ...]) -> datetime:
    return min((parse_rfc3339(each.created) for each in way), default=EPOCH)


def _rate(source: str, target: str, way: tuple[Given, ...]) -> Rate:
    above, below, at = _ONE, _ONE, source
    for each in way:
        if each.source == at:
            above, at = EXACT.multiply(above, Decimal(each.rate)), each.base
        else:
            below, at = EXACT.multiply(below, Decimal(each.rate)), each.source
    return Rate(source, target, above if below == _ONE else _ROUNDED.divide(above, below), way)
