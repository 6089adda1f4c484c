"""Who places the orders of a seeded world, and what becomes of them, second by second.

In: a world and its beats. Out: orders that work for a while (limit, stop, brackets, combinations, an advisor's
allocations), are filled in parts, changed, cancelled, rejected; commission reports that come late, again or corrected;
executions that are corrected. All by chance of its own, so that what ``world`` decides does not depend on it. Called by
``world``.
"""

import heapq
import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Protocol

from ibconnect.simulator.scenario import placing
from ibconnect.simulator.scenario.blotter import (
    CANCELLED,
    FILLED,
    INACTIVE,
    PENDING_CANCEL,
    PRESUBMITTED,
    SUBMITTED,
    ZERO,
    Commission,
    Fill,
    Order,
)
from ibconnect.simulator.scenario.book import Account
from ibconnect.simulator.scenario.instruments import Instrument
from ibconnect.simulator.scenario.plan import Plan
from ibconnect.simulator.scenario.trading import Effect, Part, Trading

_ORDERS_AN_HOUR = 40
_MOST_WORKING = 40
# Beats until something may happen to an order that works, on average.
_PATIENCE = 40
_REPORT, _AGAIN, _FEE, _PRICE = "report", "again", "fee", "price"
_REJECTION = "Order rejected - reason:The contract is not available for trading."


class World(placing.Venue, Protocol):
    """What traders need of the world that they are in."""

    @property
    def plan(self) -> Plan: ...

    @property
    def trading(self) -> Trading: ...

    @property
    def accounts(self) -> Mapping[str, Account]: ...

    @property
    def traded(self) -> set[str]: ...

    @property
    def now(self) -> datetime: ...

    @property
    def beats(self) -> int: ...

    @property
    def day_began(self) -> datetime: ...

    def book(
        self, account: Account, instrument: Instrument, quantity: Decimal, price: Decimal, fee: Decimal
    ) -> Decimal | None:
        """Bring a trade into an account's books; the profit of what it closed, if any."""
        ...


class _Due(NamedTuple):
    beat: int
    number: int
    what: str
    key: str


class Traders:
    """See the module."""

    def __init__(self, world: World) -> None:
        self.random = random.Random(f"traders {world.plan.seed}")
        self._world = world
        self._due: list[_Due] = []
        self._numbers = 0
        self._unreported: dict[str, Commission] = {}

    @property
    def _trading(self) -> Trading:
        return self._world.trading

    @property
    def _is_calm(self) -> bool:
        """Whether reports come at once and nothing is corrected."""
        return self._world.plan.frozen or not self._world.plan.orders

    # What the world asks for.

    def at_market(self, account: Account, instrument: Instrument, quantity: Decimal) -> None:
        """Trade so many (below 0: sell) at once, in one or several parts."""
        order = placing.order(self.random, account.code, instrument, quantity)
        order = self._trading.move(self._trading.place(order, self._world.now), SUBMITTED, self._world.now)
        while order.is_open:
            order = self._fill(order, is_whole=bool(self.random.randrange(3)))

    def beat(self) -> None:
        """One simulated second."""
        self._do_what_is_due()
        plan = self._world.plan
        if not (plan.activity and plan.orders):
            return
        working = self._trading.working()
        for order in working:
            current = self._trading.orders[order.perm_id]
            if current.is_open:
                self._step(current)
        hour = 3600 / (plan.activity * plan.orders)
        if len(working) < _MOST_WORKING and self.random.random() * hour < _ORDERS_AN_HOUR:
            self._place_something()

    def end_day(self) -> None:
        """Orders of the day that are still open are gone."""
        for order in self._trading.working():
            if order.tif == "DAY":
                self._cancel(self._trading.orders[order.perm_id])

    def leave(self, code: str) -> None:
        """An account is closed: its orders are cancelled."""
        for order in self._trading.working():
            if code == order.account or code in dict(order.allocations):
                self._cancel(order)

    def unreported(self, key: str) -> Commission | None:
        """The commission of a fill, by its key, that has been charged and not been told yet."""
        return self._unreported.get(key)

    # Orders at work.

    def _place_something(self) -> None:
        orders = placing.something(self.random, self._world)
        parent = None
        for order in orders:
            ours = order if parent is None else replace(order, parent_id=parent.order_id)
            placed = self._trading.place(ours, self._world.now)
            parent = parent or placed

    def _step(self, order: Order) -> None:
        """Let what is next happen to an order, or nothing."""
        now, chance = self._world.now, self.random.random()
        match order.state.status:
            case "PendingSubmit" if chance < 0.06:
                self._trading.move(order, INACTIVE, now, warning=_REJECTION)
            case "PendingSubmit":
                is_held = order.stop is not None or order.parent_id
                self._trading.move(order, PRESUBMITTED if is_held else SUBMITTED, now, "trigger" if is_held else "")
            case "PendingCancel":
                self._cancel(order)
            case "PreSubmitted" if self._is_waiting_for_parent(order):
                pass
            case "PreSubmitted" if chance < 1 / (4 * _PATIENCE):
                self._trading.move(order, SUBMITTED, now)
            case "Submitted" if chance < 1 / _PATIENCE:
                self._work(order)

    def _work(self, order: Order) -> None:
        choice = self.random.randrange(10)
        if choice < 7:
            self._fill(order, is_whole=choice < 2)
        elif choice < 8:
            self._trading.move(order, PENDING_CANCEL, self._world.now)
        else:
            tick = order.instrument.tick * self.random.choice((-2, -1, 1, 2))
            limit = None if order.limit is None else placing.off(order, order.limit + tick)
            self._trading.modify(order, limit, order.stop, order.quantity)

    def _is_waiting_for_parent(self, order: Order) -> bool:
        """Whether the order's parent still works; if that was cancelled, so is this one."""
        if not order.parent_id:
            return False
        parent = self._trading.order_of(order.client_id, order.parent_id)
        if parent is None:
            return False
        if parent.state.status in (CANCELLED, INACTIVE):
            self._cancel(order)
        return parent.state.status != FILLED

    def _cancel(self, order: Order) -> None:
        self._trading.move(order, CANCELLED, self._world.now)

    # Fills.

    def _fill(self, order: Order, is_whole: bool) -> Order:
        """Fill what is left of an order, or about half of it."""
        world, trading = self._world, self._trading
        shares = placing.portions(trading, order, is_whole)
        price = placing.price(world.market, order)
        ids = trading.exec_ids()
        fills = []
        for account, portion in shares:
            fills.append(trading.fill(order, next(ids), Part(account, portion, price, world.now)))
            for leg in order.legs:
                units, cost = portion * leg.ratio, world.market.price(leg.instrument)
                fills.append(trading.fill(order, next(ids), Part(account, units, cost, world.now, leg)))
        order = trading.execute(order, sum((portion for _, portion in shares), ZERO), price, fills, world.now)
        for fill in fills:
            if fill.instrument.sec_type != "BAG":
                self._settle(fill)
        return order

    def _settle(self, fill: Fill) -> None:
        """Bring a fill into the account's books, and its commission to whom it concerns, now or later."""
        account = self._world.accounts[fill.account]
        quantity = fill.shares if fill.side == "BOT" else -fill.shares
        held = account.positions.get(fill.instrument.con_id)
        before = held.quantity if held else ZERO
        fee = self._trading.fee(fill)
        profit = self._world.book(account, fill.instrument, quantity, fill.price, fee)
        is_both = before * quantity < 0 and abs(quantity) > abs(before)
        self._trading.note_effect(fill, Effect.BOTH if is_both else Effect.OPENED if profit is None else Effect.CLOSED)
        commission = Commission(fee, fill.instrument.currency, profit)
        if self._is_calm:
            self._trading.report(fill.key, commission)
            return
        if self.random.randrange(5):
            self._trading.report(fill.key, commission)
        else:
            self._unreported[fill.key] = commission
            self._later(_REPORT, fill.key)
        for what, odds in ((_AGAIN, 12), (_FEE, 25), (_PRICE, 25)):
            if not self.random.randrange(odds):
                self._later(what, fill.key)

    def _later(self, what: str, key: str) -> None:
        self._numbers += 1
        heapq.heappush(self._due, _Due(self._world.beats + self.random.randrange(1, 200), self._numbers, what, key))

    def _do_what_is_due(self) -> None:
        while self._due and self._due[0].beat <= self._world.beats:
            due = heapq.heappop(self._due)
            fill = self._trading.fills.get(due.key)
            if fill is not None:
                self._do(due.what, fill)

    def _do(self, what: str, fill: Fill) -> None:
        if what == _REPORT:
            self._trading.report(fill.key, self._unreported.pop(fill.key))
            return
        account = self._world.accounts.get(fill.account)
        # What a fill made has been forgotten with the day on which it was made.
        is_known = account is not None and fill.at >= self._world.day_began
        if fill.commission is None or account is None:
            return
        if what == _AGAIN:
            self._trading.report(fill.key, fill.commission)
        elif what == _FEE and is_known:
            more = Decimal(self.random.choice((-5, 5, 15))) / 100
            self._trading.correct_commission(account, fill.key, max(fill.commission.amount + more, ZERO))
        elif what == _PRICE and is_known:
            price = fill.price + fill.instrument.tick * self.random.choice((-1, 1))
            if price > 0:
                self._trading.correct_price(account, fill.key, price)
        self._world.traded.add(account.code)
