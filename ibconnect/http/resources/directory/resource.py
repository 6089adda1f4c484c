"""The routes of an advisor's directory, and everything that goes with them.

In: nothing. Out: the resource. Read by the registry of resources.
"""

from pathlib import Path

from ibconnect.http.openapi.schemas import list_of, row_of
from ibconnect.http.openapi.shared import AT, FORMAT, IF_NONE_MATCH, NOT_MODIFIED, REFERENCE, TZ, table
from ibconnect.http.resources.directory.handlers import ACCOUNTS, MEMBERS, list_directory, list_groups
from ibconnect.http.resources.directory_lookup import GROUPS, UNKNOWN_GROUP
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.frames import TABLE
from ibconnect.http.server.limits import ACCOUNTS_DEFAULT, ACCOUNTS_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.resource import Resource, Route
from ibconnect.http.server.tokens import Right

_LIMIT = Parameter(
    "limit",
    "query",
    kinds.integer(1, ACCOUNTS_MAX),
    "Most rows on a page",
    ACCOUNTS_DEFAULT,
    default=ACCOUNTS_DEFAULT,
)
_AFTER = Parameter("cursor", "query", kinds.ACCOUNT, "Where the page begins, from an earlier answer's `Link`")
_SKIPPED = Parameter("cursor", "query", kinds.integer(0, 10**9), "Where the page begins, from an earlier `Link`")
_WHAT = "As an advisor's login says it, now or with `at` as it was said then."

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/directory",
        name="getDirectory",
        handler=list_directory,
        tag=REFERENCE,
        right=Right.READ,
        summary="Accounts by name: aliases, types, families, groups",
        description=f"By code; accounts of which nothing is said are not there. {_WHAT}",
        parameters=(GROUPS, AT, TZ, _LIMIT, _AFTER, FORMAT, IF_NONE_MATCH),
        answers={200: table("The accounts", "DirectoryEntryList"), 304: NOT_MODIFIED},
        problems=(UNKNOWN_GROUP,),
        media=TABLE,
        reports=("directory", "accounts"),
    ),
    Route(
        path="/v1/groups",
        name="listGroups",
        handler=list_groups,
        tag=REFERENCE,
        right=Right.READ,
        summary="An advisor's groups of accounts",
        description=f"A row for each account that is in a group, by group and account. {_WHAT}",
        parameters=(GROUPS, AT, TZ, _LIMIT, _SKIPPED, FORMAT, IF_NONE_MATCH),
        answers={200: table("The members of groups", "GroupMemberList"), 304: NOT_MODIFIED},
        problems=(UNKNOWN_GROUP,),
        media=TABLE,
        reports=("directory",),
    ),
)

RESOURCE = Resource(
    ROUTES,
    {
        "DirectoryEntry": row_of("What is said of an account", ACCOUNTS),
        "DirectoryEntryList": list_of("By account", "DirectoryEntry"),
        "GroupMember": row_of("An account in a group", MEMBERS),
        "GroupMemberList": list_of("By group and account", "GroupMember"),
    },
    Path(__file__).with_name("examples.json"),
)
