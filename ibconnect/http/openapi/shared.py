"""Headings, parameters and answers that several resources have.

In: nothing. Out: tags, parameters, answers. Read by the modules of :mod:`ibconnect.http.resources`.
"""

from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.negotiation import ARROW, CSV, FORMATS, JSON, PARQUET
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.resource import Answer, Tag

ACCOUNTS = Tag("Accounts", "Accounts and their reports: what IB said of an account at one time.")
HISTORY = Tag("History", "The same figures over time.")
RECORDER = Tag("Recorder", "What was recorded, and by whom.")
REFERENCE = Tag("Reference", "What is held, and by whom, by name: contracts, and an advisor's directory.")
STATEMENTS = Tag("Statements", "What Flex statements say: the time before the recorder, cash flows, values of days.")
SERVICE = Tag("Service", "This program itself.")

MOMENT = (
    "An RFC 3339 time, a date in `tz` (2026-11-26), `now`, or a time ago such as -30d (units s, m, h, d, w, mo, q, y)"
)

ACCOUNT = Parameter("AccountCode", "path", kinds.ACCOUNT, "IB's code of the account", "DU1000001", required=True)
FROM = Parameter(
    "from", "query", kinds.MOMENT, f"{MOMENT}; included: a date from its begin. Default: the beginning", "-30d"
)
TO = Parameter("to", "query", kinds.MOMENT_END, f"{MOMENT}; included: a date to its end. Default: now", "now")
AT = Parameter("at", "query", kinds.MOMENT_END, f"{MOMENT}: as of then, of a date its end. Default: now", "2026-01-31")
TZ = Parameter(
    "tz",
    "query",
    kinds.ZONE,
    "The time zone (IANA) of dates, and of steps of days or longer. Default: UTC",
    "America/New_York",
)
STEP = Parameter(
    "step",
    "query",
    kinds.STEP,
    "One point per step (90s, 30m, 1h, 7d, 2w, 1mo, 1q, 1y): the last value at or before its end, null where it has "
    "none. Weeks (from Monday), months, quarters, years, and with `tz` or `at` days, are those of the calendar; others "
    "count from `from`, or else fall on whole multiples since 1970. The point of the running step is the newest value, "
    "marked `Partial`. Default: one point per report",
    "1d",
)
CLOSE = Parameter(
    "at",
    "query",
    kinds.CLOCK,
    "With `step`: the time of the day in `tz` at which days end, and of longer steps the last day: closes. "
    "Default: midnight",
    "16:00",
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
    "Only what this gateway has sent, where several name the account. Default: what the gateways have sent that the "
    "account belongs to, of each refresh that of one gateway",
    "127.0.0.1:4002",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match", "header", kinds.ANY_TEXT, "An ETag that the client has: 304 if it still holds", '"abc"'
)

FORMAT = Parameter(
    "format",
    "query",
    kinds.choice(*FORMATS),
    "What the table is in, where `Accept` leaves a choice: for programs that take nothing but a URL",
    "csv",
)


def table(description: str, schema: str, *headers: str) -> Answer:
    """The answer of a route whose ``media`` is ``frames.TABLE``; ``schema``: that of its JSON.

    :param headers: those beside the ones that every table has
    """
    binary = dict.fromkeys((ARROW, PARQUET), "Binary")
    return Answer(description, {JSON: schema, CSV: "Text", **binary}, ("ETag", "Link", "Content-Disposition", *headers))


NOT_MODIFIED = Answer("The client has it already", headers=("ETag",))
