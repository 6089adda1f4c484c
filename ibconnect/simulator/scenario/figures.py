"""What a gateway says of an account's money: every account value, from the books.

In: an :class:`Account` and the :class:`Market`. Out: :class:`Value` rows of the three shapes that IB sends:
text, account-level money per segment in the base currency, and ledger money per currency. Exact rules,
which a test holds: each ledger key's BASE row is the sum over currencies of value × rate, each rounded to 4
decimals; NetLiquidationByCurrency of a currency is the exact sum of its parts; NetLiquidation is its BASE
row in cents and the sum of the segments.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from ibconnect.simulator.scenario.book import CENT, MONEY, ZERO, Account, Market, Position

ACCOUNT_LEVEL, LEDGER = 0, 1

# The order of a currency's block, as a gateway sends it in message 73.
LEDGER_KEYS = (
    "Currency",
    "CashBalance",
    "TotalCashBalance",
    "AccruedCash",
    "StockMarketValue",
    "OptionMarketValue",
    "FutureOptionValue",
    "FuturesPNL",
    "NetLiquidationByCurrency",
    "UnrealizedPnL",
    "RealizedPnL",
    "ExchangeRate",
    "FundValue",
    "NetDividend",
    "MutualFundValue",
    "MoneyMarketFundValue",
    "CorporateBondValue",
    "TBondValue",
    "TBillValue",
    "WarrantValue",
    "FxCashBalance",
    "AccountOrGroup",
    "RealCurrency",
    "IssuerOptionValue",
    "Cryptocurrency",
)
_LEDGER_TEXTS = ("Currency", "ExchangeRate", "AccountOrGroup", "RealCurrency")
_VALUE_KEY = {
    "STK": "StockMarketValue",
    "OPT": "OptionMarketValue",
    "FOP": "FutureOptionValue",
    "BOND": "CorporateBondValue",
    "CRYPTO": "Cryptocurrency",
}
NET_PARTS = ("TotalCashBalance", "AccruedCash", "NetDividend", *_VALUE_KEY.values())
"""What NetLiquidationByCurrency is the sum of."""

_SEGMENT = {"FUT": "C", "FOP": "C", "CRYPTO": "P"}
_INITIAL = {"STK": "0.25", "OPT": "0.20", "FUT": "0.06", "FOP": "0.15", "BOND": "0.10", "CASH": "0.025"}
_MAINTENANCE_SHARE = Decimal("0.8")
_ALWAYS_ZERO = (
    "Billable",
    "Guarantee",
    "IncentiveCoupons",
    "IndianStockHaircut",
    "PASharesValue",
    "PhysicalCertificateValue",
    "PostExpirationExcess",
    "PostExpirationMargin",
    "TotalDebitCardPendingCharges",
)
_SEGMENT_TITLES = {"S": "US Securities", "C": "US Commodities", "P": "Crypto at Paxos"}

Amounts = dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Value:
    """One account value: IB's key, its wire text, its currency field, and where it belongs."""

    key: str
    text: str
    currency: str
    level: int = ACCOUNT_LEVEL


@dataclass(slots=True)
class _Segments:
    """One kind of account-level money by segment; its total is the sum, so that they always agree."""

    amounts: Amounts = field(default_factory=dict)

    def total(self) -> Decimal:
        return sum(self.amounts.values(), ZERO)


def money(amount: Decimal) -> str:
    """Ledger money as printed: at least 2 and at most 4 decimals."""
    text = f"{amount.quantize(MONEY):f}"
    while text.endswith("0") and len(text) - text.index(".") > 3:
        text = text[:-1]
    return text if amount else "0.00"


def cents(amount: Decimal) -> str:
    """Account-level money as printed: 2 decimals, never a negative zero."""
    return f"{amount.quantize(CENT) + 0:f}"


def ledger(account: Account, market: Market) -> dict[str, Amounts]:
    """Ledger money by currency, BASE last; every figure has at most 4 decimals."""
    keys = [key for key in LEDGER_KEYS if key not in _LEDGER_TEXTS]
    books = {currency: dict.fromkeys(keys, ZERO) for currency in account.currencies()}
    for currency, book in books.items():
        book["CashBalance"] = account.cash.get(currency, ZERO)
        book["AccruedCash"] = account.accrued.get(currency, ZERO)
        book["NetDividend"] = account.dividends.get(currency, ZERO)
    for position in account.positions.values():
        _count(books[position.instrument.currency], position, market)
    for book in books.values():
        book["TotalCashBalance"] = book["CashBalance"] + book["FuturesPNL"]
        book["NetLiquidationByCurrency"] = sum((book[key] for key in NET_PARTS), ZERO)
    rates = {currency: market.rate(currency, account.base) for currency in books}
    books["BASE"] = {
        key: sum(((books[c][key] * rate).quantize(MONEY) for c, rate in rates.items()), ZERO)
        for key in books[account.base]
    }
    return books


def _count(book: Amounts, position: Position, market: Market) -> None:
    unrealized = market.unrealized(position)
    book["UnrealizedPnL"] += unrealized
    book["RealizedPnL"] += position.realized
    kind = position.instrument.sec_type
    if kind == "FUT":
        book["FuturesPNL"] += unrealized
    elif kind in _VALUE_KEY:
        book[_VALUE_KEY[kind]] += market.value(position)


def account_values(account: Account, market: Market) -> list[Value]:
    """Every value of an account: account level alphabetically, then a block per currency, BASE last."""
    books = ledger(account, market)
    level = [*_texts(account), *_amounts(account, market, books["BASE"])]
    rows = sorted(level, key=lambda value: value.key)
    for currency in sorted(books, key=lambda c: (c == "BASE", c)):
        rows += _ledger_rows(account, market, currency, books[currency])
    return rows


def _ledger_rows(account: Account, market: Market, currency: str, book: Amounts) -> list[Value]:
    real = account.base if currency == "BASE" else currency
    rate = market.rate(real, account.base)
    texts = {
        "Currency": currency,
        "ExchangeRate": "1.00" if rate == 1 else f"{rate.normalize():f}",
        "AccountOrGroup": account.code,
        "RealCurrency": real,
    }
    return [Value(key, texts.get(key) or money(book[key]), currency, LEDGER) for key in LEDGER_KEYS]


def segments_of(account: Account) -> list[str]:
    """The suffixes that this account's figures come with."""
    held = {_SEGMENT.get(p.instrument.sec_type, "S") for p in account.positions.values()}
    return [s for s in "CSP" if s == "S" or s in held]


def _texts(account: Account) -> list[Value]:
    texts = {
        "AccountCode": account.code,
        "AccountReady": "true",
        "AccountType": account.kind,
        "LookAheadNextChange": "0",
        "NLVAndMarginInReview": "false",
        "TradingType-S": "STKNOPT",
        "WhatIfPMEnabled": "true",
        "DayTradesRemaining": "-1",
        **{f"DayTradesRemainingT+{n}": "-1" for n in range(1, 5)},
    }
    for order, segment in enumerate(segments_of(account), 1):
        texts[f"SegmentTitle-{segment}"] = _SEGMENT_TITLES[segment]
        texts[f"ColumnPrio-{segment}"] = str(order)
    return [Value(key, text, "") for key, text in texts.items()]


def _amounts(account: Account, market: Market, base: Amounts) -> list[Value]:
    """Account-level money and the ratios made of it, in the base currency."""
    figures = _by_segment(account, market, base)
    segments = segments_of(account)
    rows: list[Value] = []
    for key, split in figures.items():
        rows.append(Value(key, cents(split.total()), account.base))
        rows += [Value(f"{key}-{s}", cents(split.amounts.get(s, ZERO)), account.base) for s in segments]
    totals = {key: split.total() for key, split in figures.items()}
    rows += [Value(key, cents(amount), account.base) for key, amount in _singles(account, totals).items()]
    rows += _ratios(totals, figures["NetLiquidation"].amounts["S"])
    return rows


def _by_segment(account: Account, market: Market, base: Amounts) -> dict[str, _Segments]:
    net, accrued = base["NetLiquidationByCurrency"].quantize(CENT), base["AccruedCash"].quantize(CENT)
    futures, coins = base["FuturesPNL"].quantize(CENT), base["Cryptocurrency"].quantize(CENT)
    commodity = futures + base["FutureOptionValue"].quantize(CENT)
    equity = {"S": net - commodity - coins - accrued, "C": commodity, "P": ZERO}
    initial = _margins(account, market)
    upkeep = {s: (amount * _MAINTENANCE_SHARE).quantize(CENT) for s, amount in initial.items()}
    free = {s: equity[s] - initial[s] for s in equity}
    excess = {s: equity[s] - upkeep[s] for s in equity}
    figures = {
        "NetLiquidation": {"S": net - commodity - coins, "C": commodity, "P": coins},
        "EquityWithLoanValue": equity,
        "TotalCashValue": {"S": base["TotalCashBalance"].quantize(CENT) - futures, "C": futures},
        "AccruedCash": {"S": accrued},
        "AccruedDividend": {"S": base["NetDividend"].quantize(CENT)},
        "GrossPositionValue": {"S": _gross(account, market), "P": coins},
        **{prefix + "AvailableFunds": free for prefix in ("", "Full", "LookAhead")},
        **{prefix + "ExcessLiquidity": excess for prefix in ("", "Full", "LookAhead")},
        **{prefix + "InitMarginReq": initial for prefix in ("", "Full", "LookAhead")},
        **{prefix + "MaintMarginReq": upkeep for prefix in ("", "Full", "LookAhead")},
        **{key: {} for key in _ALWAYS_ZERO},
    }
    return {key: _Segments(amounts) for key, amounts in figures.items()}


def _margins(account: Account, market: Market) -> Amounts:
    """Initial margin by segment: a share of the value of each position, by security type."""
    total = {"S": ZERO, "C": ZERO, "P": ZERO}
    for position in account.positions.values():
        instrument = position.instrument
        value = abs(market.value(position)) * market.rate(instrument.currency, account.base)
        share = Decimal(_INITIAL.get(instrument.sec_type, "0"))
        total[_SEGMENT.get(instrument.sec_type, "S")] += value * share
    return {segment: amount.quantize(CENT) for segment, amount in total.items()}


def _gross(account: Account, market: Market) -> Decimal:
    values = (
        abs(market.value(p)) * market.rate(p.instrument.currency, account.base)
        for p in account.positions.values()
        if p.instrument.sec_type in ("STK", "OPT", "BOND")
    )
    return sum(values, ZERO).quantize(CENT)


def _singles(account: Account, totals: Amounts) -> Amounts:
    """Account-level money that has no segments."""
    singles = {
        "BuyingPower": max(totals["AvailableFunds"], ZERO) * 4,
        "NetLiquidationUncertainty": ZERO,
        "PreviousDayEquityWithLoanValue": account.previous_equity,
    }
    if account.base == "USD":
        margin = (totals["GrossPositionValue"] / 2).quantize(CENT)
        singles["RegTEquity"] = totals["EquityWithLoanValue"]
        singles["RegTMargin"] = margin
        singles["SMA"] = totals["EquityWithLoanValue"] - margin
    return singles


def _ratios(totals: Amounts, securities: Decimal) -> list[Value]:
    net = totals["NetLiquidation"]
    cushion = totals["ExcessLiquidity"] / net if net > 0 else ZERO
    leverage = totals["GrossPositionValue"] / securities if securities > 0 else ZERO
    text = f"{cushion.quantize(Decimal('0.000001')).normalize():f}"
    return [Value("Cushion", text, ""), Value("Leverage-S", cents(leverage), "")]


def equity(account: Account, market: Market) -> Decimal:
    """EquityWithLoanValue in the base currency."""
    base = ledger(account, market)["BASE"]
    return _by_segment(account, market, base)["EquityWithLoanValue"].total()
