"""What IB says of contracts, at a moment.

In: calls. Out: a contract, or a table of some. Called by the pipeline, for the routes of
:mod:`ibconnect.http.resources.contracts.resource`. A token that is limited to accounts sees the contracts that these
have ever held: which ones there are would say what others hold.
"""

from typing import Any

from aiohttp import web
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.http.resources.contracts.columns import COLUMNS
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import json_rows
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.problems import Problem, ProblemType
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.times import format_rfc3339

_SQL = queries("http/contracts")

UNKNOWN_CONTRACT = ProblemType("unknown-contract", 404, "There is no such contract", may_be_swap=True)


async def one_contract(call: Call) -> web.StreamResponse:
    """One contract."""
    contract = call.arguments["IbContractId"]
    found = await _read(call, contracts=[contract], after=0, rows=1)
    if not found:
        then = "" if call.arguments["at"] is None else f" by {format_rfc3339(call.arguments['at'])}"
        raise Problem(UNKNOWN_CONTRACT, f"IB has said nothing of a contract {contract}{then}")
    # The one row is the document.
    body = json_rows(COLUMNS, found).encode()
    return CachedResponse(body, JSON, "private, no-cache").response(call.request)


async def all_contracts(call: Call) -> web.StreamResponse:
    """Contracts by id, page by page."""
    arguments = call.arguments
    limit, at = arguments["limit"], arguments["at"]
    found = await _read(call, contracts=arguments["contract"] or None, after=arguments["cursor"] or 0, rows=limit + 1)
    headers = {}
    if len(found) > limit:
        now = {} if at else {"at": format_rfc3339(call.now)}
        headers = next_page(call, cursor=str(found[limit - 1][0]), **now)
    return await table_response(call, COLUMNS, found[:limit], "contracts", headers=headers)


async def _read(call: Call, **asked: Any) -> list[TupleRow]:
    """The rows of a page."""
    arguments, visible = call.arguments, call.principal.accounts
    symbol, isin = arguments.get("symbol"), arguments.get("isin")
    given = {
        **asked,
        "at": arguments["at"] or call.now,
        "now": call.now,
        "symbols": None if symbol is None else [symbol, symbol.upper()],
        "isin": isin,
        "codes": None if visible is None else sorted(visible),
    }
    named = {"of_ids": asked["contracts"], "of_symbol": symbol, "of_isin": isin}
    query = _query(tuple(name for name, value in named.items() if value is not None), is_limited=visible is not None)
    return await db.rows(call.services.pool, query, given)


def _query(conditions: tuple[str, ...], *, is_limited: bool) -> Composed:
    which = SQL(" AND ").join(SQL(_SQL[name]) for name in conditions or ("any",))
    return SQL(_SQL["contracts"]).format(which=which, visible=SQL(_SQL["held" if is_limited else "any"]))
