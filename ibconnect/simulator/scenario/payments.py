"""Money and positions that come into a world's accounts and leave them, other than by trading.

In: orders of the control port, of tests, and of the world itself. Out: :class:`Payment` and :class:`Handover` rows,
which whoever watches the world is told. Called by ``world`` and by the control port.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from ibconnect.errors import SimulatorError
from ibconnect.simulator.scenario.book import MONEY, ZERO, Account, Position
from ibconnect.simulator.scenario.instruments import Instrument

DEPOSIT = "Deposits/Withdrawals"
PAYMENTS = (
    DEPOSIT,
    "Dividends",
    "Payment In Lieu Of Dividends",
    "Withholding Tax",
    "Broker Interest Paid",
    "Broker Interest Received",
    "Advisor Fees",
    "Other Fees",
    "Commission Adjustments",
    "Sales Tax",
    "Transaction Tax",
)
"""What IBKR calls the kinds of payments."""
_NOT_TO_BE_MOVED = ("FUT", "CASH")


@dataclass(frozen=True, slots=True)
class Payment:
    """Cash that an account gets (below 0: loses); ``other`` is the account that it comes from or goes to, if one."""

    at: datetime
    account: str
    kind: str
    currency: str
    amount: Decimal
    text: str = ""
    instrument: Instrument | None = None
    other: str = ""


@dataclass(frozen=True, slots=True)
class Handover:
    """So many of a contract that an account gets from ``other`` (below 0: gives)."""

    at: datetime
    account: str
    other: str
    instrument: Instrument
    quantity: Decimal


class Watcher(Protocol):
    """Who wants to know what happens in a world besides trades."""

    def passing(self, now: datetime) -> None:
        """A second has passed, and nothing of it has happened yet."""
        ...

    def moved(self, what: Payment | Handover) -> None: ...

    def opened(self, account: Account) -> None: ...

    def closing(self, account: Account) -> None:
        """The account is about to leave, as it is now."""
        ...


class World(Protocol):
    """What payments need of the world that they are made in."""

    @property
    def now(self) -> datetime: ...

    @property
    def traded(self) -> set[str]: ...

    @property
    def instruments(self) -> Mapping[int, Instrument]: ...

    @property
    def watchers(self) -> list[Watcher]: ...

    def account(self, code: str) -> Account: ...

    def check_currency(self, currency: str) -> None: ...


def pay(world: World, payment: Payment) -> None:
    """Bring a payment into the books. Raises :class:`SimulatorError` for what is not known."""
    account = world.account(payment.account)
    world.check_currency(payment.currency)
    if payment.kind not in PAYMENTS:
        raise SimulatorError(f"kind {payment.kind!r}: one of {', '.join(PAYMENTS)}")
    account.add_cash(payment.currency, payment.amount.quantize(MONEY))
    world.traded.add(payment.account)
    tell(world, payment)


def give(world: World, source: str, target: str, amount: Decimal, currency: str) -> None:
    """Cash goes from one account to another. Raises :class:`SimulatorError`."""
    if amount <= 0 or source == target:
        raise SimulatorError("a transfer is of more than 0, between two accounts")
    world.account(target)
    for code, other, part in ((source, target, -amount), (target, source, amount)):
        pay(world, Payment(world.now, code, DEPOSIT, currency, part.quantize(MONEY), other=other))


def hand_over(world: World, source: str, target: str, con_id: int, quantity: Decimal) -> None:
    """A part of a position (below 0: of a short one) goes to another account, with what it cost.

    :raises SimulatorError: it is not held, or is one that cannot be moved
    """
    giver, taker = world.account(source), world.account(target)
    position = giver.positions.get(con_id)
    held = position.quantity if position else ZERO
    if position is None or source == target or not 0 < quantity / (held or 1) <= 1:
        raise SimulatorError(f"account {source} has no {quantity} of {con_id} to give to another account")
    instrument = position.instrument
    theirs = taker.positions.setdefault(con_id, Position(instrument))
    if instrument.sec_type in _NOT_TO_BE_MOVED or theirs.quantity:
        raise SimulatorError(f"a position of {con_id} cannot be given to {target}")
    theirs.quantity, theirs.average_cost = quantity, position.average_cost
    position.quantity -= quantity
    position.average_cost = position.average_cost if position.quantity else ZERO
    for code, other, part in ((source, target, -quantity), (target, source, quantity)):
        world.traded.add(code)
        tell(world, Handover(world.now, code, other, instrument, part))


def tell(world: World, what: Payment | Handover) -> None:
    """Let whoever watches know."""
    for watcher in world.watchers:
        watcher.moved(what)
