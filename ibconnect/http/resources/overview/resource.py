"""The route of the overview of all accounts, and everything that goes with it.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.shared import ACCOUNTS, ANY, AT, FORMAT, IF_NONE_MATCH, NOT_MODIFIED, TZ, table
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.overview import handler
from ibconnect.http.resources.overview.reading import Reader
from ibconnect.http.resources.overview.schemas import SCHEMAS
from ibconnect.http.resources.performance.stated_kept import StatedReturns
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import ACCOUNTS_DEFAULT, ACCOUNTS_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_CURRENCY = Parameter(
    "currency",
    "query",
    kinds.pattern("^[A-Z]{3,5}$", "a currency code such as USD"),
    "What the total, and `NetLiquidationIn`, is in. Default: the base currency, where all accounts have the same",
    "USD",
)
_CLOSE = Parameter(
    "close",
    "query",
    kinds.CLOCK,
    "The time of the day in `tz` at which days close that changes are counted from. Default: midnight",
    "16:00",
)
_SORT = Parameter(
    "sort",
    "query",
    kinds.choice(*handler.SORTS, *(f"-{name}" for name in handler.SORTS)),
    "The order of the rows: by this figure, with `-` before it the largest first; amounts as they are in `Currency`, "
    "what is null last",
    "-ChangeSinceClose",
    default="AccountCode",
)
_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, ACCOUNTS_MAX),
    "Most accounts on a page; the total is over all of them",
    ACCOUNTS_DEFAULT,
    default=ACCOUNTS_DEFAULT,
)
_CURSOR = Parameter("cursor", "query", kinds.ACCOUNT, "Where the page begins, from an earlier answer's `Link`")

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/overview",
        name="getOverview",
        handler=handler.overview,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="All accounts at a moment",
        description=(
            "What each account is worth, what that has changed by since the last close and in the month and the year "
            "so far, and the total over all that the token may see, in one currency, with the exchange rates that were "
            "used. `Excluded` names each account that is not in a figure of the total, and why."
        ),
        parameters=(_CURRENCY, GROUPS, AT, TZ, _CLOSE, ANY, _SORT, _LIMIT, _CURSOR, FORMAT, IF_NONE_MATCH),
        answers={200: table("The accounts", "Overview"), 304: NOT_MODIFIED},
        problems=(UNKNOWN_GROUP,),
        media=TABLE,
        reports=("accounts",),
    ),
)

RESOURCE = Resource(
    ROUTES, SCHEMAS, Path(__file__).with_name("examples.json"), parts=(Reader, handler.Overviews, StatedReturns)
)
