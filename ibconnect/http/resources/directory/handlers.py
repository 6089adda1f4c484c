"""An advisor's directory at a moment: accounts with alias, type, family and groups; groups with their members.

In: calls. Out: tables. Called by the pipeline, for the routes of :mod:`ibconnect.http.resources.directory.resource`. A
token that is limited to accounts sees what is said of these alone: of a group, those of its members.
"""

from aiohttp import web

from ibconnect.http.resources.directory_lookup import entries, group_rows, members, types
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Column, Row, Type
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.times import format_rfc3339

ACCOUNTS: tuple[Column, ...] = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Alias", Type.TEXT, "What the advisor calls it; null: nothing"),
    Column("AccountType", Type.TEXT, "INDIVIDUAL, ..., as its newest report says; null: there is none"),
    Column("FamilyCode", Type.TEXT, "IB's code of the family that it belongs to; null: none"),
    Column("Groups", Type.TEXTS, "The advisor's groups that it is in", is_nullable=False),
    Column("Since", Type.TIME, "Since when the directory says all of this", is_nullable=False),
)
MEMBERS: tuple[Column, ...] = (
    Column("Group", Type.TEXT, "The group", is_nullable=False),
    Column("Method", Type.TEXT, "How orders for the group are allocated by default: NetLiq, Equal ..."),
    Column("AccountCode", Type.TEXT, "An account that is in it", is_nullable=False),
    Column("Share", Type.VALUE, "The account's share, where the method has shares"),
    Column("Gateway", Type.TEXT, "Which gateway says so", is_nullable=False),
    Column("Since", Type.TIME, "Since when", is_nullable=False),
)


async def list_directory(call: Call) -> web.StreamResponse:
    """Accounts of which any directory says something, by code."""
    arguments = call.arguments
    at, limit, groups = arguments["at"] or call.now, arguments["limit"], arguments["group"]
    if groups:
        # A group without an account that the token may see is none.
        await members(call, groups, at)
    found = await entries(
        call, at, call.principal.accounts, rows=limit + 1, after=arguments["cursor"] or "", groups=groups
    )
    page = found[:limit]
    kinds = await types(call, at, [entry.account for entry in page])
    rows: list[Row] = [
        (entry.account, entry.alias, kinds.get(entry.account), entry.family, entry.groups, entry.since)
        for entry in page
    ]
    headers = {}
    if len(found) > limit:
        headers = next_page(call, cursor=page[-1].account, **_now(call))
    return await table_response(call, ACCOUNTS, rows, "directory", headers=headers)


async def list_groups(call: Call) -> web.StreamResponse:
    """The members of groups, by group and account."""
    arguments = call.arguments
    at, limit, skipped = arguments["at"] or call.now, arguments["limit"], arguments["cursor"] or 0
    found = await group_rows(call, at, skipped=skipped, rows=limit + 1)
    if not found and arguments["group"]:
        await members(call, arguments["group"], at)
    headers = {}
    if len(found) > limit:
        headers = next_page(call, cursor=str(skipped + limit), **_now(call))
    return await table_response(call, MEMBERS, found[:limit], "groups", headers=headers)


def _now(call: Call) -> dict[str, str]:
    """All pages are of one moment."""
    return {} if call.arguments["at"] else {"at": format_rfc3339(call.now)}
