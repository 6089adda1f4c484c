"""The market of a seeded world: orders, fills, commissions and profits agree with its accounts, to the last digit."""

import collections
import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.errors import SimulatorError
from ibconnect.simulator import Scenario
from ibconnect.simulator.scenario.blotter import FINAL, Fill, Order
from ibconnect.simulator.scenario.book import CENT, MONEY, Account
from ibconnect.simulator.scenario.days import Days
from ibconnect.simulator.scenario.plan import Plan
from ibconnect.simulator.scenario.pnl import PNL, PNL_SINGLE
from ibconnect.simulator.scenario.trading import Report
from ibconnect.simulator.scenario.world import World

ZERO = Decimal(0)
Sizes = dict[tuple[str, int], Decimal]
AFTER = {
    "PendingSubmit": {"PreSubmitted", "Submitted", "Inactive", "Cancelled"},
    "PreSubmitted": {"Submitted", "Cancelled"},
    "Submitted": {"Submitted", "PendingCancel", "Filled", "Cancelled"},
    "PendingCancel": {"Cancelled"},
}
"""Which state may follow which."""


class Watched(World):
    """A world that notes what is paid in and out, and whose later accounts bring nothing with them."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.paid: dict[tuple[str, str], Decimal] = collections.defaultdict(Decimal)
        self.held: Sizes = collections.defaultdict(Decimal)
        for account in self.accounts.values():
            self._note(account)

    def _note(self, account: Account) -> None:
        for currency, amount in account.cash.items():
            self.paid[account.code, currency] += amount
        for con_id, position in account.positions.items():
            self.held[account.code, con_id] += position.quantity

    def open_account(self, positions: int = 0, base: str = "") -> Account:
        account = super().open_account(positions, base)
        if hasattr(self, "paid"):
            self._note(account)
        return account

    def deposit(self, code: str, amount: Decimal, currency: str) -> None:
        super().deposit(code, amount, currency)
        self.paid[code, currency] += amount.quantize(MONEY)

    def settle(self) -> None:
        """Let what is still to be reported or corrected be so, with nothing new."""
        self.plan = replace(self.plan, activity=0.0)
        for _ in range(250):
            self.beat()


def passed(seed: int, seconds: int, orders: float = 1.0) -> Watched:
    """A busy world after some time."""
    world = Watched(Plan(seed=seed, accounts=4, positions=8, advisor=bool(seed % 2), activity=150.0, orders=orders))
    for _ in range(seconds):
        world.beat()
    world.settle()
    return world


def signed(fill: Fill) -> Decimal:
    """What a fill adds to a position."""
    return fill.shares if fill.side == "BOT" else -fill.shares


def booked(world: World) -> list[Fill]:
    """The fills that change a position, of accounts that there are: those of combinations do so by their legs."""
    return [fill for fill in world.fills if fill.instrument.sec_type != "BAG" and fill.account in world.accounts]


WORLDS = given(st.integers(0, 10_000))
FEW = settings(max_examples=3, deadline=None)


@FEW
@WORLDS
def test_positions_and_cash_are_what_has_been_traded(seed: int) -> None:
    world = passed(seed, 700)
    for fill in booked(world):
        instrument, report = fill.instrument, fill.commission
        assert report is not None
        world.held[fill.account, instrument.con_id] += signed(fill)
        cost = (signed(fill) * fill.price * instrument.factor).quantize(MONEY) + report.amount
        moved = (report.realized or ZERO) if instrument.sec_type == "FUT" else -cost
        world.paid[fill.account, instrument.currency] += moved
        if instrument.sec_type == "CASH":
            world.paid[fill.account, instrument.symbol] += signed(fill)
    for account in world.accounts.values():
        for con_id, position in account.positions.items():
            assert position.quantity == world.held[account.code, con_id]
        for currency, amount in account.cash.items():
            # Each trade through zero is two, of which each is rounded.
            assert abs(amount - world.paid[account.code, currency]) <= MONEY * 20, (account.code, currency)


@FEW
@WORLDS
def test_commission_reports_realize_what_the_positions_did(seed: int) -> None:
    world = passed(seed, 500)
    realized: Sizes = collections.defaultdict(Decimal)
    for fill in booked(world):
        assert fill.commission is not None
        assert fill.commission.currency == fill.instrument.currency
        realized[fill.account, fill.instrument.con_id] += fill.commission.realized or ZERO
    for account in world.accounts.values():
        for con_id, position in account.positions.items():
            assert position.realized == realized[account.code, con_id]


@FEW
@WORLDS
def test_fills_add_up_to_their_orders(seed: int) -> None:
    world = passed(seed, 500)
    fills: dict[tuple[int, str, int], list[Fill]] = collections.defaultdict(list)
    for fill in world.fills:
        fills[fill.perm_id, fill.account, fill.instrument.con_id].append(fill)
    for order in world.orders:
        shares = order.allocations or ((order.account, order.quantity),)
        parts = [fills.pop((order.perm_id, account, order.instrument.con_id), []) for account, _ in shares]
        assert order.state.filled == sum((fill.shares for part in parts for fill in part), ZERO)
        assert order.state.remaining == order.quantity - order.state.filled
        assert (order.state.status == "Filled") == (order.state.remaining == 0)
        for part in parts:
            assert [fill.cumulative for fill in part] == list(itertools.accumulate(fill.shares for fill in part))
        _check_legs(order, fills)
    assert not fills


def _check_legs(order: Order, fills: dict[tuple[int, str, int], list[Fill]]) -> None:
    for leg in order.legs:
        part = fills.pop((order.perm_id, order.account, leg.instrument.con_id), [])
        assert sum((fill.shares for fill in part), ZERO) == order.state.filled * leg.ratio
        assert {fill.side for fill in part} <= {"BOT" if leg.action == "BUY" else "SLD"}


@FEW
@WORLDS
def test_orders_go_from_state_to_state_as_ib_s_do(seed: int) -> None:
    world = passed(seed, 600)
    for order in world.orders:
        assert order.states[0].status == "PendingSubmit"
        for before, after in itertools.pairwise(order.states):
            assert after.status in AFTER[before.status]
            assert before.at <= after.at
            assert replace(after, at=before.at) != before
            assert after.filled >= before.filled
    statuses = {state.status for order in world.orders for state in order.states}
    assert statuses == {*AFTER, *FINAL}
    kinds = {order.order_type for order in world.orders}
    assert kinds == {"MKT", "LMT", "STP"}
    assert any(order.legs for order in world.orders)
    assert any(order.parent_id for order in world.orders)
    assert any(len(order.states) > 4 for order in world.orders)
    assert any(order.allocations for order in world.orders) == bool(world.master)


@FEW
@WORLDS
def test_execution_ids_are_ib_s_and_corrections_count_on(seed: int) -> None:
    world = passed(seed, 600)
    ids: set[str] = set()
    for fill in world.fills:
        every = [*fill.earlier, fill]
        assert [f.exec_id for f in every] == [f"{fill.key}.{n:02d}" for n in range(1, len(every) + 1)]
        assert re.fullmatch(r"[0-9a-f]{8}\.[0-9a-f]{8}\.\d\d", fill.key)
        for one, other in itertools.pairwise(every):
            assert (one.shares, one.side, one.at, one.perm_id) == (other.shares, other.side, other.at, other.perm_id)
            assert one.price != other.price
        ids |= {f.exec_id for f in every}
    assert len(ids) == sum(1 + len(fill.earlier) for fill in world.fills)
    assert any(fill.earlier for fill in world.fills)
    assert any(len(fill.reports) > 1 for fill in world.fills), "reports come again"
    assert any(fill.shares != fill.shares.to_integral_value() for fill in world.fills)


@FEW
@WORLDS
def test_profits_are_those_of_the_account_values(seed: int) -> None:
    scenario = Scenario(seed=seed, accounts=4, positions=9, activity=150.0)
    for _ in range(300):
        scenario.advance()
    for code in scenario.codes():
        values = {(v.key, v.currency): v.text for v in scenario.values(code)}
        _, _, daily, unrealized, realized = scenario.answer(PNL, 1, code, "").first()[0]
        assert Decimal(unrealized) == Decimal(values["UnrealizedPnL", "BASE"]).quantize(CENT)
        assert Decimal(realized) == Decimal(values["RealizedPnL", "BASE"]).quantize(CENT)
        rows = [row for row in scenario.world.profits if row.account == code]
        assert rows[0].daily == Decimal(daily)
        by_currency: dict[str, Decimal] = collections.defaultdict(Decimal)
        for row in rows[1:]:
            assert row.con_id is not None
            _, _, size, *figures = scenario.answer(PNL_SINGLE, 1, code, "", row.con_id).first()[0]
            assert Decimal(size) == row.position
            assert [Decimal(f) for f in figures] == [row.daily, row.unrealized, row.realized, row.value]
            by_currency[scenario.world.instruments[row.con_id].currency] += row.unrealized
        for currency, total in by_currency.items():
            assert total == Decimal(values["UnrealizedPnL", currency])


def test_a_calm_market_fills_at_once_and_corrects_nothing() -> None:
    world = passed(5, 300, orders=0.0)
    assert all(order.order_type == "MKT" for order in world.orders)
    assert not any(order.is_open for order in world.orders)
    assert all(len(fill.reports) == 1 and not fill.earlier for fill in world.fills)


def test_the_journal_tells_everything_in_order_once() -> None:
    world = World(Plan(seed=3, activity=150.0))
    place, told = world.trading.told, []
    for _ in range(300):
        world.beat()
        told += world.trading.since(place)
        place = world.trading.told
    assert world.trading.since(place) == []
    fills = [entry for entry in told if isinstance(entry, Fill)]
    assert [f.key for f in fills if not f.earlier] == [f.key for f in world.fills]
    reports = collections.Counter(entry.exec_id for entry in told if isinstance(entry, Report))
    assert reports == collections.Counter(
        f.exec_id for fill in world.fills for f in (*fill.earlier, fill) for _ in f.reports
    )
    known: set[str] = set()
    for entry in told:
        if isinstance(entry, Fill):
            known.add(entry.exec_id)
        elif isinstance(entry, Report):
            assert entry.exec_id in known, "no report before its execution"
    last = {entry.perm_id: entry for entry in told if isinstance(entry, Order)}
    assert list(last.values()) == world.orders


def test_what_ended_long_ago_is_forgotten() -> None:
    world = World(Plan(accounts=2, positions=2))
    world.trade_something(world.clients()[0])
    before = len(world.orders)
    assert before > 0
    for _ in range(10):
        world.skip(86_400)
    kept = {order.perm_id for order in world.orders}
    assert not [o for o in world.orders if not o.is_open and o.state.at < world.now - timedelta(days=8)]
    assert {fill.perm_id for fill in world.fills} <= kept


@pytest.mark.parametrize(
    ("zone", "reset", "moment", "midnight", "next_reset"),
    [
        ("US/Eastern", "09:30", "2026-01-05T14:30", "2026-01-05T05:00", "2026-01-06T14:30"),
        ("US/Eastern", "00:00", "2026-03-08T06:00", "2026-03-08T05:00", "2026-03-09T04:00"),
        ("Asia/Tokyo", "17:00", "2026-06-01T20:00", "2026-06-01T15:00", "2026-06-02T08:00"),
        ("UTC", "17:00", "2026-06-01T16:59", "2026-06-01T00:00", "2026-06-01T17:00"),
    ],
)
def test_days_begin_in_the_gateway_s_zone(zone: str, reset: str, moment: str, midnight: str, next_reset: str) -> None:
    days = Days(zone, reset)
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert days.midnight(now) == datetime.fromisoformat(midnight).replace(tzinfo=UTC)
    assert days.next_reset(now) == datetime.fromisoformat(next_reset).replace(tzinfo=UTC)


@pytest.mark.parametrize("plan", [{"zone": "No/Where"}, {"pnl_reset": "25:00"}, {"orders": -1.0}, {"zone": "../UTC"}])
def test_a_plan_that_makes_no_sense_is_refused(plan: dict[str, object]) -> None:
    with pytest.raises(SimulatorError):
        Plan(**plan)  # type: ignore[arg-type]
