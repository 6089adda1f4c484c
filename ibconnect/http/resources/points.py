"""The reports that a time series in long form is made of: each of an account, or the last of each step.

In: what a request says by ``from``, ``to``, ``step``, ``tz``, ``at``, ``ready`` and ``gateway``. Out: points, some at a
time, oldest first, for as long as somebody takes them. Called by resources that have a row for each thing of a report.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from psycopg.sql import SQL, Composable

from ibconnect.database.sql import queries
from ibconnect.http.resources.conditions import wanted, whose
from ibconnect.http.server import db
from ibconnect.http.server.call import Call, unknown_account, unknown_gateway
from ibconnect.http.server.limits import LONG_POINTS, LONG_REPORTS_FIRST, LONG_REPORTS_MAX
from ibconnect.http.server.steps import Step, Steps
from ibconnect.times import EPOCH

SQL_OF = queries("http/points")
"""The statements, also for a series that chooses among the reports of a step."""

_ALL = SQL("TRUE")


class Point(NamedTuple):
    """A report of which rows are made.

    ``at``: where it stands; ``resume``: the ``from`` of a page that begins with it; ``is_partial``: it is the newest
    report of the step that is still running.
    """

    snapshot: int
    at: datetime
    resume: datetime
    is_partial: bool


Points = AsyncIterator[list[Point] | datetime]
"""Points, more and more at a time; last, if more is to be looked through than one answer does, whence to go on."""


@dataclass(frozen=True, slots=True)
class _Span:
    """An account's reports from ``start`` to ``end``, both included; ``wanted``: which of them."""

    account_id: int
    gateway_id: int | None
    start: datetime
    end: datetime
    wanted: Composable


async def points_of(call: Call, account: str) -> Points:
    """The points that a request asks for.

    :raises Problem: there is no such account, or the gateway never named it
    """
    span = await _span(call, account)
    steps: Steps | None = call.arguments["step"]
    return _each_report(call, span) if steps is None else _each_step(call, span, steps)


class Known(NamedTuple):
    """An account that is asked for, the gateway that is named, and when its oldest and newest snapshots were made."""

    account_id: int
    gateway_id: int | None
    oldest: datetime | None
    newest: datetime | None


async def known_account(call: Call, account: str) -> Known:
    """What a time series needs to know first.

    :raises Problem: there is no such account, or the gateway never named it
    """
    gateway = call.arguments["gateway"]
    asked = {"account": account, "gateway": gateway}
    found = await db.row(call.services.pool, whose(SQL_OF["account"], gateway), asked)
    if found is None:
        raise unknown_account(account)
    known = Known._make(found)
    if gateway is not None and known.gateway_id is None:
        raise unknown_gateway(gateway)
    return known


async def _span(call: Call, account: str) -> _Span:
    arguments, known = call.arguments, await known_account(call, account)
    account_id, gateway_id = known.account_id, known.gateway_id
    counted = wanted(arguments["gateway"], takes_any=arguments["ready"] is not None)
    steps: Steps | None = arguments["step"]
    start = arguments["from"] or known.oldest or EPOCH
    if steps is None:
        return _Span(account_id, gateway_id, start, arguments["to"] or call.now, counted)
    if arguments["from"] is None and steps.elapsed is not None:
        # On their whole multiples; the one before the first report is empty, and the running one may be the first.
        start = steps.first(start) - steps.elapsed
    return _Span(account_id, gateway_id, start, call.until(), counted)


async def _each_report(call: Call, span: _Span) -> Points:
    query = SQL(SQL_OF["each_report"]).format(wanted=span.wanted)
    asked = {"account_id": span.account_id, "gateway": span.gateway_id, "to": span.end}
    start, size, done = span.start, LONG_REPORTS_FIRST, 0
    while True:
        found = await db.rows(call.services.pool, query, {**asked, "from": start, "rows": size + 1})
        yield [Point(number, at, at, is_partial=False) for number, at in found[:size]]
        if len(found) <= size:
            return
        start, size, done = found[size][1], min(2 * size, LONG_REPORTS_MAX), done + size
        if done >= LONG_POINTS:
            yield start
            return


async def _each_step(call: Call, span: _Span, steps: Steps) -> Points:
    bounds = steps.bounds(span.start, span.end)
    size, done = LONG_REPORTS_FIRST, 0
    while some := list(islice(bounds, size)):
        yield await _of_steps(call, span, some)
        done, size = done + len(some), min(2 * size, LONG_REPORTS_MAX)
        following = next(bounds, None) if done >= LONG_POINTS else None
        if following is None:
            continue
        # The running step ends with no page from which another one could go on.
        yield await _of_steps(call, span, [following]) if following.is_partial else following.end
        return


async def _of_steps(call: Call, span: _Span, steps: list[Step]) -> list[Point]:
    query = SQL(SQL_OF["each_step"]).format(wanted=span.wanted, first=_ALL)
    asked: dict[str, Any] = {"account_id": span.account_id, "gateway": span.gateway_id}
    asked |= {"begins": db.instants(step.begin for step in steps), "ends": db.instants(step.end for step in steps)}
    points = []
    for snapshot, created, number in await db.rows(call.services.pool, query, asked):
        step = steps[number - 1]
        points.append(Point(snapshot, created if step.is_partial else step.end, step.end, step.is_partial))
    return points
