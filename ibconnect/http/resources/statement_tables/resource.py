"""The routes of what statements say, made of the list of tables, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from collections.abc import Iterator
from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import ACCOUNT, FORMAT, FROM, IF_NONE_MATCH, NOT_MODIFIED, STATEMENTS, TO, TZ, table
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.resources.positions import parameters
from ibconnect.http.resources.statement_tables.cursor import CURSOR
from ibconnect.http.resources.statement_tables.handlers import TABLES, handler_of_account, handler_of_all
from ibconnect.http.resources.statement_tables.kinds import SERVED, Served
from ibconnect.http.resources.statement_tables.nav import COLUMNS as NAV_COLUMNS
from ibconnect.http.resources.statement_tables.nav import RECORDER, STATEMENT, account_nav
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import NAV_DAYS_DEFAULT, NAV_DAYS_MAX, STATED_DEFAULT, STATED_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, STATED_MAX),
    "Most rows on a page",
    STATED_DEFAULT,
    default=STATED_DEFAULT,
)
_DAYS = Parameter(
    "limit",
    "query",
    kinds.integer(1, NAV_DAYS_MAX),
    "Of so many days a page is at most, which begins with one of which something is known",
    NAV_DAYS_DEFAULT,
    default=NAV_DAYS_DEFAULT,
)
_WHOSE = Parameter(
    "source",
    "query",
    kinds.choice(STATEMENT, RECORDER),
    "Only what statements say, or only what the recorder saw, that on every day. Default: the recorder's value on days "
    "of which no statement says one",
)
_HOW = (
    "Newest first, as the newest statement of a day says. `from` and `to` are of `Day`, the day of the statement. Page "
    "by page: the header `Link` names the next page."
)
_CHOICES = 20


def _parameters(served: Served) -> tuple[Parameter, ...]:
    span = (FROM, TO, TZ)
    usual = (_LIMIT, CURSOR, FORMAT, IF_NONE_MATCH)
    if served.chosen_by is None:
        return (*span, *usual)
    name, column = served.chosen_by
    shown = next(field.column.name for field in served.fields if field.of == column)
    chosen = Parameter(
        name,
        "query",
        kinds.pattern(r"^[^\u0000-\u001f\u007f-\u009f,]{1,64}$", "1 to 64 printable characters"),
        f"Only rows with this `{shown}`, in capital letters or not; repeated or separated by commas",
        [served.example],
        repeated=_CHOICES,
    )
    return (*span, chosen, *usual)


def _routes() -> Iterator[Route]:
    for served in SERVED:
        if served.of_all:
            yield Route(
                path=f"/v1/{served.noun}",
                name=f"list{served.names}",
                handler=handler_of_all(served),
                tag=STATEMENTS,
                right=Right.READ,
                summary=f"{served.what} of all accounts",
                description=f"Of all accounts that the token may see. {served.how} {_HOW}",
                parameters=(parameters.ACCOUNTS, GROUPS, *_parameters(served)),
                answers={200: table("The rows", f"{served.name}List"), 304: NOT_MODIFIED},
                problems=(Code.UNKNOWN_ACCOUNT, UNKNOWN_GROUP),
                media=TABLE,
                reports=TABLES,
            )
        yield Route(
            path=f"/v1/accounts/{{AccountCode}}/{served.noun}",
            name=f"listAccount{served.names}",
            handler=handler_of_account(served),
            tag=STATEMENTS,
            right=Right.READ,
            summary=f"{served.what} of an account",
            description=f"{served.how} {_HOW}",
            parameters=(ACCOUNT, *_parameters(served)),
            answers={200: table("The rows", f"{served.name}List"), 304: NOT_MODIFIED},
            problems=(Code.UNKNOWN_ACCOUNT,),
            media=TABLE,
            reports=TABLES,
        )


_NAV = Route(
    path="/v1/accounts/{AccountCode}/nav",
    name="getNav",
    handler=account_nav,
    tag=STATEMENTS,
    right=Right.READ,
    summary="Value of an account per day",
    description=(
        "Net asset value at the end of each day with its parts, as the statement of the day says; on days of which no "
        "statement says it, the value in the recorder's last report of the day that can be relied on. `Source` says "
        "which. Page by page: the header `Link` names the next page."
    ),
    parameters=(ACCOUNT, FROM, TO, TZ, _WHOSE, _DAYS, FORMAT, IF_NONE_MATCH),
    answers={200: table("The days, oldest first", "NavList"), 304: NOT_MODIFIED},
    problems=(Code.UNKNOWN_ACCOUNT,),
    media=TABLE,
    reports=TABLES,
)

RESOURCE = Resource(
    (_NAV, *_routes()),
    {
        "Nav": row_of("What an account was worth at the end of a day", NAV_COLUMNS),
        "NavList": list_of("Oldest first", "Nav"),
        **{
            name: schema
            for served in SERVED
            for name, schema in (
                (served.name, row_of(served.row, served.columns)),
                (f"{served.name}List", list_of("Newest first", served.name)),
            )
        },
    },
    Path(__file__).with_name("examples.json"),
)
