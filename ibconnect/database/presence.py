"""Which processes run on this database: each says, as long as it lives, of which instance it is and what it does.

In: an instance's name, its roles. Out: rows of ``coordination.process``, which show people what runs where, and the API
whether anybody projects. Nothing is decided by them: who records is decided by the election. Entered by the composition
root. While Postgres is away nothing is said, and nothing fails here.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ibconnect import __version__
from ibconnect.database import discreet
from ibconnect.database.deadlines import ended, to_its_end, within
from ibconnect.database.pools import parameters
from ibconnect.database.sql import queries
from ibconnect.observe import Trouble
from ibconnect.refusals import refusal
from ibconnect.troubles import State, brief

_SQL = queries("database/presence")
_BEAT_S = 3.0
_ANSWER_S = 3.0
_AGAIN_S = 1.0
_LEAVE_S = 0.5

Address = Callable[[str | None], str | None]
"""Where this instance can be asked, given its own address on a connection to Postgres (None: a Unix socket)."""


@asynccontextmanager
async def present(url: str, instance: str, roles: frozenset[str], address: Address) -> AsyncIterator[None]:
    """Say that this process lives for as long as the context lasts, and at its end that it does not."""
    about = {"instance": instance, "roles": sorted(roles), "version": __version__, "is_new": True}
    task = asyncio.create_task(_say_on(url, about, address), name="presence")
    try:
        yield
    finally:
        await ended(task)


async def _say_on(url: str, about: dict[str, object], address: Address) -> None:
    refused = State(Trouble.DATABASE_REFUSES)
    try:
        while True:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    connection = await discreet.AsyncConnection[TupleRow].connect(
                        autocommit=True, **parameters(url, name="presence")
                    )
                async with connection:
                    await _beat(connection, about, address(_local_host(connection)), refused)
            except psycopg.errors.UndefinedTable:
                # Nobody has prepared the database yet.
                await asyncio.sleep(_AGAIN_S)
            except (psycopg.Error, TimeoutError, OSError) as exc:
                if refusal(exc):
                    refused.note(brief(exc), user="presence", error=exc)
                await asyncio.sleep(_AGAIN_S)
    finally:
        refused.forget()


async def _beat(
    connection: AsyncConnection[TupleRow], about: dict[str, object], address: str | None, refused: State
) -> None:
    try:
        while True:
            said = connection.execute(_SQL["announce"], {**about, "address": address})
            await to_its_end(within(_ANSWER_S, connection, said))
            about["is_new"] = False
            refused.over(user="presence")
            await within(_ANSWER_S, connection, connection.execute(_SQL["forget"]))
            await asyncio.sleep(_BEAT_S)
    except asyncio.CancelledError:
        with suppress(psycopg.Error):
            await within(_LEAVE_S, connection, connection.execute(_SQL["leave"], about))
        raise


def _local_host(connection: AsyncConnection[TupleRow]) -> str | None:
    """Our own address on this connection; None if it is a Unix socket."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        return None if line.family == socket.AF_UNIX else str(line.getsockname()[0])
