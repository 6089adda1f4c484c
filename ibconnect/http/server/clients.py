"""Whether the client of a request is still there, and work that ends with it.

In: a request, and work on its behalf. Out: the work's result. Called by whatever works for long, or waits, before
anything is sent: a client that leaves meanwhile is not noticed otherwise.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiohttp import web

from ibconnect.database.deadlines import ended
from ibconnect.http.server.limits import ATTEND_SECONDS

Result = TypeVar("Result")


class ClientGone(ConnectionError):
    """Nobody waits for the answer any more."""


def is_there(request: web.Request) -> bool:
    """Whether the client is still connected: one that is gone takes its transport along."""
    return request.transport is not None and not request.transport.is_closing()


async def attended(request: web.Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of ``work``, which is cancelled when the client leaves.

    :raises ClientGone: it has left
    """
    task = asyncio.ensure_future(work)
    try:
        while is_there(request):
            await asyncio.wait({task}, timeout=ATTEND_SECONDS)
            if task.done():
                return task.result()
        raise ClientGone("the client has left")
    finally:
        await ended(task)
