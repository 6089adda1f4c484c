"""The sections that tables are made of: which elements of them become rows, and which days they speak for.

In: nothing. Out: :data:`SPECS`, by section and element, and :data:`SOURCES`. Called by :mod:`rows` and :mod:`coverage`.
A **source** is a section as far as it fills one kind of table: what is current is decided for each source, account
and day. Sources of one ``topic`` tell of the same things (cash, by CashTransactions or by the statement of funds):
there the higher ``rank`` holds whatever the age.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from ibconnect.projections.statements import layout
from ibconnect.projections.statements.layout import Columns


class Span(Enum):
    """Which days a section of a statement speaks for."""

    PERIOD = "what happened on all days of the period, so that no row means that nothing did"
    DAILY = "each day of the period, if it has a row at all"
    END = "how things stood on the last day of the period"


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """``bit``: its place in ``covered.sections``, which stays; ``origin``: the section, or ``section/part``."""

    bit: int
    origin: str
    tables: tuple[str, ...]
    span: Span
    topic: str = ""
    rank: int = 0
    levels: tuple[str, ...] = ()
    """Of levels of detail that say the same more than once, the best first: of a statement's rows the best that there
    is counts."""


_DETAIL = ("DETAIL", "", "SUMMARY", "BASE_SUMMARY")
_LINES = ("CURRENCY", "", "BASECURRENCY")

SOURCES: tuple[Source, ...] = (
    # The order is stored: new ones go to the end.
    Source(0, "EquitySummaryInBase", ("nav",), Span.DAILY, "nav", 2),
    Source(1, "ChangeInNAV", ("nav",), Span.END, "nav", 1),
    Source(2, "CashTransactions", ("cash_flow",), Span.PERIOD, "cash", 2, _DETAIL),
    Source(3, "StmtFunds", ("cash_flow",), Span.PERIOD, "cash", 1, _LINES),
    Source(4, "StmtFunds", ("fund_line",), Span.PERIOD),
    Source(5, "Transfers", ("transfer", "cash_flow"), Span.PERIOD, "transfer", 2, ("TRANSFER", "", *_DETAIL, "LOT")),
    Source(6, "StockGrantActivities", ("cash_flow",), Span.PERIOD),
    Source(7, "Trades", ("trade",), Span.PERIOD, "trade", 2),
    Source(8, "TradeConfirms", ("trade",), Span.PERIOD, "trade", 1),
    Source(9, "Trades", ("trade_part",), Span.PERIOD),
    Source(10, "OpenDividendAccruals", ("accrual",), Span.END),
    Source(11, "ChangeInDividendAccruals", ("accrual",), Span.PERIOD),
    Source(12, "InterestAccruals", ("accrual",), Span.END),
    Source(13, "CorporateActions", ("corporate_action",), Span.PERIOD, levels=_DETAIL),
    Source(14, "OptionEAE", ("option_event",), Span.PERIOD),
    Source(15, "ConversionRates", ("conversion_rate",), Span.DAILY),
    Source(16, "OpenPositions", ("open_position",), Span.END, levels=("SUMMARY", "", "LOT")),
    Source(17, "TransactionTaxes", ("transaction_tax",), Span.PERIOD, levels=("SUMMARY", "", "DETAIL")),
    Source(18, "SalesTaxes", ("transaction_tax",), Span.PERIOD),
    Source(19, "CashReport", ("cash_balance",), Span.END),
    # Cash between accounts, which cash transactions do not tell of.
    Source(20, "StmtFunds/transfers", ("cash_flow",), Span.PERIOD, "transfer", 1, _LINES),
)


def _by_section() -> dict[str, tuple[Source, ...]]:
    found: dict[str, tuple[Source, ...]] = {}
    for source in SOURCES:
        section = source.origin.partition("/")[0]
        found[section] = (*found.get(section, ()), source)
    return found


BY_SECTION: Mapping[str, tuple[Source, ...]] = _by_section()


@dataclass(frozen=True, slots=True)
class Spec:
    """How an element becomes a row of ``table``. ``days``: the attributes of its day, the first that is there counting;
    ``source``: None where what is current goes by the exact period (nav_change); ``fixed``: cells that are the same in
    each row.
    """

    table: str
    columns: Columns
    source: Source | None
    days: tuple[str, ...]
    fixed: Mapping[str, str] = field(default_factory=dict)


_FLOW_DAYS = ("reportDate", "date", "dateTime", "settleDate")
_TRADE_DAYS = ("reportDate", "tradeDate", "dateTime")


def _spec(table: str, columns: Columns, bit: int | None, *days: str, **fixed: str) -> Spec:
    return Spec(table, columns, None if bit is None else SOURCES[bit], days, fixed)


_FILL = _spec("trade", layout.TRADE, 7, *_TRADE_DAYS)
_PART = _spec("trade_part", layout.TRADE, 9, *_TRADE_DAYS)
_CONFIRM = _spec("trade", layout.TRADE_CONFIRM, 8, *_TRADE_DAYS)

SPECS: Mapping[tuple[str, str], tuple[Spec, ...]] = {
    ("EquitySummaryInBase", "EquitySummaryByReportDateInBase"): (_spec("nav", layout.NAV, 0, "reportDate"),),
    ("ChangeInNAV", "ChangeInNAV"): (
        _spec("nav_change", layout.NAV_CHANGE, None, "toDate"),
        _spec("nav", layout.NAV_TOTAL, 1, "toDate"),
    ),
    ("CashReport", "CashReportCurrency"): (_spec("cash_balance", layout.CASH_REPORT, 19, "toDate"),),
    ("CashTransactions", "CashTransaction"): (_spec("cash_flow", layout.CASH_TRANSACTION, 2, *_FLOW_DAYS),),
    ("StmtFunds", "StatementOfFundsLine"): (_spec("fund_line", layout.FUND_LINE, 4, *_FLOW_DAYS),),
    ("Transfers", "Transfer"): (_spec("transfer", layout.TRANSFER, 5, *_FLOW_DAYS),),
    ("StockGrantActivities", "StockGrantActivity"): (
        _spec("cash_flow", layout.GRANT, 6, "reportDate", "vestingDate", "awardDate"),
    ),
    ("Trades", "Trade"): (_FILL,),
    ("Trades", "Order"): (_PART,),
    ("Trades", "SymbolSummary"): (_PART,),
    ("Trades", "AssetSummary"): (_PART,),
    ("Trades", "Lot"): (_PART,),
    ("Trades", "WashSale"): (_PART,),
    ("TradeConfirms", "TradeConfirm"): (_CONFIRM,),
    ("OpenDividendAccruals", "OpenDividendAccrual"): (
        _spec("accrual", layout.OPEN_DIVIDEND, 10, "reportDate", kind="dividend"),
    ),
    ("ChangeInDividendAccruals", "ChangeInDividendAccrual"): (
        _spec("accrual", layout.OPEN_DIVIDEND, 11, "reportDate", "date", kind="dividend change"),
    ),
    ("InterestAccruals", "InterestAccrualsCurrency"): (
        _spec("accrual", layout.INTEREST_ACCRUAL, 12, "toDate", kind="interest"),
    ),
    ("CorporateActions", "CorporateAction"): (_spec("corporate_action", layout.CORPORATE_ACTION, 13, *_FLOW_DAYS),),
    ("OptionEAE", "OptionEAE"): (_spec("option_event", layout.OPTION_EVENT, 14, "date", "reportDate"),),
    ("ConversionRates", "ConversionRate"): (
        _spec("conversion_rate", layout.CONVERSION_RATE, 15, "reportDate", "date", "dateTime"),
    ),
    ("OpenPositions", "OpenPosition"): (_spec("open_position", layout.OPEN_POSITION, 16, "reportDate"),),
    ("TransactionTaxes", "TransactionTax"): (
        _spec("transaction_tax", layout.TRANSACTION_TAX, 17, *_FLOW_DAYS, kind="transaction"),
    ),
    ("SalesTaxes", "SalesTax"): (_spec("transaction_tax", layout.SALES_TAX, 18, *_FLOW_DAYS, kind="sales"),),
}

FLOW_OF_LINE, TRANSFER_OF_LINE = SOURCES[3], SOURCES[20]
"""What lines of the statement of funds are as cash flows: of any kind, between accounts."""

PARTS = frozenset({"ORDER", "SYMBOL_SUMMARY", "ASSET_SUMMARY", "CLOSED_LOT", "WASH_SALE", "LOT"})
"""Levels of an element Trade that are no fills."""
PART_OF_TRADE = _PART


def tables() -> dict[str, tuple[str, ...]]:
    """The columns of each table that rows are made for, in the order in which they are copied."""
    found: dict[str, dict[str, None]] = {}
    for specs in SPECS.values():
        for spec in specs:
            names = found.setdefault(spec.table, {})
            names.update(dict.fromkeys(column for column, _ in spec.columns.values()))
            names.update(dict.fromkeys(spec.fixed))
    found["cash_flow"].update(dict.fromkeys(FLOW_COLUMNS))
    return {table: (*COMMON, *names, "current") for table, names in found.items()}


COMMON = ("statement", "position", "line", "day", "account", "origin", "level", "more", "as_sent")
FLOW_COLUMNS = ("external", "is_asset", "scope", "counterparty", "amount_in_base")
