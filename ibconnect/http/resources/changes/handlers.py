"""What changed between two moments, in one account or in all that the token may see.

In: calls. Out: tables, by account, page by page. Called by the pipeline, for the routes of
:mod:`ibconnect.http.resources.changes.resource`.
"""

import asyncio
from collections.abc import Collection, Iterator
from datetime import datetime

from aiohttp import web
from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.http.resources.accounts.cached import Reports
from ibconnect.http.resources.changes.columns import COLUMNS, KINDS
from ibconnect.http.resources.changes.cursor import Place, format_place
from ibconnect.http.resources.changes.facts import facts_of
from ibconnect.http.resources.changes.rows import Ends, incomparable, rows_of
from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.positions.reading import TABLES, complete_by, tables
from ibconnect.http.resources.positions.whose import ensure_gateway, visible
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.limits import CHANGES_ACCOUNTS, CHANGES_AT_ONCE
from ibconnect.times import format_rfc3339

_SQL = queries("http/changes")


async def account_changes(call: Call) -> web.StreamResponse:
    """What changed in one account."""
    account, gateway = call.account(), call.arguments["gateway"]
    await visible(call, [account])
    await ensure_gateway(call, account, gateway)
    rows, headers = await _page(call, [account], gateway)
    return await table_response(call, COLUMNS, rows, f"{account}-changes", headers=headers)


async def all_changes(call: Call) -> web.StreamResponse:
    """What changed in all accounts that the token may see, or in some."""
    codes = await visible(call, call.arguments["account"])
    codes = await within(call, codes, call.arguments["to"] or call.now)
    rows, headers = await _page(call, codes, None)
    return await table_response(call, COLUMNS, rows, "changes", headers=headers)


async def _page(call: Call, codes: list[str] | None, gateway: str | None) -> tuple[list[Row], dict[str, str]]:
    """The rows of a page, and the header that leads to the next one.

    It ends where there are rows enough, or when so many accounts have been compared that others would wait.
    """
    arguments = call.arguments
    first, last = arguments["from"], arguments["to"] or call.now
    place = arguments["cursor"] or Place(0, (await tables(call.services.pool)).newest, "")
    accounts = await _ends(call, codes, gateway, place, (first, last))
    limit, kinds = arguments["limit"], arguments["kind"] or KINDS
    rows: list[Row] = []
    following: Place | None = None
    for some in _parts(accounts[:CHANGES_ACCOUNTS]):
        for ends, found in zip(
            some, await asyncio.gather(*(_changes(call, each, kinds) for each in some)), strict=True
        ):
            skipped = place.skipped if ends.account == place.account else 0
            room = limit - len(rows)
            rows += found[skipped : skipped + room]
            if len(found) > skipped + room:
                following = Place(skipped + room, place.newest, ends.account)
                break
        if following is not None:
            break
    if following is None and len(accounts) > CHANGES_ACCOUNTS:
        following = Place(0, place.newest, accounts[CHANGES_ACCOUNTS].account)
    await call.services.tables.ensure_current(TABLES)
    if following is None:
        return rows, {}
    return rows, next_page(call, to=format_rfc3339(last), cursor=format_place(following))


def _parts(accounts: list[Ends]) -> Iterator[list[Ends]]:
    """So many at a time as are read together."""
    for first in range(0, len(accounts), CHANGES_AT_ONCE):
        yield accounts[first : first + CHANGES_AT_ONCE]


async def _ends(
    call: Call, codes: list[str] | None, gateway: str | None, place: Place, span: tuple[datetime, datetime]
) -> list[Ends]:
    """The accounts of a page and one more, with the reports to compare."""
    asked = {
        "codes": codes,
        "gateway": gateway,
        "first": span[0],
        "last": span[1],
        "newest": place.newest,
        "any": call.arguments["ready"] is not None,
        "begin": place.account,
        "rows": CHANGES_ACCOUNTS + 1,
    }
    return [Ends(*row) for row in await db.rows(call.services.pool, _reports(gateway), asked)]


def _reports(gateway: str | None) -> Composed:
    return SQL(_SQL["reports"]).format(first=complete_by("first", gateway), last=complete_by("last", gateway))


async def _changes(call: Call, ends: Ends, kinds: Collection[str]) -> list[Row]:
    """The rows of one account."""
    if ends.first is None or ends.last is None or ends.first == ends.last:
        return incomparable(ends)
    reader = call.services.part(Reports).reader
    before, after = await asyncio.gather(reader.load(ends.account, ends.first), reader.load(ends.account, ends.last))
    if before is None or after is None:
        raise ProjectionError("the snapshot tables were swapped while changes were read")
    async with call.services.gate.piece():
        return rows_of(ends, facts_of(before), facts_of(after), kinds)
