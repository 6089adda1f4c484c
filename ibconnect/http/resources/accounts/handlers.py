"""The list of accounts, the latest report of one and that as of a time, and the times of all.

In: calls. Out: answers. Called by the pipeline, for the routes of :mod:`ibconnect.http.resources.accounts.resource`.
"""

from datetime import datetime
from urllib.parse import quote

import orjson
from aiohttp import web
from psycopg.rows import TupleRow

from ibconnect.database.sql import queries
from ibconnect.http.resources.accounts.cached import account_exists
from ibconnect.http.resources.accounts.listed import Lists
from ibconnect.http.resources.accounts.problems import UNKNOWN_SNAPSHOT
from ibconnect.http.resources.accounts.refresh import Refresher, Wanted
from ibconnect.http.resources.accounts.table import account_table
from ibconnect.http.resources.conditions import whose
from ibconnect.http.resources.table_state import TableState
from ibconnect.http.server import db
from ibconnect.http.server.auth import right_missing
from ibconnect.http.server.call import Call, unknown_account, unknown_gateway
from ibconnect.http.server.cors import elsewhere
from ibconnect.http.server.frames import Column, Type, next_page, table_response
from ibconnect.http.server.negotiation import COMMON, JSON, max_age, prefers_fresh
from ibconnect.http.server.parameters import format_cursor
from ibconnect.http.server.problems import Problem
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.tokens import Right
from ibconnect.times import format_rfc3339

_SQL = queries("http/accounts")
_NO_CACHING = "private, no-cache"
SNAPSHOT_COLUMNS = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Timestamp", Type.TIME, "The name of a report", is_nullable=False),
)
_MAY_NOT = f"none; this token does not have the right {Right.REFRESH}"


async def list_accounts(call: Call) -> web.StreamResponse:
    """Every account ever seen, with its latest snapshot; refreshed first if the client asks so."""
    services, visible = call.services, call.principal.accounts
    # It counts its own work, since the short way to it does.
    with services.shares.work_for(call.request):
        incomplete = await _refreshed(call, visible)
        if call.media != JSON:
            return _with_incomplete(await account_table(call, is_plain=not incomplete), incomplete)
        state = await services.part(TableState).state()
        document = await services.part(Lists).document(visible, state)
    return _with_incomplete(document.response(call.request, is_plain=not incomplete), incomplete)


async def latest_report(call: Call) -> web.StreamResponse:
    """Redirect to the newest report that can be relied on, or to the newest; refreshed first if the client asks so."""
    account = call.account()
    found = await _latest(call, account)
    incomplete = await _refreshed(call, frozenset({account}))
    if incomplete is not None:
        found = await _latest(call, account)
    _, latest, _, _, newest = found
    return _with_incomplete(_redirect(call, account, newest if _takes_any(call) else latest), incomplete)


async def _latest(call: Call, account: str) -> TupleRow:
    asked = {"codes": [account], "gateway": call.arguments["gateway"]}
    found = await db.rows(call.services.pool, whose(_SQL["list_accounts"], asked["gateway"]), asked, binary=True)
    if not found:
        raise unknown_account(account)
    await _ensure_gateway(call, account)
    return found[0]


async def _ensure_gateway(call: Call, account: str) -> None:
    """Refuse a gateway that has nothing to do with the account."""
    if (gateway := call.arguments["gateway"]) is not None:
        row = await db.row(call.services.pool, _SQL["gateway_named"], {"account": account, "gateway": gateway})
        if row is None or not row[0]:
            raise unknown_gateway(gateway)


async def report_as_of(call: Call) -> web.StreamResponse:
    """Redirect to the newest report that was complete at or before a time."""
    account = call.account()
    asked = {"account": account, "at": call.arguments["Timestamp"], "gateway": call.arguments["gateway"]}
    found = await db.rows(call.services.pool, whose(_SQL["as_of"], asked["gateway"]), asked, binary=True)
    if not found:
        raise unknown_account(account)
    await _ensure_gateway(call, account)
    ready, newest = found[0]
    return _redirect(call, account, newest if _takes_any(call) else ready or newest)


def _takes_any(call: Call) -> bool:
    """Whether the client takes reports whose figures cannot be relied on as well."""
    return call.arguments["ready"] is not None


async def _refreshed(call: Call, accounts: frozenset[str] | None) -> list[str] | None:
    """What could not be refreshed, if the client wants figures that are newer than what is stored; else None.

    The list of accounts names no gateway.
    """
    age = max_age(call.request.headers.get("Cache-Control", ""))
    is_required = call.arguments["refresh"] is not None or prefers_fresh(call.request.headers.get("Prefer", ""))
    if age is None and not is_required:
        return None
    if call.is_from_elsewhere():
        if is_required:
            raise elsewhere()
        # A reload after a click on a page elsewhere looks like this too: it is shown what there is.
        return ["none; a page of another origin cannot have figures refreshed"]
    if Right.REFRESH not in call.principal.rights:
        if is_required:
            raise right_missing(Right.REFRESH)
        # Browsers ask so on every reload: what is there will do.
        return [_MAY_NOT]
    return await call.services.part(Refresher).refreshed(
        Wanted(accounts, age or 0, is_required, call.principal.accounts is not None, call.arguments.get("gateway"))
    )


def _with_incomplete(response: web.StreamResponse, incomplete: list[str] | None) -> web.StreamResponse:
    for line in incomplete or ():
        response.headers.add("Refresh-Incomplete", line.encode("ascii", "backslashreplace").decode())
    return response


def _redirect(call: Call, account: str, created: datetime | None) -> web.Response:
    if created is None:
        raise Problem(UNKNOWN_SNAPSHOT, f"account {account!r} has no snapshot there")
    location = call.absolute(f"/v1/accounts/{quote(account, safe='')}/{format_rfc3339(created)}")
    return web.Response(status=303, headers={**COMMON, "Location": location, "Cache-Control": _NO_CACHING})


async def list_snapshots(call: Call) -> web.StreamResponse:
    """The times of an account's snapshots, newest first, page by page."""
    account, arguments = call.account(), call.arguments
    limit = arguments["limit"]
    asked = {
        "account": account,
        "from": arguments["from"],
        "to": arguments["to"],
        "before": arguments["cursor"],
        "gateway": arguments["gateway"],
        "rows": limit + 1,
    }
    found = await db.rows(call.services.pool, whose(_SQL["list_snapshots"], asked["gateway"]), asked, binary=True)
    if not found and not await account_exists(call.services.pool, account):
        raise unknown_account(account)
    await _ensure_gateway(call, account)
    times = [created for (created,) in found[:limit]]
    headers = next_page(call, cursor=format_cursor(times[-1])) if len(found) > limit else {}
    if call.media == JSON:
        body = orjson.dumps([format_rfc3339(created) for created in times])
        return CachedResponse(body, JSON, _NO_CACHING, headers).response(call.request)
    rows = [(account, created) for created in times]
    return await table_response(call, SNAPSHOT_COLUMNS, rows, f"{account}-snapshots", headers=headers)
