"""Orders and their states: of one account, or of all that the token may see, newest first, page by page.

In: calls. Out: tables. Called by the pipeline, for the routes of :mod:`ibconnect.http.resources.orders.resource`.
"""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from aiohttp import web
from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.hidden import hidden
from ibconnect.http.resources.orders.columns import (
    FLAT_COLUMNS,
    OF_ITS_OWN,
    ORDER_COLUMNS,
    STATE_COLUMNS,
    nested,
    order_row,
    state_row,
)
from ibconnect.http.resources.orders.cursor import Place, format_place
from ibconnect.http.resources.orders.status import OPEN, statuses
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account
from ibconnect.http.server.columns import Row
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.limits import STATES_OF_ORDER
from ibconnect.http.server.negotiation import JSON
from ibconnect.times import EPOCH

SQL_OF = queries("http/orders")

# Which account a row is of, by the table that is looked into.
_WHOSE = {"whose": "the_accounts", "whose_name": "the_accounts_name", "whose_state": "the_accounts_state"}


async def account_orders(call: Call) -> web.StreamResponse:
    """The orders of one account."""
    account = call.account()
    await _visible(call, [account])
    return await _orders(call, [account], f"{account}-orders")


async def all_orders(call: Call) -> web.StreamResponse:
    """The orders of all accounts that the token may see, or of some."""
    return await _orders(call, await _named(call), "orders")


async def account_states(call: Call) -> web.StreamResponse:
    """The states of the orders of one account."""
    account = call.account()
    await _visible(call, [account])
    return await _states(call, [account], f"{account}-order-states")


async def all_states(call: Call) -> web.StreamResponse:
    """The states of the orders of all accounts that the token may see, or of some."""
    return await _states(call, await _named(call), "order-states")


async def _orders(call: Call, codes: Sequence[str] | None, name: str) -> web.StreamResponse:
    limit, pool = call.arguments["limit"], call.services.pool
    asked = _asked(call, codes)
    query = SQL(SQL_OF["page"]).format(found=_found(codes, _source(asked)))
    page = await db.rows(pool, query, asked)
    ids = [number for _, number in page[:limit]]
    found = await db.rows(pool, SQL_OF["orders"], {"ids": ids})
    rows: list[Row] = [order_row(row[1:]) for row in found]
    if (others := await hidden(call)) is not None:
        rows = [others.without(row, FLAT_COLUMNS, OF_ITS_OWN) for row in rows]
    columns = FLAT_COLUMNS
    if call.media == JSON:
        columns = ORDER_COLUMNS
        states = await _states_of(call, ids)
        rows = [[*cells, states[row[0]]] for cells, row in zip(rows, found, strict=True)]
    headers = _next(call, Place(*page[limit - 1])) if len(page) > limit else {}
    return await table_response(call, columns, rows, name, headers=headers)


async def _visible(call: Call, named: Sequence[str]) -> list[str] | None:
    """The accounts to look at: those that are named, or all that the token may see (None: all that there are).

    Also codes that only orders have, such as that of all accounts of an advisor together.

    :raises Problem: one that is named is not there, or not for this token
    """
    allowed = call.principal.accounts
    if not named:
        return None if allowed is None else sorted(allowed)
    may_see = [code for code in named if call.principal.may_see(code)]
    known = {code for (code,) in await db.rows(call.services.pool, SQL_OF["known"], {"codes": may_see})}
    for code in named:
        if code not in known:
            raise unknown_account(code)
    return list(named)


async def _named(call: Call) -> list[str] | None:
    """The accounts that a request for all of them names, or whose groups it names.

    :raises Problem: one that is named is not there, or not for this token
    """
    codes = await _visible(call, call.arguments["account"])
    return await within(call, codes, call.arguments["to"] or call.now)


async def _states_of(call: Call, ids: Sequence[int]) -> dict[int, str]:
    """The states of some orders, each as JSON."""
    asked = {"ids": list(ids), "most": STATES_OF_ORDER}
    found = await db.rows(call.services.pool, SQL_OF["states_of_orders"], asked)
    return {number: nested([state_row(row[1:]) for row in some]) for number, some in groupby(found, itemgetter(0))}


async def _states(call: Call, codes: Sequence[str] | None, name: str) -> web.StreamResponse:
    limit, asked = call.arguments["limit"], _asked(call, codes)
    source = SQL_OF["all_states" if asked["perm_id"] is None else "states_of_order"]
    query = SQL(SQL_OF["states_page"]).format(found=_found(codes, source))
    found = await db.rows(call.services.pool, query, asked)
    headers = {}
    if len(found) > limit:
        last = dict(zip([column.name for column in STATE_COLUMNS], found[limit - 1][1:], strict=False))
        headers = _next(call, Place(last["FirstSeen"], found[limit - 1][0], last["Ordinal"]))
    rows = [state_row(row[1:]) for row in found[:limit]]
    return await table_response(call, STATE_COLUMNS, rows, name, headers=headers)


def _next(call: Call, place: Place) -> dict[str, str]:
    return next_page(call, cursor=format_place(place))


def _asked(call: Call, codes: Sequence[str] | None) -> dict[str, Any]:
    """The parameters of all queries."""
    arguments = call.arguments
    place = arguments["cursor"] or Place(arguments["to"] or call.now)
    status, symbol = arguments.get("status"), arguments.get("symbol")
    return {
        **place._asdict(),
        "codes": codes,
        "from": arguments["from"] or EPOCH,
        "rows": arguments["limit"] + 1,
        "open": status == OPEN,
        "statuses": statuses(status),
        "names": None if symbol is None else sorted({symbol, symbol.upper()}),
        "perm_id": arguments.get("permid"),
    }


def _source(asked: dict[str, Any]) -> str:
    """The query that finds the orders of an account, by the index that fits what is asked for."""
    if asked["names"] is not None:
        return SQL_OF["named_orders"]
    if asked["open"]:
        return SQL_OF["open_orders"]
    return SQL_OF["all_orders" if asked["statuses"] is None else "orders_in_state"]


def _found(codes: Sequence[str] | None, source: str) -> Composed:
    is_anybodys = codes is None
    conditions = {name: SQL(SQL_OF["anybodys" if is_anybodys else condition]) for name, condition in _WHOSE.items()}
    return SQL(SQL_OF["each" if is_anybodys else "of_accounts"]).format(source=SQL(source).format(**conditions))
