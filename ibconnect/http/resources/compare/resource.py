"""The route of two moments compared, and everything that goes with it.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import ACCOUNT_CODE, FIGURE, TEXT, TIME, list_of, nullable, object_of
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
from ibconnect.http.resources.changes.columns import NO_REPORT, NO_REPORT_BEFORE
from ibconnect.http.resources.changes.split import Why
from ibconnect.http.resources.compare.handler import NO_VALUE, TABLES, account_compare
from ibconnect.http.resources.compare.moved import Unknown
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route, Schema
from ibconnect.http.server.tokens import Right

_SINCE = Parameter(
    "from",
    "query",
    kinds.MOMENT,
    FROM.description.partition(";")[0] + ": the report that was complete then; of a date with its begin",
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


def _part(description: str) -> Schema:
    return {**FIGURE, "description": description}


_CASH = object_of("What was earned or paid, of one of IBKR's types", {"Type": nullable(TEXT), "Amount": FIGURE})
_DIFFERENCE = object_of(
    "By how much the value differs, and where that came from, in base currency: Flows, Positions, Currencies, Cash, "
    "Trading, Moved and Rest, as far as they are no null, add up to Value to the last digit",
    {
        "ValueBefore": _part("NetLiquidation of the first report"),
        "ValueAfter": _part("NetLiquidation of the second"),
        "Value": _part("ValueAfter less ValueBefore"),
        "Flows": _part("What the owner brought or took, by statements; null: not known (Why), then it is in Moved"),
        "Positions": _part("What prices have changed, at the size at the second moment and the rate at the first"),
        "Currencies": _part("What rates have changed, of what was held, cash too, at the second moment"),
        "Cash": _part("Dividends, interest, fees, taxes, by statements; null: not known, then it is in Moved"),
        "Trading": _part("What trades gained or lost, commissions included: an estimate; null: then it is in Moved"),
        "Moved": _part("Flows, Cash and Trading together, where they cannot be told apart; else null"),
        "Rest": _part("What cannot be told apart: what has accrued, what is Unsplit, what IB has rounded"),
        "CashByType": list_of("Cash by IBKR's types", "CompareCash"),
        "Unsplit": {"type": "integer", "minimum": 0, "description": "Rows of Changes that have no split (their Why)"},
        "Why": {
            "type": ["string", "null"],
            "enum": [*Unknown, None],
            "description": "Why Flows, Cash and Trading are null. no-statement: there is none of the account; "
            "not-stated-yet: none up to the second moment; days-missing: none of days between; no-amount: something "
            "is listed without an amount in base currency, or of which nobody says what it is",
        },
    },
)
_COMPARISON = object_of(
    "An account at two moments",
    {
        "AccountCode": ACCOUNT_CODE,
        "From": {**nullable(TIME), "description": "Of the report that was complete at `from`; null: there was none"},
        "To": {**nullable(TIME), "description": "Of the report that was complete at `to`; null: there was none"},
        "Ready": {"type": ["boolean", "null"], "description": "Whether both reports can be relied on"},
        "BaseCurrency": nullable(TEXT),
        "Why": {
            "type": ["string", "null"],
            "enum": [NO_REPORT, NO_REPORT_BEFORE, Why.OTHER_BASE, NO_VALUE, None],
            "description": "Why there is no Difference",
        },
        "Difference": {"oneOf": [{"$ref": "#/components/schemas/Difference"}, {"type": "null"}]},
        "Changes": list_of("Positions and cash that are not the same, as in /v1/changes", "Change"),
    },
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/compare",
        name="compareAccount",
        handler=account_compare,
        tag=HISTORY,
        right=Right.READ,
        summary="Two moments compared",
        description=(
            "The reports that were complete at two moments: positions that were opened, closed or changed, cash per "
            "currency, and where the difference in value came from, in parts that add up to it to the last digit. As a "
            "table: the changes."
        ),
        parameters=(ACCOUNT, _SINCE, _UNTIL, TZ, ANY, GATEWAY, FORMAT, IF_NONE_MATCH),
        answers={200: table("What changed, and why", "Comparison"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        media=TABLE,
        reports=TABLES,
    ),
)

RESOURCE = Resource(
    ROUTES,
    {"Comparison": _COMPARISON, "Difference": _DIFFERENCE, "CompareCash": _CASH},
    Path(__file__).with_name("examples.json"),
)
