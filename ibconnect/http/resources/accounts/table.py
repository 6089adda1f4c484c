"""The list of accounts as a table: CSV, Arrow or Parquet.

In: a call. Out: the answer, the same rows as in JSON. Called by the handler of the list.
"""

from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.resources.conditions import whose
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import Column, Type, table_response

_SQL = queries("http/accounts")
CACHING = "private, max-age=60"
COLUMNS = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Latest", Type.TIME, "The time of its newest report that can be relied on, or else of its newest"),
    Column("Listed", Type.BOOLEAN, "Whether a gateway that it belongs to lists it now", is_nullable=False),
    Column("Ready", Type.BOOLEAN, "Whether that report can be relied on"),
)


async def account_table(call: Call, *, is_plain: bool) -> web.StreamResponse:
    """The accounts that the token may see.

    :param is_plain: whether no header is added to the answer
    """
    visible = call.principal.accounts
    asked = {"codes": None if visible is None else sorted(visible), "gateway": None}
    found = await db.rows(call.services.pool, whose(_SQL["list_accounts"], None), asked, binary=True)
    rows = [row[: len(COLUMNS)] for row in found]
    return await table_response(call, COLUMNS, rows, "accounts", caching=CACHING, is_plain=is_plain)
