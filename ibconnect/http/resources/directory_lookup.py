"""What an advisor's directory says of accounts, for the resources that name accounts: aliases, and groups to filter by.

In: calls. Out: aliases and groups at a moment; the accounts of groups. Called by the handlers of resources. While the
directory's tables are built again its names are unknown, and everything else is answered.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call
from ibconnect.http.server.limits import ACCOUNTS_NAMED_MAX
from ibconnect.http.server.parameters import Parameter
from ibconnect.http.server.problems import Problem, ProblemType

_SQL = queries("http/directory")
REPORT = "directory"

UNKNOWN_GROUP = ProblemType("unknown-group", 404, "There is no such group", may_be_swap=True)
GROUPS = Parameter(
    "group",
    "query",
    kinds.pattern(r"^[^\u0000-\u001f\u007f-\u009f,]{1,100}$", "a group's name: 1 to 100 printable characters"),
    "Only the accounts that are in one of these groups of the advisor's at the moment, repeated or separated by commas",
    ["Everyone"],
    repeated=ACCOUNTS_NAMED_MAX,
)


class Entry(NamedTuple):
    """What is said of an account. ``since``: since when all of it holds."""

    account: str
    alias: str | None
    family: str | None
    groups: Sequence[str]
    since: datetime


async def entries(
    call: Call, at: datetime, codes: Collection[str] | None, *, rows: int, after: str = "", groups: Sequence[str] = ()
) -> list[Entry]:
    """What was said of accounts at a moment, by code: of those with these codes, in one of these groups."""
    given = {"at": at, "codes": _listed(codes), "rows": rows, "after": after, "groups": list(groups)}
    return [Entry(*row) for row in await db.rows(call.services.pool, _accounts(is_grouped=bool(groups)), given)]


async def names(call: Call, at: datetime, codes: Collection[str]) -> dict[str, Entry]:
    """What was said of these accounts at a moment; nothing while that cannot be known."""
    try:
        await call.services.tables.ensure_current((REPORT,))
        return {entry.account: entry for entry in await entries(call, at, codes, rows=len(codes) + 1)}
    except (Problem, psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return {}


async def members(call: Call, groups: Sequence[str], at: datetime) -> frozenset[str]:
    """The accounts of these groups at a moment that the token may see.

    :raises Problem: there is none, as if there were no such group; or the tables are built again
    """
    await call.services.tables.ensure_current((REPORT,))
    given = {"at": at, "codes": _listed(call.principal.accounts), "groups": list(groups)}
    found = await db.rows(call.services.pool, SQL(_SQL["members"]).format(then=SQL(_SQL["then"])), given)
    if not found:
        raise Problem(UNKNOWN_GROUP, f"no account is in a group {groups[0]!r} at that time; /v1/groups lists groups")
    return frozenset(code for (code,) in found)


async def within(call: Call, codes: list[str] | None, at: datetime) -> list[str] | None:
    """Of these accounts (None: all) those in the groups that the request names; all if it names none.

    :raises Problem: as of :func:`members`
    """
    groups = call.arguments["group"]
    if not groups:
        return codes
    found = await members(call, groups, at)
    return sorted(found if codes is None else found.intersection(codes))


async def group_rows(call: Call, at: datetime, *, skipped: int, rows: int) -> list[TupleRow]:
    """The members of groups at a moment, a page of them."""
    asked: dict[str, Any] = {"groups": call.arguments["group"] or None, "codes": _listed(call.principal.accounts)}
    query = SQL(_SQL["groups"]).format(then=SQL(_SQL["then"]))
    return await db.rows(call.services.pool, query, {**asked, "at": at, "skipped": skipped, "rows": rows})


async def types(call: Call, at: datetime, codes: Collection[str]) -> dict[str, str | None]:
    """The types of accounts at a moment."""
    return dict(await db.rows(call.services.pool, _SQL["types"], {"at": at, "codes": _listed(codes)}))


def _listed(codes: Collection[str] | None) -> list[str] | None:
    return None if codes is None else sorted(codes)


def _accounts(*, is_grouped: bool) -> Composed:
    then = SQL(_SQL["then"])
    members_of = SQL(_SQL["of_group"]).format(members=SQL(_SQL["members"]).format(then=then))
    return SQL(_SQL["accounts"]).format(
        then=then, order=SQL(_SQL["order"]), of_group=members_of if is_grouped else SQL("TRUE")
    )
