"""Raw events: as NDJSON up to now, or as server-sent events that go on as they are recorded.

In: the filters of a request. Out: a stream of lines. Called by the pipeline for ``/v1/events``. A search ends with its
client; how many run at once is bounded for each token and in all.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.events.accounts import Sight
from ibconnect.events.lines import liner, type_of
from ibconnect.events.selection import Stored, Wanted
from ibconnect.http.openapi.schemas import TEXT, TIME, object_of
from ibconnect.http.openapi.shared import MOMENT, RECORDER, TZ
from ibconnect.http.resources.event_bounds import applied, position_ranges
from ibconnect.http.resources.event_scan import Range, Scan, ends, head
from ibconnect.http.resources.tail import Tails
from ibconnect.http.server import parameters as kinds
from ibconnect.http.server.call import Call, unknown_account
from ibconnect.http.server.clients import is_there
from ibconnect.http.server.holders import HOLDER
from ibconnect.http.server.limits import EVENTS_MAX, EVENTS_PIECE, HEARTBEAT_SECONDS, TAGS_MAX
from ibconnect.http.server.negotiation import EVENT_STREAM, NDJSON
from ibconnect.http.server.parameters import EVENT_TYPES, Parameter
from ibconnect.http.server.problems import Code
from ibconnect.http.server.resource import Answer, Resource, Route
from ibconnect.http.server.scans import ClientLooks, Looks, Scans
from ibconnect.http.server.streams import send_stream
from ibconnect.http.server.tokens import Right
from ibconnect.times import to_micros

_SQL = queries("http/events")
_HEADERS = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no"}
_POSITION_MAX = 2**63 - 1
_HEARTBEAT = b": still here\n\n"

Render = Callable[[list[Stored]], bytes]


async def list_events(call: Call) -> web.StreamResponse:
    """Events in the order of their positions, filtered."""
    account = call.arguments["account"]
    if account is not None and not call.principal.may_see(account):
        raise unknown_account(account)
    is_live = call.media == EVENT_STREAM
    bounded: Scans | Tails = call.services.part(Tails) if is_live else call.services.scans
    with bounded.slot(HOLDER.get()):
        looks = ClientLooks(call.services.scans, call.request)
        newest = await head(looks)
        wanted = await _wanted(call, looks)
        return await (_tail if is_live else _listed)(call, looks, wanted, newest)


async def _wanted(call: Call, looks: Looks) -> Wanted:
    arguments, account = call.arguments, call.arguments["account"]
    sight, allowed = None, call.principal.accounts
    if allowed is not None:
        known = (await looks.rows(_SQL["accounts"], {})).rows
        sight = Sight(allowed, allowed if account is None else frozenset((account,)), [code for (code,) in known])
    return Wanted(
        session=arguments["session"],
        topics=frozenset(EVENT_TYPES[name] for name in arguments["type"]) or None,
        account=account if sight is None else None,
        since=_micros(arguments["from"]),
        until=_micros(arguments["to"]),
        sight=sight,
    )


def _micros(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)


async def _listed(call: Call, looks: Looks, wanted: Wanted, newest: int) -> web.StreamResponse:
    has_span = wanted.since is not None or wanted.until is not None
    known = await applied(looks) if has_span else None
    chunks = _up_to(call, looks, wanted, newest, known)
    return await send_stream(call, chunks, _HEADERS, is_slow=True)


async def _up_to(call: Call, looks: Looks, wanted: Wanted, newest: int, known: int | None) -> AsyncIterator[bytes]:
    """What is wanted of the events up to the newest.

    :param known: up to where the tables know of every session, where only a span of time is wanted
    """
    arguments, render = call.arguments, _lines()
    left = arguments["limit"] or EVENTS_MAX
    ranges: tuple[Range, ...] = ((arguments["after"] or 0, newest),)
    if known is not None:
        spans = await position_ranges(looks, known, newest, arguments["from"], arguments["to"])
        ranges = tuple(_both(ranges[0], span) for span in spans)
    if wanted.session is not None:
        session = await ends(looks, wanted.session)
        ranges = tuple(_both(each, session) for each in ranges)
    for first, last in ranges:
        async for page in Scan(looks, wanted, first).pages(last):
            events = page[:left]
            async for piece in _rendered(call, events, render):
                yield piece
            left -= len(events)
            if not left:
                return


async def _rendered(call: Call, events: list[Stored], render: Render) -> AsyncIterator[bytes]:
    """Events as they are sent, a piece at a time."""
    for first in range(0, len(events), EVENTS_PIECE):
        async with call.services.gate.piece():
            piece = render(events[first : first + EVENTS_PIECE])
        yield piece


def _both(one: Range, other: Range) -> Range:
    return max(one[0], other[0]), min(one[1], other[1])


async def _tail(call: Call, looks: Looks, wanted: Wanted, newest: int) -> web.StreamResponse:
    given = call.arguments["Last-Event-ID"]
    after = call.arguments["after"] if given is None else given
    chunks = _live(call, Scan(looks, wanted, newest if after is None else after), newest)
    return await send_stream(call, chunks, _HEADERS, is_compressible=False)


async def _live(call: Call, scan: Scan, newest: int) -> AsyncIterator[bytes]:
    """Everything behind the scan's position, for ever; a heartbeat when there was nothing for a while."""
    clock = asyncio.get_running_loop()
    left, silent_since = call.arguments["limit"] or EVENTS_MAX, clock.time()
    render = _messages()
    yield b"retry: 1000\n\n"
    async for page in _for_ever(call, scan, newest):
        events = page[:left]
        if events:
            async for piece in _rendered(call, events, render):
                yield piece
        elif clock.time() - silent_since >= HEARTBEAT_SECONDS:
            yield _HEARTBEAT
        else:
            continue
        silent_since = clock.time()
        left -= len(events)
        if not left:
            return


async def _for_ever(call: Call, scan: Scan, newest: int) -> AsyncIterator[list[Stored]]:
    """The scan's pages, and an empty one after each look for more, until the client or the server leaves."""
    closing = call.services.closing
    while not closing.is_set() and is_there(call.request):
        async for page in scan.pages(newest):
            yield page
            if closing.is_set():
                return
        newest = max(newest, await call.services.part(Tails).newest())
        yield []


def _lines() -> Render:
    """NDJSON: a line for each event."""
    one = liner()
    return lambda events: b"".join([one(event) + b"\n" for event in events])


def _messages() -> Render:
    """Server-sent events (WHATWG HTML, 9.2): the id is the position, so that a client resumes where it was."""
    one = liner()
    return lambda events: b"".join(
        [
            b"id: %d\nevent: %b\ndata: %b\n\n" % (event.position, type_of(event.topic).encode(), one(event))
            for event in events
        ]
    )


_EVENT = object_of(
    "One line of the answer. Message, Payload, Frames or Facts: one of them",
    {
        "Position": {"type": "integer", "minimum": 1, "description": "Grows with every event; resume after it"},
        "Session": {"type": "string", "format": "uuid"},
        "Version": {"type": "integer", "minimum": 1, "description": "Counts the events of the session"},
        "Timestamp": {**TIME, "description": "When it arrived"},
        "Type": {"type": "string", "enum": sorted(EVENT_TYPES)},
        "Message": {"type": "array", "items": TEXT, "description": "The wire fields, message id first"},
        "Payload": {"type": "string", "description": "Base64 of a frame that is not text"},
        "Frames": {"type": "string", "description": "Base64 of small frames in a row, lengths included: no messages"},
        "Facts": {"type": "object", "description": "What ibconnect itself did or noticed"},
    },
    optional=("Message", "Payload", "Frames", "Facts"),
)

ROUTES: tuple[Route, ...] = (
    Route(
        path="/v1/events",
        name="listEvents",
        handler=list_events,
        tag=RECORDER,
        right=Right.EVENTS,
        summary="Raw events",
        description=(
            "What the gateways sent and what ibconnect did, in the order in which it was stored, one JSON object a "
            "line, up to now. Go on later with `after` and the last `Position`. Ask for `text/event-stream` by "
            "`Accept` to be sent events as they are recorded, beginning now, after `after`, or after `Last-Event-ID`."
        ),
        parameters=(
            Parameter("after", "query", kinds.integer(0, _POSITION_MAX), "Only events behind this position", 0),
            Parameter("account", "query", kinds.ACCOUNT, "Only events that name this account", "DU1000001"),
            Parameter("session", "query", kinds.SESSION, "Only events of this session"),
            Parameter(
                "type",
                "query",
                kinds.EVENT_TYPE,
                "Only events of these types, repeated or separated by commas",
                ["PortfolioUpdated"],
                repeated=TAGS_MAX,
            ),
            Parameter("from", "query", kinds.MOMENT, f"{MOMENT}; included: when the event arrived", "-1h"),
            Parameter("to", "query", kinds.MOMENT_END, f"{MOMENT}; included", "-5m"),
            TZ,
            Parameter("limit", "query", kinds.integer(1, EVENTS_MAX), "Most events", 100),
            Parameter(
                "Last-Event-ID",
                "header",
                kinds.integer(0, _POSITION_MAX),
                "Sent by a browser that reconnects to the live stream; goes before `after`",
            ),
        ),
        answers={200: Answer("The events", {NDJSON: "Event", EVENT_STREAM: "Text"})},
        problems=(Code.UNKNOWN_ACCOUNT, Code.TOO_MANY_SCANS, Code.TOO_MANY_STREAMS),
        media=(NDJSON, EVENT_STREAM),
    ),
)

RESOURCE = Resource(ROUTES, {"Event": _EVENT}, Path(__file__).with_suffix(".json"), parts=(Tails,))
