"""Orders: no login here has any, and none can be placed, as with the gateway's read-only switch on."""

from ibconnect.simulator.parts import READ_ONLY, Message, Part, Request, accepted, empty, refused
from ibconnect.simulator.wire.frames import Fields


def _open_order_end(fields: list[str]) -> Fields:
    return ("53", "1")


def _completed_orders_end(fields: list[str]) -> Fields:
    return ("102",)


PART = Part(
    requests={
        "3": refused("placeOrder", 321, READ_ONLY, 1),
        "4": refused("cancelOrder", 10147, "OrderId that needs to be cancelled is not found.", 1),
        "5": empty("reqOpenOrders", "53", _open_order_end),
        "15": Request("reqAutoOpenOrders", accepted, "none, as in reality"),
        "16": empty("reqAllOpenOrders", "53", _open_order_end),
        "58": refused("reqGlobalCancel", 321, READ_ONLY),
        "99": empty("reqCompletedOrders", "102", _completed_orders_end),
    },
    messages={"53": Message("openOrderEnd"), "102": Message("completedOrdersEnd")},
)
