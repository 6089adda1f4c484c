"""The columns of a table of positions: what a contract is, what is held of it, what that is worth.

In: rows of sql/http/positions.sql. Out: columns, and rows with a cell for each. Called by the handlers of this package.
Names, figures and meanings are those of a report's ``Positions``.
"""

from datetime import datetime
from typing import NamedTuple

from ibconnect.http.resources import contract_names
from ibconnect.http.resources.accounts.positions import Contract, product
from ibconnect.http.resources.contract_names import Names
from ibconnect.http.server.columns import Cell, Column, Type
from ibconnect.tags import UNSET_TEXTS

# Not null, since a table says of each row whose and of when it is.
_WHOSE = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Timestamp", Type.TIME, "Of the report that it comes from", is_nullable=False),
)
_HELD = (
    Column("IbContractId", Type.INTEGER, "IB's id of the contract; 0: a combination, null: what came is no id"),
    Column("Symbol", Type.TEXT, "Of the underlying"),
    Column("LocalSymbol", Type.TEXT, "Of the contract at its exchange"),
    Column("SecurityType", Type.TEXT, "STK, OPT, FUT, FOP, CASH, BOND, CFD, FUND ..."),
    Column("Exchange", Type.TEXT, "Where it is listed"),
    Column("Position", Type.FIGURE, "How much is held; negative: short; 0: closed that day"),
    Column("Iso4217Code", Type.INTEGER, "Numeric code of the currency"),
    Column("Currency", Type.TEXT, "Name of the currency"),
    Column("CurrencyCode", Type.TEXT, "What prices, values and profits are in"),
    Column("MarketPrice", Type.FIGURE, "Of one unit; null: IB gave none"),
    Column("MarketValue", Type.FIGURE, "Of all of it, in the contract's currency; negative: short"),
    Column("AverageCost", Type.FIGURE, "Of one unit, with commission, and times the multiplier"),
    Column("UnrealizedPNL", Type.FIGURE, "Profit if it were closed at this price"),
    Column("RealizedPNL", Type.FIGURE, "Profit of what was closed that day"),
    Column("Multiplier", Type.VALUE, "Units of the underlying; a number where IB's text is one"),
    Column("Strike", Type.VALUE, "Of an option; a number where IB's text is one"),
    Column("Right", Type.TEXT, "C, P, or IB's filler"),
    Column("Expiry", Type.TEXT, "Last trade date, usually YYYYMMDD"),
    Column("TradingClass", Type.TEXT, "IB's trading class"),
    Column(
        "ModelCode", Type.TEXT, "Of a portfolio under this model; null: of the account, which may hold the same again"
    ),
    Column("MarketValueBase", Type.FIGURE, "MarketValue times ExchangeRate, with every digit"),
    Column("ExchangeRate", Type.FIGURE, "From CurrencyCode to BaseCurrency, of the ledger; null: IB gave none"),
    Column("BaseCurrency", Type.TEXT, "The account's base currency in that report"),
)

COLUMNS: tuple[Column, ...] = (
    *_WHOSE,
    *_HELD,
    Column("Ready", Type.BOOLEAN, "Whether the figures of that report can be relied on", is_nullable=False),
    *contract_names.COLUMNS,
)
"""Of what is held at a moment."""

HISTORY_COLUMNS: tuple[Column, ...] = (
    *COLUMNS,
    Column("Partial", Type.BOOLEAN, "Of the step that is still running: its newest report", is_optional=True),
)
"""Of what was held over time."""


class Held(NamedTuple):
    """A row of query ``held``: figures as texts, contract and base currency by their ids."""

    number: int
    account: str
    at: datetime
    ready: bool
    base_currency: str | None
    contract: str
    position: str | None
    market_price: str | None
    market_value: str | None
    average_cost: str | None
    unrealized_pnl: str | None
    realized_pnl: str | None
    model: str | None
    rate: str | None


BASE_CURRENCY, CONTRACT = (Held._fields.index(name) for name in ("base_currency", "contract"))


def row_of(held: Held, contract: Contract, base_currency: str | None, names: Names) -> tuple[Cell, ...]:
    """A row of :data:`COLUMNS`."""
    contract_id, symbol, local_symbol, security_type, exchange, iso_code, currency, code = contract.columns[:8]
    multiplier, strike, right, expiry, trading_class = contract.columns[8:]
    value, rate = held.market_value, held.rate
    return (
        held.account,
        held.at,
        contract_id,
        symbol or None,
        local_symbol or None,
        security_type or None,
        exchange or None,
        held.position,
        iso_code,
        currency,
        code or None,
        held.market_price,
        value,
        held.average_cost,
        held.unrealized_pnl,
        held.realized_pnl,
        _term(multiplier),
        _term(strike),
        right or None,
        expiry or None,
        trading_class or None,
        held.model,
        None if rate is None or value is None else product(value, rate),
        rate,
        base_currency,
        held.ready,
        *names.of(contract_id, held.at),
    )


def _term(text: str) -> str | None:
    """A number of a contract, as IB sent it; None where that is none."""
    return None if text in UNSET_TEXTS else text or None
