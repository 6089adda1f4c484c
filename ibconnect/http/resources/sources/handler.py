"""Where a figure of a report comes from: the messages that it was made of, as they were stored.

In: a call. Out: JSON, made of the bytes of the events. Called by the pipeline. The tables only say in which session a
report was recorded and when; what it was made of is found in the events, by going through those of its download twice:
for what has the last word, and for what is shown. What is no more than a page of them is read once; of more no more
than a page is in memory.
"""

from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.downloads.messages import TOPICS
from ibconnect.events import types
from ibconnect.events.accounts import Sight, account_of
from ibconnect.events.lines import liner
from ibconnect.events.selection import Stored, Wanted
from ibconnect.http.resources.accounts.cached import account_exists
from ibconnect.http.resources.accounts.problems import UNKNOWN_SNAPSHOT
from ibconnect.http.resources.event_scan import of_session
from ibconnect.http.resources.sources import figure
from ibconnect.http.resources.sources.figure import Figure
from ibconnect.http.resources.sources.outline import Counting, Name, Outline, Said
from ibconnect.http.resources.sources.span import Known, Span, find_span
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account
from ibconnect.http.server.frames import next_page
from ibconnect.http.server.holders import HOLDER
from ibconnect.http.server.limits import EVENTS_PAGE, EVENTS_PIECE
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.problems import Problem, ProblemType, invalid
from ibconnect.http.server.response_cache import CachedResponse
from ibconnect.http.server.scans import ClientLooks, Looks
from ibconnect.times import format_rfc3339

_SQL, _EVENTS = queries("http/sources"), queries("http/events")
NOT_THERE = ProblemType("unknown-sources", 404, "The events of this report are not there")
_CACHING = "private, no-cache"
_TIME = types.AccountTimeUpdated.TOPIC
_AROUND = frozenset(
    kind.TOPIC for kind in (types.AccountSubscribed, types.AccountDownloadEnded, types.AccountConcluded)
)
_OF_VALUE, _OF_POSITION = ("segment", "currency", "level"), ("figure",)


class Source(NamedTuple):
    """An event that a figure was made of; whether its value stands in the report."""

    event: Stored
    holds: bool


async def report_sources(call: Call) -> web.StreamResponse:
    """The messages that a figure of a report, or all of it, was made of."""
    _ensure_sense(call)
    account = call.account()
    created = call.arguments["Timestamp"]
    with call.services.scans.slot(HOLDER.get()):
        looks = ClientLooks(call.services.scans, call.request)
        row = await db.row(call.services.pool, _SQL["download"], {"account": account, "created": created})
        if row is None:
            raise await _nothing_there(call, account)
        known = Known(*row)
        span = await find_span(looks, account, known)
        if span is None:
            raise Problem(NOT_THERE, f"the events of the report at {format_rfc3339(created)} are not there")
        reading = _Reading(call, looks, span)
        outline = await reading.outline()
        wanted = _figure(call, outline, is_multi=span.is_multi)
        page, headers = await reading.page(outline, wanted)
    head = {
        "AccountCode": account,
        "Timestamp": format_rfc3339(created),
        "Gateway": known.gateway,
        "Session": str(span.session),
        "Source": known.source,
        "Figure": wanted.shown,
    }
    async with call.services.gate.piece():
        body = _body(head, page)
    return CachedResponse(body, JSON, _CACHING, headers).response(call.request)


def _ensure_sense(call: Call) -> None:
    arguments = call.arguments
    if arguments["tag"] is not None and arguments["contract"] is not None:
        raise invalid("contract", "a figure is one of the values (tag) or one of a position (contract)")
    for names, whose in ((_OF_VALUE, "tag"), (_OF_POSITION, "contract")):
        for name in names:
            if arguments[name] is not None and arguments[whose] is None:
                raise invalid(name, f"it says more of a {whose}, and none is given")
    if arguments["model"] is not None and arguments["tag"] is None and arguments["contract"] is None:
        raise invalid("model", "it says more of a tag or a contract, and none is given")


async def _nothing_there(call: Call, account: str) -> Problem:
    if not await account_exists(call.services.pool, account):
        return unknown_account(account)
    return Problem(UNKNOWN_SNAPSHOT, f"account {account!r} has no report of this time")


def _figure(call: Call, outline: Outline, *, is_multi: bool) -> Figure:
    if call.arguments["tag"] is not None:
        return figure.of_value(outline, call.arguments)
    if call.arguments["contract"] is not None:
        return figure.of_position(outline, call.arguments, is_multi=is_multi)
    return figure.whole(outline)


class _Reading:
    """Goes through the events of one download."""

    def __init__(self, call: Call, looks: Looks, span: Span) -> None:
        self._call = call
        self._looks = looks
        self._span = span
        self._wanted, self._after = self._candidates()
        self._kept: list[Said] | None = None

    def _candidates(self) -> tuple[Wanted, int]:
        """What may be among the sources, and behind which version it is."""
        span, topics = self._span, frozenset(TOPICS[self._span.is_multi])
        if self._call.arguments["tag"] is not None or self._call.arguments["contract"] is not None:
            return Wanted(session=span.session, account=span.account, topics=topics), span.after
        # IB's time of update names no account; in a download of several at once it could be of any.
        account = span.account if span.is_multi else None
        return Wanted(session=span.session, account=account, topics=topics | _AROUND | {_TIME}), span.after - 1

    async def outline(self) -> Outline:
        """What has the last word."""
        outline, kept = Outline(), list[Said]()
        async for said in self._said():
            async with self._call.services.gate.piece():
                outline.add(said)
            # One more than a page says that there are too many to keep.
            kept += said[: EVENTS_PAGE + 1 - len(kept)]
        self._kept = kept if len(kept) <= EVENTS_PAGE else None
        return outline

    async def page(self, outline: Outline, wanted: Figure) -> tuple[list[Source], dict[str, str]]:
        """What is shown of the sources, and the header that names the next page."""
        after, limit = self._call.arguments["cursor"] or 0, self._call.arguments["limit"]
        sight = await self._sight()
        found: list[Source] = []
        async for said in self._said():
            async with self._call.services.gate.piece():
                for event, what, _ in said:
                    is_shown = event.position > after and (sight is None or sight.shows(event.topic, event.state))
                    if is_shown and self._is_source(event, outline.name_of(what), wanted):
                        found.append(Source(event, event.position in wanted.holding))
            if len(found) > limit:
                return found[:limit], next_page(self._call, cursor=str(found[limit - 1].event.position))
        return found, {}

    async def _said(self) -> AsyncIterator[list[Said]]:
        """The candidates, with what each is of."""
        if (kept := self._kept) is not None:
            for first in range(0, len(kept), EVENTS_PIECE):
                yield kept[first : first + EVENTS_PIECE]
            return
        counting, span = Counting(self._span), self._span
        async for events in of_session(self._looks, self._wanted, self._after, span.before):
            for first in range(0, len(events), EVENTS_PIECE):
                async with self._call.services.gate.piece():
                    said = counting.said(events[first : first + EVENTS_PIECE])
                yield said

    def _is_source(self, event: Stored, name: Name | None, wanted: Figure) -> bool:
        if wanted.names is not None:
            return name in wanted.names
        if name is not None or event.topic == _TIME:
            return True
        return event.topic in _AROUND and account_of(event.topic, event.state) == self._span.account

    async def _sight(self) -> Sight | None:
        """What is shown to a token that is limited to some accounts."""
        allowed = self._call.principal.accounts
        if allowed is None:
            return None
        known = (await self._looks.rows(_EVENTS["accounts"], {})).rows
        return Sight(allowed, frozenset((self._span.account,)), [code for (code,) in known])


def _body(head: dict[str, Any], page: list[Source]) -> bytes:
    one = liner()
    rows = b",".join(
        b'%b,"Sha256":"%b","Holds":%b}'
        % (one(event)[:-1], sha256(event.state).hexdigest().encode(), b"true" if holds else b"false")
        for event, holds in page
    )
    return b'%b,"Sources":[%b]}' % (orjson.dumps(head)[:-1], rows)
