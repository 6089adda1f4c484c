"""Statements and recorder compared, day by day.

In: a call. Out: a table, oldest first, page by page, with a summary in JSON. Called by the pipeline, for the route of
:mod:`ibconnect.http.resources.reconciliation.resource`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from aiohttp import web

from ibconnect.database.sql import queries
from ibconnect.http.resources.positions.whose import visible
from ibconnect.http.resources.reconciliation.columns import COLUMNS, KINDS
from ibconnect.http.resources.reconciliation.compare import (
    Day,
    Holding,
    Line,
    Report,
    Told,
    line_of_execution,
    lines_of,
    lines_of_fill,
)
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.moments import Length, local_instant, parse_length
from ibconnect.http.server.problems import invalid

_SQL = queries("http/reconciliation")
TABLES = ("accounts", "executions", "statements")
_ZONE = ZoneInfo("America/New_York")
_LONGEST = timedelta(days=2)
_WITHIN = parse_length("12h")


class _Asked(NamedTuple):
    """What a request asks for: of which account, the closes of which days, how near a report has to be."""

    account: str
    zone: tzinfo
    close: time | None
    within: timedelta

    def close_of(self, day: date) -> datetime:
        """When a day ends: at a time of the day, or at midnight."""
        if self.close is not None:
            return local_instant(day, self.close, self.zone)
        return local_instant(day + timedelta(days=1), time(), self.zone)


async def account_reconciliation(call: Call) -> web.StreamResponse:
    """One account's statements against what was recorded."""
    account = call.account()
    await visible(call, [account])
    asked = _asked(call, account)
    first, end = _days(call)
    lines, headers = list[Line](), dict[str, str]()
    begin = await _following(call, account, first, end)
    last = begin
    if begin is not None:
        last = min(end, begin + timedelta(days=call.arguments["limit"] - 1))
        lines = await _lines(call, asked, begin, last)
        following = await _following(call, account, last + timedelta(days=1), end) if last < end else None
        if following is not None:
            limits = {"to": end.isoformat()} if end < date.max else {}
            headers = next_page(call, **{"from": following.isoformat(), **limits})
    kinds, shows_all = call.arguments["kind"] or KINDS, call.arguments["show"] is None
    counted = [line for line in lines if line.kind in kinds]
    shown = [line.row(account) for line in counted if shows_all or line.agrees is False]
    head = {"AccountCode": account, "From": begin, "To": last, "Summary": _summary(counted)}
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(TABLES)
    return await table_response(
        call,
        COLUMNS,
        shown,
        f"{account}-reconciliation",
        document=lambda rows: {**head, "Rows": rows},
        headers=headers,
    )


def _asked(call: Call, account: str) -> _Asked:
    length: Length = call.arguments["within"] or _WITHIN
    if length.elapsed is None or length.elapsed > _LONGEST:
        raise invalid("within", f"{length.text} is more than two days")
    return _Asked(account, call.arguments["tz"] or _ZONE, call.arguments["close"], length.elapsed)


def _days(call: Call) -> tuple[date, date]:
    """The first and the last day that a request asks for, in its zone."""
    zone = call.arguments["tz"] or UTC
    first, last = call.arguments["from"], call.arguments["to"]
    return (
        first.astimezone(zone).date() if first else date.min,
        last.astimezone(zone).date() if last else date.max,
    )


async def _following(call: Call, account: str, first: date, end: date) -> date | None:
    """The first day of a span of which a statement says something."""
    row = await db.row(call.services.pool, _SQL["following"], {"account": account, "from": first})
    found: date | None = row[0] if row else None
    return found if found is not None and found <= end else None


async def _lines(call: Call, asked: _Asked, first: date, last: date) -> list[Line]:
    """The rows of some days, in their order: value, cash, positions, fills."""
    days = await _stated(call, asked, first, last)
    await _recorded(call, asked, days)
    fills = await _fills(call, asked, first, last)
    by_day = {day: list(some) for day, some in groupby(fills, key=attrgetter("day"))}
    found = list[Line]()
    for number in sorted({*days, *by_day}):
        found += [*(lines_of(days[number]) if number in days else ()), *by_day.get(number, ())]
    return found


async def _stated(call: Call, asked: _Asked, first: date, last: date) -> dict[date, Day]:
    """What statements say of some days."""
    pool, given = call.services.pool, {"account": asked.account, "from": first, "to": last}
    days: dict[date, Day] = {}
    for day, *nav in await db.rows(pool, _SQL["nav"], given):
        days.setdefault(day, Day(day)).nav = (nav[0], nav[1], nav[2])
    for day, currency, ending, statement in await db.rows(pool, _SQL["cash"], given):
        days.setdefault(day, Day(day)).cash[currency] = (ending, statement)
    for day, *holding in await db.rows(pool, _SQL["positions"], given):
        days.setdefault(day, Day(day)).positions.append(Holding(*holding))
    return days


async def _recorded(call: Call, asked: _Asked, days: dict[date, Day]) -> None:
    """Add what the recorder saw at the closes of these days."""
    ordered, pool = sorted(days), call.services.pool
    closes = [asked.close_of(day) for day in ordered]
    given = {"account": asked.account, "closes": db.instants(closes), "within": asked.within}
    for number, snapshot, at, *about in await db.rows(pool, _SQL["snapshots"], given):
        distance = round((at - closes[number - 1]).total_seconds())
        days[ordered[number - 1]].report = Report(snapshot, at, distance, *about)
    snapshots = sorted({day.report.snapshot for day in days.values() if day.report})
    if not snapshots:
        return
    cash: dict[int, dict[str, str | None]] = {}
    for snapshot, currency, amount in await db.rows(pool, _SQL["recorded_cash"], {"snapshots": snapshots}):
        cash.setdefault(snapshot, {})[currency] = amount
    held: dict[int, list[Holding]] = {}
    for snapshot, *holding in await db.rows(pool, _SQL["recorded_positions"], {"snapshots": snapshots}):
        held.setdefault(snapshot, []).append(Holding(*holding))
    for day in days.values():
        if day.report is not None:
            day.recorded_cash = cash.get(day.report.snapshot, {})
            day.recorded_positions = held.get(day.report.snapshot, [])


async def _fills(call: Call, asked: _Asked, first: date, last: date) -> list[Line]:
    """The rows of fills, by day."""
    given = {"account": asked.account, "from": first, "to": last, "zone": str(asked.zone)}
    pool = call.services.pool
    lines = [line for row in await db.rows(pool, _SQL["fills"], given) for line in lines_of_fill(Told._make(row))]
    lines += [line_of_execution(*row) for row in await db.rows(pool, _SQL["executions"], given)]
    return sorted(lines, key=attrgetter("day"))


def _summary(lines: Sequence[Line]) -> dict[str, Any]:
    """How many rows agree, differ, cannot be compared; in all, and of each kind."""
    return {**_counts(lines), "Days": len({line.day for line in lines}), "Kinds": dict(_by_kind(lines))}


def _by_kind(lines: Sequence[Line]) -> Iterator[tuple[str, dict[str, int]]]:
    for kind in KINDS:
        some = [line for line in lines if line.kind == kind]
        if some:
            yield kind, _counts(some)


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    counted = Counter(line.agrees for line in lines)
    return {"Agree": counted[True], "Differ": counted[False], "NotCompared": counted[None]}
