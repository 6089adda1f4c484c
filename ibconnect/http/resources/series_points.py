"""The points of a time series, read page by page: of each snapshot, or of each step.

In: a call, and the query that fills points with what is asked for (:class:`Question`). Out: where they lie
(:class:`Span`), and pages of them as lists of texts. Called by :mod:`ibconnect.http.resources.history`.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from psycopg.sql import SQL, Composable

from ibconnect.database.sql import queries
from ibconnect.http.resources.conditions import first_of_step, of_points, wanted, whose
from ibconnect.http.resources.series import Page, Pages
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account, unknown_gateway
from ibconnect.http.server.limits import POINTS_MAX, POINTS_PAGE
from ibconnect.http.server.moments import MICROSECOND
from ibconnect.http.server.negotiation import ARROW, JSON, PARQUET
from ibconnect.http.server.steps import Step, Steps
from ibconnect.times import EPOCH, format_rfc3339, parse_rfc3339

_SQL = queries("http/history")
TABLES = ("accounts",)
"""Whose tables the points are read from."""


@dataclass(frozen=True, slots=True)
class Span:
    """What to read: an account's points from ``start`` to ``end``, both included, and where a next page begins.

    ``base``: id and code of the base currency of its newest snapshot. ``wanted``: which snapshots make points, of
    ``whose``. ``counts``: whether ``from`` was given, from which steps count.
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

    def link(self) -> dict[str, str]:
        """What the URL of the next page says otherwise; empty if there is none."""
        if self.beyond is None:
            return {}
        return {"from": format_rfc3339(self.beyond), "to": format_rfc3339(self.end)}


@dataclass(frozen=True, slots=True)
class Question:
    """A query that says something of points.

    ``fill``: the query for the points that it is given; ``asked``: its parameters; ``first``: which snapshot of a step
    is its value.
    """

    fill: Callable[[Composable], db.Query]
    asked: dict[str, Any]
    first: str


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


async def bounded(call: Call, span: Span) -> Span:
    """The same span; of one with a point for each report it is known then where the first is that is too many.

    It takes a look at all that are not, so it is not done before it is known that the answer is a series.
    """
    if call.arguments["step"] is not None:
        return span
    query = SQL(_SQL["beyond"]).format(wanted=span.wanted)
    asked = {"account": span.account_id, "gateway": span.gateway_id, "from": span.start, "to": span.end}
    found = await db.row(call.services.pool, query, {**asked, "limit": span.most})
    return replace(span, beyond=found[0] if found else None)


def _beyond(steps: Steps, start: datetime, end: datetime, counts: bool, most: int) -> datetime | None:
    """Where the first step ends that is too many."""
    if steps.elapsed is not None:
        first, count = steps.regular(start, end, counts=counts)
        return first + most * steps.elapsed if count > most else None
    if steps.at_most(start, end) <= most:
        return None
    following = next(islice(steps.bounds(start, end, counts=counts), most, None), None)
    return None if following is None or following.is_partial else following.end


async def pages_of(call: Call, question: Question, span: Span) -> Pages:
    """The points, page by page, the last column whether a step is running yet.

    No connection is held while the client takes its time.
    """
    steps: Steps | None = call.arguments["step"]
    if steps is None:
        async for page in _snapshot_pages(call, question, span):
            yield page
        return
    source = _source("steps" if steps.elapsed is None else "regular_steps", question, span)
    for limits in _calendar(steps, span) if steps.elapsed is None else _regular(steps, span):
        yield _marked(await _page(call, source, question, span, limits), "")
    running = None if span.beyond is not None else steps.running(span.start, span.end, counts=span.counts)
    if running is not None:
        first = first_of_step(question.first, "account", ("%(from)s", "%(to)s"), span.wanted)
        newest = _points("newest", span, first=first)
        yield _marked(await _page(call, newest, question, span, {"from": running.begin, "to": running.end}), "true")


def _marked(page: Page, is_partial: str) -> Page:
    return [*page, [is_partial] * len(page[0])]


def _points(name: str, span: Span, **parts: Composable) -> Composable:
    return SQL(_SQL[name]).format(wanted=span.wanted, **parts)


def _source(steps: str, question: Question, span: Span) -> Composable:
    first = first_of_step(question.first, "account", ("step.begin", "step.at"), span.wanted)
    return _points("each_step", span, first=first, steps=SQL(_SQL[steps]))


async def _snapshot_pages(call: Call, question: Question, span: Span) -> Pages:
    source = _points("each_snapshot", span)
    start, end = span.start, span.end if span.beyond is None else span.beyond - MICROSECOND
    while start <= end:
        page = await _page(call, source, question, span, {"from": start, "to": end})
        yield page
        if len(page[0]) < POINTS_PAGE:
            return
        start = parse_rfc3339(page[0][-1]) + MICROSECOND


def _regular(steps: Steps, span: Span) -> Iterator[dict[str, Any]]:
    """The steps of each page by the first and the last: Postgres makes those between faster than they can be sent."""
    assert steps.elapsed is not None
    start, count = steps.regular(span.start, span.end, counts=span.counts)
    count = min(count, span.most)
    for first in range(0, count, POINTS_PAGE):
        last = min(first + POINTS_PAGE, count) - 1
        ends = {"from": start + first * steps.elapsed, "to": start + last * steps.elapsed}
        yield {**ends, "step": steps.elapsed}


def _calendar(steps: Steps, span: Span) -> Iterator[dict[str, Any]]:
    """The steps of each page, one by one: when a day or a month ends is known here, not to Postgres."""
    whole = (step for step in steps.bounds(span.start, span.end, counts=span.counts) if not step.is_partial)
    rest = islice(whole, span.most)
    while some := list[Step](islice(rest, POINTS_PAGE)):
        yield {"begin": some[0].begin, "ends": db.instants(step.end for step in some)}


async def _page(call: Call, source: Composable, question: Question, span: Span, limits: dict[str, Any]) -> Page:
    query = question.fill(source)
    asked = {**question.asked, **limits, "account": span.account_id, "gateway": span.gateway_id, "rows": POINTS_PAGE}
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
