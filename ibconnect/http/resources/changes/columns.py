"""The columns of a table of changes: whose and of what, before and after, and why.

In: nothing. Out: columns. Read by what makes the rows and by the routes. In JSON a row has those that say something
of it.
"""

from ibconnect.http.resources.changes.split import Change, Why
from ibconnect.http.server.columns import Column, Type

POSITION, CASH, VALUE, ACCOUNT = "position", "cash", "value", "account"
KINDS = (POSITION, CASH, VALUE)
"""What may be asked for. Rows of the kind ``account`` say of an account that nothing can be compared."""

NO_REPORT, NO_REPORT_BEFORE = "no-report", "no-report-before"
WHYS: dict[str, str] = {
    NO_REPORT: "the account had no report at `to`",
    NO_REPORT_BEFORE: "the account had none yet at `from`",
    Why.NO_SIZE: "IB gave a size that is no number",
    Why.NO_VALUE: "IB gave no MarketValue",
    Why.NO_RATE: "the ledger has no ExchangeRate",
    Why.OTHER_BASE: "the account's base currency was another one",
}
"""Why there is no comparison, or no split."""

APPEARED, GONE, CHANGED = "appeared", "gone", "changed"
CHANGES: dict[str, str] = {
    Change.OPENED: "there was none before",
    Change.CLOSED: "there is none any more",
    Change.RESIZED: "there is more or less of it",
    Change.REVALUED: "as much, of another price, value or rate",
    APPEARED: "IB sent no such value before",
    GONE: "IB sends no such value any more",
    CHANGED: "the value is another one",
    Change.UNKNOWN: "cannot be said, see Why",
}
"""What became of it."""


def _listed(meanings: dict[str, str]) -> str:
    return "; ".join(f"{code}: {meaning}" for code, meaning in meanings.items())


def _figure(name: str, description: str) -> Column:
    return Column(name, Type.FIGURE, description, is_optional=True)


def _text(name: str, description: str) -> Column:
    return Column(name, Type.TEXT, description, is_optional=True)


COLUMNS: tuple[Column, ...] = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("From", Type.TIME, "Of the report that is compared with, complete at `from`; null: there was none"),
    Column("To", Type.TIME, "Of the report that is compared, complete at `to`; null: there was none"),
    Column("Kind", Type.TEXT, "position, cash (one currency of the ledger), value, or account", is_nullable=False),
    Column("Change", Type.TEXT, _listed(CHANGES), is_nullable=False),
    Column("IbContractId", Type.INTEGER, "IB's id of the contract of a position", is_optional=True),
    _text("Symbol", "Of a position: its underlying"),
    _text("LocalSymbol", "Of a position: its name at its exchange"),
    _text("SecurityType", "Of a position: STK, OPT, FUT ..."),
    _text("ModelCode", "Of a portfolio under this model; absent: of the account"),
    _text("Tag", "Of cash and values: IB's tag"),
    _text("Segment", "Of a value of a segment"),
    _text("Currency", "What Before, After, prices and MarketValue are in"),
    _figure("Before", "Position, cash or value at From"),
    _figure("After", "Position, cash or value at To"),
    _figure("Difference", "After less Before"),
    _figure("MarketPriceBefore", "Of one unit, at From"),
    _figure("MarketPriceAfter", "Of one unit, at To"),
    _figure("MarketValueBefore", "Of a position, at From"),
    _figure("MarketValueAfter", "Of a position, at To"),
    _figure("ExchangeRateBefore", "From Currency to the base currency, at From"),
    _figure("ExchangeRateAfter", "From Currency to the base currency, at To"),
    _text("BaseCurrency", "What all that follows is in: the account's base currency at To, or what it was at From"),
    _figure("MarketValueBaseBefore", "Value in base currency at From: MarketValue, or cash, times ExchangeRate"),
    _figure("MarketValueBaseAfter", "Value in base currency at To"),
    _figure("DifferenceBase", "Of these two: the sum of the next three, to the last digit"),
    _figure("BySize", "Of it: because there is more or less, at the value of a unit and the rate at From"),
    _figure("ByPrice", "Of it: because the price is another, at the size at To and the rate at From"),
    _figure("ByCurrency", "Of it: because the rate is another, of the value at To"),
    _text("TextBefore", "A value that is no number, at From"),
    _text("TextAfter", "A value that is no number, at To"),
    _text("Why", _listed(WHYS)),
    Column("Ready", Type.BOOLEAN, "Whether the figures of both reports can be relied on; null: there is no report"),
)

NAMES: tuple[str, ...] = tuple(column.name for column in COLUMNS)
