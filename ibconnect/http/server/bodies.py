"""What a request brings: its body, received into a file without a name before anything is done with it.

In: a request, and what its route takes. Out: a file, or a problem. Called by the handlers of routes that have a body.
It is bounded in size and in time, and the event loop does no more than to write pieces down. A client that leaves has
brought nothing.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from aiohttp import hdrs, web
from aiohttp.web_exceptions import HTTPBadRequest

from ibconnect.http.server.limits import BODY_PIECE_SECONDS, BODY_SECONDS
from ibconnect.http.server.problems import Code, Problem
from ibconnect.http.server.resource import Body

_IN_MEMORY = 1 << 20


@asynccontextmanager
async def received(request: web.Request, body: Body, directory: Path | None) -> AsyncIterator[IO[bytes]]:
    """The body as a file, at its beginning, for as long as the context lasts.

    :param directory: where the file is made if it is large; None: where the system makes such
    :raises Problem: it is too large, of another media type, not well encoded, or too slow in coming
    """
    _ensure_taken(request, body)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=None if directory is None else str(directory)) as file:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                await _receive(request, body, file)
        except TimeoutError:
            raise Problem(Code.BODY_TOO_SLOW, "the body did not come in time", {hdrs.CONNECTION: "close"}) from None
        file.seek(0)
        yield file


def _ensure_taken(request: web.Request, body: Body) -> None:
    # Without the header it could be any page's, which needs nobody's leave to send it so.
    if hdrs.CONTENT_TYPE not in request.headers or request.content_type not in body.media:
        raise Problem(Code.UNSUPPORTED_MEDIA, f"send Content-Type: {' or '.join(body.media)}")
    if (request.content_length or 0) > body.most_bytes:
        raise _too_large(body)


async def _receive(request: web.Request, body: Body, file: IO[bytes]) -> None:
    size = 0
    try:
        while True:
            async with asyncio.timeout(BODY_PIECE_SECONDS):
                piece = await request.content.readany()
            if not piece:
                return
            size += len(piece)
            if size > body.most_bytes:
                raise _too_large(body)
            file.write(piece)
    except (web.RequestPayloadError, HTTPBadRequest) as exc:
        raise Problem(Code.BAD_REQUEST, "the body is not encoded as the request says, or was cut off") from exc


def _too_large(body: Body) -> Problem:
    return Problem(Code.BODY_TOO_LARGE, f"at most {body.most_bytes:,} bytes", {hdrs.CONNECTION: "close"})
