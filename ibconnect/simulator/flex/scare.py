"""An account that buys on credit while the market falls, is all but sold out, and is saved by a deposit.

In: the account's books on the worst day as they were without it, and prices. Out: steps; what they leave in the account
is nothing: what they earn is paid out with what was lent. Called by ``history``.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from ibconnect.simulator.flex.happenings import DEPOSIT
from ibconnect.simulator.flex.paths import Paths
from ibconnect.simulator.flex.steps import Pay, Step, Trade
from ibconnect.simulator.flex.story import fee_of
from ibconnect.simulator.scenario.book import CENT, Account, Market
from ibconnect.simulator.scenario.figures import account_values
from ibconnect.simulator.scenario.instruments import Instrument

LEAST_CUSHION = Decimal("0.02")
_BEGIN = Decimal("0.605")
# What the fund costs, in parts of what it was bought at, from the day of the purchase to that of the sale.
_COURSE = tuple(
    Decimal(part)
    for part in (
        *("1", "0.993", "0.981", "0.968", "0.963", "0.961", "0.960", "0.966", "0.975", "0.972", "0.981", "0.986"),
        *("0.983", "0.991", "0.997", "1.004", "1.001", "1.008", "1.012", "1.010", "1.017", "1.022", "1.019", "1.026"),
    )
)
_WORST, _RESCUE = 6, 7
_UPKEEP = Decimal("0.2")
_RESCUED = Decimal("0.22")
_PRICE, _TICK = Decimal("154.20"), Decimal("0.01")
_ID = 980_000_004


class Days(NamedTuple):
    """Numbers of days of a history."""

    bought: int
    worst: int
    sold: int


def days_of(count: int) -> Days | None:
    """When it happens in a history of so many days; never in a short one."""
    begin = int(count * _BEGIN)
    return Days(begin, begin + _WORST, begin + len(_COURSE) - 1) if count > 10 * len(_COURSE) else None


def steps_of(account: Account, market: Market, paths: Paths, days: Days) -> Iterator[Step]:
    """So much is bought that on the worst day next to nothing is left between the account and a forced sale."""
    fund = _fund(account.base)
    prices = [(_PRICE * part).quantize(_TICK) for part in _COURSE]
    paths.shape(fund, lambda day: prices[min(max(day - days.bought, 0), len(prices) - 1)])
    first, worst, last = prices[0], prices[_WORST], prices[-1]
    told = {value.key: Decimal(value.text) for value in account_values(account, market) if value.key in _KEYS}
    net = told["NetLiquidation"]
    room = told["ExcessLiquidity"] - LEAST_CUSHION * net
    size = Decimal(int(room / (_UPKEEP * worst + (first - worst) * (1 - LEAST_CUSHION))))
    fee = fee_of(fund, size)
    saved = (net * _RESCUED).quantize(CENT)
    earned = size * (last - first) - fee - fee
    yield Trade(days.bought, fund, size, first, fee)
    yield Pay(days.bought + _RESCUE, DEPOSIT, account.base, saved, "CASH RECEIPTS / MARGIN CALL MET")
    yield Trade(days.sold, fund, -size, last, fee)
    yield Pay(days.sold + 2, DEPOSIT, account.base, -(saved + earned), "DISBURSEMENT INITIATED BY CLIENT")


_KEYS = ("NetLiquidation", "ExcessLiquidity")


def _fund(currency: str) -> Instrument:
    return Instrument(
        _ID,
        "GIANTX",
        "STK",
        "SMART",
        currency,
        _PRICE,
        _TICK,
        local_symbol="GIANTX",
        trading_class="GIANTX",
    )
