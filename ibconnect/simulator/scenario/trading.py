"""Orders and their executions: the blotter of a world, and what may be done to it.

In: orders that somebody places, changes of their state, fills. Out: rows of ``blotter``, and a journal of everything in
order, from which a gateway says what it says unasked. Called by ``traders``, which decides what happens.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from ibconnect.simulator.scenario.blotter import (
    FILLED,
    PENDING,
    SUBMITTED,
    ZERO,
    Commission,
    Fill,
    Leg,
    Order,
    State,
)
from ibconnect.simulator.scenario.book import COST, MONEY, Account, adjust

_JOURNAL_MOST = 20_000
_UNIT_FEE = Decimal("0.005")
_LEAST_FEE = Decimal(1)
TWS = 0
"""The client id of orders that were entered in TWS."""


class Report(NamedTuple):
    """A commission report as it goes out."""

    exec_id: str
    commission: Commission
    client_id: int


Entry = Order | Fill | Report


class Part(NamedTuple):
    """What one fill gives an account: of the order's contract, or of a leg."""

    account: str
    shares: Decimal
    price: Decimal
    at: datetime
    leg: Leg | None = None


class Effect(Enum):
    """What a fill did to the position."""

    OPENED = auto()
    CLOSED = auto()
    BOTH = auto()


class Trading:
    """The orders and fills of one world. ``serial`` makes ids differ from world to world."""

    def __init__(self, serial: int) -> None:
        self.orders: dict[int, Order] = {}
        """By permId, in order of placing."""
        self.fills: dict[str, Fill] = {}
        """By :attr:`Fill.key`, in order of coming."""
        self.journal: deque[Entry] = deque(maxlen=_JOURNAL_MOST)
        self.told = 0
        """How many entries the journal ever had."""
        self._serial = serial
        self._count = 0
        self._order_ids: dict[int, int] = {}
        self._effects: dict[str, Effect] = {}
        self._working: dict[int, None] = {}
        self._perm_ids: dict[tuple[int, int], int] = {}
        self._done: dict[tuple[int, str, int], tuple[Decimal, Decimal]] = {}
        # By permId, account and contract: how many have been filled, and what they cost.

    def since(self, place: int) -> list[Entry]:
        """The journal's entries after the first ``place``; those that are forgotten are left out."""
        missing = max(0, len(self.journal) - (self.told - place))
        return list(self.journal)[missing:] if place < self.told else []

    def working(self) -> list[Order]:
        """The orders that are in no final state."""
        return [self.orders[perm_id] for perm_id in self._working]

    def order_of(self, client_id: int, order_id: int) -> Order | None:
        """A client's order by its own id, if it is still remembered."""
        return self.orders.get(self._perm_ids.get((client_id, order_id), 0))

    def filled(self, order: Order, account: str) -> Decimal:
        """How many of an order an account has been given."""
        return self._done.get((order.perm_id, account, order.instrument.con_id), (ZERO, ZERO))[0]

    def forget(self, before: datetime) -> None:
        """Let go of what ended before a moment, as a gateway does after some days."""
        self.orders = {k: o for k, o in self.orders.items() if o.is_open or o.state.at >= before}
        self.fills = {key: fill for key, fill in self.fills.items() if fill.at >= before}
        self._effects = {key: effect for key, effect in self._effects.items() if key in self.fills}
        self._perm_ids = {key: perm_id for key, perm_id in self._perm_ids.items() if perm_id in self.orders}
        self._done = {key: done for key, done in self._done.items() if key[0] in self.orders}

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _tell(self, entry: Entry) -> None:
        self.journal.append(entry)
        self.told += 1

    # Orders.

    def place(self, order: Order, at: datetime) -> Order:
        """Take a new order: it gets its ids and its first state."""
        client = order.client_id
        if client != TWS:
            self._order_ids[client] = self._order_ids.get(client, 0) + 1
        perm_id = 1_100_000_000 + self._serial % 1000 * 1_000_000 + self._number()
        order = replace(
            order,
            perm_id=perm_id,
            order_id=self._order_ids.get(client, 0),
            states=(State(PENDING, at, remaining=order.quantity),),
        )
        self._perm_ids[client, order.order_id] = perm_id
        self._keep(order)
        return order

    def move(self, order: Order, status: str, at: datetime, why_held: str = "", warning: str = "") -> Order:
        """Bring an order into another state; its quantities stay."""
        state = replace(order.state, status=status, at=at, why_held=why_held)
        return self._in_state(replace(order, warning=warning or order.warning), state)

    def modify(self, order: Order, limit: Decimal | None, stop: Decimal | None, quantity: Decimal) -> Order:
        """Change an order's prices or quantity; what remains changes with the latter."""
        changed = replace(order, limit=limit, stop=stop, quantity=quantity)
        return self._in_state(changed, replace(order.state, remaining=quantity - order.state.filled))

    def _in_state(self, order: Order, state: State) -> Order:
        is_new = replace(state, at=order.state.at) != order.state
        order = replace(order, states=(*order.states, state)) if is_new else order
        self._keep(order)
        return order

    def _keep(self, order: Order) -> None:
        self.orders[order.perm_id] = order
        if order.is_open:
            self._working[order.perm_id] = None
        else:
            self._working.pop(order.perm_id, None)
        self._tell(order)

    # Fills.

    def execute(self, order: Order, shares: Decimal, price: Decimal, fills: Iterable[Fill], at: datetime) -> Order:
        """Count fills towards an order: ``shares`` of it at ``price``; the fills say of which accounts and legs."""
        before = order.state
        filled = before.filled + shares
        value = before.average_price * before.filled + price * shares
        state = State(
            FILLED if filled == order.quantity else SUBMITTED,
            at,
            filled,
            order.quantity - filled,
            (value / filled).quantize(COST),
            price,
        )
        for fill in fills:
            self.fills[fill.key] = fill
            self._count_towards(fill, fill.shares, fill.price * fill.shares)
            self._tell(fill)
        return self._in_state(order, state)

    def _count_towards(self, fill: Fill, shares: Decimal, cost: Decimal) -> None:
        key = (fill.perm_id, fill.account, fill.instrument.con_id)
        count, sum_ = self._done.get(key, (ZERO, ZERO))
        self._done[key] = (count + shares, sum_ + cost)

    def exec_ids(self) -> Iterator[str]:
        """Ids for the fills of one execution: the same but for the number of the part."""
        stem = f"{0xE0D5 + self._serial % 4096:08x}.{0x65F1_0000 + self._number():08x}"
        part = 0
        while True:
            part += 1
            yield f"{stem}.{part:02d}.01"

    def fill(self, order: Order, exec_id: str, part: Part) -> Fill:
        """A fill of an order, not yet counted."""
        account, shares, price, at, leg = part
        instrument = leg.instrument if leg else order.instrument
        action = leg.action if leg else order.action
        count, sum_ = self._done.get((order.perm_id, account, instrument.con_id), (ZERO, ZERO))
        cumulative, cost = count + shares, sum_ + shares * price
        return Fill(
            exec_id,
            order.perm_id,
            order.order_id,
            order.client_id,
            account,
            instrument,
            at,
            instrument.exchange,
            "BOT" if action == "BUY" else "SLD",
            shares,
            price,
            cumulative,
            (cost / cumulative).quantize(COST),
            1 if order.order_type == "LMT" else 2,
            order.order_ref,
            order.model,
        )

    def fee(self, fill: Fill) -> Decimal:
        """Half a cent a unit, at least 1 for the first part of an order."""
        units = ZERO if fill.instrument.sec_type == "CASH" else fill.shares
        least = _LEAST_FEE if fill.cumulative == fill.shares else MONEY
        return max(least, units * _UNIT_FEE).quantize(MONEY)

    def note_effect(self, fill: Fill, effect: Effect) -> None:
        self._effects[fill.key] = effect

    def effect_of(self, fill: Fill) -> Effect | None:
        return self._effects.get(fill.key)

    def report(self, key: str, commission: Commission) -> None:
        """A commission report comes, for the first time or again."""
        fill = self.fills.get(key)
        if fill is None:
            return
        fill = self.fills[key] = replace(fill, reports=(*fill.reports, commission))
        self._tell(Report(fill.exec_id, commission, fill.client_id))

    # Corrections.

    def correct_price(self, account: Account, key: str, price: Decimal) -> Fill | None:
        """The same execution again, with another price and a higher last number; None if it cannot be undone."""
        fill = self.fills[key]
        was = fill.shares * fill.price * fill.instrument.factor
        now = fill.shares * price * fill.instrument.factor
        more = (now.quantize(MONEY) - was.quantize(MONEY)) * (1 if fill.side == "BOT" else -1)
        if not self._adjust(account, fill, more):
            return None
        stem, _, number = fill.exec_id.rpartition(".")
        average = (fill.average_price * fill.cumulative + fill.shares * (price - fill.price)) / fill.cumulative
        corrected = replace(
            fill,
            exec_id=f"{stem}.{int(number) + 1:02d}",
            price=price,
            average_price=average.quantize(COST),
            reports=(),
            earlier=(*fill.earlier, replace(fill, earlier=())),
        )
        self.fills[key] = corrected
        self._count_towards(fill, ZERO, fill.shares * (price - fill.price))
        self._tell(corrected)
        if fill.commission is not None:
            self.report(key, _with_less(fill.commission, ZERO, more))
        return corrected

    def correct_commission(self, account: Account, key: str, amount: Decimal) -> None:
        """IB reports another commission for a fill than before."""
        fill = self.fills[key]
        if fill.commission is not None:
            more = amount - fill.commission.amount
            if self._adjust(account, fill, more):
                self.report(key, _with_less(fill.commission, more, more))

    def _adjust(self, account: Account, fill: Fill, more: Decimal) -> bool:
        """Let a fill have cost so much more; whether the books still know enough to do so."""
        effect = self._effects.get(fill.key)
        if effect is None or effect is Effect.BOTH:
            return False
        return adjust(account, fill.instrument, fill.side == "BOT", effect is Effect.CLOSED, more)


def _with_less(commission: Commission, fee: Decimal, cost: Decimal) -> Commission:
    """A commission that is higher by ``fee``, of a fill that earned less by ``cost``."""
    realized = None if commission.realized is None else commission.realized - cost
    return Commission(commission.amount + fee, commission.currency, realized)
