"""Rows of statements, newest first, of one account or of all.

In: calls, and which table. Out: tables, page by page. Called by the pipeline, for the routes of
:mod:`ibconnect.http.resources.statement_tables.resource`.
"""

from datetime import UTC, date, datetime
from functools import cache
from typing import Any, LiteralString

from aiohttp import web
from psycopg.sql import SQL, Composable, Composed, Identifier

from ibconnect.database.sql import queries
from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.hidden import Hidden, hidden
from ibconnect.http.resources.positions.whose import visible
from ibconnect.http.resources.statement_tables.cursor import BEGIN, Place, format_place
from ibconnect.http.resources.statement_tables.kinds import Field, Served
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row, Type
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.resource import Handler

_SQL = queries("http/statement_tables")
TABLES = ("accounts", "statements")
_PLAIN = frozenset(("AccountCode",))
_CODE, _NAME = "Counterparty", "CounterpartyName"
_PLACE = 3
"""So many columns of a query, the last, say where its row stands."""


def handler_of_account(served: Served) -> Handler:
    """What answers with the rows of one account."""

    async def account_rows(call: Call) -> web.StreamResponse:
        account = call.account()
        await visible(call, [account])
        rows, headers = await _page(call, served, "of_account", {"account": account})
        return await _answer(call, served, rows, f"{account}-{served.noun}", headers)

    return account_rows


def handler_of_all(served: Served) -> Handler:
    """What answers with the rows of all accounts that the token may see, or of some."""

    async def all_rows(call: Call) -> web.StreamResponse:
        codes = await visible(call, call.arguments["account"])
        codes = await within(call, codes, call.arguments["to"] or call.now)
        found: LiteralString = "of_all" if codes is None else "of_each_account"
        rows, headers = await _page(call, served, found, {"codes": codes})
        return await _answer(call, served, rows, served.noun, headers)

    return all_rows


async def _answer(
    call: Call, served: Served, rows: list[Row], name: str, headers: dict[str, str]
) -> web.StreamResponse:
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(TABLES)
    return await table_response(call, served.columns, rows, name, headers=headers)


async def _page(
    call: Call, served: Served, found: LiteralString, whose: dict[str, Any]
) -> tuple[list[Row], dict[str, str]]:
    """The rows of a page, and the header that leads to the next one."""
    arguments = call.arguments
    limit, place = arguments["limit"], arguments["cursor"] or BEGIN
    chosen = arguments[served.chosen_by[0]] if served.chosen_by else None
    first, last = days_of(call)
    asked = {**whose, "from": first, "to": last, **place._asdict(), "rows": limit + 1}
    if chosen:
        asked["chosen"] = sorted({text.lower() for text in chosen})
    rows = await db.rows(call.services.pool, _query(served, found, is_chosen=bool(chosen)), asked)
    page: list[Row] = [row[:-_PLACE] for row in rows[:limit]]
    if (others := await hidden(call)) is not None:
        page = [_without(others, served, row) for row in page]
    if len(rows) <= limit:
        return page, {}
    return page, next_page(call, cursor=format_place(Place(*rows[limit - 1][-_PLACE:])))


def _without(others: Hidden, served: Served, row: Row) -> Row:
    """A row that names none of the others, by code or, as a transfer does, by name."""
    names = [column.name for column in served.columns]
    shown = others.without(row, served.columns, _PLAIN)
    if _CODE in names and _NAME in names and shown[names.index(_CODE)] != row[names.index(_CODE)]:
        shown[names.index(_NAME)] = None
    return shown


def days_of(call: Call) -> tuple[date, date]:
    """The first and the last day that a request asks for: those that its moments lie in, in its zone."""
    first: datetime | None = call.arguments["from"]
    last: datetime | None = call.arguments["to"]
    zone = call.arguments["tz"] or UTC
    return (
        date.min if first is None else first.astimezone(zone).date(),
        date.max if last is None else last.astimezone(zone).date(),
    )


@cache
def _query(served: Served, found: LiteralString, *, is_chosen: bool) -> Composed:
    wanted: Composable = SQL(_SQL["any"])
    column = Identifier(served.chosen_by[1] if served.chosen_by else "")
    if is_chosen:
        wanted = SQL(_SQL["chosen"]).format(column=column)
        found = "chosen_of_all" if found == "of_all" else found
    line = SQL(db.compact(_SQL[served.line]))
    place, span = (SQL(_SQL[name]).format(line=line) for name in ("place", "span"))
    cells = SQL(",\n").join([*map(cell, served.fields), place])
    table = Identifier("statements", served.table)
    parts = {"cells": cells, "table": table, "span": span, "wanted": wanted, "line": line, "column": column}
    return SQL(db.compact(_SQL[found])).format(**parts)


def cell(field: Field) -> Composed:
    """The expression for a column of ``item``, as its cells are."""
    is_text = field.column.type in (Type.FIGURE, Type.JSON)
    return SQL(db.compact(_SQL["as_text" if is_text else "cell"])).format(column=Identifier(field.of))
