"""What an account held over time, in long form: a row for each position of each report, or of the last of each step.

In: a call. Out: a table, oldest first, page by page. Called by the pipeline, for the route of
:mod:`ibconnect.http.resources.positions.resource`.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from aiohttp import web
from psycopg.sql import SQL, Composable

from ibconnect.http.resources.conditions import first_of_step, wanted
from ibconnect.http.resources.points import SQL_OF, known_account
from ibconnect.http.resources.positions.columns import HISTORY_COLUMNS
from ibconnect.http.resources.positions.reading import Point, Tables, held, rows_of, steadily
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.limits import HOLDINGS_LOOKED_THROUGH, HOLDINGS_REPORTS_FIRST, HOLDINGS_REPORTS_MAX
from ibconnect.http.server.steps import Steps
from ibconnect.times import EPOCH, format_rfc3339


class _Stop(NamedTuple):
    """A page has looked at enough: whence the next one goes on."""

    resume: datetime


_Points = AsyncIterator[list[tuple[Point, datetime]] | _Stop]
"""Some points at a time, each with whence a page goes on that begins with it."""


@dataclass(frozen=True, slots=True)
class _Span:
    """What to read: an account's reports from ``start`` to ``end``, both included; ``wanted``: which of them. There are
    none after ``newest``.
    """

    account_id: int
    gateway_id: int | None
    start: datetime
    end: datetime
    newest: datetime
    wanted: Composable


async def positions_over_time(call: Call) -> web.StreamResponse:
    """An account's positions over time."""
    account = call.account()

    async def page(tables: Tables) -> tuple[list[Row], datetime | None]:
        return await _page(call, await _span(call, account), tables.generation)

    rows, resume = await steadily(call, page)
    headers = {}
    if resume is not None:
        end = call.arguments["to"] or call.now
        headers = next_page(call, **{"from": format_rfc3339(resume), "to": format_rfc3339(end)})
    return await table_response(call, HISTORY_COLUMNS, rows, f"{account}-positions", headers=headers)


async def _span(call: Call, account: str) -> _Span:
    """What to read.

    :raises Problem: there is no such account or gateway
    """
    arguments, (account_id, gateway_id, oldest, newest) = call.arguments, await known_account(call, account)
    counted = wanted(arguments["gateway"], takes_any=arguments["ready"] is not None)
    if oldest is None or newest is None:
        # Nothing is between two such times.
        return _Span(account_id, gateway_id, call.now, EPOCH, EPOCH, counted)
    start = _start(arguments["step"], arguments["from"], oldest)
    return _Span(account_id, gateway_id, start, call.until(), newest, counted)


def _start(steps: Steps | None, asked: datetime | None, oldest: datetime) -> datetime:
    """Where to begin: there is nothing to look for in steps that end before the oldest report."""
    if steps is None or steps.elapsed is None:
        return max(asked or oldest, oldest)
    # Steps count from what is asked for, or else fall on their whole multiples; the one before may be the running one.
    origin = asked or steps.first(oldest) - steps.elapsed
    return origin + max((oldest - origin) // steps.elapsed, 0) * steps.elapsed


class _Pace:
    """How many reports are read at once: about as many as there is room for on the page, by those before."""

    def __init__(self) -> None:
        self.size = HOLDINGS_REPORTS_FIRST
        self._reports = 0

    def note(self, reports: int, rows: int, room: int) -> None:
        """So many more were read; there are so many rows by now, and so much room is left."""
        self._reports += reports
        wanted = room * self._reports // max(rows, 1) + 1
        self.size = max(1, min(wanted, 2 * self.size, HOLDINGS_REPORTS_MAX))


async def _page(call: Call, span: _Span, generation: int) -> tuple[list[Row], datetime | None]:
    """The rows of as many reports as a page has room for, and whence the next one goes on.

    The running step is on the page of the one before it, since no step ends with it that another page could go on from.
    """
    limit, rows, pace = call.arguments["limit"], list[Row](), _Pace()
    steps: Steps | None = call.arguments["step"]
    async for some in _each_report(call, span, pace) if steps is None else _each_step(call, span, steps, pace):
        if isinstance(some, _Stop):
            return rows, some.resume
        points = [point for point, _ in some]
        found = await held(call, points, range(len(points)), skipped=0, rows=None)
        made = await rows_of(call, generation, found)
        of_point = {number: [row for _, row in each] for number, each in groupby(made, key=itemgetter(0))}
        for number, (point, resume) in enumerate(some):
            if len(rows) >= limit and not point.is_partial:
                return rows, resume
            rows += [(*row, point.is_partial or None) for row in of_point.get(number, ())]
        pace.note(len(points), len(rows), limit - len(rows))
    return rows, None


async def _each_report(call: Call, span: _Span, pace: _Pace) -> _Points:
    query = SQL(SQL_OF["each_report"]).format(wanted=span.wanted)
    asked = {"account_id": span.account_id, "gateway": span.gateway_id, "to": span.end}
    start, done = span.start, 0
    while True:
        size = pace.size
        found = await db.rows(call.services.pool, query, {**asked, "from": start, "rows": size + 1}, binary=True)
        yield [(Point(snapshot, at), at) for snapshot, at in found[:size]]
        if len(found) <= size:
            return
        start, done = found[size][1], done + size
        if done >= HOLDINGS_LOOKED_THROUGH:
            yield _Stop(start)
            return


async def _each_step(call: Call, span: _Span, steps: Steps, pace: _Pace) -> _Points:
    first = first_of_step("priced_first", "account_id", ("step.since", "step.until"), span.wanted)
    query = SQL(SQL_OF["each_step"]).format(wanted=span.wanted, first=first)
    asked = {"account_id": span.account_id, "gateway": span.gateway_id}
    bounds, done = steps.bounds(span.start, span.end), 0
    while (some := list(islice(bounds, pace.size))) and some[0].begin < span.newest:
        begins, ends = db.instants(step.begin for step in some), db.instants(step.end for step in some)
        given = {**asked, "begins": begins, "ends": ends}
        points = []
        for snapshot, created, number in await db.rows(call.services.pool, query, given, binary=True):
            step = some[number - 1]
            at = created if step.is_partial else step.end
            points.append((Point(snapshot, at, step.is_partial), step.end))
        yield points
        done += len(some)
        if done >= HOLDINGS_LOOKED_THROUGH and (following := next(bounds, None)) is not None:
            if not following.is_partial:
                yield _Stop(following.end)
                return
            bounds = iter([following])
