"""Orders as the report has them are those of a simulated gateway's own books, whatever happens on the way."""

from decimal import Decimal
from itertools import groupby, islice
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ibconnect.projections.orders.book import Order, State
from ibconnect.simulator import Scenario
from ibconnect.simulator.scenario.blotter import FINAL, PENDING
from ibconnect.simulator.scenario.blotter import Order as Booked
from ibconnect.simulator.scenario.orders import COMPLETED_ORDERS, OPEN_ORDERS, UNASKED
from tests.orders_told import Told

BEATS = 150
Shown = tuple[Any, ...]


def shown(state: Any) -> Shown:
    """A state of the books, as messages tell it."""
    return (state.status, state.filled, state.remaining, state.average_price, state.last_price, state.why_held or None)


def of_report(state: State) -> Shown:
    """The same of the report."""
    numbers = [state.cells[name] for name in ("filled", "remaining", "avg_fill_price", "last_fill_price")]
    return (
        state.cells["status"],
        *(None if text is None else Decimal(text) for text in numbers),
        state.cells["why_held"],
    )


def differing(states: list[Shown]) -> list[Shown]:
    """Without those that follow their like."""
    return [state for state, _ in groupby(states)]


def make(seed: int) -> Scenario:
    return Scenario(seed=seed, accounts=2, positions=3, advisor=seed % 3 == 0, activity=6.0, orders=30.0)


def compare_terms(order: Order, booked: Booked, version: int) -> None:
    """All that is said of an order beside its states."""
    cells = order.cells
    assert order.account == booked.account
    assert (cells["action"], cells["order_type"], cells["tif"]) == (booked.action, booked.order_type, booked.tif)
    texts = ("oca_group", "order_ref", "fa_group", "fa_method")
    assert [cells.get(name) or "" for name in texts] == [getattr(booked, name) for name in texts]
    assert (cells.get("model_code") or "", cells.get("good_till_date") or "") == (booked.model, booked.good_till)
    assert Decimal(cells["total_quantity"] or "") == booked.quantity
    # Where there is no price, gateways send 0.
    prices = [Decimal(cells.get(name) or 0) for name in ("lmt_price", "aux_price")]
    assert prices == [booked.limit or 0, booked.stop or 0]
    assert (cells["symbol"], cells["ib_contract_id"]) == (booked.instrument.symbol, str(booked.instrument.con_id))
    assert cells["outside_rth"] == ("t" if booked.outside_rth else "f")
    legs = [(leg["ConId"], leg["Ratio"], leg["Action"]) for leg in orjson.loads(cells.get("legs") or "[]")]
    assert legs == [(leg.instrument.con_id, leg.ratio, leg.action) for leg in booked.legs]
    if version >= 195 and order.key.order_id:
        shares = orjson.loads(cells.get("allocations") or "[]")
        assert [(each["Account"], Decimal(str(each["DesiredAllocQty"]))) for each in shares] == list(booked.allocations)
    assert cells.get("fault") is None


def follow_pushes(seed: int, version: int) -> int:
    """One day of a client that is told everything unasked: all states of all orders are there."""
    scenario, told, random = make(seed), Told(dumps=seed % 7 == 0), Random(seed)
    told.connect("a", str(version))
    feed = scenario.answer(UNASKED, version)
    for _ in range(BEATS):
        scenario.world.beat()
        for row in feed.more(scenario.pulse()):
            told.say("a", *[row] * random.choice((1, 1, 2)))
    assert told.refused == []
    orders, changed = found(told, scenario)
    assert changed == set()
    assert list(orders) == [booked.perm_id for booked in scenario.world.orders], (
        "all that are in the books, and no others"
    )
    for booked in scenario.world.orders:
        order = orders[booked.perm_id]
        assert differing([of_report(state) for state in order.states]) == [shown(state) for state in booked.states]
        compare_terms(order, booked, version)
    return len(orders)


def follow_answers(seed: int, version: int) -> int:
    """One day of a client that asks now and then, and is cut off now and then: all that was told is there."""
    scenario, told, random = make(seed), Told(dumps=seed % 7 == 0), Random(seed)
    told.connect("a", str(version))
    expected: dict[int, list[Shown]] = {}
    for beat in range(BEATS):
        scenario.world.beat()
        if beat % random.choice((5, 20, 60)):
            continue
        answer = [*scenario.answer(OPEN_ORDERS, None, version), *scenario.answer(COMPLETED_ORDERS, False, version)]
        if random.random() < 0.2:
            told.say("a", *islice(answer, random.randrange(len(answer))))
            told.connect("a", str(version))
        told.say("a", *(row for row in answer for _ in range(random.choice((1, 1, 2)))))
        for booked in scenario.world.orders:
            states = expected.setdefault(booked.perm_id, [])
            states.append(shown(booked.state) if booked.is_open else completed(booked, states))
    assert told.refused == []
    orders, changed = found(told, scenario)
    # Of an account that is closed the gateway tells nothing any more.
    closed = {
        each.perm_id for each in scenario.world.orders if each.account not in scenario.codes() and not each.allocations
    }
    assert set(orders) - closed == set(expected) - closed
    for perm_id, order in orders.items():
        if perm_id in closed:
            continue
        states, seen = expected[perm_id], [of_report(state) for state in order.states]
        if perm_id in changed:
            states, seen = [state[:2] for state in states if state[0] != PENDING], [state[:2] for state in seen]
        assert differing(seen) == differing(states)
        assert order.is_open == (order.status not in FINAL)
    return len(orders)


def found(told: Told, scenario: Scenario) -> tuple[dict[int, Order], set[int]]:
    """The report's orders in the order of the books, by IB's id, which is not told before IB has taken the order.

    And those of which the id was told too late.
    """
    of_clients = {order.key[1:]: order for order in told.orders if not order.key.perm_id}
    by_id = {order.key.perm_id: order for order in told.orders if order.key.perm_id}
    by_id |= {
        booked.perm_id: of_clients.pop((booked.client_id, booked.order_id))
        for booked in scenario.world.orders
        if (booked.client_id, booked.order_id) in of_clients and booked.perm_id not in by_id
    }
    # One that was changed and completed before its id was told is not known to be the completed one: it is gone.
    assert {order.status for order in of_clients.values()} <= {"Gone"}
    of_books = {(booked.client_id, booked.order_id): booked.perm_id for booked in scenario.world.orders}
    return dict(sorted(by_id.items())), {of_books[key] for key in of_clients}


def completed(booked: Booked, before: list[Shown]) -> Shown:
    """What a completedOrder tells: how much was filled, and nothing of prices."""
    status, filled = booked.state.status, booked.state.filled
    rest = before[-1][2:5] if before and before[-1][1] == filled else (None, None, None)
    return (status, filled, *rest, None)


@pytest.mark.parametrize("follow", [follow_pushes, follow_answers])
@given(seed=st.integers(1, 10_000), version=st.integers(157, 200))
@settings(max_examples=2, phases=(Phase.generate,))
def test_the_report_has_what_the_books_have(follow: Any, seed: int, version: int) -> None:
    follow(seed, version)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("follow", [follow_pushes, follow_answers])
def test_the_report_has_what_the_books_have_over_many_days(follow: Any) -> None:
    assert sum(follow(seed, 157 + seed % 44) for seed in range(1, 501)) > 1_000
