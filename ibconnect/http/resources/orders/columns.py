"""The columns of a table of orders, and of a table of their states.

In: rows of sql/http/orders.sql, whose columns stand in the same order. Out: columns, and rows with a cell for each.
Called by the handlers of this package. Names are IB's; those of a contract are the ones of positions.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import orjson
from psycopg.rows import TupleRow

from ibconnect.http.resources.accounts.figures import shown
from ibconnect.http.server.columns import Cell, Column, Row, Type, json_rows
from ibconnect.http.server.limits import STATES_OF_ORDER

_GONE = "`Gone` is ours: no longer among the open orders of its gateway, and not among the completed ones"

_STATE = (
    Column("Status", Type.TEXT, f"IB's name of the state. {_GONE}; null: not told"),
    Column("Filled", Type.FIGURE, "How much was filled"),
    Column("Remaining", Type.FIGURE, "How much was not"),
    Column("AvgFillPrice", Type.FIGURE, "Average price of what was filled"),
    Column("LastFillPrice", Type.FIGURE, "Price of what was filled last"),
    Column("WhyHeld", Type.TEXT, "Why IB holds it back"),
    Column("MktCapPrice", Type.FIGURE, "The price that IB has capped it at"),
)
_NAMED = (
    Column("AccountCode", Type.TEXT, "The account; null: its gateway did not say"),
    Column("PermId", Type.INTEGER, "IB's own id of the order; null: not given yet"),
    Column("ClientId", Type.INTEGER, "The API client that placed it; 0: TWS itself"),
    Column("OrderId", Type.INTEGER, "The client's number of it; null: it has none"),
)
_TERMS = (
    Column("TotalQuantity", Type.FIGURE, "How much is to be filled"),
    Column("OrderType", Type.TEXT, "LMT, MKT, STP, TRAIL ..."),
    Column("LmtPrice", Type.FIGURE, "The limit"),
    Column("AuxPrice", Type.FIGURE, "The stop price, or the amount of a trailing order"),
)
_SEEN = (
    Column("FirstSeen", Type.TIME, "When the first message came that told of it", is_nullable=False),
    Column("LastSeen", Type.TIME, "When the last one came", is_nullable=False),
    Column("Gateway", Type.TEXT, "Who told of it first", is_nullable=False),
    Column("Position", Type.INTEGER, "The event that first told of it", is_nullable=False),
)
_ORDINAL = Column("Ordinal", Type.INTEGER, "Counts the states of an order from 1", is_nullable=False)

STATE_COLUMNS: tuple[Column, ...] = (*_NAMED, _ORDINAL, *_STATE, *_TERMS, *_SEEN)
"""Of states in a table of their own."""

NESTED_COLUMNS: tuple[Column, ...] = (_ORDINAL, *_STATE, *_TERMS, *_SEEN)
"""Of states within their order."""

_LEG = {
    "type": ["array"],
    "items": {
        "type": "object",
        "properties": {"ConId": {}, "Ratio": {}, "Action": {}, "Exchange": {}, "Price": {"type": ["number", "string"]}},
    },
}
_FLAT = (
    *_NAMED,
    Column("ParentId", Type.INTEGER, "Its client's number of the order that it hangs on"),
    Column("ParentPermId", Type.INTEGER, "IB's id of the order that it hangs on"),
    *_STATE,
    Column("IsOpen", Type.BOOLEAN, "Whether it may still be filled, as far as is known", is_nullable=False),
    Column("Changed", Type.TIME, "When its latest state was seen first", is_nullable=False),
    Column("IbContractId", Type.INTEGER, "IB's id of the contract; 0: a combination"),
    Column("Symbol", Type.TEXT, "Of the underlying"),
    Column("LocalSymbol", Type.TEXT, "Of the contract at its exchange"),
    Column("SecurityType", Type.TEXT, "STK, OPT, FUT, FOP, CASH, BAG (a combination) ..."),
    Column("Exchange", Type.TEXT, "Where it is to be filled"),
    Column("CurrencyCode", Type.TEXT, "What its prices are in"),
    Column("Multiplier", Type.VALUE, "Units of the underlying; a number where IB's text is one"),
    Column("Strike", Type.VALUE, "Of an option; a number where IB's text is one"),
    Column("Right", Type.TEXT, "C, P, or IB's filler"),
    Column("Expiry", Type.TEXT, "Last trade date, usually YYYYMMDD"),
    Column("TradingClass", Type.TEXT, "IB's trading class"),
    Column("Action", Type.TEXT, "BUY, SELL, SSHORT, SLONG"),
    *_TERMS,
    Column("CashQty", Type.FIGURE, "How much is to be filled, as an amount of money"),
    Column("TrailStopPrice", Type.FIGURE, "Where a trailing order stops"),
    Column("TrailingPercent", Type.FIGURE, "The distance of a trailing order, in percent"),
    Column("LmtPriceOffset", Type.FIGURE, "Of a trailing limit order: how far the limit is from the stop"),
    Column("Tif", Type.TEXT, "Time in force: DAY, GTC, IOC, GTD ..."),
    Column("GoodAfterTime", Type.TEXT, "Not before"),
    Column("GoodTillDate", Type.TEXT, "Not after, if `Tif` is GTD"),
    Column("OutsideRth", Type.BOOLEAN, "Whether it may be filled outside of regular trading hours"),
    Column("OcaGroup", Type.TEXT, "The group of which one cancels all others"),
    Column("OrderRef", Type.TEXT, "What its client wrote to it"),
    Column("ModelCode", Type.TEXT, "The model that it belongs to"),
    Column("FaGroup", Type.TEXT, "An advisor's group that it is allocated to"),
    Column("FaMethod", Type.TEXT, "By which method"),
    Column("FaPercentage", Type.TEXT, "By which percentage"),
    Column("Commission", Type.FIGURE, "What it cost so far, or is expected to cost"),
    Column("MinCommission", Type.FIGURE, "At least"),
    Column("MaxCommission", Type.FIGURE, "At most"),
    Column("CommissionCurrency", Type.TEXT, "In what"),
    Column("InitMarginChange", Type.FIGURE, "What it adds to the initial margin"),
    Column("MaintMarginChange", Type.FIGURE, "What it adds to the maintenance margin"),
    Column("WarningText", Type.TEXT, "IB's warning"),
    Column("RejectReason", Type.TEXT, "Why IB rejected it"),
    Column("CompletedTime", Type.TEXT, "When it was completed, as IB sent it, with its zone"),
    Column("CompletedStatus", Type.TEXT, "How, in IB's words"),
    *_SEEN,
    Column("StateCount", Type.INTEGER, "How many states were seen of it", is_nullable=False),
    Column("ComboLegs", Type.JSON, "The legs of a combination", schema=_LEG),
    Column(
        "Allocations",
        Type.JSON,
        "Of an advisor's order: what of it goes to which account",
        schema={"type": ["array"], "items": {"type": "object"}},
    ),
    Column("Others", Type.JSON, "What IB said besides, by its names, as text", schema={"type": ["object"]}),
    Column(
        "Inexact", Type.JSON, "Figures as IB sent them, where a number cannot say them", schema={"type": ["object"]}
    ),
    Column("Fault", Type.TEXT, "Why the message could not be read to its end; what is behind is null"),
)

FLAT_COLUMNS: tuple[Column, ...] = _FLAT
"""Of orders, in formats whose rows hold no tables."""

OF_ITS_OWN = frozenset(("AccountCode", "Gateway", "Status", "ComboLegs"))
"""What names the order's own account, a contract or the gateway, and no other account."""

ORDER_COLUMNS: tuple[Column, ...] = (
    *_FLAT,
    Column(
        "States",
        Type.JSON,
        f"Every state that it was seen in, oldest first; of more than {STATES_OF_ORDER} the newest",
        is_nullable=False,
        schema={"type": "array", "items": {"$ref": "#/components/schemas/OrderStateOfOrder"}},
    ),
)
"""Of orders in JSON."""

_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_INEXACT = next(number for number, column in enumerate(_FLAT) if column.name == "Inexact")


def state_row(found: TupleRow) -> Row:
    """A row of a table of states, out of one of the query ``states``."""
    return _shown(STATE_COLUMNS, found[:-1], _texts(found[-1]))


def nested(rows: Iterable[Row]) -> str:
    """States within their order, as JSON."""
    ordinal = STATE_COLUMNS.index(_ORDINAL)
    return f"[{json_rows(NESTED_COLUMNS, [row[ordinal:] for row in rows])}]"


def order_row(found: TupleRow) -> list[Cell]:
    """A row of :data:`FLAT_COLUMNS`, out of one of the query ``orders``, whose last column is of its state."""
    of_terms, of_state = _texts(found[_INEXACT]), _texts(found[-1])
    cells = list(_shown(_FLAT, found[:-1], {**of_terms, **of_state}))
    named = {_pascal(name): text for name, text in {**of_terms, **of_state}.items()}
    cells[_INEXACT] = orjson.dumps(named).decode() if named else None
    return cells


def _texts(inexact: str | None) -> Mapping[str, str]:
    texts: Mapping[str, str] = orjson.loads(inexact or "{}")
    return texts


def _shown(columns: Sequence[Column], cells: Sequence[Cell], inexact: Mapping[str, str]) -> Row:
    """Cells with figures as they are shown everywhere, whatever IB's spelling was."""
    if not inexact:
        return cells
    return [
        _figure(inexact[name], cell)
        if column.type is Type.FIGURE and (name := _snake(column.name)) in inexact
        else cell
        for column, cell in zip(columns, cells, strict=True)
    ]


def _figure(text: str, amount: Cell) -> str:
    return shown(text, f"{amount:f}" if isinstance(amount, Decimal) else None)


def _snake(name: str) -> str:
    return _WORD.sub("_", name).lower()


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
