"""Whether anybody projects on this database, looked at all the time: reports that stand still look like a quiet market.

In: what processes say of themselves. Out: a trouble while nobody does. Run beside the API, which may be on a machine of
its own. An instance of an earlier version says nothing of itself, and projects.
"""

import asyncio

import psycopg

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.limits import GATEWAY_FRESH_SECONDS
from ibconnect.observe import Trouble
from ibconnect.troubles import State

_SQL = queries("http/instances")
_LOOK_S = 3.0


async def watch_projectors(pool: db.Pool) -> None:
    """Look for ever. While Postgres does not answer, or not in time, nothing is known and nothing is said."""
    nobody, since = State(Trouble.NOBODY_PROJECTS), 0.0
    clock = asyncio.get_running_loop().time
    try:
        while True:
            match await _is_anybody_there(pool):
                case True:
                    nobody.over()
                    since = 0.0
                case False:
                    since = since or clock()
                    # One that starts, or is started again, has said nothing yet.
                    if clock() - since >= GATEWAY_FRESH_SECONDS:
                        nobody.note("start ibconnect project, or serve, with this DB_URL")
                case None:
                    since = 0.0
            await asyncio.sleep(_LOOK_S)
    finally:
        nobody.forget()


async def _is_anybody_there(pool: db.Pool) -> bool | None:
    try:
        row = await db.row(pool, _SQL["anybody_projects"], {"fresh": GATEWAY_FRESH_SECONDS})
    except (psycopg.Error, TimeoutError):
        return None
    return bool(row and row[0])
