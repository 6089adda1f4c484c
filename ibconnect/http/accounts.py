"""The accounts, their latest reports, any report, the list of them."""

from datetime import datetime

import orjson
from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http import reads
from ibconnect.http.calls import JSON, Call, unknown_account
from ibconnect.http.documents import Document
from ibconnect.http.headers import COMMON, wants_refresh
from ibconnect.http.limits import LIST_CACHE_ENTRIES, SNAPSHOTS_DEFAULT
from ibconnect.http.parameters import format_cursor
from ibconnect.http.problems import Code, Problem
from ibconnect.http.services import Services
from ibconnect.times import format_rfc3339

_SQL = queries("http/accounts")
_LIST_CACHING = "private, max-age=60"
_REPORT_CACHING = "private, max-age=31556926, immutable"
_NO_CACHING = "private, no-cache"


async def list_accounts(call: Call) -> web.StreamResponse:
    """Every account ever seen, with its latest snapshot; refreshed first if the client asks so."""
    await _refresh_if_wanted(call)
    document = await _account_list(call)
    return document.response(call.request)


async def _account_list(call: Call) -> Document:
    """The list as it is now; made again only when an account or a snapshot was added."""
    services, visible = call.services, call.principal.accounts
    state = await reads.row(services.pool, _SQL["state"], {})
    known_state, document = services.lists.get(visible, (None, None))
    if document is not None and known_state == state:
        return document
    codes = None if visible is None else sorted(visible)
    found = await reads.rows(services.pool, _SQL["list_accounts"], {"codes": codes}, binary=True)
    accounts = [{"AccountCode": code, "Latest": latest and format_rfc3339(latest)} for code, latest in found]
    document = Document(orjson.dumps(accounts), JSON, _LIST_CACHING)
    if len(services.lists) >= LIST_CACHE_ENTRIES:
        services.lists.clear()
    services.lists[visible] = (state, document)
    return document


async def latest_report(call: Call) -> web.StreamResponse:
    """Redirect to the newest report that is ready, or to the newest; refreshed first if the client asks so."""
    account = call.account()
    await _refresh_if_wanted(call)
    found = await reads.rows(call.services.pool, _SQL["list_accounts"], {"codes": [account]}, binary=True)
    return _redirect(call, account, found[0][1:] if found else None)


async def report_as_of(call: Call) -> web.StreamResponse:
    """Redirect to the newest report at or before a time."""
    account, at = call.account(), call.arguments["Timestamp"]
    found = await reads.rows(call.services.pool, _SQL["as_of"], {"account": account, "at": at}, binary=True)
    return _redirect(call, account, found[0] if found else None)


async def _refresh_if_wanted(call: Call) -> None:
    if wants_refresh(call.request.headers.get("Cache-Control", "")):
        await call.services.refresher.refreshed()


def _redirect(call: Call, account: str, row: tuple[datetime | None, ...] | None) -> web.Response:
    if row is None:
        raise unknown_account(account)
    if row[0] is None:
        raise Problem(Code.UNKNOWN_SNAPSHOT, f"account {account!r} has no snapshot there")
    location = call.absolute(f"/v1/accounts/{account}/{format_rfc3339(row[0])}")
    return web.Response(status=303, headers={**COMMON, "Location": location, "Cache-Control": _NO_CACHING})


async def report(call: Call) -> web.StreamResponse:
    """One report."""
    return await report_of(call.services, call.request, call.account(), call.arguments["Timestamp"])


async def report_of(services: Services, request: web.Request, account: str, created: datetime) -> web.StreamResponse:
    """The answer to a request for a report, of somebody who may see it.

    It never changes, so its bytes are kept and its client may keep it for a year.
    """
    reports, key = services.reports, (account, created)
    kept = reports.get(key)
    document = kept or await _read_document(services, account, created)
    size = document.size
    response = document.response(request)
    if kept is None or document.size != size:
        reports.put(key, document)
    return response


async def _read_document(services: Services, account: str, created: datetime) -> Document:
    body = await services.reader.read(account, created)
    if body is None:
        raise await _nothing_there(services.pool, account, created)
    return Document(body, JSON, _REPORT_CACHING)


async def _nothing_there(pool: reads.Pool, account: str, created: datetime) -> Problem:
    if not await account_exists(pool, account):
        return unknown_account(account)
    return Problem(
        Code.UNKNOWN_SNAPSHOT,
        f"account {account!r} has no snapshot made at {format_rfc3339(created)}; "
        f"/v1/accounts/{account}/as-of/TIME finds the one before any time",
    )


async def account_exists(pool: reads.Pool, account: str) -> bool:
    """Whether any gateway ever listed the account."""
    row = await reads.row(pool, _SQL["account_exists"], {"account": account})
    return row is not None and bool(row[0])


async def list_snapshots(call: Call) -> web.StreamResponse:
    """The times of an account's snapshots, newest first, page by page."""
    account, arguments = call.account(), call.arguments
    limit = arguments["limit"] or SNAPSHOTS_DEFAULT
    asked = {
        "account": account,
        "from": arguments["from"],
        "to": arguments["to"],
        "before": arguments["cursor"],
        "rows": limit + 1,
    }
    found = await reads.rows(call.services.pool, _SQL["list_snapshots"], asked, binary=True)
    if not found and not await account_exists(call.services.pool, account):
        raise unknown_account(account)
    times = [created for (created,) in found[:limit]]
    headers = {}
    if len(found) > limit:
        query = call.request.rel_url.update_query(cursor=format_cursor(times[-1]))
        headers["Link"] = f'<{call.absolute(query.raw_path_qs)}>; rel="next"'
    body = orjson.dumps([format_rfc3339(created) for created in times])
    return Document(body, JSON, _NO_CACHING, headers).response(call.request)
