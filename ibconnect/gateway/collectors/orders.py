"""The orders of a login: the open ones of all clients and of TWS, then those that were completed lately.

Asking changes nothing at the gateway: reqAllOpenOrders binds no order to this client, and neither reqAutoOpenOrders nor
client 0, which would, is used. With its read-only API switched on a gateway refuses both, for as long as the connection
lasts.
"""

from collections.abc import Iterable
from types import MappingProxyType

from ibconnect.gateway.collectors.due import At, BySetting
from ibconnect.gateway.collectors.question import Answer, Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection

OPEN_ORDER_END, COMPLETED_ORDERS_END = 53, 102

# The error of every request that is not valid; which one it is, the text says.
_NOT_VALID = "321"


class Orders(Scheduled):
    """Asked at connection, with each refresh, and by ``EXEC_REF``."""

    name = "orders"
    due = (At.CONNECTION, At.REFRESH, BySetting("exec_ref"))
    messages = MappingProxyType({OPEN_ORDER_END: 1, COMPLETED_ORDERS_END: 1})

    def questions(self, connection: Connection) -> Iterable[Question]:
        """The open ones first: what is missing among them is looked for among the completed ones."""
        yield Question(lambda transport, _: transport.reqAllOpenOrders(), end=OPEN_ORDER_END)
        yield Question(lambda transport, _: transport.reqCompletedOrders(False), end=COMPLETED_ORDERS_END)

    def is_settled(self, refusal: Answer) -> bool:
        """Whether the gateway's API is read-only; any other refusal is of this once."""
        return refusal.code == _NOT_VALID and "read-only" in refusal.detail.lower().replace("read only", "read-only")
