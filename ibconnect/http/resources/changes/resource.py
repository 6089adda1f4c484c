"""The routes of changes, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import (
    ACCOUNT,
    ANY,
    FORMAT,
    FROM,
    GATEWAY,
    HISTORY,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    TO,
    TZ,
    table,
)
from ibconnect.http.resources.changes.columns import COLUMNS, KINDS
from ibconnect.http.resources.changes.cursor import CURSOR
from ibconnect.http.resources.changes.handlers import account_changes, all_changes
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.positions.parameters import ACCOUNTS
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import CHANGES_ACCOUNTS, CHANGES_DEFAULT, CHANGES_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_KIND = Parameter(
    "kind",
    "query",
    kinds.choice(*KINDS),
    "Only changes of these kinds. Default: all",
    list(KINDS[:1]),
    repeated=len(KINDS),
)
_LIMIT = Parameter(
    "limit", "query", kinds.integer(1, CHANGES_MAX), "Most rows on a page", CHANGES_DEFAULT, default=CHANGES_DEFAULT
)
_SINCE = Parameter(
    "from",
    "query",
    kinds.MOMENT,
    FROM.description.partition(";")[0] + ": compared with the report that was complete then; of a date with its begin",
    "-1d",
    required=True,
)
_UNTIL = Parameter(
    "to",
    "query",
    kinds.MOMENT_END,
    TO.description.partition(";")[0] + ": the report that was complete then; of a date its end. Default: now",
    "2026-01-31T23:59:59Z",
)
_SPAN = (_SINCE, _UNTIL, TZ, _KIND, ANY)
_PAGE = (_LIMIT, CURSOR, FORMAT, IF_NONE_MATCH)
_HOW = (
    "Positions that were opened, closed, resized or revalued, cash by currency, and every other value that is not the "
    "same. The difference in base currency is split into what comes from the size, the price and the currency; these "
    "add up to it to the last digit. By account; positions and cash by the difference, largest first, then values by "
    "tag."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/changes",
        name="listAccountChanges",
        handler=account_changes,
        tag=HISTORY,
        right=Right.READ,
        summary="What changed in an account",
        description=f"Between the reports that were complete at two moments. {_HOW}",
        parameters=(ACCOUNT, *_SPAN, GATEWAY, *_PAGE),
        answers={200: table("What changed", "ChangeList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        media=TABLE,
        reports=("accounts",),
    ),
    Route(
        path="/v1/changes",
        name="listChanges",
        handler=all_changes,
        tag=HISTORY,
        right=Right.READ,
        summary="What changed in all accounts",
        description=(
            f"The same of all accounts that the token may see. {_HOW} At most {CHANGES_ACCOUNTS} accounts are compared "
            "for one page, which may have fewer rows than `limit`, or none, and a next one all the same."
        ),
        parameters=(ACCOUNTS, GROUPS, *_SPAN, *_PAGE),
        answers={200: table("What changed", "ChangeList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
        media=TABLE,
        reports=("accounts",),
    ),
)

RESOURCE = Resource(
    ROUTES,
    {
        "Change": row_of("A position, the cash of one currency or a value that is not the same", COLUMNS),
        "ChangeList": list_of("By account, kind, and how much that is in base currency", "Change"),
    },
    Path(__file__).with_name("examples.json"),
)
