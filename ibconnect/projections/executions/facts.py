"""What the events say of executions: the values that pass from :mod:`reader` to :mod:`fold`.

Figures are texts that a column of numbers takes; times are aware, in UTC.
"""

from datetime import date, datetime
from typing import NamedTuple

from ibconnect.contracts import Contract

UNKNOWN_TIME, UNREADABLE = "unknown-time", "unreadable-figure"
"""Codes of remarks: nobody knows in which zone its time is; a figure is no number."""


class ExecutionId(NamedTuple):
    """An execution id: ``key`` is that of the fill, the same for all of its corrections, which ``number`` counts."""

    text: str
    key: str
    number: int


class Fill(NamedTuple):
    """One execution (message 11) of one account. ``digest``: of what the message says, its request aside.

    ``texts``: IB's text of each figure that its column does not give back letter for letter, as JSON.
    """

    account: str
    id: ExecutionId
    position: int
    received: datetime
    gateway: str
    digest: bytes
    at: datetime | None
    time: str
    zone: str
    contract_id: str | None
    contract: Contract
    multiplier: str | None
    order_id: str | None
    perm_id: str | None
    client_id: str | None
    exchange: str
    side: str
    shares: str | None
    price: str | None
    cum_qty: str | None
    avg_price: str | None
    liquidation: str | None
    order_ref: str
    ev_rule: str
    ev_multiplier: str | None
    model_code: str
    last_liquidity: str | None
    pending_price_revision: bool | None
    submitter: str
    texts: str | None
    remarks: tuple[str, ...]


class Commission(NamedTuple):
    """One commission report (message 59)."""

    id: ExecutionId
    position: int
    received: datetime
    gateway: str
    digest: bytes
    commission: str | None
    currency: str
    realized_pnl: str | None
    bond_yield: str | None
    redemption_date: str
    texts: str | None


class Covered(NamedTuple):
    """A day of a gateway of which all executions are known that there were until a moment."""

    gateway: str
    day: date
    begins: datetime
    ends: datetime
    until: datetime
    zone: str


class Work(NamedTuple):
    """Each in the order of events."""

    fills: list[Fill]
    commissions: list[Commission]
    covered: list[Covered]
