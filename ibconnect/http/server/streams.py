"""Answers of any length: chunks in, compressed and sent as they come, so that memory stays flat.

What fails before the first chunk becomes a problem like any other. After it the status is sent and cannot be
taken back: the connection is cut without the last chunk, so that the client sees that the answer is not whole.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import brotli  # type: ignore[import-untyped]
import zstandard
from aiohttp import web

from ibconnect.database.deadlines import ended
from ibconnect.http.server.call import Call, route_of
from ibconnect.http.server.limits import FIRST_CHUNK_SECONDS
from ibconnect.http.server.negotiation import COMMON, best_encoding
from ibconnect.observe import Kind, observe


class _Compressor(Protocol):
    def compress(self, chunk: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Brotli:
    def __init__(self) -> None:
        self._compressor = brotli.Compressor(quality=4)

    def compress(self, chunk: bytes, /) -> bytes:
        compressed: bytes = self._compressor.process(chunk)
        return compressed

    def flush(self) -> bytes:
        last: bytes = self._compressor.finish()
        return last


class _Identity:
    def compress(self, chunk: bytes, /) -> bytes:
        return chunk

    def flush(self) -> bytes:
        return b""


def _compressor(encoding: str) -> _Compressor:
    match encoding:
        case "br":
            return _Brotli()
        case "zstd":
            return zstandard.ZstdCompressor(level=3).compressobj()
        case "gzip":
            return zlib.compressobj(level=5, wbits=31)
        case _:
            return _Identity()


async def send_stream(
    call: Call,
    chunks: AsyncIterator[bytes],
    headers: Mapping[str, str],
    *,
    is_compressible: bool = True,
    is_slow: bool = False,
) -> web.StreamResponse:
    """Send the chunks in the best encoding that the request accepts; to HEAD only the headers.

    :param is_slow: the first chunk may be long in coming: the headers do not wait for it for more than a moment, and
        for HEAD it is not made at all
    """
    accepted = call.request.headers.get("Accept-Encoding", "") if is_compressible else ""
    encoding = best_encoding(accepted)
    response = web.StreamResponse(headers={**COMMON, "Content-Type": call.media, **headers})
    if encoding != "identity":
        response.headers["Content-Encoding"] = encoding
    is_head = call.request.method == "HEAD"
    if is_head and is_slow:
        await response.prepare(call.request)
        return response
    first = asyncio.ensure_future(_next(chunks))
    try:
        await asyncio.wait({first}, timeout=FIRST_CHUNK_SECONDS if is_slow else None)
        if first.done():
            first.result()
        await response.prepare(call.request)
        if not is_head:
            await _send_or_cut(call, response, first, chunks, _compressor(encoding))
    finally:
        await ended(first)
    return response


async def _next(chunks: AsyncIterator[bytes]) -> bytes:
    return await anext(chunks, b"")


async def _send(call: Call, response: web.StreamResponse, compressor: _Compressor, chunk: bytes) -> None:
    if isinstance(compressor, _Identity):
        await response.write(chunk)
        return
    async with call.services.gate.piece():
        data = compressor.compress(chunk)
    if data:
        await response.write(data)


async def _send_or_cut(
    call: Call,
    response: web.StreamResponse,
    first: "asyncio.Future[bytes]",
    chunks: AsyncIterator[bytes],
    compressor: _Compressor,
) -> None:
    try:
        await _send(call, response, compressor, await first)
        async for chunk in chunks:
            await _send(call, response, compressor, chunk)
        await response.write_eof(compressor.flush())
    except ConnectionError:
        pass
    except Exception as exc:  # noqa: BLE001 - the status is sent: only the connection can still say it
        facts = {"route": route_of(call.request), **call.services.asked.about(call.request)}
        observe(Kind.HTTP_FAILED, **facts, status=response.status, error=exc)
        if call.request.transport is not None:
            call.request.transport.abort()
