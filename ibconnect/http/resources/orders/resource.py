"""The routes of orders, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import ACCOUNT, FORMAT, FROM, IF_NONE_MATCH, NOT_MODIFIED, TO, TZ, table
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.orders.columns import NESTED_COLUMNS, ORDER_COLUMNS, STATE_COLUMNS
from ibconnect.http.resources.orders.cursor import CURSOR
from ibconnect.http.resources.orders.handlers import account_orders, account_states, all_orders, all_states
from ibconnect.http.resources.orders.status import CHOICES, PATTERN
from ibconnect.http.resources.positions.parameters import ACCOUNTS, SYMBOL
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import (
    ORDER_STATES_DEFAULT,
    ORDER_STATES_MAX,
    ORDERS_DEFAULT,
    ORDERS_MAX,
    STATES_OF_ORDER,
)
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route, Tag
from ibconnect.http.server.tokens import Right

ORDERS = Tag("Orders", "Orders, open and completed, as IB's gateways tell of them.")
_TABLES = ("accounts", "orders")

_STATUS = Parameter(
    "status",
    "query",
    kinds.pattern(PATTERN, f"one of: {', '.join(CHOICES)}"),
    "Only orders in this state: `open` (may still be filled), `filled`, `cancelled`, `inactive`, `gone`, or one of "
    "IB's names",
    "open",
)
_PERM_ID = Parameter(
    "permid", "query", kinds.integer(1, 2**63 - 1), "Only states of the order with this id of IB's", 1234567890
)
_LIMIT = Parameter(
    "limit", "query", kinds.integer(1, ORDERS_MAX), "Most orders on a page", ORDERS_DEFAULT, default=ORDERS_DEFAULT
)
_STATE_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, ORDER_STATES_MAX),
    "Most states on a page",
    ORDER_STATES_DEFAULT,
    default=ORDER_STATES_DEFAULT,
)
_SPAN = (FROM, TO, TZ)
_PAGE = (CURSOR, FORMAT, IF_NONE_MATCH)
_HOW = (
    "By when they were seen first, the newest first; `from` and `to` are of that time. Open orders of all clients and "
    "of TWS, and completed ones, each once, in its latest state. In JSON with every state before it "
    f"(`States`: of more than {STATES_OF_ORDER} the newest); other formats have these in a table of their own, "
    "`…/orders/states`."
)
_HOW_STATES = (
    "By when they were seen first, the newest first. Two in a row differ; a change of the quantity, the type or a "
    "price by its client is a state as well."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/orders",
        name="listAccountOrders",
        handler=account_orders,
        tag=ORDERS,
        right=Right.READ,
        summary="Orders of an account",
        description=_HOW,
        parameters=(ACCOUNT, _STATUS, SYMBOL, *_SPAN, _LIMIT, *_PAGE),
        answers={200: table("The orders", "OrderList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT,),
        media=TABLE,
        reports=_TABLES,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/orders/states",
        name="listAccountOrderStates",
        handler=account_states,
        tag=ORDERS,
        right=Right.READ,
        summary="States of an account's orders",
        description=_HOW_STATES,
        parameters=(ACCOUNT, _PERM_ID, *_SPAN, _STATE_LIMIT, *_PAGE),
        answers={200: table("The states", "OrderStateList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT,),
        media=TABLE,
        reports=_TABLES,
    ),
    Route(
        path="/v1/orders",
        name="listOrders",
        handler=all_orders,
        tag=ORDERS,
        right=Right.READ,
        summary="Orders of all accounts",
        description=f"Of all accounts that the token may see. {_HOW}",
        parameters=(ACCOUNTS, GROUPS, _STATUS, SYMBOL, *_SPAN, _LIMIT, *_PAGE),
        answers={200: table("The orders", "OrderList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
        media=TABLE,
        reports=_TABLES,
    ),
    Route(
        path="/v1/orders/states",
        name="listOrderStates",
        handler=all_states,
        tag=ORDERS,
        right=Right.READ,
        summary="States of all accounts' orders",
        description=f"Of all accounts that the token may see. {_HOW_STATES}",
        parameters=(ACCOUNTS, GROUPS, _PERM_ID, *_SPAN, _STATE_LIMIT, *_PAGE),
        answers={200: table("The states", "OrderStateList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
        media=TABLE,
        reports=_TABLES,
    ),
)

RESOURCE = Resource(
    ROUTES,
    {
        "Order": row_of("An order", ORDER_COLUMNS),
        "OrderList": list_of("The one that was seen first last comes first", "Order"),
        "OrderStateOfOrder": row_of("A state that an order was seen in", NESTED_COLUMNS),
        "OrderState": row_of("A state that an order was seen in", STATE_COLUMNS),
        "OrderStateList": list_of("The newest first", "OrderState"),
    },
    Path(__file__).with_name("examples.json"),
)
