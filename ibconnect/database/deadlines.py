"""Answers of Postgres within a time, whatever the network does.

In: an open asynchronous connection and something awaited on it. Out: its result, or an error in time. Called where
being late is as bad as being cut off: the election, and what instances say to one another.

Cancelling a statement the usual way makes psycopg ask the server to cancel it and wait for up to ten seconds: too
long for a leader that must step down within two. Here the socket is shut down instead, which ends the wait at once.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

import psycopg
from psycopg import AsyncConnection

Result = TypeVar("Result")
_AGAIN_S = 2.0


async def within(seconds: float, connection: AsyncConnection[Any], work: Awaitable[Result]) -> Result:
    """The result of ``work``; if it takes longer than that, or is cancelled, the connection is hung up.

    :raises psycopg.OperationalError: it took too long, or the connection broke
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            await _ended(task, connection)
        return task.result()
    except asyncio.CancelledError:
        await _ended(task, connection)
        raise


async def to_its_end(work: Awaitable[Result]) -> Result:
    """The result of ``work``, which whoever is cancelled waits for; cancelled again, it is given up.

    For what is taken back later, over another connection or this one: a statement that is hung up on may still be done
    by Postgres, after what takes it back.

    :raises Exception: whatever ``work`` raises
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
        if not task.cancelled():
            # Looked at, or asyncio would tell of it when nobody does.
            task.exception()
        raise


async def ended(*tasks: "asyncio.Future[Any]") -> None:
    """Cancel tasks that ask Postgres, and wait until they have ended; how is of no interest.

    Those that go on are cancelled again: in Python 3.11 a cancellation is lost that comes in the moment in which a
    pool's connection does (``asyncio.wait_for``).
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()


async def _ended(task: "asyncio.Future[Any]", connection: AsyncConnection[Any]) -> None:
    if not task.done():
        _hang_up(connection)
        await asyncio.wait({task})
    if not task.cancelled():
        # Looked at, or asyncio would tell of it when nobody does.
        task.exception()


def _hang_up(connection: AsyncConnection[Any]) -> None:
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
