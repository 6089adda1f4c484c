"""What every history has besides: a contract that is split, options that end in each way.

In: the setting of a history, chance, about how many dollars an account is worth. Out: steps of one account, with
contracts that are made up and gone before the scenario begins. Called by ``history``.
"""

import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from ibconnect.simulator.flex.steps import Expire, SplitUp, Step, Trade
from ibconnect.simulator.flex.story import Setting
from ibconnect.simulator.scenario.book import CENT, ZERO
from ibconnect.simulator.scenario.instruments import Instrument

_IDS = 980_000_000
_TICK = Decimal("0.01")
_RATIO = 4
_LIFE, _GAP = 20, 45


def steps_of(setting: Setting, chance: random.Random, dollars: Decimal) -> list[Step]:
    """The steps of one account; none in a history of less than a quarter."""
    if len(setting.days) < _GAP + _LIFE:
        return []
    budget = max(dollars / 40, Decimal(5_000))
    return [*_split(setting, chance, budget), *_options(setting, chance, budget)]


def _stock(number: int, symbol: str, price: str) -> Instrument:
    return Instrument(
        _IDS + number,
        symbol,
        "STK",
        "NASDAQ",
        "USD",
        Decimal(price),
        _TICK,
        local_symbol=symbol,
        trading_class="NMS",
    )


GIANT, SHARE = _stock(1, "GIANT", "41.50"), _stock(2, "OPTY", "87.20")


def _split(setting: Setting, chance: random.Random, budget: Decimal) -> Iterator[Step]:
    """Bought before the split, sold after it."""
    split = len(setting.days) * 3 // 5
    path = [setting.paths.price(GIANT, day) for day in range(len(setting.days))]
    whole = _stock(3, "GIANT", "41.50")
    setting.paths.shape(whole, lambda day: path[day] * (_RATIO if day < split else 1))
    bought, sold = split - chance.randrange(3, 25), split + chance.randrange(3, 20)
    yield Trade(bought, whole, max(Decimal(int(budget / (path[bought] * _RATIO))), Decimal(1)))
    yield SplitUp(split, whole, _RATIO)
    yield Trade(sold, whole, ZERO)


def _options(setting: Setting, chance: random.Random, budget: Decimal) -> Iterator[Step]:
    """One after the other: calls and puts, bought and sold, in and out of the money."""
    paths = setting.paths
    for number, begin in enumerate(range(5, len(setting.days) - _LIFE - 8, _GAP)):
        right, sign = ("C", "P")[number % 2], (1, -1)[number // 2 % 2]
        end = begin + _LIFE
        strike = (paths.price(SHARE, begin) * chance.randrange(92, 109) / 100).quantize(Decimal(1))
        option = _option(10 + 10 * begin + number % 2, setting.days[end], right, strike)
        share = [paths.price(SHARE, day) for day in range(len(setting.days))]
        paths.shape(option, lambda day, s=share, e=end, k=strike, r=right: _worth(s, day, e, k, r))  # type: ignore[misc]
        count = Decimal(max(1, int(budget / (strike * 100))))
        yield Trade(begin, option, count * sign)
        yield Expire(end, option, SHARE)
        yield Trade(end + 5, SHARE, ZERO)


def _option(number: int, expiry: date, right: str, strike: Decimal) -> Instrument:
    return Instrument(
        _IDS + number * 1000 + int(strike),
        SHARE.symbol,
        "OPT",
        "CBOE",
        "USD",
        Decimal(1),
        _TICK,
        expiry=f"{expiry:%Y%m%d}",
        strike=f"{strike}.0",
        right=right,
        multiplier="100",
        local_symbol=f"{SHARE.symbol:<6}{expiry:%y%m%d}{right}{int(strike * 1000):08d}",
        trading_class=SHARE.symbol,
    )


def _worth(share: list[Decimal], day: int, end: int, strike: Decimal, right: str) -> Decimal:
    """What it would bring at once, and something for the time that is left."""
    gain = share[min(day, end)] - strike
    left = max(end - day, 0)
    time_value = (share[min(day, end)] * left / 1000).quantize(CENT)
    return max(gain if right == "C" else -gain, ZERO) + max(time_value, _TICK)
