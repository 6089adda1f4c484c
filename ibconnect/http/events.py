"""Raw events: as NDJSON up to now, or as server-sent events that go on as they are recorded."""

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from ibconnect.http.calls import Call, unknown_account
from ibconnect.http.event_bounds import position_ranges
from ibconnect.http.event_lines import Stored, line, session_text, type_of
from ibconnect.http.event_scan import Filter, Scan, head
from ibconnect.http.limits import EVENTS_MAX, HEARTBEAT_SECONDS
from ibconnect.http.parameters import EVENT_TYPES
from ibconnect.http.streams import send_stream
from ibconnect.times import format_rfc3339, from_micros

NDJSON = "application/x-ndjson"
EVENT_STREAM = "text/event-stream"
_HEADERS = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"}
_HEARTBEAT = b": still here\n\n"

Render = Callable[[list[Stored]], bytes]


async def list_events(call: Call) -> web.StreamResponse:
    """Events in the order of their positions, filtered."""
    wanted = _filter(call)
    newest = await head(call.services.pool)
    if call.media == EVENT_STREAM:
        return await _tail(call, wanted, newest)
    chunks = _up_to(call, wanted, newest, call.arguments["after"] or 0, _lines())
    return await send_stream(call, chunks, _HEADERS)


def _filter(call: Call) -> Filter:
    arguments, account = call.arguments, call.arguments["account"]
    accounts = call.principal.accounts
    if account is not None:
        if not call.principal.may_see(account):
            raise unknown_account(account)
        accounts = frozenset({account})
    topics = frozenset(EVENT_TYPES[name] for name in arguments["type"]) or None
    return Filter(arguments["session"], topics, accounts, arguments["from"], arguments["to"])


async def _up_to(call: Call, wanted: Filter, newest: int, after: int, render: Render) -> AsyncIterator[bytes]:
    """What is wanted of the events after a position, up to the newest."""
    left = call.arguments["limit"] or EVENTS_MAX
    for first, last in await position_ranges(call.services.pool, newest, wanted.start, wanted.end):
        scan = Scan(call.services.pool, wanted, max(first, after))
        async for page in scan.pages(last):
            events = page[:left]
            if events:
                yield render(events)
            left -= len(events)
            if not left:
                return


async def _tail(call: Call, wanted: Filter, newest: int) -> web.StreamResponse:
    given = call.arguments["Last-Event-ID"]
    after = call.arguments["after"] if given is None else given
    tails = call.services.tails
    tails.enter()
    try:
        chunks = _live(call, wanted, newest, newest if after is None else after)
        return await send_stream(call, chunks, _HEADERS, is_compressible=False)
    finally:
        tails.leave()


async def _live(call: Call, wanted: Filter, newest: int, after: int) -> AsyncIterator[bytes]:
    """Everything after a position, for ever; a heartbeat when there was nothing for a while."""
    clock, closing = asyncio.get_running_loop(), call.services.closing
    left, silent_since = call.arguments["limit"] or EVENTS_MAX, clock.time()
    scan = Scan(call.services.pool, wanted, after)
    render = _messages()
    yield b"retry: 1000\n\n"
    # A client that is gone takes its transport along; without this look its tail would stay until a heartbeat fails.
    while not closing.is_set() and call.request.transport is not None:
        async for page in scan.pages(newest):
            events = page[:left]
            if events:
                yield render(events)
                silent_since = clock.time()
            left -= len(events)
            if not left:
                return
        if clock.time() - silent_since >= HEARTBEAT_SECONDS:
            yield _HEARTBEAT
            silent_since = clock.time()
        newest = max(newest, await call.services.tails.newest())


def _lines() -> Render:
    """NDJSON: a line for each event."""
    one = _line()
    return lambda events: b"".join([one(event) + b"\n" for event in events])


def _messages() -> Render:
    """Server-sent events (WHATWG HTML, 9.2): the id is the position, so that a client resumes where it was."""
    one = _line()
    return lambda events: b"".join(
        [
            b"id: %d\nevent: %b\ndata: %b\n\n" % (event.position, type_of(event.topic).encode(), one(event))
            for event in events
        ]
    )


def _line() -> Callable[[Stored], bytes]:
    sessions: dict[bytes, str] = {}
    last_micros, last_text = -1, ""

    def one(event: Stored) -> bytes:
        nonlocal last_micros, last_text
        if event.micros != last_micros:
            last_micros, last_text = event.micros, format_rfc3339(from_micros(event.micros))
        session = sessions.get(event.session)
        if session is None:
            session = sessions[event.session] = session_text(event.session)
        return line(event, session, last_text)

    return one
