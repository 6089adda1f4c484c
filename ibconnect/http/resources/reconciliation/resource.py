"""The route of reconciliation, and everything that goes with it.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import ACCOUNT_CODE, list_of, nullable, object_of, row_of
from ibconnect.http.openapi.shared import ACCOUNT, FORMAT, FROM, IF_NONE_MATCH, NOT_MODIFIED, STATEMENTS, TO, TZ, table
from ibconnect.http.resources.reconciliation.columns import COLUMNS, KINDS
from ibconnect.http.resources.reconciliation.handlers import TABLES, account_reconciliation
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import RECONCILED_DAYS_DEFAULT, RECONCILED_DAYS_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route, Schema
from ibconnect.http.server.tokens import Right

_CLOSE = Parameter(
    "close",
    "query",
    kinds.CLOCK,
    "The time of the day in `tz` at which a day of the statement ends. Default: midnight",
    "16:00",
)
_WITHIN = Parameter(
    "within",
    "query",
    kinds.STEP,
    "How far from the close the report may be that is compared, at most two days; a day without one is not compared. "
    "Default: 12h",
    "12h",
)
_KIND = Parameter(
    "kind", "query", kinds.choice(*KINDS), "Only rows of these kinds", ["nav", "cash"], repeated=len(KINDS)
)
_SHOW = Parameter(
    "show",
    "query",
    kinds.choice("differences"),
    "`differences`: only rows that do not agree; the summary counts all of them",
)
_DAYS = Parameter(
    "limit",
    "query",
    kinds.integer(1, RECONCILED_DAYS_MAX),
    "Of so many days a page is at most, which begins with one of which a statement says something",
    RECONCILED_DAYS_DEFAULT,
    default=RECONCILED_DAYS_DEFAULT,
)

_NUMBER: Schema = {"type": "integer"}
_DAY: Schema = {"type": "string", "format": "date"}
_COUNTS = {"Agree": _NUMBER, "Differ": _NUMBER, "NotCompared": _NUMBER}
SCHEMAS: dict[str, Schema] = {
    "Reconciliation": object_of(
        "Statements and recorder compared",
        {
            "AccountCode": ACCOUNT_CODE,
            "From": {**nullable(_DAY), "description": "The first day of this page; null: there is none"},
            "To": {**nullable(_DAY), "description": "The last one"},
            "Summary": object_of(
                "How many rows of this page agree, differ, or cannot be compared",
                {
                    **_COUNTS,
                    "Days": _NUMBER,
                    "Kinds": object_of(
                        "The same of each kind that there is",
                        {kind: object_of("Rows of this kind", _COUNTS) for kind in KINDS},
                        optional=KINDS,
                    ),
                },
            ),
            "Rows": list_of("By day", "ReconciliationRow"),
        },
    ),
    "ReconciliationRow": row_of("A figure that a statement says, and the recorder's", COLUMNS),
}

RESOURCE = Resource(
    (
        Route(
            path="/v1/accounts/{AccountCode}/reconciliation",
            name="getReconciliation",
            handler=account_reconciliation,
            tag=STATEMENTS,
            right=Right.READ,
            summary="Statements and recorder compared",
            description=(
                "What Flex statements say of an account, and what the recorder saw, day by day: value, cash by "
                "currency, positions (by the report nearest to the close), and fills by their ids. Each row says "
                "whether both agree, and if not, why. Page by page: the header `Link` names the next page."
            ),
            parameters=(ACCOUNT, FROM, TO, TZ, _CLOSE, _WITHIN, _KIND, _SHOW, _DAYS, FORMAT, IF_NONE_MATCH),
            answers={200: table("The rows, by day, with a summary of them", "Reconciliation"), 304: NOT_MODIFIED},
            problems=(Code.UNKNOWN_ACCOUNT,),
            media=TABLE,
            reports=TABLES,
        ),
    ),
    SCHEMAS,
    Path(__file__).with_name("examples.json"),
)
