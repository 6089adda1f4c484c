"""What the simulated accounts trade: contracts with a first price and a price step.

In: a start date and how many contracts are needed. Out: pools of :class:`Instrument` by kind. Well-known
contracts carry IB's own conIds, so that a reader recognizes them; ids from 900000001 are made up.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

MADE_UP_IDS = 900_000_001


@dataclass(frozen=True, slots=True)
class Instrument:
    """One contract. ``multiplier`` is wire text, empty for 1; ``price`` is the first, ``tick`` its step."""

    con_id: int
    symbol: str
    sec_type: str
    exchange: str
    currency: str
    price: Decimal
    tick: Decimal
    expiry: str = ""
    strike: str = ""
    right: str = ""
    multiplier: str = ""
    local_symbol: str = ""
    trading_class: str = ""

    @property
    def factor(self) -> Decimal:
        """What position × price is multiplied by to get the value."""
        return Decimal(self.multiplier or 1)


# conId, symbol, primary exchange, currency, price, trading class
_STOCKS = (
    (265598, "AAPL", "NASDAQ", "USD", "232.15", "NMS"),
    (272093, "MSFT", "NASDAQ", "USD", "418.22", "NMS"),
    (4815747, "NVDA", "NASDAQ", "USD", "131.40", "NMS"),
    (8314, "IBM", "NYSE", "USD", "221.05", "IBM"),
    (756733, "SPY", "ARCA", "USD", "571.30", "SPY"),
    (9579970, "IWM", "ARCA", "USD", "218.47", "IWM"),
    (14094, "BMW", "IBIS", "EUR", "78.64", "XETRA"),
    (14204, "SAP", "IBIS", "EUR", "205.30", "XETRA"),
    (117589399, "ASML", "AEB", "EUR", "742.10", "ASML"),
    (13904, "NESN", "EBS", "CHF", "84.92", "NESN"),
    (12178, "NOVN", "EBS", "CHF", "97.15", "NOVN"),
    (2585629, "700", "SEHK", "HKD", "412.60", "700"),
    (9511, "5", "SEHK", "HKD", "68.35", "5"),
    (14016, "7203", "TSEJ", "JPY", "2710.5", "7203"),
    (14009, "6758", "TSEJ", "JPY", "13105", "6758"),
)
# conId, base, quote, price
_PAIRS = (
    (12087792, "EUR", "USD", "1.0842"),
    (12087797, "GBP", "USD", "1.2711"),
    (15016059, "USD", "JPY", "151.42"),
    (12087820, "USD", "CHF", "0.8812"),
    (15016062, "USD", "CAD", "1.3654"),
    (39453424, "EUR", "CHF", "0.9554"),
)
# symbol, exchange, currency, multiplier, price, tick
_FUTURES = (
    ("ES", "CME", "USD", "50", "5732.25", "0.25"),
    ("NQ", "CME", "USD", "20", "20015.50", "0.25"),
    ("GC", "COMEX", "USD", "100", "2651.3", "0.1"),
    ("CL", "NYMEX", "USD", "1000", "71.24", "0.01"),
    ("DAX", "EUREX", "EUR", "25", "19210", "1"),
    ("HSI", "HKFE", "HKD", "50", "20480", "1"),
)
_COINS = (("BTC", "63120.25", "0.25"), ("ETH", "2441.85", "0.05"), ("LTC", "66.12", "0.01"), ("BCH", "338.40", "0.05"))
_BOND_ISSUERS = (("T", "USD"), ("DBR", "EUR"), ("NESNVX", "CHF"), ("TOYOTA", "JPY"), ("F", "USD"))

KINDS = ("STK", "OPT", "FUT", "CASH", "FOP", "BOND", "CRYPTO")


def make_pools(start: date, per_kind: int) -> dict[str, list[Instrument]]:
    """Contracts by security type, at least ``per_kind`` of what can be made up (STK, OPT, FOP, BOND)."""
    ids = itertools.count(MADE_UP_IDS)
    stocks = [*_known_stocks(), *itertools.islice(_more_stocks(ids), max(0, per_kind - len(_STOCKS)))]
    futures = list(_futures(start, ids))
    return {
        "STK": stocks,
        "OPT": list(itertools.islice(_options(stocks, start, ids), max(per_kind, 24))),
        "FUT": futures,
        "CASH": list(_pairs()),
        "FOP": list(itertools.islice(_future_options(futures, ids), max(per_kind, 8))),
        "BOND": list(itertools.islice(_bonds(start, ids), max(per_kind, 6))),
        "CRYPTO": list(_coins(ids)),
    }


def _known_stocks() -> Iterator[Instrument]:
    for con_id, symbol, exchange, currency, price, trading_class in _STOCKS:
        tick = Decimal("0.5") if currency == "JPY" else Decimal("0.01")
        yield Instrument(
            con_id,
            symbol,
            "STK",
            exchange,
            currency,
            Decimal(price),
            tick,
            local_symbol=symbol,
            trading_class=trading_class,
        )


def _more_stocks(ids: Iterator[int]) -> Iterator[Instrument]:
    for number in itertools.count(1):
        symbol, price = f"SIM{number:05d}", Decimal(10 + number * 37 % 490) + Decimal(number % 100) / 100
        yield Instrument(
            next(ids),
            symbol,
            "STK",
            "NYSE",
            "USD",
            price,
            Decimal("0.01"),
            local_symbol=symbol,
            trading_class=symbol,
        )


def _third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(4 - first.weekday()) % 7 + 14)


def _expiries(start: date, step: int) -> Iterator[date]:
    """Third Fridays of every ``step``-th month after ``start``."""
    month = start.year * 12 + start.month - 1
    while True:
        month += 1
        if (month % 12 + 1) % step == 0:
            yield _third_friday(month // 12, month % 12 + 1)


def _options(stocks: list[Instrument], start: date, ids: Iterator[int]) -> Iterator[Instrument]:
    underlyings = [s for s in stocks if s.currency in ("USD", "EUR")]
    for expiry in _expiries(start, 1):
        for percent in (100, 95, 105, 90, 110):
            for stock, right in itertools.product(underlyings, "CP"):
                yield _option(stock, expiry, percent, right, next(ids))


def _option(stock: Instrument, expiry: date, percent: int, right: str, con_id: int) -> Instrument:
    strike = (stock.price * percent / 100).quantize(Decimal(1))
    moneyness = (stock.price - strike) if right == "C" else (strike - stock.price)
    price = max(moneyness, Decimal(0)) + stock.price * Decimal("0.03")
    return Instrument(
        con_id,
        stock.symbol,
        "OPT",
        "CBOE" if stock.currency == "USD" else "EUREX",
        stock.currency,
        price.quantize(Decimal("0.01")),
        Decimal("0.01"),
        expiry=f"{expiry:%Y%m%d}",
        strike=f"{strike}.0",
        right=right,
        multiplier="100",
        local_symbol=f"{stock.symbol:<6}{expiry:%y%m%d}{right}{int(strike * 1000):08d}",
        trading_class=stock.symbol,
    )


def _futures(start: date, ids: Iterator[int]) -> Iterator[Instrument]:
    for expiry in itertools.islice(_expiries(start, 3), 8):
        code = "FGHJKMNQUVXZ"[expiry.month - 1]
        for symbol, exchange, currency, multiplier, price, tick in _FUTURES:
            yield Instrument(
                next(ids),
                symbol,
                "FUT",
                exchange,
                currency,
                Decimal(price),
                Decimal(tick),
                expiry=f"{expiry:%Y%m%d}",
                multiplier=multiplier,
                local_symbol=f"{symbol}{code}{expiry.year % 10}",
                trading_class=symbol,
            )


def _future_options(futures: list[Instrument], ids: Iterator[int]) -> Iterator[Instrument]:
    for percent in itertools.count(100):
        for future, right in itertools.product(futures, "CP"):
            strike = (future.price * percent / 100).quantize(Decimal(1))
            yield Instrument(
                next(ids),
                future.symbol,
                "FOP",
                future.exchange,
                future.currency,
                (future.price * Decimal("0.02")).quantize(Decimal("0.01")),
                Decimal("0.01"),
                expiry=future.expiry,
                strike=f"{strike}.0",
                right=right,
                multiplier=future.multiplier,
                local_symbol=f"{future.local_symbol} {right}{strike}",
                trading_class=future.symbol,
            )


def _pairs() -> Iterator[Instrument]:
    for con_id, symbol, currency, price in _PAIRS:
        name = f"{symbol}.{currency}"
        tick = Decimal("0.005") if currency == "JPY" else Decimal("0.00005")
        yield Instrument(
            con_id,
            symbol,
            "CASH",
            "IDEALPRO",
            currency,
            Decimal(price),
            tick,
            local_symbol=name,
            trading_class=name,
        )


def _bonds(start: date, ids: Iterator[int]) -> Iterator[Instrument]:
    for number in itertools.count(1):
        symbol, currency = _BOND_ISSUERS[number % len(_BOND_ISSUERS)]
        matures = date(start.year + 1 + number % 20, 1 + number % 12, 15)
        coupon = Decimal(50 + number * 25 % 500) / 100
        yield Instrument(
            next(ids),
            symbol,
            "BOND",
            "SMART",
            currency,
            Decimal("97.5") + Decimal(number % 50) / 10,
            Decimal("0.005"),
            expiry=f"{matures:%Y%m%d}",
            multiplier="10",
            local_symbol=f"{symbol} {coupon} {matures:%m/%d/%y}",
            trading_class=symbol,
        )


def _coins(ids: Iterator[int]) -> Iterator[Instrument]:
    for symbol, price, tick in _COINS:
        yield Instrument(
            next(ids),
            symbol,
            "CRYPTO",
            "PAXOS",
            "USD",
            Decimal(price),
            Decimal(tick),
            local_symbol=f"{symbol}.USD",
            trading_class=symbol,
        )
