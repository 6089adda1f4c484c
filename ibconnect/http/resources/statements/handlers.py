"""Flex statements that are recorded: a table of them, and the documents that hold them.

In: calls. Out: tables, documents. Called by the pipeline, for the routes of
:mod:`ibconnect.http.resources.statements.resource`. The table is made of what the projection has understood; a document
is there as soon as it is recorded. Who may see some accounts only sees documents that hold no others.
"""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from uuid import UUID

from aiohttp import web
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from ibconnect.database.sql import queries
from ibconnect.events.documents import FIRST_PART, piece_of
from ibconnect.http.resources.positions.whose import visible
from ibconnect.http.resources.statements.columns import COLUMNS, DOCUMENT
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import json_rows
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.problems import Problem, ProblemType
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.streams import send_stream

_SQL = queries("http/statements")
TABLES = ("accounts", "statements")
Name = UUID | bytes
"""How a document is named: by its id, or by its SHA-256."""
BYTES = "application/octet-stream"
UNKNOWN_STATEMENT = ProblemType("unknown-statement", 404, "There is no such statement")
_PARTS = 3
"""Which column of a document's row says how many parts it has."""


async def all_statements(call: Call) -> web.StreamResponse:
    """Statements, those imported last first, page by page."""
    arguments = call.arguments
    limit = arguments["limit"]
    codes = await visible(call, arguments["account"])
    asked = {
        "below": arguments["cursor"] or 2**63 - 1,
        "codes": codes,
        "from": _day(call, "from"),
        "to": _day(call, "to"),
        "rows": limit + 1,
    }
    query = SQL(_SQL["list"]).format(whose=SQL(_SQL["of_all" if codes is None else "of_accounts"]))
    rows = await db.rows(call.services.pool, query, asked)
    headers = next_page(call, cursor=str(rows[limit - 1][-1])) if len(rows) > limit else {}
    await call.services.tables.ensure_current(TABLES)
    return await table_response(call, COLUMNS, rows[:limit], "statements", headers=headers)


def _day(call: Call, name: str) -> date | None:
    """The day that a moment of the request lies in, in its zone."""
    moment: datetime | None = call.arguments[name]
    return None if moment is None else moment.astimezone(call.arguments["tz"] or UTC).date()


async def one_statement(call: Call) -> web.StreamResponse:
    """What is known of a document."""
    row = await _found(call, call.services.pool)
    return CachedResponse(document_of(row).encode(), JSON, "private, no-cache").response(call.request)


def document_of(row: TupleRow) -> str:
    """A row of the query ``document`` as JSON."""
    return json_rows(DOCUMENT, [row[:_PARTS] + row[_PARTS + 1 :]])


async def content(call: Call) -> web.StreamResponse:
    """The bytes of a document, as they were imported."""
    row = await _found(call, call.services.pool)
    tag = f'"{row[1]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "private, max-age=31556926, immutable",
        "Content-Disposition": f'attachment; filename="{row[0]}.xml"',
        "Vary": "Accept-Encoding, Authorization, Cookie",
    }
    if tag in call.request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return await send_stream(call, _pieces(call, row), headers)


async def _pieces(call: Call, row: TupleRow) -> AsyncIterator[bytes]:
    for version in range(FIRST_PART, FIRST_PART + row[_PARTS]):
        found = await db.row(call.services.pool, _SQL["part"], {"stream": row[0], "version": version})
        if found is None:
            raise LookupError(f"event {version} of the statement {row[0]} is missing")
        yield piece_of(bytes(found[0]))


async def _found(call: Call, pool: db.Pool) -> TupleRow:
    named: Name = call.arguments["Id"]
    row = await stored(pool, named, call.principal.accounts)
    if row is None:
        raise Problem(
            UNKNOWN_STATEMENT, f"no statement {named.hex() if isinstance(named, bytes) else named} is recorded"
        )
    return row


async def stored(pool: db.Pool, named: Name, accounts: frozenset[str] | None) -> TupleRow | None:
    """The row of a document that may be shown to whoever sees these accounts."""
    stream, digest = (None, named) if isinstance(named, bytes) else (named, None)
    asked = {"stream": stream, "digest": digest, "codes": None if accounts is None else sorted(accounts)}
    return await db.row(pool, _SQL["document"], asked)
