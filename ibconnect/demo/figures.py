"""What everything cost at the hours of the days gone by: between two closes, and at the second of them exactly.

In: the paths of a history. Out: a market for each moment. Called by ``past``.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ibconnect.simulator.flex.past import Books
from ibconnect.simulator.flex.paths import Paths
from ibconnect.simulator.scenario.book import RATE, Market
from ibconnect.simulator.scenario.instruments import Instrument

_OPENING, _SESSION = time(9, 30), timedelta(hours=6, minutes=30)
# How far a price strays from the straight line between two closes, in the middle of the day.
_PRICES, _RATES = Decimal("0.006"), Decimal("0.001")
_THOUSAND = 1000


class Hours:
    """See the module; days are counted from 0, their hours are those of ``zone``."""

    def __init__(self, paths: Paths, days: Sequence[date], zone: ZoneInfo) -> None:
        self._paths = paths
        self._days = days
        self._zone = zone
        self._former: Market | None = None

    def moments(self, day: int, hours: Sequence[int]) -> list[datetime]:
        """These hours of a day."""
        return [datetime.combine(self._days[day], time(hour), self._zone) for hour in hours]

    def market(self, day: int, at: datetime, books: Mapping[str, Books]) -> Market:
        """Prices of what is held, and all rates, at a moment of a day; after the close those of the close."""
        held = _held(books)
        close = self._paths.market(day, held)
        passed = (at - datetime.combine(self._days[day], _OPENING, self._zone)) / _SESSION
        share = Decimal(min(max(round(passed * _THOUSAND), 0), _THOUSAND)) / _THOUSAND
        former = self._former
        if former is None or share >= 1:
            return close
        market = Market({each: close.dollars[each] for each in close.dollars})
        for currency, rate in close.dollars.items():
            if currency != "USD":
                between = _strayed(former.dollars[currency], rate, share, _RATES * _chance(at, currency))
                market.dollars[currency] = between.quantize(RATE)
        for con_id, price in close.prices.items():
            tick = held[con_id].tick
            between = _strayed(former.prices.get(con_id, price), price, share, _PRICES * _chance(at, str(con_id)))
            market.prices[con_id] = max(between // tick * tick, tick)
        return market

    def end_day(self, day: int, books: Mapping[str, Books]) -> None:
        """Remember the close."""
        self._former = self._paths.market(day, _held(books))


def _strayed(was: Decimal, will: Decimal, share: Decimal, by: Decimal) -> Decimal:
    """On the way from one to the other, off the straight line by so much at most."""
    return (was + (will - was) * share) * (1 + 4 * by * share * (1 - share))


def _chance(at: datetime, what: str) -> Decimal:
    """From -1 to 1."""
    return Decimal(random.Random(f"{at:%Y%m%d%H} {what}").randint(-_THOUSAND, _THOUSAND)) / _THOUSAND


def _held(books: Mapping[str, Books]) -> dict[int, Instrument]:
    return {k: p.instrument for each in books.values() for k, p in each.account.positions.items()}
