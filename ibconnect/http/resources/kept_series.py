"""A time series as an answer, with its validator: kept ready to send for as long as it is true.

In: a call, an account, what reads the series. Out: the answer, or 304. Called by the histories.

What is short is made at once and named by its bytes. What is long is streamed, so that memory stays flat, and named
by what it is made of: the snapshots, which never change, and the question.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.metadata import version
from typing import Self

from aiohttp import web
from psycopg.rows import TupleRow
from psycopg.sql import SQL
from xxhash import xxh3_128_hexdigest

from ibconnect.database.sql import queries
from ibconnect.http.resources.series import FORMATS, Page, Pages, Series, columns_of, rows_of
from ibconnect.http.resources.series_points import Question, Span, begun, bounded, pages_of
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import attachment, next_page, table_response
from ibconnect.http.server.limits import HISTORY_CACHE_BYTES, LARGE_BYTES, POINTS_PIECE
from ibconnect.http.server.moments import MICROSECOND
from ibconnect.http.server.negotiation import COMMON, JSON
from ibconnect.http.server.response_cache import CachedResponse, ResponseCache, is_known_to
from ibconnect.http.server.services import Part, Services
from ibconnect.http.server.steps import Steps
from ibconnect.http.server.streams import send_stream
from ibconnect.http.server.turns import Gate

_SQL = queries("http/history")
_CACHING = "private, no-cache"
_FOREVER = datetime.max.replace(tzinfo=UTC)

Reader = Callable[[Call, str], Awaitable[tuple[Series, Span, Question]]]


class _Kept(CachedResponse):
    """An answer that is true until something is recorded, but not longer than ``until``."""

    __slots__ = ("until",)
    until: datetime


class KeptSeries(Part):
    """Of one application. ``cache``: answers by question, as of which state of the tables."""

    def __init__(self) -> None:
        self.cache = ResponseCache(HISTORY_CACHE_BYTES)

    @classmethod
    def made(cls, services: Services) -> Self:
        """None yet."""
        return cls()


async def answered(call: Call, account: str, read: Reader) -> web.StreamResponse:
    """The series that a request asks for, of an account that it may see.

    :raises Problem: what it asks for does not exist
    """
    kept, state = call.services.part(KeptSeries).cache, await _state(call)
    key = (state, _question(call, account), call.arguments["from"], _end(call))
    known = kept.get(key)
    if isinstance(known, _Kept) and call.now < known.until:
        return known.part(call.request) or known.response(call.request)
    series, span, question = await read(call, account)
    span = await bounded(call, span, question)
    link = span.link()
    headers = next_page(call, **link) if link else {}
    name = _name(call, account)
    # Whatever becomes of the request, what is being read ahead for it ends with it.
    async with aclosing(pages_of(call, question, span)) as pages:
        found, is_whole = await begun(pages)
        if call.media not in FORMATS:
            rows = list(rows_of(series, found))
            return await table_response(call, columns_of(series), rows, name, headers=headers, caching=_CACHING)
        if call.media != JSON:
            headers |= attachment(name, call.media)
        made = _in_turn(call.services.gate, FORMATS[call.media](series, _pieces(_chained(found, pages))))
        if not is_whole:
            return await _streamed(call, state, span, made, headers)
        body = b"".join([chunk async for chunk in made])
    answer = _Kept(body, call.media, _CACHING, {"Accept-Ranges": "bytes", **headers})
    answer.until = await _until(call, span)
    if len(body) >= LARGE_BYTES:
        await asyncio.to_thread(answer.compress, call.request)
    if _may_recur(call):
        kept.put(key, answer)
    return answer.part(call.request) or answer.response(call.request)


async def _state(call: Call) -> TupleRow:
    """What is recorded, read before anything else: an answer may be newer than it says, never older."""
    state = await db.row(call.services.pool, _SQL["state"], {})
    assert state is not None
    await call.services.tables.vouch("accounts", state[0])
    return state


def _question(call: Call, account: str) -> bytes:
    """What is asked for, but for the times; and by which name of this server, which a link to a next page has.

    A digest, since what is kept is counted without its key; one that nobody can find a second question for.
    """
    query = sorted((name, text) for name, text in call.request.query.items() if name not in ("from", "to"))
    question = (call.media, account, call.request.path, query, call.absolute(""))
    return blake2b(repr(question).encode(errors="surrogateescape"), digest_size=32).digest()


def _end(call: Call) -> datetime | None:
    """Where it ends; None: now, whenever that is."""
    end: datetime | None = call.arguments["to"]
    return None if end == call.now else end


def _may_recur(call: Call) -> bool:
    """Whether the same may be asked for again: what is some time ago is another time then."""
    return not any(call.request.query.get(name, "").startswith("-") for name in ("from", "to"))


async def _until(call: Call, span: Span) -> datetime:
    """For how long an answer is true if nothing is recorded: until another step is over."""
    asked = {"account": span.account_id, "now": call.now}
    upcoming = await db.row(call.services.pool, _SQL["upcoming"], asked)
    if upcoming is None or upcoming[0]:
        return call.now
    steps: Steps | None = call.arguments["step"]
    if steps is None or (call.arguments["to"] or call.now) < call.now:
        return _FOREVER
    # A step counts as whole a microsecond before it ends.
    return steps.over(span.start, span.end, counts=span.counts) - MICROSECOND


def _name(call: Call, account: str) -> str:
    """What a file of it is called."""
    contract = call.arguments.get("IbContractId")
    return f"{account}-history" if contract is None else f"{account}-{contract}-history"


async def _streamed(
    call: Call, state: TupleRow, span: Span, chunks: AsyncIterator[bytes], headers: dict[str, str]
) -> web.StreamResponse:
    etag = await _digest(call, state, span)
    headers |= {"Cache-Control": _CACHING, "ETag": f'W/"{etag}"'}
    if is_known_to(call.request, etag):
        return web.Response(status=304, headers={**COMMON, **headers})
    return await send_stream(call, chunks, headers)


async def _digest(call: Call, state: TupleRow, span: Span) -> str:
    """Names a long answer."""
    steps: Steps | None = call.arguments["step"]
    begin, grid = span.start - MICROSECOND, None
    if steps is not None:
        first = next(steps.bounds(span.start, span.end, counts=span.counts))
        begin, grid = first.begin, (first.end, steps.over(span.start, span.end, counts=span.counts))
    query = SQL(_SQL["digest"]).format(wanted=span.wanted)
    asked = {"account": span.account_id, "gateway": span.gateway_id, "from": begin, "to": span.end}
    found = await db.rows(call.services.pool, query, asked)
    account = call.arguments["AccountCode"]
    named = (version("ibconnect"), state[0], _question(call, account), span.base, span.beyond, grid, found)
    return xxh3_128_hexdigest(repr(named).encode(errors="surrogateescape"))


async def _chained(found: list[Page], rest: Pages) -> Pages:
    for page in found:
        yield page
    async for page in rest:
        yield page


async def _pieces(pages: Pages) -> Pages:
    """The same points, so few at a time that making them ready to send makes nobody wait."""
    async for page in pages:
        for first in range(0, len(page[0]), POINTS_PIECE):
            yield [column[first : first + POINTS_PIECE] for column in page]


async def _in_turn(gate: Gate, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks, each made when the event loop has time for it."""
    while True:
        async with gate.piece():
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk
