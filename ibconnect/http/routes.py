"""The table of everything that is served.

Requests are routed and validated by it, and the OpenAPI document is made of it, so neither can say what the
other does not do.
"""

from ibconnect.http.openapi import page as documentation
from ibconnect.http.resources import accounts, events, gateways, health, history, instances, metrics
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import JSON, Answer, Route
from ibconnect.http.server.limits import EVENTS_MAX, POINTS_MAX, SNAPSHOTS_DEFAULT, SNAPSHOTS_MAX, TAGS_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.tokens import Right

_POSITION_MAX = 2**63 - 1
_FROM_TO = "An RFC 3339 time, or a time ago such as -30d (units s, m, h, d, w)"

ACCOUNT = Parameter("AccountCode", "path", kinds.ACCOUNT, "IB's code of the account", "DU1000001", required=True)
TIMESTAMP = Parameter(
    "Timestamp",
    "path",
    kinds.TIME,
    "RFC 3339, in any offset and with any number of zeros",
    "2014-04-22T04:22:05.776394Z",
    required=True,
)
CONTRACT = Parameter(
    "IbContractId", "path", kinds.integer(0, 2**53 - 1), "IB's id of the contract", 265598, required=True
)
FROM = Parameter("from", "query", kinds.MOMENT, f"{_FROM_TO}; included. Default: the beginning", "-30d")
TO = Parameter("to", "query", kinds.MOMENT, f"{_FROM_TO}; included. Default: now", "2026-01-31T23:59:59Z")
STEP = Parameter(
    "step",
    "query",
    kinds.DURATION,
    "One point per step (90s, 30m, 1h, 7d, 2w): the last value at or before it, null where the step has none. "
    "Steps count from `from`, or else fall on its whole multiples since 1970. Default: one point per snapshot",
    "1d",
)
MAX_AGE = Parameter(
    "Cache-Control",
    "header",
    kinds.ANY_TEXT,
    "`max-age=N`: figures at most N seconds old will do; what is older is asked of IB first, and waited for. "
    "`max-age=0` or `no-cache`: as new as can be had, at most once per `REFRESH_FLOOR`",
    "max-age=0",
)
REQUIRED = Parameter(
    "refresh",
    "query",
    kinds.choice("required"),
    "`required`: a 503 if nothing can be refreshed now, rather than what is recorded",
)
PREFER = Parameter(
    "Prefer", "header", kinds.ANY_TEXT, "`respond-async`: the same as `refresh=required`", "respond-async"
)
ANY = Parameter(
    "ready",
    "query",
    kinds.choice("any"),
    "`any`: also reports whose figures cannot be relied on as a whole (`Ready` is false, `Remarks` say why)",
)
GATEWAY = Parameter(
    "gateway",
    "query",
    kinds.GATEWAY,
    "Only what this gateway told, where several name the account. Default: what those told that it belongs to, of each "
    "refresh one",
    "127.0.0.1:4002",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match", "header", kinds.ANY_TEXT, "An ETag that the client has: 304 if it still holds", '"abc"'
)

_REFRESHING = (Code.NO_GATEWAY, Code.REFRESH_TIMEOUT)
_NOT_MODIFIED = Answer("The client has it already", headers=("ETag",))
_SEE_REPORT = Answer("The report is at the URL in `Location`", headers=("Location",))
_SEE_LATEST = Answer("The report is at the URL in `Location`", headers=("Location", "Refresh-Incomplete"))
_WISHES = (MAX_AGE, REQUIRED, PREFER)
_HISTORY_LIMITS = (
    f"At most {POINTS_MAX:,} points; where there are more, the header `Link` names the next page. "
    "Ask for `text/csv` by `Accept` to get a table."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/{Timestamp}",
        name="getReport",
        handler=accounts.report,
        tag="Accounts",
        right=Right.READ,
        summary="A report",
        description="Everything IB said of the account at that time. It never changes, so it may be kept for ever.",
        parameters=(ACCOUNT, TIMESTAMP, IF_NONE_MATCH),
        answers={200: Answer("The report", {JSON: "Report"}, ("ETag",)), 304: _NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_SNAPSHOT),
        reads_tables=True,
    ),
    Route(
        path="/v1/accounts",
        name="listAccounts",
        handler=accounts.list_accounts,
        tag="Accounts",
        right=Right.READ,
        summary="All accounts",
        description="Every account ever seen in any gateway, by code, with the time of its latest report.",
        parameters=(*_WISHES, IF_NONE_MATCH),
        answers={
            200: Answer("The accounts", {JSON: "AccountList"}, ("ETag", "Refresh-Incomplete")),
            304: _NOT_MODIFIED,
        },
        problems=_REFRESHING,
        reads_tables=True,
    ),
    Route(
        path="/v1/accounts/{AccountCode}",
        name="getLatestReport",
        handler=accounts.latest_report,
        tag="Accounts",
        right=Right.READ,
        summary="The latest report",
        description="Redirects to the newest report whose figures can be relied on, or else to the newest.",
        parameters=(ACCOUNT, ANY, GATEWAY, *_WISHES),
        answers={303: _SEE_LATEST},
        problems=(*_REFRESHING, Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, Code.UNKNOWN_SNAPSHOT),
        reads_tables=True,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/as-of/{Timestamp}",
        name="getReportAsOf",
        handler=accounts.report_as_of,
        tag="Accounts",
        right=Right.READ,
        summary="The report as of a time",
        description=(
            "Redirects to the newest report that was complete at or before that time: one whose figures can be relied "
            "on, or, if there is none, any."
        ),
        parameters=(ACCOUNT, TIMESTAMP, ANY, GATEWAY),
        answers={303: _SEE_REPORT},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, Code.UNKNOWN_SNAPSHOT),
        reads_tables=True,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/snapshots",
        name="listSnapshots",
        handler=accounts.list_snapshots,
        tag="Accounts",
        right=Right.READ,
        summary="The times of all reports",
        description="Newest first, page by page: the header `Link` names the next page.",
        parameters=(
            ACCOUNT,
            FROM,
            TO,
            Parameter(
                "limit",
                "query",
                kinds.integer(1, SNAPSHOTS_MAX),
                "Most times on a page",
                SNAPSHOTS_DEFAULT,
                default=SNAPSHOTS_DEFAULT,
            ),
            Parameter("cursor", "query", kinds.CURSOR, "Where the page begins, from an earlier answer's `Link`"),
            GATEWAY,
            IF_NONE_MATCH,
        ),
        answers={200: Answer("The times", {JSON: "TimestampList"}, ("ETag", "Link")), 304: _NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        reads_tables=True,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/history",
        name="getHistory",
        handler=history.account_history,
        tag="History",
        right=Right.READ,
        summary="Values over time",
        description=f"One or several tags, one point per snapshot or per step. {_HISTORY_LIMITS}",
        parameters=(
            ACCOUNT,
            Parameter(
                "tag",
                "query",
                kinds.TAG,
                "Tags as in `Values`, repeated or separated by commas",
                ["NetLiquidation"],
                required=True,
                repeated=TAGS_MAX,
            ),
            Parameter("segment", "query", kinds.SEGMENT, "A segment (S, C, P ...). Default: the whole account", "S"),
            Parameter(
                "currency",
                "query",
                kinds.CURRENCY,
                "The ledger of a currency. Default: account-level figures, and of the ledger its BASE row",
                "USD",
            ),
            FROM,
            TO,
            STEP,
            ANY,
            GATEWAY,
        ),
        answers={200: Answer("The points, oldest first", {JSON: "History", "text/csv": "Text"}, ("Link",))},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        media=(JSON, "text/csv"),
        reads_tables=True,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/positions/{IbContractId}/history",
        name="getPositionHistory",
        handler=history.position_history,
        tag="History",
        right=Right.READ,
        summary="A position over time",
        description=f"Size, price, value, cost and profit of one contract. {_HISTORY_LIMITS}",
        parameters=(ACCOUNT, CONTRACT, FROM, TO, STEP, ANY, GATEWAY),
        answers={200: Answer("The points, oldest first", {JSON: "PositionHistory", "text/csv": "Text"}, ("Link",))},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, Code.UNKNOWN_POSITION),
        media=(JSON, "text/csv"),
        reads_tables=True,
    ),
    Route(
        path="/v1/events",
        name="listEvents",
        handler=events.list_events,
        tag="Recorder",
        right=Right.EVENTS,
        summary="Raw events",
        description=(
            "What the gateways sent and what ibconnect did, in the order in which it was stored, one JSON object a "
            "line, up to now. Go on later with `after` and the last `Position`. Ask for `text/event-stream` by "
            "`Accept` to be sent events as they are recorded, beginning now, after `after`, or after `Last-Event-ID`."
        ),
        parameters=(
            Parameter("after", "query", kinds.integer(0, _POSITION_MAX), "Only events behind this position", 0),
            Parameter("account", "query", kinds.ACCOUNT, "Only events that name this account", "DU1000001"),
            Parameter("session", "query", kinds.SESSION, "Only events of this session"),
            Parameter(
                "type",
                "query",
                kinds.EVENT_TYPE,
                "Only events of these types, repeated or separated by commas",
                ["PortfolioUpdated"],
                repeated=TAGS_MAX,
            ),
            Parameter("from", "query", kinds.MOMENT, f"{_FROM_TO}; included: when the event arrived", "-1h"),
            Parameter("to", "query", kinds.MOMENT, f"{_FROM_TO}; included", "-5m"),
            Parameter("limit", "query", kinds.integer(1, EVENTS_MAX), "Most events", 100),
            Parameter(
                "Last-Event-ID",
                "header",
                kinds.integer(0, _POSITION_MAX),
                "Sent by a browser that reconnects to the live stream; goes before `after`",
            ),
        ),
        answers={200: Answer("The events", {events.NDJSON: "Event", events.EVENT_STREAM: "Text"})},
        problems=(Code.UNKNOWN_ACCOUNT, Code.TOO_MANY_SCANS, Code.TOO_MANY_STREAMS),
        media=(events.NDJSON, events.EVENT_STREAM),
    ),
    Route(
        path="/v1/gateways",
        name="listGateways",
        handler=gateways.list_gateways,
        tag="Recorder",
        right=Right.READ,
        summary="The gateways",
        description=(
            "Each gateway that a living instance has configured: connected or why not, its session, who records it, "
            "last refresh, last notice."
        ),
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The gateways", {JSON: "GatewayList"}, ("ETag",)), 304: _NOT_MODIFIED},
        reads_tables=True,
    ),
    Route(
        path="/v1/instances",
        name="listInstances",
        handler=instances.list_instances,
        tag="Recorder",
        right=Right.READ,
        summary="The instances",
        description=(
            "The instances that were alive within the last day: version, address, the gateways that each could record "
            "and those that it does. A token that is limited to accounts sees none."
        ),
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The instances", {JSON: "InstanceList"}, ("ETag",)), 304: _NOT_MODIFIED},
    ),
    Route(
        path="/v1/openapi.json",
        name="getOpenApi",
        handler=documentation.openapi,
        tag="Service",
        right=None,
        summary="This document",
        description="The description of this API, OpenAPI 3.1.",
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The document", {JSON: "OpenApi"}, ("ETag",)), 304: _NOT_MODIFIED},
    ),
    Route(
        path="/healthz",
        name="getHealth",
        handler=health.alive,
        tag="Service",
        right=None,
        summary="Alive",
        description="The processes answer: which instance they are, and for how long Postgres has answered it.",
        answers={200: Answer("They do", {JSON: "Alive"}), 503: Answer("One hangs", {JSON: "Alive"})},
    ),
    Route(
        path="/readyz",
        name="getReadiness",
        handler=health.ready,
        tag="Service",
        right=None,
        summary="Ready",
        description="Whether requests can be answered: the database is reachable and its schema is current.",
        answers={200: Answer("Ready", {JSON: "Ready"}), 503: Answer("Not ready, and why", {JSON: "Ready"})},
    ),
    Route(
        path="/metrics",
        name="getMetrics",
        handler=metrics.metrics,
        tag="Service",
        right=Right.METRICS,
        summary="Prometheus metrics",
        description=(
            "Counters of this instance and the state of its database, of all accounts together. A limited token needs "
            "the right `metrics`."
        ),
        answers={200: Answer("The metrics", {"text/plain": "Text"})},
        media=("text/plain",),
    ),
    Route(
        path="/",
        name="getHome",
        handler=documentation.home,
        tag="Service",
        right=None,
        summary="Home",
        description="Redirects to the page to read and try.",
        answers={303: Answer("The page is at the URL in `Location`", headers=("Location",))},
        media=("text/html", JSON),
    ),
    Route(
        path="/docs",
        name="getDocs",
        handler=documentation.page,
        tag="Service",
        right=None,
        summary="This API to read and try",
        description="A page that needs nothing from any other host.",
        parameters=(IF_NONE_MATCH,),
        answers={200: Answer("The page", {"text/html": "Text"}, ("ETag",)), 304: _NOT_MODIFIED},
        media=("text/html",),
    ),
    Route(
        path="/docs/{Asset}",
        name="getDocsAsset",
        handler=documentation.asset,
        tag="Service",
        right=None,
        summary="A part of the page",
        description="Its style sheet and its script.",
        parameters=(
            Parameter("Asset", "path", kinds.choice(*documentation.ASSETS), "Its name", "docs.css", required=True),
            IF_NONE_MATCH,
        ),
        answers={
            200: Answer("The file", dict.fromkeys(documentation.ASSETS.values(), "Text"), ("ETag",)),
            304: _NOT_MODIFIED,
        },
        media=("text/css", "text/javascript"),
    ),
)

OPERATIONS: tuple[Route, ...] = tuple(
    route for route in ROUTES if route.handler in (health.alive, health.ready, metrics.metrics)
)
"""What a process answers that does not serve the API."""
