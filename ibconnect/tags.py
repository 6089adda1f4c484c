"""IB's account value keys: which are money per segment, which are ledger figures per currency, which are text.

One vocabulary for the projection that writes the snapshot tables and the REST reads that show them.
Sources: IBKR Campus, "TWS API Documentation", account value keys; the keys seen in tests/fixtures/captures.
A key that is not listed is kept all the same, as a row of ``account_value``.
"""

import re
from typing import NamedTuple

LEDGER_PREFIX = "$LEDGER-"
BASE = "BASE"

# Account-level money in the base currency, for the whole account and per segment (-S, -C, -P, ...).
SEGMENT_TAGS: tuple[str, ...] = (
    "AccruedCash",
    "AccruedDividend",
    "AvailableFunds",
    "Billable",
    "BuyingPower",
    "EquityWithLoanValue",
    "ExcessLiquidity",
    "FullAvailableFunds",
    "FullExcessLiquidity",
    "FullInitMarginReq",
    "FullMaintMarginReq",
    "GrossPositionValue",
    "Guarantee",
    "IncentiveCoupons",
    "IndianStockHaircut",
    "InitMarginReq",
    "LookAheadAvailableFunds",
    "LookAheadExcessLiquidity",
    "LookAheadInitMarginReq",
    "LookAheadMaintMarginReq",
    "MaintMarginReq",
    "NetLiquidation",
    "NetLiquidationUncertainty",
    "PASharesValue",
    "PhysicalCertificateValue",
    "PostExpirationExcess",
    "PostExpirationMargin",
    "PreviousDayEquityWithLoanValue",
    "RegTEquity",
    "RegTMargin",
    "SMA",
    "SettledCash",
    "TotalCashValue",
    "TotalDebitCardPendingCharges",
    "UnalteredInitMarginReq",
    "UnalteredMaintMarginReq",
)

# Ledger figures, one row for BASE and one per currency.
LEDGER_TAGS: tuple[str, ...] = (
    "AccruedCash",
    "CashBalance",
    "CorporateBondValue",
    "Cryptocurrency",
    "ExchangeRate",
    "FundValue",
    "FutureOptionValue",
    "FuturesPNL",
    "FxCashBalance",
    "IssuerOptionValue",
    "MoneyMarketFundValue",
    "MutualFundValue",
    "NetDividend",
    "NetLiquidationByCurrency",
    "OptionMarketValue",
    "RealizedPnL",
    "StockMarketValue",
    "TBillValue",
    "TBondValue",
    "TotalCashBalance",
    "UnrealizedPnL",
    "WarrantValue",
)

# Ledger attributes: text, or a name, for each currency.
LEDGER_TEXT_TAGS: frozenset[str] = frozenset({"AccountOrGroup", "Currency", "RealCurrency"})

# Keys that exist at account level and in the ledger: in the spelling without ``$LEDGER-`` one key and currency
# may come twice, the account's figure first.
TWICE_SENT_TAGS: frozenset[str] = frozenset(SEGMENT_TAGS) & frozenset(LEDGER_TAGS)

# Text that seldom changes from one snapshot to the next: stored once and shared.
ATTRIBUTE_TAGS: frozenset[str] = LEDGER_TEXT_TAGS | {
    "AccountCode",
    "AccountReady",
    "AccountType",
    "ColumnPrio",
    "DayTradesRemaining",
    "DayTradesRemainingT+1",
    "DayTradesRemainingT+2",
    "DayTradesRemainingT+3",
    "DayTradesRemainingT+4",
    "HighestSeverity",
    "NLVAndMarginInReview",
    "PNL",
    "SegmentTitle",
    "TradingType",
    "WhatIfPMEnabled",
}

# What IB sends for "no value" (double, int, long and decimal of its client libraries), as wire text.
UNSET_TEXTS: frozenset[str] = frozenset(
    {
        "1.7976931348623157E308",
        "1.7976931348623157E+308",
        "1.7976931348623157e308",
        "1.7976931348623157e+308",
        "2147483647",
        "9223372036854775807",
        "-9223372036854775808",
    }
)

# IB's documentation spells the key AccountReady and accountReady; gateways send either.
READY_KEY = "accountready"

_SEGMENT = re.compile(r"(.+)-([A-Z])")
_CANONICAL = re.compile(r"-?(?:0|[1-9]\d{0,130})(?:\.\d{1,100})?", re.ASCII)
_NEGATIVE_ZERO = re.compile(r"-0(?:\.0+)?", re.ASCII)
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Key(NamedTuple):
    """An account value key taken apart: tag, segment (``C``, ``S``, ... or None), spelled with ``$LEDGER-``."""

    tag: str
    segment: str | None
    is_ledger: bool


def split_key(key: str) -> Key:
    """Take IB's key apart.

    >>> split_key("NetLiquidation-S"), split_key("$LEDGER-CashBalance")
    (Key(tag='NetLiquidation', segment='S', is_ledger=False), Key(tag='CashBalance', segment=None, is_ledger=True))
    """
    if key.startswith(LEDGER_PREFIX):
        return Key(key[len(LEDGER_PREFIX) :], None, True)
    match = _SEGMENT.fullmatch(key)
    if match:
        return Key(match[1], match[2], False)
    return Key(key, None, False)


def says_not_ready(key: str, value: str) -> bool:
    """Whether a value says that IB's server is resetting: the figures of this download may be out of date or wrong."""
    return split_key(key).tag.lower() == READY_KEY and value.strip().lower() == "false"


def column(tag: str) -> str:
    """The snake_case column name of a tag: ``NetLiquidationByCurrency`` → ``net_liquidation_by_currency``."""
    return _WORD_START.sub(
        "_",
        tag.replace("PNL", "Pnl")
        .replace("PnL", "Pnl")
        .replace("TBill", "Tbill")
        .replace("TBond", "Tbond")
        .replace("RegT", "Regt"),
    ).lower()


def is_canonical(text: str) -> bool:
    """Whether Postgres ``numeric`` gives back exactly this text (so ``007``, ``1E5``, ``-0.00`` and `` `` do not)."""
    return _CANONICAL.fullmatch(text) is not None and _NEGATIVE_ZERO.fullmatch(text) is None
