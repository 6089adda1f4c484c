"""The route of values by steps, and everything that goes with it.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from dataclasses import replace
from pathlib import Path

from ibconnect.http.openapi.shared import FORMAT, FROM, HISTORY, IF_NONE_MATCH, NOT_MODIFIED, TO, TZ, table
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.performance.writing import STEPS
from ibconnect.http.resources.values.handlers import ONLY, TABLES, values
from ibconnect.http.resources.values.writing import SCHEMAS
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import ACCOUNTS_NAMED_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_CURRENCY = Parameter(
    "currency",
    "query",
    kinds.pattern("^[A-Z]{3,5}$", "a currency code such as USD"),
    "What the total is in, by the rates of each day. Default: the base currency, where all accounts have the same",
    "USD",
)
_STEP = Parameter(
    "step",
    "query",
    kinds.choice(*STEPS),
    "One value for each: weekdays, weeks from Monday, months, quarters, years. Default: days",
    "1d",
    default="1d",
)
_TOTAL = Parameter(
    "total",
    "query",
    kinds.choice(ONLY),
    f"`{ONLY}`: the accounts together, and none by itself; a table has a row for each step",
    ONLY,
)
_ACCOUNTS = Parameter(
    "account",
    "query",
    kinds.ACCOUNT,
    "Only these accounts; repeated or separated by commas. Default: all that the token may see",
    ["DU1000001"],
    repeated=ACCOUNTS_NAMED_MAX,
)
_FROM = replace(FROM, description="The first day: of a moment the day in `tz`. Default: 30 days ago")
_TO = replace(
    TO, description="The last day; of a moment within a day what was known then. Default: now, with the newest reports"
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/values",
        name="getValues",
        handler=values,
        tag=HISTORY,
        right=Right.READ,
        summary="What all accounts were worth day by day",
        description=(
            "Of each account the value at the end of each step: a statement's where there is one, else that of the "
            "recorder's last report; and what the accounts were worth together, in one currency."
        ),
        parameters=(_ACCOUNTS, GROUPS, _FROM, _TO, TZ, _STEP, _CURRENCY, _TOTAL, FORMAT, IF_NONE_MATCH),
        answers={200: table("The values, oldest first", "Values"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
        media=TABLE,
        reports=TABLES,
    ),
)

RESOURCE = Resource(ROUTES, SCHEMAS, Path(__file__).with_name("examples.json"))
