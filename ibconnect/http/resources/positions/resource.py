"""The routes of positions, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import (
    ACCOUNT,
    ACCOUNTS,
    ANY,
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
from ibconnect.http.resources.accounts.problems import UNKNOWN_SNAPSHOT
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.positions import parameters
from ibconnect.http.resources.positions.columns import COLUMNS, HISTORY_COLUMNS
from ibconnect.http.resources.positions.cursor import CURSOR
from ibconnect.http.resources.positions.history import positions_over_time
from ibconnect.http.resources.positions.moment import account_positions, all_positions
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_WHICH = (parameters.SYMBOL, parameters.CONTRACT, AT, TZ, ANY)
_PAGE = (parameters.LIMIT, CURSOR, FORMAT, IF_NONE_MATCH)
_HOW = (
    "Of the newest report that was complete then and can be relied on, or, if there is none, of the newest (`Ready` is "
    "false). The largest in base currency first, whichever sign; those without such a value later, those of models "
    "last. A `Position` of 0 was closed that day."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/positions",
        name="listPositions",
        handler=all_positions,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="Positions of all accounts",
        description=(
            f"What all accounts that the token may see hold at a moment, by symbol or contract too. {_HOW} Each value "
            "is in the base currency of its own account."
        ),
        parameters=(parameters.ACCOUNTS, GROUPS, *_WHICH, *_PAGE),
        answers={200: table("The positions", "HoldingList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
        media=TABLE,
        reports=("accounts",),
    ),
    Route(
        path="/v1/accounts/{AccountCode}/positions",
        name="listAccountPositions",
        handler=account_positions,
        tag=ACCOUNTS,
        right=Right.READ,
        summary="Positions of an account",
        description=f"What an account holds at a moment. {_HOW}",
        parameters=(ACCOUNT, *_WHICH, GATEWAY, *_PAGE),
        answers={200: table("The positions", "HoldingList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY, UNKNOWN_SNAPSHOT),
        media=TABLE,
        reports=("accounts",),
    ),
    Route(
        path="/v1/accounts/{AccountCode}/positions/history",
        name="getPositionsHistory",
        handler=positions_over_time,
        tag=HISTORY,
        right=Right.READ,
        summary="Positions of an account over time",
        description=(
            "In long form: a row for each position of each report, or of the last report of each step, oldest first. A "
            "step without a report has no rows. A page ends with a whole report."
        ),
        parameters=(
            ACCOUNT,
            FROM,
            TO,
            STEP,
            TZ,
            CLOSE,
            parameters.SYMBOL,
            parameters.CONTRACT,
            ANY,
            GATEWAY,
            parameters.ENOUGH,
            FORMAT,
            IF_NONE_MATCH,
        ),
        answers={200: table("The positions", "HoldingHistory"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_GATEWAY),
        media=TABLE,
        reports=("accounts",),
    ),
)

RESOURCE = Resource(
    ROUTES,
    {
        "Holding": row_of("A position of an account in a report", COLUMNS),
        "HoldingList": list_of("The largest in base currency first", "Holding"),
        "HoldingAtTime": row_of("A position of an account at a time", HISTORY_COLUMNS),
        "HoldingHistory": list_of("By time, then the largest in base currency first", "HoldingAtTime"),
    },
    Path(__file__).with_name("examples.json"),
)
