"""The routes of returns, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from ibconnect.http.openapi.shared import ACCOUNT, FORMAT, FROM, HISTORY, IF_NONE_MATCH, NOT_MODIFIED, TO, TZ, table
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.performance.day_series import DAYS, STEPWISE
from ibconnect.http.resources.performance.handlers import account_performance, all_performance
from ibconnect.http.resources.performance.kept import Returns
from ibconnect.http.resources.performance.reading import TABLES
from ibconnect.http.resources.performance.schemas import SCHEMAS
from ibconnect.http.resources.performance.writing import STEPS
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import ACCOUNTS_NAMED_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_FREE = kinds.pattern(r"^-?0\.\d{1,9}$|^0$", "a share such as 0.02")
_CURRENCY = Parameter(
    "currency",
    "query",
    kinds.pattern("^[A-Z]{3,5}$", "a currency code such as USD"),
    "What amounts and returns are in, by the rates of each day. Default: the base currency, where all accounts have "
    "the same",
    "USD",
)
_STEP = Parameter(
    "step",
    "query",
    kinds.choice(*STEPS),
    "What `Series`, and a table, has a row for: days with a value, weeks from Monday, months, quarters, years. "
    "Default: months",
    "1d",
    default="1mo",
)
_SERIES = Parameter(
    "series",
    "query",
    kinds.choice(STEPWISE, DAYS),
    "What `Series`, and a table, has: `steps` with their returns, or `days` as columns for a curve: value, flow, "
    "return, what 1 has become, drawdown; the running day last, by the newest report",
    DAYS,
    default=STEPWISE,
)
_RISK_FREE = Parameter(
    "riskfree",
    "query",
    replace(_FREE, parse=lambda text: Decimal(_FREE.parse(text))),
    "The risk-free rate a year, as a share, of the Sharpe and the Sortino ratio. Default: 0",
    "0.02",
)
_FROM = replace(FROM, description="The first day: of a moment the day in `tz`. Default: the first that has a return")
_TO = replace(
    TO,
    description="The last day; of a moment within a day the last that was over. Default: the last that has a return",
)
_ACCOUNTS = Parameter(
    "account",
    "query",
    kinds.ACCOUNT,
    "Only these accounts, taken together; repeated or separated by commas. Default: all that the token may see",
    ["DU1000001"],
    repeated=ACCOUNTS_NAMED_MAX,
)
_USUAL = (_FROM, _TO, TZ, _STEP, _SERIES, _CURRENCY, _RISK_FREE, FORMAT, IF_NONE_MATCH)
_WHAT = (
    "Time-weighted return (linked by day), money-weighted return, gain, flows, risk, drawdown, months and years. "
    "Values are those of statements; where there is none, those of the recorder, whose flows are estimated from the "
    "day's profit. `Gaps` says what is to be said of which days, docs/performance-figures.md how each figure comes "
    "about."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/accounts/{AccountCode}/performance",
        name="getPerformance",
        handler=account_performance,
        tag=HISTORY,
        right=Right.READ,
        summary="Returns of an account",
        description=_WHAT,
        parameters=(ACCOUNT, *_USUAL),
        answers={200: table("The figures, with the series by steps or by days", "Performance"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT,),
        media=TABLE,
        reports=TABLES,
    ),
    Route(
        path="/v1/performance",
        name="getPerformanceOfSet",
        handler=all_performance,
        tag=HISTORY,
        right=Right.READ,
        summary="Returns of accounts taken together",
        description=f"{_WHAT} Transfers between the accounts are no flows.",
        parameters=(_ACCOUNTS, GROUPS, *_USUAL),
        answers={200: table("The figures, with the series by steps or by days", "Performance"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
        media=TABLE,
        reports=TABLES,
    ),
)

RESOURCE = Resource(ROUTES, SCHEMAS, Path(__file__).with_name("examples.json"), parts=(Returns,))
