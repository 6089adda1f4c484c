"""Answers of any length: chunks in, compressed and sent as they come, so that memory stays flat.

What fails before the first chunk becomes a problem like any other. After it the status is sent and cannot be
taken back: the connection is cut without the last chunk, so that the client sees that the answer is not whole.
"""

import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

import brotli  # type: ignore[import-untyped]
import zstandard
from aiohttp import web

from ibconnect.http.calls import Call, route_of
from ibconnect.http.headers import COMMON, best_encoding
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
    call: Call, chunks: AsyncIterator[bytes], headers: Mapping[str, str], *, is_compressible: bool = True
) -> web.StreamResponse:
    """Send the chunks in the best encoding that the request accepts; to HEAD only the headers."""
    accepted = call.request.headers.get("Accept-Encoding", "") if is_compressible else ""
    encoding = best_encoding(accepted)
    response = web.StreamResponse(headers={**COMMON, "Content-Type": call.media, **headers})
    if encoding != "identity":
        response.headers["Content-Encoding"] = encoding
    first = await anext(chunks, b"")
    await response.prepare(call.request)
    if call.request.method != "HEAD":
        try:
            await _send(response, first, chunks, _compressor(encoding))
        except ConnectionError:
            pass
        except Exception as exc:  # noqa: BLE001 - the status is sent: only the connection can still say it
            observe(Kind.HTTP_FAILED, route=route_of(call.request), status=response.status, error=exc)
            _cut(call.request)
    return response


async def _send(
    response: web.StreamResponse, first: bytes, chunks: AsyncIterator[bytes], compressor: _Compressor
) -> None:
    if data := compressor.compress(first):
        await response.write(data)
    async for chunk in chunks:
        if data := compressor.compress(chunk):
            await response.write(data)
    await response.write_eof(compressor.flush())


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
