"""The database made ready for this version: its schema, and the tables of reports. It goes on until both are there.

In: the URL. Out: nothing, or why it cannot be; what is waited for is logged meanwhile. Called by the composition root.
"""

import asyncio
from functools import partial

from ibconnect.backoff import Backoff
from ibconnect.database.migrations import migrate
from ibconnect.database.outages import is_passing
from ibconnect.database_url import place
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.projections.upkeep import ensure
from ibconnect.refusals import RIGHT, refusal
from ibconnect.service.supervision import in_thread
from ibconnect.troubles import State, brief


async def prepared(url: str) -> None:
    """Wait until Postgres can be written to, and bring the schema up to date.

    A Postgres that is away, starting, read-only or failing over is waited for; also a login that is refused, which
    is logged as what it is.

    :raises SchemaError: the database is newer than this code
    :raises DatabaseError: Postgres refuses for good, for want of a right as a rule; the message says what to do
    """
    backoff = Backoff(first=0.25, ceiling=2.0)
    waiting = State(Trouble.DATABASE_WAITS, database=place(url))
    refused = State(Trouble.DATABASE_REFUSES, database=place(url))
    try:
        while True:
            try:
                for migration in await in_thread(partial(migrate, url)):
                    observe(Kind.DATABASE_MIGRATED, migration=migration.name)
                return await in_thread(partial(ensure, url))
            except Exception as exc:
                found = refusal(exc)
                if found is RIGHT and not isinstance(exc, DatabaseUnavailable):
                    raise DatabaseError(f"{exc}; the role of DB_URL lacks a right: {found.advice}") from exc
                if not _is_worth_waiting(exc):
                    raise
                lasting, over = (refused, waiting) if found else (waiting, refused)
                lasting.note(brief(exc), error=exc)
                over.forget()
            await asyncio.sleep(backoff.wait())
    finally:
        waiting.forget()
        refused.forget()


def _is_worth_waiting(exc: BaseException) -> bool:
    return isinstance(exc, DatabaseUnavailable) or is_passing(exc) or is_passing(exc.__cause__ or exc)
