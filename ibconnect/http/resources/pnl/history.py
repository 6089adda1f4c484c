"""Profit and loss of an account over time, in long form: each sample, or the last of each step.

In: a call. Out: a table, oldest first, page by page. Called by the pipeline, for the route of :mod:`resource`.

A day of profit and loss begins when the gateway resets it. Steps of days and longer end there (``PNL_RESET``), unless
the request says another time or zone: so the point of a day is the last sample before the reset.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from aiohttp import web
from psycopg.rows import TupleRow

from ibconnect.http.resources.pnl.columns import COLUMNS, row_of
from ibconnect.http.resources.pnl.reading import SQL_OF, TABLES, Asked, asked_for, each_query, step_query
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row
from ibconnect.http.server.frames import next_page, table_response
from ibconnect.http.server.limits import LONG_POINTS, PNL_LOOKS, PNL_LOOKUPS
from ibconnect.http.server.moments import MICROSECOND, parse_length
from ibconnect.http.server.steps import Step, Steps
from ibconnect.times import EPOCH, format_rfc3339

_SHORT_UNITS = "smh"

_Page = tuple[list[Row], datetime | None]
"""Rows, and whence the next page goes on."""


async def account_pnl(call: Call) -> web.StreamResponse:
    """One account's profit and loss over time."""
    account = call.account()
    asked = await asked_for(call, account)
    steps = steps_of(call)
    rows, resume = await (_each_sample(call, asked) if steps is None else _each_step(call, asked, steps))
    headers = {}
    if resume is not None:
        end = call.arguments["to"] or call.now
        headers = next_page(call, **{"from": format_rfc3339(resume), "to": format_rfc3339(end)})
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(TABLES)
    return await table_response(call, COLUMNS, rows, f"{account}-pnl", headers=headers)


def steps_of(call: Call) -> Steps | None:
    """The steps that are asked for; those of days and longer end at the reset where the request does not say when."""
    steps: Steps | None = call.arguments["step"]
    if steps is None or call.arguments["tz"] is not None or call.arguments["at"] is not None:
        return steps
    length, reset = parse_length(steps.text), call.services.config.pnl_reset
    return steps if length.unit in _SHORT_UNITS else Steps(length, reset.zone, reset.clock)


async def _each_sample(call: Call, asked: Asked) -> _Page:
    """Samples, as far as they count; of those of other gateways a bounded number is looked through for one page."""
    limit, query, rows = call.arguments["limit"], each_query(asked), list[Row]()
    start: datetime | None = call.arguments["from"] or EPOCH
    for _ in range(PNL_LOOKS):
        if start is None or len(rows) >= limit:
            break
        found, start = await _from(call, asked, query, start, limit - len(rows))
        rows += [row_of(asked.account, at, tuple(figures)) for at, *figures, is_wanted in found if is_wanted]
    return rows, start


async def _from(
    call: Call, asked: Asked, query: db.Query, start: datetime, size: int
) -> tuple[list[TupleRow], datetime | None]:
    """So many samples from a time on, and those of the time of the last; and when the next one was made, if one was."""
    given = {**asked.parameters, "to": call.arguments["to"] or call.now}
    found = await db.rows(call.services.pool, query, {**given, "from": start, "rows": size + 1})
    if len(found) <= size:
        return found, None
    resume = found[size][0]
    if resume > found[0][0]:
        return [row for row in found if row[0] < resume], resume
    # More of one time than fit on a page: a page ends with a whole time, or none could go on from it.
    following = await db.rows(call.services.pool, query, {**given, "from": resume + MICROSECOND, "rows": 1})
    return found, following[0][0] if following else None


async def _each_step(call: Call, asked: Asked, steps: Steps) -> _Page:
    contracts = await _contracts(call, asked)
    begin = await _begin(call, asked, steps)
    rows: list[Row] = []
    if begin is None or not contracts:
        return rows, None
    limit, done, bounds = call.arguments["limit"], 0, steps.bounds(begin, call.until())
    # So many steps at once that a statement looks up a bounded number of samples.
    size = max(PNL_LOOKUPS // len(contracts), 1)
    while some := list(islice(bounds, size)):
        of_step = await _of_steps(call, asked, contracts, some)
        for number, step in enumerate(some, 1):
            made = [_row(asked, step, row) for row in of_step.get(number, ())]
            # The running step is on the page of the one before it: no page could begin with it.
            if not step.is_partial and ((made and len(rows) >= limit) or done >= LONG_POINTS):
                return rows, step.end
            rows += made
            done += 1
    return rows, None


async def _contracts(call: Call, asked: Asked) -> list[int]:
    """What steps have points of: the account (0), one contract, or everything that there are samples of."""
    if asked.subject == "of_account":
        return [0]
    if asked.subject == "of_contract":
        return [asked.parameters["contract"]]
    found = await db.rows(call.services.pool, SQL_OF["contracts"], {"account": asked.account})
    return [contract for (contract,) in found]


async def _begin(call: Call, asked: Asked, steps: Steps) -> datetime | None:
    """Where the steps begin; None if there is nothing."""
    ((first,),) = await db.rows(call.services.pool, SQL_OF["first"], {"account": asked.account})
    start: datetime | None = call.arguments["from"]
    if first is None or start is not None:
        return None if first is None else start
    # Elapsed ones are on their whole multiples; the one before the first sample is empty, and may be the running one.
    return first if steps.elapsed is None else steps.first(first) - steps.elapsed


async def _of_steps(
    call: Call, asked: Asked, contracts: Sequence[int], some: Sequence[Step]
) -> dict[int, list[TupleRow]]:
    """The rows of each step, by its place among these."""
    given: dict[str, Any] = {
        **asked.parameters,
        "contracts": contracts,
        "begins": db.instants(step.begin for step in some),
        "ends": db.instants(step.end for step in some),
    }
    found = await db.rows(call.services.pool, step_query(asked), given)
    return {number: list(rows) for number, rows in groupby(found, key=itemgetter(-1))}


def _row(asked: Asked, step: Step, found: TupleRow) -> Row:
    at, *figures, _ = found
    return row_of(asked.account, at if step.is_partial else step.end, tuple(figures), is_partial=step.is_partial)
