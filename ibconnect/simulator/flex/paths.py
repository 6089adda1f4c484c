"""Prices and exchange rates of days gone by, which lead to those at which a scenario begins.

In: a seed, the days, what everything costs at the end of the last one. Out: :class:`Paths`, a market for each day; the
same seed gives the same prices, in whatever order they are asked for. Called by ``history``.
"""

import random
from collections.abc import Callable, Mapping
from decimal import Decimal

from ibconnect.simulator.scenario.book import RATE, Market
from ibconnect.simulator.scenario.instruments import Instrument

_PARTS = 10_000
# How far a price moves in a day at most, in parts of ten thousand, by kind of contract.
_STEPS = {"STK": 220, "OPT": 500, "FOP": 500, "FUT": 150, "BOND": 40, "CRYPTO": 420, "CASH": 50}
# Of stocks that rise and fall together: most of what they do is what all do.
_STEP_ON_TIDE = 120
_RATE_STEP = 45
_DRIFT = 4
_LEAST, _MOST = Decimal("0.2"), Decimal(5)

Shape = Callable[[int], Decimal]
"""What a contract that ended before the scenario began costs at the end of a day, by the day's number."""
Tide = Callable[[int], Decimal]
"""By how much all stocks are dearer at the end of a day than they would be by themselves; 1 on the last day."""


class Paths:
    """See the module; days are counted from 0, and the last one ends with ``dollars`` and the contracts' first prices.

    With a ``tide`` stocks stray less by themselves. ``split`` contracts cost as many times more before the day of their
    split.
    """

    def __init__(self, seed: int, days: int, dollars: Mapping[str, Decimal], tide: Tide | None = None) -> None:
        self._seed = seed
        self._tide = tide
        self._days = days
        self._prices: dict[int, list[Decimal]] = {}
        self._shapes: dict[int, Shape] = {}
        self._dollars = {currency: self._rates(currency, last) for currency, last in dollars.items()}

    def shape(self, instrument: Instrument, shape: Shape) -> None:
        """Let a contract cost what a function says."""
        self._shapes[instrument.con_id] = shape
        self._prices[instrument.con_id] = [shape(day) for day in range(self._days)]

    def price(self, instrument: Instrument, day: int) -> Decimal:
        """What it costs at a day's end."""
        return self._path(instrument)[day]

    def market(self, day: int, instruments: Mapping[int, Instrument]) -> Market:
        """Prices of these contracts, and all rates, at a day's end."""
        market = Market({currency: path[day] for currency, path in self._dollars.items()})
        market.prices = {con_id: self._path(each)[day] for con_id, each in instruments.items()}
        return market

    def rate(self, currency: str, base: str, day: int) -> Decimal:
        """Units of ``base`` for one of ``currency`` at a day's end."""
        if currency == base:
            return Decimal(1)
        return (self._dollars[currency][day] / self._dollars[base][day]).quantize(RATE)

    def nearest(self, instrument: Instrument, price: Decimal, first: int) -> int:
        """The day from ``first`` on at whose end a contract cost about so much."""
        path = self._path(instrument)
        return min(range(first, self._days), key=lambda day: (abs(path[day] - price), day))

    def _path(self, instrument: Instrument) -> list[Decimal]:
        path = self._prices.get(instrument.con_id)
        if path is None:
            path = self._prices[instrument.con_id] = self._walk_back(instrument)
        return path

    def _walk_back(self, instrument: Instrument) -> list[Decimal]:
        chance = random.Random(f"price {self._seed} {instrument.con_id}")
        step = _STEPS.get(instrument.sec_type, 100)
        if self._tide is not None and instrument.sec_type == "STK":
            step = _STEP_ON_TIDE
        price, tick = instrument.price, instrument.tick
        least, most = max(price * _LEAST, tick), price * _MOST
        path = [price]
        for _ in range(self._days - 1):
            moved = price * (_PARTS + chance.randint(-step - _DRIFT, step)) / _PARTS
            price = max(min(moved, most) // tick * tick, least // tick * tick, tick)
            path.append(price)
        path.reverse()
        if self._tide is None or instrument.sec_type != "STK":
            return path
        return [max(price * self._tide(day) // tick * tick, tick) for day, price in enumerate(path)]

    def _rates(self, currency: str, last: Decimal) -> list[Decimal]:
        chance = random.Random(f"rate {self._seed} {currency}")
        path = [last]
        for _ in range(self._days - 1):
            step = 0 if currency == "USD" else chance.randint(-_RATE_STEP, _RATE_STEP)
            path.append((path[-1] * (_PARTS + step) / _PARTS).quantize(RATE) if step else path[-1])
        path.reverse()
        return path
