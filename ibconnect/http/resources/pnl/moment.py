"""Profit and loss of all accounts at a moment: of each the newest sample that there was.

In: a call. Out: a table, by account, page by page. Called by the pipeline, for the route of :mod:`resource`.
"""

from aiohttp import web

from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.pnl.columns import OF_ACCOUNTS, row_of_account
from ibconnect.http.resources.pnl.reading import TABLES, moment_query
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.times import format_rfc3339


async def all_pnl(call: Call) -> web.StreamResponse:
    """The accounts that the token may see, or those of them that are in a group."""
    visible, limit = call.principal.accounts, call.arguments["limit"]
    at = call.arguments["at"] or call.now
    given = {
        "codes": await within(call, None if visible is None else sorted(visible), at),
        "after": call.arguments["cursor"],
        "at": at,
        "rows": limit + 1,
    }
    found = await db.rows(call.services.pool, moment_query(), given)
    rows = [row_of_account(code, when, tuple(figures)) for when, *figures, code in found[:limit]]
    headers = next_page(call, at=format_rfc3339(at), cursor=str(rows[-1][0])) if len(found) > limit else {}
    await call.services.tables.ensure_current(TABLES)
    return await table_response(call, OF_ACCOUNTS, rows, "pnl", headers=headers)
