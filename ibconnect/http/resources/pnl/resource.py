"""The routes of profit and loss, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from dataclasses import replace
from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import (
    ACCOUNT,
    AT,
    CLOSE,
    FORMAT,
    FROM,
    GATEWAY,
    HISTORY,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    STEP,
    TO,
    TZ,
    table,
)
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.pnl.columns import COLUMNS, OF_ACCOUNTS
from ibconnect.http.resources.pnl.history import account_pnl
from ibconnect.http.resources.pnl.moment import all_pnl
from ibconnect.http.resources.pnl.reading import TABLES
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import PNL_DEFAULT, PNL_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_POSITIONS = Parameter(
    "positions", "query", kinds.choice("true"), "`true`: also each position that was sampled", "true"
)
_CONTRACT = Parameter(
    "contract", "query", kinds.integer(1, 2**53 - 1), "Only the position in the contract with this id of IB's", 265598
)
_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, PNL_MAX),
    "Most rows on a page, but for the last time's",
    PNL_DEFAULT,
    default=PNL_DEFAULT,
)
_CURSOR = Parameter(
    "cursor", "query", kinds.ACCOUNT, "Where the page begins, from an earlier answer's `Link`", "DU1000001"
)
_STEP = replace(
    STEP,
    description=(
        "One point per step (90s, 30m, 1h, 1d, 2w, 1mo, 1q, 1y), as of other histories: the last sample before its "
        "end, none where it has none. Days and longer steps end when a day of profit and loss does (the setting "
        "`PNL_RESET`, 23:55 in New York by default), unless `tz` or `at` say otherwise. Default: one point per sample"
    ),
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/pnl",
        name="getPnl",
        handler=account_pnl,
        tag=HISTORY,
        right=Right.READ,
        summary="Profit and loss over time",
        description=(
            "The day's, unrealized and realized profit as IB computes them, of an account and of its positions: a row "
            "for each sample, or for the last of each step. Page by page: the header `Link` names the next page."
        ),
        parameters=(
            ACCOUNT,
            FROM,
            TO,
            TZ,
            _STEP,
            CLOSE,
            _POSITIONS,
            _CONTRACT,
            GATEWAY,
            _LIMIT,
            FORMAT,
            IF_NONE_MATCH,
        ),
        answers={
            200: table("The rows, oldest first, the account before its positions", "PnlHistory"),
            304: NOT_MODIFIED,
        },
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        media=TABLE,
        reports=TABLES,
    ),
    Route(
        path="/v1/pnl",
        name="listPnl",
        handler=all_pnl,
        tag=HISTORY,
        right=Right.READ,
        summary="Profit and loss of all accounts",
        description=(
            "Of each account that the token may see the newest sample at a moment, each in its own base currency. "
            "Accounts without a sample are left out."
        ),
        parameters=(AT, TZ, GROUPS, _LIMIT, _CURSOR, FORMAT, IF_NONE_MATCH),
        answers={200: table("The rows, by account", "PnlList"), 304: NOT_MODIFIED},
        problems=(UNKNOWN_GROUP,),
        media=TABLE,
        reports=TABLES,
    ),
)

RESOURCE = Resource(
    ROUTES,
    {
        "PnlSample": row_of("Profit and loss of an account, or of one of its positions, at a time", COLUMNS),
        "PnlHistory": list_of("Oldest first", "PnlSample"),
        "AccountPnl": row_of("Profit and loss of an account", OF_ACCOUNTS),
        "PnlList": list_of("By account", "AccountPnl"),
    },
    Path(__file__).with_name("examples.json"),
)
