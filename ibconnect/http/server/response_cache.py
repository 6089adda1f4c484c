"""Answers kept as bytes: a body with its strong ETag, compressed on demand, sent or answered by 304.

A :class:`CachedResponse` holds one immutable body and each compressed form that was ever asked for; a
:class:`ResponseCache` keeps the most recently used ones within a bound of bytes.
"""

import gzip
import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import NamedTuple

import brotli  # type: ignore[import-untyped]
import zstandard
from aiohttp import web
from xxhash import xxh3_128_hexdigest

from ibconnect.http.server.limits import MIN_COMPRESSED_BYTES
from ibconnect.http.server.negotiation import COMMON, best_encoding
from ibconnect.http.server.responses import PreparedResponse, head_of, suits

# Levels at which compressing a report takes about a millisecond.
_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "br": lambda body: brotli.compress(body, quality=5),
    "zstd": lambda body: zstandard.ZstdCompressor(level=6).compress(body),
    "gzip": lambda body: gzip.compress(body, compresslevel=6, mtime=0),
}
# What a form takes beside its body, rounded up: headers, head, dictionaries.
_FORM_BYTES = 2000
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_ETAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


class _Form(NamedTuple):
    """The bytes to send in one encoding, the headers to send with them, these as the head of a response."""

    body: bytes
    headers: dict[str, str]
    head: bytes


class CachedResponse:
    """A body that does not change, with the headers it is sent with.

    :param caching: the value of ``Cache-Control``
    :param is_compressible: whether it pays to compress it
    """

    __slots__ = ("_etag", "_forms", "_headers", "_is_compressible", "size")

    def __init__(
        self,
        body: bytes,
        media_type: str,
        caching: str,
        headers: Mapping[str, str] = {},
        *,
        is_compressible: bool = True,
    ) -> None:
        # Nobody gains by forging it, so it need not be a cryptographic digest, which takes twenty times as long.
        self._etag = xxh3_128_hexdigest(body)
        self._headers = {**COMMON, "Content-Type": media_type, "Cache-Control": caching, **headers}
        self._forms: dict[str, _Form] = {}
        self._is_compressible = is_compressible and len(body) >= MIN_COMPRESSED_BYTES
        self.size = 0
        self._add("identity", body)

    def _add(self, encoding: str, body: bytes) -> _Form:
        headers = {**self._headers, "Content-Length": str(len(body))}
        if encoding != "identity":
            headers["Content-Encoding"] = encoding
        headers["ETag"] = self._tag(encoding)
        self._forms[encoding] = form = _Form(body, headers, head_of(headers))
        self.size += len(body) + _FORM_BYTES
        return form

    def _tag(self, encoding: str) -> str:
        """A strong ETag names the bytes that are sent, so each form has its own (RFC 9110, 8.8.3.3)."""
        return f'"{self._etag}"' if encoding == "identity" else f'"{self._etag}-{encoding}"'

    def _encoding(self, request: web.Request) -> str:
        return best_encoding(request.headers.get("Accept-Encoding", "")) if self._is_compressible else "identity"

    def response(self, request: web.Request, *, is_plain: bool = True) -> web.StreamResponse:
        """The body in the best encoding that the request accepts, or 304 if it has one of its forms.

        :param is_plain: whether nothing is added to its headers
        """
        encoding = self._encoding(request)
        if self.is_known_to(request):
            kept = {name: value for name, value in self._headers.items() if not name.startswith("Content-")}
            return web.Response(status=304, headers={**kept, "ETag": self._tag(encoding)})
        form = self._form(encoding)
        if is_plain and suits(request):
            return PreparedResponse(form.head, form.body)
        return web.Response(body=form.body, headers=form.headers)

    def part(self, request: web.Request) -> web.Response | None:
        """The bytes that a GET asks for by ``Range`` (RFC 9110, 14.2): some readers of tables look at the end first.

        None: it asks for none, for several pieces, for what is not there, or of a body that has changed: it gets all.
        """
        encoding = self._encoding(request)
        match = _RANGE.fullmatch(request.headers.get("Range", ""))
        is_same = request.headers.get("If-Range", self._tag(encoding)) == self._tag(encoding)
        if match is None or not is_same or request.method != "GET" or self.is_known_to(request):
            return None
        form = self._form(encoding)
        first, last = _bounds(match[1], match[2], len(form.body))
        if first > last:
            return None
        body = form.body[first : last + 1]
        place = {"Content-Range": f"bytes {first}-{last}/{len(form.body)}", "Content-Length": str(len(body))}
        return web.Response(status=206, body=body, headers={**form.headers, **place})

    def compress(self, request: web.Request) -> None:
        """Make the form that answers the request, which takes long if the body is large."""
        if not self.is_known_to(request):
            self._form(self._encoding(request))

    def _form(self, encoding: str) -> _Form:
        form = self._forms.get(encoding)
        return form or self._add(encoding, _COMPRESS[encoding](self._forms["identity"].body))

    def is_known_to(self, request: web.Request) -> bool:
        """Whether the client says that it has one of the forms."""
        return is_known_to(request, self._etag)


def is_known_to(request: web.Request, etag: str) -> bool:
    """Whether the client says that it has a form of what this names.

    Weak comparison (RFC 9110, 13.1.2) with any form: they all hold the same.
    """
    known = request.headers.get("If-None-Match", "")
    return known.strip() == "*" or any(tag.partition("-")[0] == etag for tag in _ETAG.findall(known))


def _bounds(first: str, last: str, length: int) -> tuple[int, int]:
    """The first and the last byte of a range; the last is before the first if there is nothing there."""
    if not first:
        return (max(length - int(last or 0), 0), length - 1)
    end = int(last) if last else length - 1
    return (int(first), min(end, length - 1)) if int(first) <= end else (1, 0)


class ResponseCache:
    """The most recently used documents, compressed forms included, within ``max_bytes``."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[Hashable, tuple[CachedResponse, int]] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._bytes

    def get(self, key: Hashable) -> CachedResponse | None:
        """The document under ``key``, if it is still here."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        self._kept.move_to_end(key)
        return kept[0]

    def put(self, key: Hashable, document: CachedResponse) -> None:
        """Keep a document, or count again one that has grown by a compressed form."""
        _, counted = self._kept.pop(key, (document, 0))
        self._kept[key] = (document, document.size)
        self._bytes += document.size - counted
        while self._bytes > self._max_bytes:
            _, (_, size) = self._kept.popitem(last=False)
            self._bytes -= size
