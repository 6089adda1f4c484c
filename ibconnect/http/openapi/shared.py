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
SERVICE = Tag("Service", "This program itself.")

TIME_OR_AGO = "An RFC 3339 time, or a time ago such as -30d (units s, m, h, d, w)"

ACCOUNT = Parameter("AccountCode", "path", kinds.ACCOUNT, "IB's code of the account", "DU1000001", required=True)
FROM = Parameter("from", "query", kinds.MOMENT, f"{TIME_OR_AGO}; included. Default: the beginning", "-30d")
TO = Parameter("to", "query", kinds.MOMENT, f"{TIME_OR_AGO}; included. Default: now", "2026-01-31T23:59:59Z")
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


def table(description: str, schema: str) -> Answer:
    """The answer of a route whose ``media`` is ``frames.TABLE``; ``schema``: that of its JSON."""
    binary = dict.fromkeys((ARROW, PARQUET), "Binary")
    return Answer(description, {JSON: schema, CSV: "Text", **binary}, ("ETag", "Link", "Content-Disposition"))


NOT_MODIFIED = Answer("The client has it already", headers=("ETag",))
