"""The columns of a table of profit and loss.

In: rows of sql/http/pnl.sql. Out: columns, and rows with a cell for each. Called by the handlers of this package.
"""

from datetime import datetime
from typing import Any

from ibconnect.http.server.columns import Column, Row, Type

_WHOSE = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Timestamp", Type.TIME, "When the gateway said it, or the end of the step", is_nullable=False),
)
_CONTRACT = Column("IbContractId", Type.INTEGER, "IB's id of the contract, of a position; null: the account itself")
_PROFITS = (
    Column("DailyPnL", Type.FIGURE, "Profit since the last reset; null: IB gave none, or what came is no number"),
    Column("UnrealizedPnL", Type.FIGURE, "Profit if everything were closed now"),
    Column("RealizedPnL", Type.FIGURE, "Profit of what was closed"),
)
_HELD = (
    Column("Position", Type.FIGURE, "How much is held, of a position"),
    Column("MarketValue", Type.FIGURE, "What that is worth"),
)
_SOURCE = (
    Column("Currency", Type.TEXT, "The account's base currency then; null for a position, of which IB does not say it"),
    Column("Gateway", Type.TEXT, "The gateway that said it", is_nullable=False),
)

COLUMNS: tuple[Column, ...] = (
    *_WHOSE,
    _CONTRACT,
    *_PROFITS,
    *_HELD,
    *_SOURCE,
    Column("Partial", Type.BOOLEAN, "Of the step that is still running: its newest sample", is_optional=True),
)
"""Of an account and its positions over time."""

OF_ACCOUNTS: tuple[Column, ...] = (*_WHOSE, *_PROFITS, *_SOURCE)
"""Of all accounts at a moment."""


def row_of(account: str, at: datetime, found: tuple[Any, ...], *, is_partial: bool = False) -> Row:
    """A row of :data:`COLUMNS`.

    :param found: what ``columns`` of sql/http/pnl.sql says
    """
    return (account, at, *found, is_partial or None)


def row_of_account(account: str, at: datetime, found: tuple[Any, ...]) -> Row:
    """A row of :data:`OF_ACCOUNTS`."""
    _, daily, unrealized, realized, _, _, currency, gateway = found
    return (account, at, daily, unrealized, realized, currency, gateway)
