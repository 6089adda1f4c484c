"""Whatever messages come in whatever order: each order is one, each state that was told is a row, and none is twice."""

from collections.abc import Iterator
from itertools import groupby, islice
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.config import load
from ibconnect.gateway.collectors.collector import Home
from ibconnect.gateway.collectors.orders import Orders
from ibconnect.gateway.collectors.question import Answer, Ended
from ibconnect.gateway.refresh_queue import RefreshQueue
from ibconnect.simulator.parts import READ_ONLY
from tests.orders import COMPLETED_END, OPEN_END, completed_order, open_order, order_status
from tests.orders_told import Told

FINALS = ("Filled", "Cancelled")


# What really becomes of an order: so much is filled step by step, then it is over, or not yet.
LIVES = st.lists(st.integers(1, 5), max_size=6).flatmap(
    lambda fills: st.tuples(st.just(fills), st.sampled_from([*FINALS, None]))
)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["live", "ask", "ask", "push", "cut", "connect"]),
        st.integers(0, 3),
        st.sampled_from(["a", "b"]),
        st.integers(0, 30),
        st.booleans(),
    ),
    max_size=40,
)


def states_of(fills: list[int], end: str | None) -> list[tuple[str, str]]:
    """The states that an order goes through, each another."""
    filled, found = 0, [("PreSubmitted", "0"), ("Submitted", "0")]
    for size in fills:
        filled += size
        found.append(("Submitted", str(filled)))
    return [*found, (end, str(filled))] if end else found


class Truth:
    """What becomes of some orders, and what gateways have told of it: ``told`` has for each order the states told.

    ``half``: of which order only the openOrder has come so far, which tells no fills.
    """

    def __init__(self, lives: list[tuple[list[int], str | None]]) -> None:
        self.lives = [states_of(*life) for life in lives]
        self.reached = [0] * len(lives)
        self.told: list[list[tuple[str, str | None]]] = [[] for _ in lives]
        self.half: int | None = None

    def live(self, number: int) -> None:
        """An order goes on to its next state."""
        number %= len(self.lives)
        self.reached[number] = min(self.reached[number] + 1, len(self.lives[number]) - 1)

    def messages(self, number: int, doubled: bool) -> Iterator[list[str]]:
        """What a gateway says of an order, while it is open; each message may come twice."""
        status, filled = self.lives[number][self.reached[number]]
        name = {"perm": str(71 + number), "order": str(7 + number)}
        described = open_order(permId=name["perm"], orderId=name["order"], status=status)
        for message in (described, order_status(status, filled, "9", **name)):
            if message[0] == "3":
                self.tell(number)
            self.half = number if message[0] == "5" else None
            yield from [message] * (2 if doubled else 1)

    def tell(self, number: int) -> None:
        """What is filled is told, which may not have been known of the state before."""
        told, state = self.told[number], self.lives[number][self.reached[number]]
        self.told[number] = [*(told[:-1] if told[-1:] == [(state[0], None)] else told), state]

    def cut(self) -> None:
        """The connection ends: what was said by half holds as far as it goes."""
        if self.half is not None:
            told, (status, _) = self.told[self.half], self.lives[self.half][self.reached[self.half]]
            told.append((status, told[-1][1] if told else None))
        self.half = None

    def answer(self, doubled: bool) -> Iterator[list[str]]:
        """All open orders, then those that are over."""
        over = [number for number, at in enumerate(self.reached) if self.lives[number][at][0] in FINALS]
        for number in range(len(self.lives)):
            if number not in over:
                yield from self.messages(number, doubled)
        yield OPEN_END
        for number in over:
            status, filled = self.lives[number][self.reached[number]]
            self.tell(number)
            perm_id, sent = str(71 + number), {"totalQuantity": "0", "filledQuantity": filled, "status": status}
            yield from [completed_order(permId=perm_id, **sent)] * (2 if doubled else 1)
        yield COMPLETED_END


@given(lives=st.lists(LIVES, min_size=1, max_size=3), actions=ACTIONS)
@settings(max_examples=100)
def test_every_state_that_was_told_is_a_row_and_none_is_twice(
    lives: list[tuple[list[int], str | None]], actions: list[tuple[str, int, str, int, bool]]
) -> None:
    truth, told = Truth(lives), Told()
    for gateway in "ab":
        told.connect(gateway)
    for what, number, gateway, cut, doubled in actions:
        match what:
            case "live":
                truth.live(number)
            case "ask":
                told.say(gateway, *truth.answer(doubled))
            case "push":
                told.say(gateway, *truth.messages(number % len(lives), doubled))
            case "connect":
                told.connect(gateway)
            case "cut":
                for message in islice(truth.answer(doubled), cut):
                    told.say(gateway, message)
                truth.cut()
                told.connect(gateway)
    assert told.refused == []
    assert len(told.orders) <= len(lives)
    for number in range(len(lives)):
        # Both gateways tell what is true when they tell it, so what is told only goes on.
        wanted = [state for state, _ in groupby(truth.told[number])]
        found = [order for order in told.orders if order.key.perm_id == 71 + number]
        if wanted:
            assert told.states(71 + number)[-len(wanted) :] == wanted
        assert len(found) <= 1


def test_a_gateway_that_is_behind_tells_nothing_new() -> None:
    told = Told()
    for gateway in "ab":
        told.connect(gateway)
    told.say("a", open_order(status="PreSubmitted"), order_status("PreSubmitted"))
    told.say("a", open_order(), order_status("Submitted", "4"), order_status("Submitted", "6"))
    told.say("b", open_order(status="PreSubmitted"), order_status("PreSubmitted"), order_status("Submitted", "4"))
    told.say("b", order_status("Submitted", "6"), order_status("Filled", "10"))
    assert told.states() == [("PreSubmitted", "0"), ("Submitted", "4"), ("Submitted", "6"), ("Filled", "10")]
    # The same state again, after another, is a state by itself.
    told.say("b", order_status("Submitted", "6"))
    assert told.states()[-1] == ("Submitted", "6")


def test_an_order_without_a_perm_id_is_the_one_that_gets_it() -> None:
    told = Told()
    told.connect("a")
    told.say("a", open_order(permId="0", status="PendingSubmit"), order_status("PendingSubmit", perm="0"), OPEN_END)
    told.say("a", open_order(permId="0", orderId="8", status="PendingSubmit"), OPEN_END)
    told.connect("a")
    told.say("a", open_order(), order_status(), OPEN_END)
    assert [(order.key.perm_id, order.key.order_id) for order in told.orders] == [(71, 7), (0, 8)]
    assert told.states() == [("PendingSubmit", "0"), ("Submitted", "0")]
    told.say("a", order_status("Filled", "10", perm="0"))
    assert told.states()[-1] == ("Filled", "10")
    # The next order of that number is another one.
    told.say("a", open_order(permId="72"), order_status(perm="72"))
    assert len(told.orders) == 3


def test_what_another_gateway_has_told_first_leaves_no_order_open_for_ever() -> None:
    """Clients' numbers are those of one gateway: that both mean one order is known too late to make one of them."""
    told = Told()
    for gateway in "ab":
        told.connect(gateway)
    told.say("a", open_order(permId="0", status="PendingSubmit"), order_status("PendingSubmit", perm="0"), OPEN_END)
    told.say("b", open_order(), order_status(), OPEN_END)
    told.say("a", open_order(), order_status(), OPEN_END, COMPLETED_END)
    assert [(order.key.perm_id, order.status) for order in told.orders] == [(0, "Gone"), (71, "Submitted")]


def test_a_status_before_its_order_is_of_that_order() -> None:
    told = Told()
    told.connect("a")
    told.say("a", order_status("PreSubmitted"), open_order(), OPEN_END)
    (order,) = told.orders
    assert (order.account, order.cells["symbol"]) == ("DU1", "AAPL")
    assert [status for status, _ in told.states()] == ["PreSubmitted", "Submitted"]


def test_the_same_number_of_ib_in_another_account_is_another_order() -> None:
    told = Told()
    told.connect("a")
    told.say(
        "a", open_order(), order_status(), open_order(account="DU2", orderId="8"), order_status(order="8"), OPEN_END
    )
    assert [(order.account, order.key.perm_id) for order in told.orders] == [("DU1", 71), ("DU2", 71)]


@pytest.mark.parametrize("end", ["101", "102", "gone elsewhere"])
def test_what_is_no_longer_open_nor_completed_is_gone(end: str) -> None:
    told = Told()
    told.connect("a")
    told.list_accounts("a", "DU1,DU2")
    told.say("a", open_order(), order_status("Submitted", "4"), OPEN_END, COMPLETED_END)
    if end == "gone elsewhere":
        told.connect("b")
        told.say("b", open_order(), order_status("Submitted", "4"), OPEN_END)
    told.say("a", OPEN_END)
    assert told.states() == [("Submitted", "4")], "the completed ones may have it"
    if end == "101":
        told.say("a", completed_order(status="Cancelled", filledQuantity="4"))
    told.say("a", COMPLETED_END)
    last = {"101": ("Cancelled", "4"), "102": ("Gone", None), "gone elsewhere": ("Submitted", "4")}
    assert told.states()[-1] == last[end]
    told.say("a", OPEN_END, COMPLETED_END)
    assert told.states()[-1] == last[end]
    told.say("a", open_order(), order_status("Submitted", "4"), OPEN_END, COMPLETED_END)
    assert told.states()[-1] == ("Submitted", "4"), "it is back"


def test_an_end_that_comes_twice_ends_one_list() -> None:
    told = Told()
    told.connect("a")
    for _ in range(2):
        told.say("a", open_order(), order_status(), OPEN_END, OPEN_END, COMPLETED_END, COMPLETED_END)
    assert told.states() == [("Submitted", "0")]
    told.say("a", OPEN_END, OPEN_END, COMPLETED_END)
    assert told.states() == [("Submitted", "0"), ("Gone", None)]


@pytest.mark.parametrize("same", [True, False])
def test_an_order_that_was_completed_before_it_got_a_perm_id(same: bool) -> None:
    """A completedOrder does not say whose client's it was: its terms do."""
    told = Told()
    told.connect("a")
    told.say("a", open_order(permId="0"), order_status("PendingSubmit", perm="0"), OPEN_END, COMPLETED_END)
    terms = {} if same else {"lmtPrice": "180"}
    told.say("a", OPEN_END, completed_order(status="Cancelled", filledQuantity="0", **terms), COMPLETED_END)
    states = {order.key.perm_id: [state.cells["status"] for state in order.states] for order in told.orders}
    assert states == (
        {71: ["PendingSubmit", "Cancelled"]} if same else {0: ["PendingSubmit", "Gone"], 71: ["Cancelled"]}
    )


def test_nothing_is_gone_because_a_connection_was_cut_or_another_login_is_there() -> None:
    told = Told()
    told.connect("a")
    told.say("a", open_order(), order_status(), OPEN_END, COMPLETED_END)
    told.connect("a")
    told.say("a", COMPLETED_END)
    told.connect("a")
    told.list_accounts("a", "DU9")
    told.say("a", OPEN_END, COMPLETED_END)
    assert told.states() == [("Submitted", "0")]
    told.connect("a", continues=str(uuid4()))
    told.say("a", OPEN_END, COMPLETED_END)
    assert told.states() == [("Submitted", "0")]


def test_what_comes_late_does_not_undo_what_is_known() -> None:
    told = Told()
    told.connect("a")
    told.say("a", open_order(), order_status("Filled", "10"))
    told.connect("late", continues=str(uuid4()))
    told.say("late", order_status("Submitted", "4"), at=1)
    assert told.states() == [("Filled", "10")]


def test_a_change_of_terms_is_a_state() -> None:
    told = Told()
    told.connect("a")
    for price in ("189.50", "189.50", "188.00", "188"):
        told.say("a", open_order(lmtPrice=price), order_status(), OPEN_END)
    (order,) = told.orders
    assert [state.cells["lmt_price"] for state in order.states] == ["189.50", "188.00"]
    assert order.cells["lmt_price"] == "188", "as it was sent last"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (["5", "7", "265598"], "the order cannot be told: it ends before its field contract symbol"),
        (["3", "7", "Filled"], "10 fields at least"),
        (open_order(permId="x"), "the permId 'x' is no number of an order"),
        (open_order(permId=str(1 << 63)), "is no number"),
        (open_order(permId="0", orderId="0"), "neither a permId nor an id of its client"),
        (completed_order(permId="0"), "neither a permId nor an id of its client"),
    ],
)
def test_what_names_no_order_costs_itself(fields: list[str], why: str) -> None:
    told = Told()
    told.connect("a")
    told.say("a", fields, open_order(), order_status())
    assert len(told.refused) == 1
    assert why in told.refused[0]
    assert told.states() == [("Submitted", "0")]


def test_a_figure_that_is_no_number_costs_itself() -> None:
    told = Told()
    told.connect("a")
    odd = {"lmtPrice": "about 5", "auxPrice": "1.0E7", "totalQuantity": "-0.00"}
    told.say("a", open_order(**odd), order_status("Submitted", "2147483647", "x"))
    (order,) = told.orders
    assert {name: order.cells.get(name) for name in ("lmt_price", "aux_price", "total_quantity")} == {
        "lmt_price": None,
        "aux_price": "1.0E7",
        "total_quantity": "-0.00",
    }
    assert order.inexact == {"lmt_price": "about 5", "aux_price": "1.0E7", "total_quantity": "-0.00"}
    assert order.states[0].inexact["remaining"] == "x"
    assert order.states[0].cells["filled"] is None


def test_a_message_that_is_cut_off_costs_what_is_behind() -> None:
    told = Told()
    told.connect("a", "200")
    whole = open_order(200, warningText="careful")
    told.say("a", whole[:60], OPEN_END)
    (order,) = told.orders
    assert (order.cells["symbol"], order.account, order.cells["fault"]) == (
        "AAPL",
        "DU1",
        "it ends before its field volatilityType",
    )
    told.say("a", whole, order_status())
    assert (order.cells.get("fault"), order.cells["warning_text"]) == (None, "careful")


@pytest.mark.parametrize(
    ("code", "text", "is_settled"),
    [
        ("321", READ_ONLY, True),
        ("321", "Error validating request.-'bM' : cause - The API interface is currently in Read-Only mode.", True),
        ("321", "the api is READ ONLY", True),
        ("321", "Error validating request.-'bM' : cause - Invalid account code '0'.", False),
        ("322", READ_ONLY, False),
    ],
)
def test_which_refusal_is_that_of_a_read_only_gateway(code: str, text: str, is_settled: bool) -> None:
    answer = Answer(Ended.REFUSED, f"{code}: {text}", code)
    assert Orders(Home(load({}), None, RefreshQueue())).is_settled(answer) is is_settled  # type: ignore[arg-type]
