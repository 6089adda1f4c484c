"""The points of a time series, read page by page: of each snapshot, or of each step.

In: a call, and the query that fills points with what is asked for (:class:`Question`). Out: where they lie
(:class:`Span`), and pages of them as lists of texts. Called by :mod:`ibconnect.http.resources.history`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice, pairwise
from typing import Any

from psycopg.sql import SQL, Composable, Identifier

from ibconnect.database.sql import queries
from ibconnect.http.resources.conditions import first_of_step, of_points, wanted, whose
from ibconnect.http.resources.series import Page
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account, unknown_gateway
from ibconnect.http.server.limits import (
    POINTS_AHEAD,
    POINTS_MAX,
    POINTS_PAGE,
    POINTS_READ,
    REPORTS_PER_STEP,
    STEPS_COUNTED,
)
from ibconnect.http.server.moments import MICROSECOND
from ibconnect.http.server.negotiation import ARROW, JSON, PARQUET
from ibconnect.http.server.steps import Step, Steps
from ibconnect.times import EPOCH, format_rfc3339

_SQL = queries("http/history")
TABLES = ("accounts",)
"""Whose tables the points are read from."""


@dataclass(frozen=True, slots=True)
class Span:
    """What to read: an account's points from ``start`` to ``end``, both included, and where a next page begins.

    ``base``: id and code of the base currency of its newest snapshot. ``wanted``: which snapshots make points, of
    ``whose``. ``counts``: whether ``from`` was given, from which steps count. ``edges``: where pages begin, of a series
    with a point for each snapshot. ``is_sparse``: whether steps have so few snapshots that all of them may be read.
    """

    account_id: int
    base: tuple[int | None, str | None]
    start: datetime
    end: datetime
    counts: bool
    beyond: datetime | None
    wanted: Composable
    whose: Composable
    gateway_id: int | None
    most: int
    edges: tuple[datetime, ...] = ()
    is_sparse: bool = False

    def link(self) -> dict[str, str]:
        """What the URL of the next page says otherwise; empty if there is none."""
        if self.beyond is None:
            return {}
        return {"from": format_rfc3339(self.beyond), "to": format_rfc3339(self.end)}


@dataclass(frozen=True, slots=True)
class Question:
    """A query that says something of points.

    ``fill``: the query for the points that it is given; ``asked``: its parameters; ``first``: which snapshot of a step
    is its value; ``facts``: which columns of a snapshot it needs.
    """

    fill: Callable[[Composable], db.Query]
    asked: dict[str, Any]
    first: str
    facts: tuple[str, ...]


async def span_of(call: Call, account: str) -> Span:
    """Where the points that a request asks for lie.

    :raises Problem: there is no such account, or the gateway that is named never named it
    """
    arguments, most = call.arguments, POINTS_PAGE if call.media in (ARROW, PARQUET) else POINTS_MAX
    takes_any, gateway, steps = arguments["ready"] is not None, arguments["gateway"], arguments["step"]
    start, end = arguments["from"], arguments["to"] or call.now
    asked = {"account": account, "from": start or EPOCH, "gateway": gateway}
    found = await db.rows(call.services.pool, whose(_SQL["account"], gateway, takes_any=takes_any), asked, binary=True)
    if not found:
        raise unknown_account(account)
    account_id, base_id, base_code, first_created, gateway_id = found[0]
    if gateway is not None and gateway_id is None:
        raise unknown_gateway(gateway)
    counts, beyond = start is not None, None
    if steps is not None:
        end = call.until()
        # Without `from`, the first step is that of the first report; without any, there is none.
        start = start or first_created or end + MICROSECOND
        beyond = _beyond(steps, start, end, counts, most)
    base, counted = (base_id, base_code), wanted(gateway, takes_any=takes_any)
    return Span(account_id, base, start or EPOCH, end, counts, beyond, counted, of_points(gateway), gateway_id, most)


async def bounded(call: Call, span: Span, question: Question) -> Span:
    """The same span, of which it is known then by what pages it is read.

    It takes a look at all reports, so it is not done before it is known that the answer is a series.
    """
    steps: Steps | None = call.arguments["step"]
    asked = {"account": span.account_id, "gateway": span.gateway_id, "from": span.start, "to": span.end}
    if steps is None and span.start <= span.end:
        query = SQL(_SQL["edges"]).format(wanted=span.wanted)
        found = await db.rows(call.services.pool, query, {**asked, "rows": _read(), "limit": span.most})
        edges = tuple(created for created, before in found if before < span.most)
        return replace(span, edges=edges, beyond=found[-1][0] if found[-1][1] == span.most else None)
    if steps is None or steps.elapsed is None or question.first != "newest_first":
        return span
    first, count = steps.regular(span.start, span.end, counts=span.counts)
    count = min(count, span.most)
    if count < STEPS_COUNTED:
        return span
    asked |= {
        "from": first - steps.elapsed,
        "to": first + (count - 1) * steps.elapsed,
        "most": count * REPORTS_PER_STEP,
    }
    counted = await db.row(call.services.pool, SQL(_SQL["is_sparse"]).format(wanted=span.wanted), asked)
    return replace(span, is_sparse=counted is not None and counted[0])


def _read() -> int:
    return min(POINTS_READ, POINTS_PAGE)


def _beyond(steps: Steps, start: datetime, end: datetime, counts: bool, most: int) -> datetime | None:
    """Where the first step ends that is too many."""
    if steps.elapsed is not None:
        first, count = steps.regular(start, end, counts=counts)
        return first + most * steps.elapsed if count > most else None
    if steps.at_most(start, end) <= most:
        return None
    following = next(islice(steps.bounds(start, end, counts=counts), most, None), None)
    return None if following is None or following.is_partial else following.end


async def pages_of(call: Call, question: Question, span: Span) -> AsyncGenerator[Page, None]:
    """The points, page by page, the last column whether a step is running yet.

    Pages are read ahead of the one that is being sent, by connections of their own. None is held while the client takes
    its time.
    """
    steps: Steps | None = call.arguments["step"]
    reads = _reports(call, question, span) if steps is None else _steps(call, question, span, steps)
    ahead = deque[asyncio.Future[Page]]()
    try:
        for read in reads:
            ahead.append(asyncio.ensure_future(read()))
            if len(ahead) > POINTS_AHEAD:
                yield await ahead.popleft()
        while ahead:
            yield await ahead.popleft()
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)


_Read = Callable[[], Awaitable[Page]]


def _reports(call: Call, question: Question, span: Span) -> Iterator[_Read]:
    source = _points("each_snapshot", span, question)
    after = span.end + MICROSECOND if span.beyond is None else span.beyond
    for start, following in pairwise((*span.edges, after)):
        limits = {"from": start, "to": following - MICROSECOND}
        yield partial(_page, call, source, question, span, limits)


def _steps(call: Call, question: Question, span: Span, steps: Steps) -> Iterator[_Read]:
    if span.is_sparse:
        source = _points("each_sparse_step", span, question)
    else:
        first = first_of_step(question.first, "account", ("step.begin", "step.at"), span.wanted)
        each = SQL(_SQL["steps" if steps.elapsed is None else "regular_steps"])
        source = _points("each_step", span, question, first=first, steps=each)
    for limits in _calendar(steps, span) if steps.elapsed is None else _regular(steps, span):
        yield partial(_marked, "", partial(_page, call, source, question, span, limits))
    running = None if span.beyond is not None else steps.running(span.start, span.end, counts=span.counts)
    if running is not None:
        first = first_of_step(question.first, "account", ("%(from)s", "%(to)s"), span.wanted)
        newest = _points("newest", span, question, first=first)
        limits = {"from": running.begin, "to": running.end}
        yield partial(_marked, "true", partial(_page, call, newest, question, span, limits))


async def _marked(is_partial: str, read: _Read) -> Page:
    page = await read()
    return [*page, [is_partial] * len(page[0])]


def _points(name: str, span: Span, question: Question, **parts: Composable) -> Composable:
    facts = SQL(", ").join(Identifier("account_snapshot", each) for each in question.facts)
    return SQL(_SQL[name]).format(wanted=span.wanted, facts=facts, **parts)


def _regular(steps: Steps, span: Span) -> Iterator[dict[str, Any]]:
    """The steps of each page by the first and the last: Postgres makes those between faster than they can be sent."""
    assert steps.elapsed is not None
    start, count = steps.regular(span.start, span.end, counts=span.counts)
    count = min(count, span.most)
    # Pages of one size, so that those read at the same time are ready at the same time.
    size = -(-count // -(-count // _read())) if count else 1
    for first in range(0, count, size):
        last = min(first + size, count) - 1
        ends = {"from": start + first * steps.elapsed, "to": start + last * steps.elapsed}
        yield {**ends, "step": steps.elapsed}


def _calendar(steps: Steps, span: Span) -> Iterator[dict[str, Any]]:
    """The steps of each page, one by one: when a day or a month ends is known here, not to Postgres."""
    whole = (step for step in steps.bounds(span.start, span.end, counts=span.counts) if not step.is_partial)
    rest = islice(whole, span.most)
    while some := list[Step](islice(rest, _read())):
        yield {"begin": some[0].begin, "ends": db.instants(step.end for step in some)}


async def _page(call: Call, source: Composable, question: Question, span: Span, limits: dict[str, Any]) -> Page:
    query = question.fill(source)
    asked = {**question.asked, **limits, "account": span.account_id, "gateway": span.gateway_id}
    # A plan for any number of points looks each one up; for many, one for those times joins at twice the speed.
    (columns,) = await db.rows(call.services.pool, query, asked, prepare=False)
    # One answer is made of the tables of one version: the connection is cut if those of another came between pages.
    await call.services.tables.ensure_current(TABLES)
    return [[] if lines is None else lines.split("\n") for lines in columns]


def times(call: Call) -> Composable:
    """How times are written: in JSON as short as they are exact, in tables all of one width."""
    return SQL(_SQL["short_times" if call.media == JSON else "wide_times"])


async def begun(pages: AsyncIterator[Page]) -> tuple[list[Page], bool]:
    """As many pages as one answer is made of at once, and whether these are all.

    What fails meanwhile is answered as a problem, since nothing has been sent.
    """
    found, count = [], 0
    async for page in pages:
        found.append(page)
        count += len(page[0])
        if count > POINTS_PAGE:
            return found, False
    return found, True
