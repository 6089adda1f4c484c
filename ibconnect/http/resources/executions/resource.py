"""The routes of executions, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import (
    ACCOUNT,
    FORMAT,
    FROM,
    IF_NONE_MATCH,
    NOT_MODIFIED,
    TO,
    TZ,
    table,
)
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.executions.columns import COLUMNS, GAP_COLUMNS
from ibconnect.http.resources.executions.cursor import CURSOR
from ibconnect.http.resources.executions.handlers import TABLES, account_executions, all_executions, execution_gaps
from ibconnect.http.resources.positions import parameters
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import EXECUTIONS_DEFAULT, EXECUTIONS_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route, Tag
from ibconnect.http.server.tokens import Right

EXECUTIONS = Tag("Executions", "What accounts have bought and sold, as gateways and Flex statements tell of it.")

_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, EXECUTIONS_MAX),
    "Most rows on a page",
    EXECUTIONS_DEFAULT,
    default=EXECUTIONS_DEFAULT,
)
_CORRECTIONS = Parameter(
    "corrections",
    "query",
    kinds.choice("all"),
    "`all`: also executions that were corrected, as they were told before, each with `CorrectedBy`",
)
_SPAN = (FROM, TO, TZ)
_WHICH = (*_SPAN, parameters.SYMBOL, parameters.CONTRACT, _CORRECTIONS, _LIMIT, CURSOR, FORMAT, IF_NONE_MATCH)
_HOW = (
    "Newest first, each once, however often and by how many gateways or statements it was told. A correction stands in "
    "the place of what it `Corrects`. A combination has a row (`SecurityType` BAG) and one for each leg: leave its row "
    "out of what you add up."
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/executions",
        name="listExecutions",
        handler=all_executions,
        tag=EXECUTIONS,
        right=Right.READ,
        summary="Executions of all accounts",
        description=f"The fills of all accounts that the token may see, with their commissions. {_HOW}",
        parameters=(parameters.ACCOUNTS, GROUPS, *_WHICH),
        answers={200: table("The executions", "ExecutionList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
        media=TABLE,
        reports=TABLES,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/executions",
        name="listAccountExecutions",
        handler=account_executions,
        tag=EXECUTIONS,
        right=Right.READ,
        summary="Executions of an account",
        description=(
            f"The fills of an account, with their commissions. {_HOW} The header `Gaps` says how many spans of time "
            "there are in what is asked for of which nobody knows the executions."
        ),
        parameters=(ACCOUNT, *_WHICH),
        answers={200: table("The executions", "ExecutionList", "Gaps"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT,),
        media=TABLE,
        reports=TABLES,
    ),
    Route(
        path="/v1/accounts/{AccountCode}/executions/gaps",
        name="listExecutionGaps",
        handler=execution_gaps,
        tag=EXECUTIONS,
        right=Right.READ,
        summary="Times of which an account's executions are not known",
        description=(
            "A Gateway tells of executions until its own midnight: what nobody asked for before that is not known, "
            "nor what there was before the first answer. Spans of two minutes or less are left out."
        ),
        parameters=(ACCOUNT, *_SPAN, FORMAT, IF_NONE_MATCH),
        answers={200: table("The gaps, oldest first", "ExecutionGapList"), 304: NOT_MODIFIED},
        problems=(Code.UNKNOWN_ACCOUNT,),
        media=TABLE,
        reports=TABLES,
    ),
)

RESOURCE = Resource(
    ROUTES,
    {
        "Execution": row_of("A fill of an account", COLUMNS),
        "ExecutionList": list_of("Newest first", "Execution"),
        "ExecutionGap": row_of("A span of time of which the executions are not known", GAP_COLUMNS),
        "ExecutionGapList": list_of("Oldest first", "ExecutionGap"),
    },
    Path(__file__).with_name("examples.json"),
)
