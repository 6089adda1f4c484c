"""What an account is at the end of a day, as statements say it.

In: an account's books and the market. Out: :class:`Close`. The figures are those that the gateway tells at that moment:
``figures.ledger`` makes both. Called by ``history`` and ``live``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from ibconnect.simulator.scenario.book import MONEY, ZERO, Account, Market
from ibconnect.simulator.scenario.figures import ledger
from ibconnect.simulator.scenario.instruments import Instrument

SUMMARY_PARTS = {
    "stock": "StockMarketValue",
    "options": ("OptionMarketValue", "FutureOptionValue"),
    "bonds": "CorporateBondValue",
    "crypto": "Cryptocurrency",
    "dividendAccruals": "NetDividend",
    "interestAccruals": "AccruedCash",
}
"""Columns of EquitySummaryByReportDateInBase → the account values that they are; ``cash`` is the rest."""
_PART_OF = {"STK": "stock", "OPT": "options", "FOP": "options", "BOND": "bonds", "CRYPTO": "crypto"}


@dataclass(frozen=True, slots=True)
class Holding:
    """A position at a day's end; ``value`` in the contract's currency, in cents."""

    instrument: Instrument
    quantity: Decimal
    average_cost: Decimal
    price: Decimal
    value: Decimal


@dataclass(frozen=True, slots=True)
class Close:
    """An account at a day's end."""

    holdings: Mapping[int, Holding]
    cash: Mapping[str, Decimal]
    """Of each currency, with what futures have earned."""
    worth: Mapping[str, Decimal]
    """NetLiquidationByCurrency of each currency."""
    accrued: Mapping[str, Decimal]
    dividends: Mapping[str, Decimal]
    rates: Mapping[str, Decimal]
    """What one of each currency of the market is worth in the base currency."""
    total: Decimal
    """NetLiquidationByCurrency of BASE: four decimals, in cents the account's NetLiquidation."""
    parts: Mapping[str, Decimal]
    """The columns of EquitySummary in the base currency: they add up to ``total``."""
    shorts: Mapping[str, Decimal]
    """How much of a column are short positions."""


def close_of(account: Account, market: Market) -> Close:
    """The account as it stands."""
    books = ledger(account, market)
    base = books.pop("BASE")
    rates = {currency: market.rate(currency, account.base) for currency in market.dollars}
    holdings, shorts = {}, dict.fromkeys(SUMMARY_PARTS, ZERO)
    for con_id, position in account.positions.items():
        if not position.quantity:
            continue
        value = market.value(position)
        instrument = position.instrument
        price = market.price(instrument)
        holdings[con_id] = Holding(instrument, position.quantity, position.average_cost, price, value)
        part = _PART_OF.get(instrument.sec_type)
        if part and value < 0:
            shorts[part] += (value * rates[instrument.currency]).quantize(MONEY)
    parts = {
        column: sum((base[key] for key in ((keys,) if isinstance(keys, str) else keys)), ZERO)
        for column, keys in SUMMARY_PARTS.items()
    }
    total = base["NetLiquidationByCurrency"]
    return Close(
        holdings,
        {currency: book["TotalCashBalance"] for currency, book in books.items()},
        {currency: book["NetLiquidationByCurrency"] for currency, book in books.items()},
        {currency: book["AccruedCash"] for currency, book in books.items()},
        {currency: book["NetDividend"] for currency, book in books.items()},
        rates,
        total,
        # What is lost by rounding each part is cash: the parts of a real statement add up too.
        {"cash": total - sum(parts.values(), ZERO), **parts},
        shorts,
    )


def nothing(rates: Mapping[str, Decimal]) -> Close:
    """An account that holds nothing: before it was opened, and after it was closed."""
    none: dict[str, Decimal] = {}
    parts = dict.fromkeys(("cash", *SUMMARY_PARTS), ZERO)
    return Close({}, none, none, none, none, rates, ZERO, parts, dict.fromkeys(SUMMARY_PARTS, ZERO))
