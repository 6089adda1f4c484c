"""Waiting for NOTIFY at no cost: psycopg's own wait looks ten times a second whether something has come.

In: a connection that listens, and how long to wait. Out: what has been notified; a connection that broke raises.
Called by everything that follows a channel.
"""

import asyncio
import select
from typing import Any

from psycopg import AsyncConnection, Connection, Notify


async def notices(connection: AsyncConnection[Any], seconds: float) -> list[Notify]:
    """Wait until something is notified, at most so long; return all that is.

    :raises psycopg.OperationalError: the connection broke
    """
    found = [notice async for notice in connection.notifies(timeout=0)]
    if found:
        return found
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, _resolve, readable)
    try:
        await asyncio.wait({readable}, timeout=seconds)
    finally:
        loop.remove_reader(descriptor)
    return [notice async for notice in connection.notifies(timeout=0)]


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def wait_in_thread(connection: Connection[Any], seconds: float, waker: int) -> list[Notify]:
    """The same for a thread's own connection; ends also when the descriptor ``waker`` can be read.

    :raises psycopg.OperationalError: the connection broke
    """
    found = list(connection.notifies(timeout=0))
    if found:
        return found
    poll = select.poll()
    for descriptor in (connection.fileno(), waker):
        poll.register(descriptor, select.POLLIN)
    poll.poll(seconds * 1000)
    return list(connection.notifies(timeout=0))
