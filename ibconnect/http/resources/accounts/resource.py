"""The routes of accounts and their reports, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.shared import (
    ACCOUNT,
    ACCOUNTS,
    ANY,
    FORMAT,
    FROM,
    GATEWAY,
    IF_NONE_MATCH,
    MOMENT,
    NOT_MODIFIED,
    TO,
    TZ,
    table,
)
from ibconnect.http.resources.accounts import cached, handlers, listed
from ibconnect.http.resources.accounts.problems import UNKNOWN_SNAPSHOT
from ibconnect.http.resources.accounts.refresh import Refresher
from ibconnect.http.resources.accounts.schemas import SCHEMAS
from ibconnect.http.resources.table_state import TableState
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import SNAPSHOTS_DEFAULT, SNAPSHOTS_MAX
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.tokens import Right

_TIMESTAMP = Parameter(
    "Timestamp",
    "path",
    kinds.TIME,
    "RFC 3339, in any offset and with any number of zeros",
    "2014-04-22T04:22:05.776394Z",
    required=True,
)
_AS_OF = Parameter("Timestamp", "path", kinds.MOMENT_END, f"{MOMENT}: a date is its end", "2026-01-31", required=True)
_MAX_AGE = Parameter(
    "Cache-Control",
    "header",
    kinds.ANY_TEXT,
    "`max-age=N`: figures at most N seconds old will do; what is older is asked of IB first, and waited for. "
    "`max-age=0` or `no-cache`: as new as can be had, at most once per `REFRESH_FLOOR`. `max-stale=M` with it: also "
    "M seconds older. `only-if-cached`: what is recorded",
    "max-age=0",
)
_REQUIRED = Parameter(
    "refresh",
    "query",
    kinds.choice("required"),
    "`required`: a 503 if nothing can be refreshed now, rather than what is recorded",
)
_PREFER = Parameter(
    "Prefer", "header", kinds.ANY_TEXT, "`respond-async`: the same as `refresh=required`", "respond-async"
)
_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, SNAPSHOTS_MAX),
    "Most times on a page",
    SNAPSHOTS_DEFAULT,
    default=SNAPSHOTS_DEFAULT,
)
_CURSOR = Parameter("cursor", "query", kinds.CURSOR, "Where the page begins, from an earlier answer's `Link`")

_FRESH = (_MAX_AGE, _REQUIRED, _PREFER)
_NOT_REFRESHED = (Code.NO_GATEWAY, Code.REFRESH_TIMEOUT)
# What a client has that follows the redirect, as those do that are made of this description.
_FOLLOWED = Answer("The report, to whom follows the redirect", {JSON: "Report"}, ("ETag",), of="getReport")
_SEE_REPORT = Answer("The report is at the URL in `Location`", headers=("Location",))
_SEE_LATEST = Answer("The report is at the URL in `Location`", headers=("Location", "Refresh-Incomplete"))
_TABLES = ("accounts",)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/{Timestamp}",
        name="getReport",
        handler=cached.report,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="A report",
        description="Everything IB said of the account at that time. It never changes, so it may be kept for ever.",
        parameters=(ACCOUNT, _TIMESTAMP, IF_NONE_MATCH),
        answers={200: Answer("The report", {JSON: "Report"}, ("ETag",)), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_SNAPSHOT),
        reports=_TABLES,
        shortcut=cached.SHORTCUT,
    ),
    Route(
        path="/v1/accounts",
        name="listAccounts",
        handler=handlers.list_accounts,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="All accounts",
        description="Every account ever seen in any gateway or statement, by code, with the time of its latest report.",
        parameters=(*_FRESH, FORMAT, IF_NONE_MATCH),
        answers={200: table("The accounts", "AccountList", "Refresh-Incomplete"), 304: NOT_MODIFIED},
        problems=_NOT_REFRESHED,
        media=TABLE,
        reports=_TABLES,
        shortcut=listed.SHORTCUT,
    ),
    Route(
        path="/v1/accounts/{AccountCode}",
        name="getLatestReport",
        handler=handlers.latest_report,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="The latest report",
        description="Redirects to the newest report whose figures can be relied on, or else to the newest.",
        parameters=(ACCOUNT, ANY, GATEWAY, *_FRESH),
        answers={200: _FOLLOWED, 303: _SEE_LATEST},
        problems=(*_NOT_REFRESHED, Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, UNKNOWN_SNAPSHOT),
        reports=_TABLES,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/as-of/{Timestamp}",
        name="getReportAsOf",
        handler=handlers.report_as_of,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="The report as of a time",
        description=(
            "Redirects to the newest report that was complete at or before that time: one whose figures can be relied "
            "on, or, if there is none, any."
        ),
        parameters=(ACCOUNT, _AS_OF, TZ, ANY, GATEWAY),
        answers={200: _FOLLOWED, 303: _SEE_REPORT},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, UNKNOWN_SNAPSHOT),
        reports=_TABLES,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/snapshots",
        name="listSnapshots",
        handler=handlers.list_snapshots,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="The times of all reports",
        description="Newest first, page by page: the header `Link` names the next page.",
        parameters=(ACCOUNT, FROM, TO, TZ, _LIMIT, _CURSOR, GATEWAY, FORMAT, IF_NONE_MATCH),
        answers={200: table("The times", "TimestampList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        media=TABLE,
        reports=_TABLES,
    ),
)

RESOURCE = Resource(
    ROUTES,
    SCHEMAS,
    Path(__file__).with_name("examples.json"),
    parts=(cached.Reports, TableState, listed.Lists, Refresher),
)
