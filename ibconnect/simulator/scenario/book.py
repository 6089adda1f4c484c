"""The books of simulated accounts: cash, positions, prices and exchange rates, in exact decimals.

In: trades, cash flows, new prices. Out: the state that ``figures`` prints. Called by ``world``. A future
moves no cash until it is closed (its profit is FuturesPNL meanwhile); everything else is paid for when it
is traded.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from ibconnect.simulator.scenario.instruments import Instrument

ZERO = Decimal(0)
CENT = Decimal("0.01")
MONEY = Decimal("0.0001")
"""Precision of a ledger figure, as gateways print it since 2020."""
COST = Decimal("0.00000001")
RATE = Decimal("0.0000001")


@dataclass(slots=True)
class Position:
    """What an account holds of one contract, with today's profits; a size of 0 was closed today."""

    instrument: Instrument
    quantity: Decimal = ZERO
    average_cost: Decimal = ZERO
    """Per unit, the multiplier and commissions included, as IB counts it."""
    realized: Decimal = ZERO
    day_start: Decimal = ZERO
    """Unrealized profit when the day began."""


@dataclass(slots=True)
class Account:
    """One account: its texts, cash per currency (4 decimals), and positions by conId."""

    code: str
    base: str
    kind: str = "INDIVIDUAL"
    cash: dict[str, Decimal] = field(default_factory=dict)
    accrued: dict[str, Decimal] = field(default_factory=dict)
    dividends: dict[str, Decimal] = field(default_factory=dict)
    positions: dict[int, Position] = field(default_factory=dict)
    previous_equity: Decimal = ZERO
    """EquityWithLoanValue when the day began, in the base currency."""

    def add_cash(self, currency: str, amount: Decimal) -> None:
        self.cash[currency] = self.cash.get(currency, ZERO) + amount

    def holds(self, instrument: Instrument) -> bool:
        """Whether it has any of a contract."""
        position = self.positions.get(instrument.con_id)
        return position is not None and position.quantity != 0

    def currencies(self) -> list[str]:
        """Those with a ledger: the base, and every one that cash or a position was ever in."""
        held = {p.instrument.currency for p in self.positions.values()}
        return sorted({self.base, *self.cash, *self.accrued, *self.dividends, *held})


class Market:
    """Prices by conId, and what one unit of each currency is worth in US dollars."""

    def __init__(self, dollars: dict[str, Decimal]) -> None:
        self.prices: dict[int, Decimal] = {}
        self.dollars = dollars

    def price(self, instrument: Instrument) -> Decimal:
        return self.prices.get(instrument.con_id, instrument.price)

    def rate(self, currency: str, base: str) -> Decimal:
        """Units of ``base`` for one of ``currency``, with IB's 7 decimals."""
        if currency == base:
            return Decimal(1)
        return (self.dollars[currency] / self.dollars[base]).quantize(RATE)

    def value(self, position: Position) -> Decimal:
        """position × price × multiplier in the contract's currency, in cents."""
        instrument = position.instrument
        return (position.quantity * self.price(instrument) * instrument.factor).quantize(CENT)

    def unrealized(self, position: Position) -> Decimal:
        """Profit since purchase, commissions included, in cents."""
        return (self.value(position) - position.quantity * position.average_cost).quantize(CENT)


def trade(
    account: Account, instrument: Instrument, quantity: Decimal, price: Decimal, commission: Decimal
) -> Decimal | None:
    """Buy (or sell, below 0) at a price, commission in the contract's currency; the profit of what it closed."""
    position = account.positions.setdefault(instrument.con_id, Position(instrument))
    if position.quantity * quantity < 0 and abs(quantity) > abs(position.quantity):
        rest = quantity + position.quantity
        profit = trade(account, instrument, -position.quantity, price, commission)
        trade(account, instrument, rest, price, ZERO)
        return profit
    amount = (quantity * price * instrument.factor).quantize(MONEY)
    if position.quantity * quantity < 0:
        profit = _reduce(position, quantity, amount, commission)
    else:
        profit = None
        _extend(position, quantity, amount + commission)
    _pay(account, instrument, quantity, cost=amount + commission, profit=profit or ZERO)
    return profit


def adjust(account: Account, instrument: Instrument, is_bought: bool, has_closed: bool, more: Decimal) -> bool:
    """Let a former trade have cost so much more; False if the position is not any more what that trade made of it."""
    position = account.positions.get(instrument.con_id)
    if position is None or (not has_closed and position.quantity * (1 if is_bought else -1) <= 0):
        return False
    if has_closed:
        position.realized -= more
    else:
        position.average_cost = ((position.quantity * position.average_cost + more) / position.quantity).quantize(COST)
    _pay(account, instrument, ZERO, cost=more, profit=-more if has_closed else ZERO)
    return True


def _extend(position: Position, quantity: Decimal, cost: Decimal) -> None:
    total = position.quantity * position.average_cost + cost
    position.quantity += quantity
    position.average_cost = (total / position.quantity).quantize(COST)


def _reduce(position: Position, quantity: Decimal, amount: Decimal, commission: Decimal) -> Decimal:
    """Close a part or all; the profit in the contract's currency."""
    profit = (-amount - commission + quantity * position.average_cost).quantize(MONEY)
    position.quantity += quantity
    position.realized += profit
    if position.quantity == 0:
        position.average_cost = ZERO
    return profit


def _pay(account: Account, instrument: Instrument, quantity: Decimal, *, cost: Decimal, profit: Decimal) -> None:
    if instrument.sec_type == "FUT":
        account.add_cash(instrument.currency, profit)
        return
    account.add_cash(instrument.currency, -cost)
    if instrument.sec_type == "CASH":
        account.add_cash(instrument.symbol, quantity)


def begin_day(account: Account, market: Market) -> None:
    """Forget yesterday's closed positions and realized profits."""
    account.positions = {k: p for k, p in account.positions.items() if p.quantity != 0}
    for position in account.positions.values():
        position.realized = ZERO
        position.day_start = market.unrealized(position)


def combine(code: str, base: str, accounts: Iterable[Account]) -> Account:
    """Several accounts as one, as IB shows an advisor's ``F…A`` and ``All``."""
    total = Account(code, base, "ADVISOR")
    for account in accounts:
        for mine, theirs in (
            (total.cash, account.cash),
            (total.accrued, account.accrued),
            (total.dividends, account.dividends),
        ):
            for currency, amount in theirs.items():
                mine[currency] = mine.get(currency, ZERO) + amount
        for con_id, position in account.positions.items():
            _merge(total.positions.setdefault(con_id, Position(position.instrument)), position)
    return total


def _merge(total: Position, part: Position) -> None:
    cost = total.quantity * total.average_cost + part.quantity * part.average_cost
    total.quantity += part.quantity
    total.average_cost = (cost / total.quantity).quantize(COST) if total.quantity else ZERO
    total.realized += part.realized
    total.day_start += part.day_start
