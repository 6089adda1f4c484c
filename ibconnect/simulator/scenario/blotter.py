"""What a simulated world has traded, as its own books have it: orders, fills, commissions, profits.

In: what ``trading`` does. Out: frozen rows of exact decimals, which the parts of the gateway print and tests compare
with what was recorded. Times are aware, in UTC. Read through ``World.orders``, ``World.fills`` and ``World.profits``.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ibconnect.simulator.scenario.instruments import Instrument

ZERO = Decimal(0)

PENDING, PRESUBMITTED, SUBMITTED = "PendingSubmit", "PreSubmitted", "Submitted"
FILLED, CANCELLED, INACTIVE, PENDING_CANCEL = "Filled", "Cancelled", "Inactive", "PendingCancel"
FINAL = frozenset((FILLED, CANCELLED, INACTIVE))
"""The states after which an order is in no list of open ones."""


@dataclass(frozen=True, slots=True)
class Commission:
    """One commission report (message 59). ``realized`` is None where IB sends no figure: the fill opened a position."""

    amount: Decimal
    currency: str
    realized: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution (message 11) as it stands after its last correction."""

    exec_id: str
    """``0000e0d5.65f1a2b3.01.01``; the last number counts corrections."""
    perm_id: int
    order_id: int
    client_id: int
    """0: the order was entered in TWS."""
    account: str
    instrument: Instrument
    at: datetime
    exchange: str
    side: str
    """``BOT`` or ``SLD``."""
    shares: Decimal
    price: Decimal
    cumulative: Decimal
    """Filled of the order so far, for this account and contract."""
    average_price: Decimal
    liquidity: int = 2
    order_ref: str = ""
    model: str = ""
    reports: tuple[Commission, ...] = ()
    """The commission reports that have come, oldest first; the last one counts. A BAG has none: its legs have them."""
    earlier: tuple["Fill", ...] = ()
    """The same fill before each of its corrections, oldest first."""

    @property
    def key(self) -> str:
        """The execution id without its last number: the same for a fill and its corrections."""
        return self.exec_id.rpartition(".")[0]

    @property
    def commission(self) -> Commission | None:
        """The last report, if one has come."""
        return self.reports[-1] if self.reports else None


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a combination: how many of a contract for one of the combination, bought or sold."""

    instrument: Instrument
    ratio: int
    action: str


@dataclass(frozen=True, slots=True)
class State:
    """One state of an order (message 3), and since when."""

    status: str
    at: datetime
    filled: Decimal = ZERO
    remaining: Decimal = ZERO
    average_price: Decimal = ZERO
    last_price: Decimal = ZERO
    why_held: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One order (messages 5 and 101), with every state that it has been in."""

    perm_id: int
    order_id: int
    """Of its client; 0 for an order entered in TWS."""
    client_id: int
    account: str
    """For an order that is allocated to several accounts: the advisor's code followed by ``A``."""
    instrument: Instrument
    action: str
    """``BUY`` or ``SELL``."""
    quantity: Decimal
    order_type: str
    states: tuple[State, ...]
    """Oldest first; two of them in a row differ."""
    limit: Decimal | None = None
    stop: Decimal | None = None
    tif: str = "DAY"
    oca_group: str = ""
    order_ref: str = ""
    parent_id: int = 0
    model: str = ""
    good_till: str = ""
    outside_rth: bool = False
    fa_group: str = ""
    fa_method: str = ""
    allocations: tuple[tuple[str, Decimal], ...] = ()
    """Account → its share of the quantity, of an advisor's order."""
    legs: tuple[Leg, ...] = ()
    warning: str = ""
    """Why it was rejected."""

    @property
    def state(self) -> State:
        """The latest one."""
        return self.states[-1]

    @property
    def is_open(self) -> bool:
        """Whether lists of open orders have it."""
        return self.state.status not in FINAL


@dataclass(frozen=True, slots=True)
class Profit:
    """Profit and loss (message 94, or 95 with a contract) at this moment, in cents.

    Of an account in its base currency, of a position in the contract's currency.
    """

    account: str
    daily: Decimal
    unrealized: Decimal
    realized: Decimal
    con_id: int | None = None
    position: Decimal | None = None
    value: Decimal | None = None
