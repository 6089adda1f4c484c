"""Orders: open ones, completed ones, and what happens to them; no client can place, change or cancel one."""

from collections.abc import Sequence

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import READ_ONLY, Message, Part, Request, Sorting, refused, text
from ibconnect.simulator.scenario.blotter import Order
from ibconnect.simulator.scenario.feeds import JournalFeed, ScriptFeed
from ibconnect.simulator.scenario.printing import completed_order_row, open_order_row, status_row
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.scenario.trading import TWS, Entry
from ibconnect.simulator.source import Feed, Question, Recordings, Refusal
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.frames import Fields

_OPEN_END: Fields = ("53", "1")
_COMPLETED_END: Fields = ("102",)


def _is_seen(scenario: Scenario, order: Order) -> bool:
    """Whether its account is of this login still."""
    return order.account in scenario.world.accounts or bool(order.allocations)


def _open(scenario: Scenario, client_id: int | None, version: int) -> list[Fields]:
    rows: list[Fields] = []
    for order in scenario.world.trading.working():
        if client_id in (None, order.client_id) and _is_seen(scenario, order):
            rows += (open_order_row(order, version), status_row(order, version))
    return [*rows, _OPEN_END]


def _completed(scenario: Scenario, is_api_only: bool, version: int) -> list[Fields]:
    days, world = scenario.world.days, scenario.world
    since = days.midnight(world.now)
    rows = [
        completed_order_row(order, version, days)
        for order in world.trading.orders.values()
        if not order.is_open and order.state.at >= since and _is_seen(scenario, order)
        if not (is_api_only and order.client_id == TWS)
    ]
    return [*rows, _COMPLETED_END]


def _open_recorded(recordings: Recordings, client_id: int | None, version: int) -> list[Fields]:
    return recordings.whole("orders", None, _OPEN_END)


def _completed_recorded(recordings: Recordings, is_api_only: bool, version: int) -> list[Fields]:
    return recordings.whole("completed", None, _COMPLETED_END)


def _unasked(scenario: Scenario, version: int) -> Feed:
    def rows(entry: Entry) -> Sequence[Fields]:
        return (open_order_row(entry, version), status_row(entry, version)) if isinstance(entry, Order) else ()

    return JournalFeed(scenario.world.trading, rows)


def _none_unasked(recordings: Recordings, version: int) -> Feed:
    return ScriptFeed([])


OPEN_ORDERS = Question(_open, _open_recorded)
"""By client (None: of all) and server version."""
COMPLETED_ORDERS = Question(_completed, _completed_recorded)
"""By whether orders of TWS are left out, and server version."""
UNASKED = Question(_unasked, _none_unasked)
"""By server version."""


def _check_right(subscriptions: Subscriptions) -> None:
    if subscriptions.options.read_only:
        raise Refusal(321, READ_ONLY)


def _own_orders(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    _check_right(subscriptions)
    rows = subscriptions.source.answer(OPEN_ORDERS, connection.client_id, connection.version)
    connection.send(rows)


def _all_orders(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    _check_right(subscriptions)
    rows = subscriptions.source.answer(OPEN_ORDERS, None, connection.version)
    connection.send(rows)


def _bind_orders(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    _check_right(subscriptions)


def _completed_orders(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    _check_right(subscriptions)
    is_api_only = text(fields, 1, "Api Only") == "1"
    rows = subscriptions.source.answer(COMPLETED_ORDERS, is_api_only, connection.version)
    connection.send(rows)


def _open_end(fields: list[str]) -> Fields:
    return _OPEN_END


def _completed_end(fields: list[str]) -> Fields:
    return _COMPLETED_END


PART = Part(
    requests={
        "3": refused("placeOrder", 321, READ_ONLY, 1),
        "4": refused("cancelOrder", 10147, "OrderId that needs to be cancelled is not found.", 1),
        "5": Request("reqOpenOrders", _own_orders, "5, 3, 53; 321 with --read-only", kind="orders", end=_open_end),
        "15": Request("reqAutoOpenOrders", _bind_orders, "none, as in reality; 321 with --read-only"),
        "16": Request("reqAllOpenOrders", _all_orders, "5, 3, 53; 321 with --read-only", kind="orders", end=_open_end),
        "58": refused("reqGlobalCancel", 321, READ_ONLY),
        "99": Request(
            "reqCompletedOrders",
            _completed_orders,
            "101, 102; 321 with --read-only",
            kind="completed",
            end=_completed_end,
        ),
    },
    messages={
        "3": Message("orderStatus", "orders", Sorting.ENDED),
        "5": Message("openOrder", "orders", Sorting.ENDED),
        "53": Message("openOrderEnd", "orders", Sorting.ENDED, is_end=True),
        "101": Message("completedOrder", "completed", Sorting.ENDED),
        "102": Message("completedOrdersEnd", "completed", Sorting.ENDED, is_end=True),
    },
    unasked=UNASKED,
)
