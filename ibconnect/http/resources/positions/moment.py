"""What accounts hold at a moment: one account's positions, or those of all accounts by symbol or contract.

In: calls. Out: tables, the largest in base currency first, page by page. Called by the pipeline, for the routes of
:mod:`ibconnect.http.resources.positions.resource`.
"""

from aiohttp import web
from psycopg.sql import SQL

from ibconnect.database.sql import queries
from ibconnect.http.resources.accounts.problems import UNKNOWN_SNAPSHOT
from ibconnect.http.resources.conditions import whose
from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.positions.columns import COLUMNS
from ibconnect.http.resources.positions.cursor import Place, format_place
from ibconnect.http.resources.positions.reading import SQL_OF, Point, Tables, complete_by, held, rows_of, steadily
from ibconnect.http.resources.positions.whose import ensure_gateway, visible
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.problems import Problem
from ibconnect.times import format_rfc3339

_ACCOUNTS = queries("http/accounts")


async def account_positions(call: Call) -> web.StreamResponse:
    """One account's positions."""
    account, gateway = call.account(), call.arguments["gateway"]
    await visible(call, [account])
    await ensure_gateway(call, account, gateway)
    rows, headers = await _page(call, [account], gateway)
    if not rows:
        await _ensure_report(call, account)
    return await table_response(call, COLUMNS, rows, f"{account}-positions", headers=headers)


async def all_positions(call: Call) -> web.StreamResponse:
    """The positions of all accounts that the token may see, or of some."""
    codes = await visible(call, call.arguments["account"])
    codes = await within(call, codes, call.arguments["at"] or call.now)
    rows, headers = await _page(call, codes, None)
    return await table_response(call, COLUMNS, rows, "positions", headers=headers)


async def _page(call: Call, codes: list[str] | None, gateway: str | None) -> tuple[list[Row], dict[str, str]]:
    """The rows of a page, and the header that leads to the next one."""
    arguments = call.arguments
    at, limit = arguments["at"] or call.now, arguments["limit"]
    query = SQL(SQL_OF["reports"]).format(snapshot=complete_by("at", gateway))

    async def page(tables: Tables) -> tuple[list[Row], dict[str, str]]:
        place = arguments["cursor"] or Place(0, tables.newest)
        asked = {
            "codes": codes,
            "gateway": gateway,
            "at": at,
            "newest": place.newest,
            "any": arguments["ready"] is not None,
        }
        points = [Point(*row) for row in await db.rows(call.services.pool, query, asked, binary=True)]
        # All are one point: the largest of all accounts come first.
        found = await held(call, points, [0] * len(points), skipped=place.skipped, rows=limit + 1)
        rows = [row for _, row in await rows_of(call, tables.generation, found[:limit])]
        if len(found) <= limit:
            return rows, {}
        cursor = format_place(Place(place.skipped + limit, place.newest))
        return rows, next_page(call, at=format_rfc3339(at), cursor=cursor)

    return await steadily(call, page)


async def _ensure_report(call: Call, account: str) -> None:
    """Return if an account that holds nothing had a report then.

    :raises Problem: it had none yet
    """
    gateway, at = call.arguments["gateway"], call.arguments["at"]
    asked = {"account": account, "gateway": gateway, "at": at or call.now}
    found = await db.row(call.services.pool, whose(_ACCOUNTS["as_of"], gateway), asked)
    if found is not None and found[1] is None:
        then = "yet" if at is None else f"that was complete at {format_rfc3339(at)}"
        raise Problem(UNKNOWN_SNAPSHOT, f"account {account!r} has no report {then}")
