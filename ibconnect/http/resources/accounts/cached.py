"""Reports that are kept ready to send: a report never changes, so its bytes are made once.

In: a request for a report, of somebody who may see it. Out: the answer, from memory or read. Called by the route of
reports, and by the short way past the router (:class:`~ibconnect.http.server.resource.Shortcut`).
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Self

from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.resources.accounts.problems import UNKNOWN_SNAPSHOT
from ibconnect.http.resources.accounts.report import ReportReader
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account
from ibconnect.http.server.gauges import CACHE_BYTES
from ibconnect.http.server.holders import HOLDER, OURS
from ibconnect.http.server.limits import REPORT_CACHE_BYTES
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.problems import Problem
from ibconnect.http.server.resource import Key, Shortcut
from ibconnect.http.server.response_cache import CachedResponse, ResponseCache
from ibconnect.http.server.services import Part, Services
from ibconnect.times import format_rfc3339, parse_rfc3339

_SQL = queries("http/accounts")
_CACHING = "private, max-age=31556926, immutable"
_PATH = re.compile(r"/v1/accounts/([A-Za-z0-9]{1,32})/([0-9T:.-]{19,30}Z)", re.ASCII)


class Reports(Part):
    """Of one application. ``cache``: reports by account and instant; ``reader``: what reads them."""

    def __init__(self, reader: ReportReader) -> None:
        self.reader = reader
        self.cache = ResponseCache(REPORT_CACHE_BYTES)

    @classmethod
    def made(cls, services: Services) -> Self:
        """With the pool of the application."""
        return cls(ReportReader(services.pool, services.tables, services.gate))

    def measure(self) -> None:
        """How much is kept."""
        CACHE_BYTES.set(self.cache.size)

    async def read(self, services: Services, account: str, created: datetime) -> CachedResponse:
        """A report that is not kept.

        :raises Problem: there is none
        """
        body = await self.reader.read(account, created)
        if body is None:
            raise await _nothing_there(services.pool, account, created)
        return CachedResponse(body, JSON, _CACHING)


async def report(call: Call) -> web.StreamResponse:
    """One report."""
    return await _answer(call.services, call.request, (call.account(), call.arguments["Timestamp"]))


async def _answer(services: Services, request: web.Request, key: Key) -> web.StreamResponse:
    """The answer to a request for a report, which the client may keep for a year."""
    reports = services.part(Reports)
    kept = reports.cache.get(key)
    if kept is None and HOLDER.get() == OURS:
        # What is kept is no work, so that only this is counted.
        with services.shares.work_for(request):
            return await _answer(services, request, key)
    account, created = key
    assert account is not None
    document = kept or await reports.read(services, account, created)
    size = document.size
    response = document.response(request)
    if kept is None or document.size != size:
        reports.cache.put(key, document)
    return response


@lru_cache(maxsize=8192)
def _key_of(path: str) -> Key | None:
    """The account and instant of a report's path in its plain form."""
    match = _PATH.fullmatch(path)
    try:
        return None if match is None else (match[1], parse_rfc3339(match[2]))
    except ValueError:
        return None


SHORTCUT = Shortcut(_key_of, _answer)
"""The short way to a report."""


async def _nothing_there(pool: db.Pool, account: str, created: datetime) -> Problem:
    if not await account_exists(pool, account):
        return unknown_account(account)
    return Problem(
        UNKNOWN_SNAPSHOT,
        f"account {account!r} has no snapshot made at {format_rfc3339(created)}; "
        f"/v1/accounts/{account}/as-of/TIME finds the one before any time",
    )


async def account_exists(pool: db.Pool, account: str) -> bool:
    """Whether any gateway ever listed the account."""
    row = await db.row(pool, _SQL["account_exists"], {"account": account})
    return row is not None and bool(row[0])
