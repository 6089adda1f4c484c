"""Executions, newest first, of one account or of all; and the gaps in them.

In: calls. Out: tables, page by page. Called by the pipeline, for the routes of
:mod:`ibconnect.http.resources.executions.resource`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, LiteralString

from aiohttp import web
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.http.resources.contract_names import names_of
from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.executions.columns import COLUMNS, CONTRACT, EVENTS, GAP_COLUMNS
from ibconnect.http.resources.executions.cursor import BEGIN, Place, format_place
from ibconnect.http.resources.executions.stated import Fill, row_of, with_statements
from ibconnect.http.resources.positions.whose import visible
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row
from ibconnect.http.server.frames import next_page, table_response

_SQL = queries("http/executions")
TABLES = ("accounts", "executions", "statements")
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


async def account_executions(call: Call) -> web.StreamResponse:
    """One account's executions, and how many gaps there are in the span of time that is asked for."""
    account = call.account()
    await visible(call, [account])
    rows, headers = await _page(call, [account])
    gaps = await _gaps(call, account)
    return await _answer(call, COLUMNS, rows, f"{account}-executions", {**headers, "Gaps": str(len(gaps))})


async def all_executions(call: Call) -> web.StreamResponse:
    """The executions of all accounts that the token may see, or of some."""
    codes = await visible(call, call.arguments["account"])
    codes = await within(call, codes, call.arguments["to"] or call.now)
    rows, headers = await _page(call, codes)
    return await _answer(call, COLUMNS, rows, "executions", headers)


async def execution_gaps(call: Call) -> web.StreamResponse:
    """The times of which an account's executions are not known."""
    account = call.account()
    await visible(call, [account])
    rows = [(account, *gap) for gap in await _gaps(call, account)]
    return await _answer(call, GAP_COLUMNS, rows, f"{account}-execution-gaps", {})


async def _answer(
    call: Call, columns: Sequence[Any], rows: Sequence[Row], name: str, headers: dict[str, str]
) -> web.StreamResponse:
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(TABLES)
    return await table_response(call, columns, rows, name, headers=headers)


async def _page(call: Call, codes: list[str] | None) -> tuple[list[Row], dict[str, str]]:
    """The rows of a page, and the header that leads to the next one."""
    arguments = call.arguments
    symbol, contract, limit = arguments["symbol"], arguments["contract"], arguments["limit"]
    place: Place = arguments["cursor"] or BEGIN
    asked = {
        **_span(call),
        "codes": codes,
        "symbols": None if symbol is None else list({symbol, symbol.upper()}),
        "contract": contract,
        **place._asdict(),
        "rows": limit + 1,
        "all": arguments["corrections"] is not None,
    }
    query = _query(_found(codes, symbol, contract), _wanted(symbol, contract), _versions(call))
    told = [_fill(row) for row in await db.rows(call.services.pool, query, asked)]
    beside: LiteralString = "of_all" if (codes, symbol, contract) == (None, None, None) else "of_each_account"
    fills = await with_statements(call, told, asked, beside, is_full=len(told) > limit)
    end = limit
    while end < len(fills) and fills[end].place == fills[end - 1].place:
        # What a statement corrects, and what it was: the next page begins behind both.
        end += 1
    rows = await _named(call, fills[:end])
    if len(fills) <= end:
        return rows, {}
    return rows, next_page(call, cursor=format_place(fills[end - 1].place))


def _fill(row: TupleRow) -> Fill:
    """An execution as a gateway told of it, without names of its contract, and no statement yet."""
    *cells, reported, moment, position = row
    none = [None] * (len(COLUMNS) - len(cells) - len(EVENTS))
    return Fill(Place(moment, position), [*cells, *none, position, reported])


async def _named(call: Call, fills: Sequence[Fill]) -> list[Row]:
    """The rows of what was found, each with what its contract was called then."""
    names = await names_of(call, {fill.cells[CONTRACT] for fill in fills})
    return [row_of(fill, *names.of(fill.cells[CONTRACT], fill.place.moment)) for fill in fills]


def _span(call: Call) -> dict[str, datetime]:
    return {"from": call.arguments["from"] or _FIRST, "to": call.arguments["to"] or _LAST}


def _found(codes: list[str] | None, symbol: str | None, contract: int | None) -> LiteralString:
    """Which query finds the executions of a page: each goes by an index of its own."""
    if contract is not None:
        return "of_each_account"
    if symbol is not None:
        return "of_each_symbol"
    return "of_all" if codes is None else "of_each_account"


def _wanted(symbol: str | None, contract: int | None) -> LiteralString:
    """The condition on contracts, where it is not the query's own."""
    if contract is None:
        return "of_any_contract"
    return "of_contract" if symbol is None else "of_contract_and_symbol"


def _versions(call: Call) -> LiteralString:
    return "current" if call.arguments["corrections"] is None else "with_corrected"


@cache
def _query(found: LiteralString, wanted: LiteralString, versions: LiteralString) -> Composed:
    parts = {name: SQL(_SQL[name]) for name in ("span", wanted, versions)}
    which = SQL(_SQL[found]).format(span=parts["span"], wanted=parts[wanted], versions=parts[versions])
    return SQL(db.compact(_SQL["page"])).format(found=which)


async def _gaps(call: Call, account: str) -> list[TupleRow]:
    return await db.rows(call.services.pool, _SQL["gaps"], {**_span(call), "account": account, "now": call.now})
