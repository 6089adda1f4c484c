"""What accounts were worth day by day.

In: calls. Out: answers. Called by the pipeline, for the route of :mod:`ibconnect.http.resources.values.resource`.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from aiohttp import web

from ibconnect.http.resources.directory_lookup import within
from ibconnect.http.resources.performance.conversion import Rates, rates_of
from ibconnect.http.resources.performance.days import DAY, day_of, local_day, within_day
from ibconnect.http.resources.values.reading import Valued, codes_of, values_of
from ibconnect.http.resources.values.spans import Span, spans_of
from ibconnect.http.resources.values.totals import Sums, Totals, sums_of, totals_of
from ibconnect.http.resources.values.writing import (
    ACCOUNTS,
    EACH,
    TOTAL,
    account_rows,
    document,
    each_row,
    total_rows,
)
from ibconnect.http.server.call import Call, unknown_account
from ibconnect.http.server.frames import table_response
from ibconnect.http.server.limits import VALUES_MAX
from ibconnect.http.server.negotiation import JSON
from ibconnect.http.server.problems import invalid

TABLES = ("accounts", "statements")
"""Whose tables are read."""

ONLY = "only"
_EARLIEST, _LATEST = date(1970, 1, 1), date(9000, 1, 1)
_USUAL_DAYS = 30


async def values(call: Call) -> web.StreamResponse:
    """The accounts that are named, of a group, or all that the token may see; and their total."""
    codes, are_all = await _codes(call)
    first, spans = _spans(call)
    if len(codes) * len(spans) > VALUES_MAX:
        asked = f"{len(codes):,} accounts at {len(spans):,} steps are more than {VALUES_MAX:,} values"
        raise invalid("step", f"{asked}: take longer steps, fewer days or fewer accounts")
    pool, reset = call.services.pool, call.services.config.pnl_reset
    found = await values_of(pool, codes, spans, first, reset, are_all=are_all) if codes and spans else []
    currency, totals = await _totals(call, found, spans, first)
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(TABLES)
    is_total = call.arguments["total"] is not None
    if call.media == JSON:
        around = document(totals, spans, currency, call.arguments["step"])
        rows = [] if is_total else account_rows(found)
        return await table_response(call, ACCOUNTS, rows, "values", document=around)
    if is_total:
        return await table_response(call, TOTAL, total_rows(totals, spans, currency), "values-total")
    return await table_response(call, EACH, each_row(found, spans), "values")


async def _codes(call: Call) -> tuple[list[str], bool]:
    """The accounts, and whether they are all that there are."""
    named, visible = call.arguments["account"], call.principal.accounts
    for code in named:
        if not call.principal.may_see(code):
            raise unknown_account(code)
    codes = named or (None if visible is None else sorted(visible))
    codes = await within(call, codes, call.arguments["to"] or call.now)
    found = await codes_of(call.services.pool, codes)
    for code in named:
        if code not in found and not call.arguments["group"]:
            raise unknown_account(code)
    return found, codes is None


def _spans(call: Call) -> tuple[date, list[Span]]:
    """The first day, and the spans."""
    reset = call.services.config.pnl_reset
    as_of = within_day(call.arguments["to"], call.arguments["tz"] or UTC, call.now)
    now = as_of or call.now
    today = day_of(now, reset)
    first = _day(call, "from") or today - _USUAL_DAYS * DAY
    last = today if as_of is not None else min(_day(call, "to") or today, today, _LATEST)
    first = max(first, _EARLIEST)
    return first, spans_of(first, last, call.arguments["step"], now, reset) if first <= last else []


def _day(call: Call, name: str) -> date | None:
    moment: datetime | None = call.arguments[name]
    return None if moment is None else local_day(moment, call.arguments["tz"] or UTC)


async def _totals(call: Call, found: Sequence[Valued], spans: Sequence[Span], first: date) -> tuple[str | None, Totals]:
    """The currency of the total, and the total; no currency: there are several base currencies, and none is named."""
    sums, counts = sums_of(found, spans, first)
    bases = {currency for by_currency in sums for currency in by_currency}
    currency: str | None = call.arguments["currency"] or (next(iter(bases)) if len(bases) == 1 else None)
    if not currency:
        return None, Totals([None] * len(spans), counts)
    rates = await _rates(call, sums, spans, currency, [each.code for each in found])
    return currency, totals_of(sums, counts, spans, rates)


async def _rates(
    call: Call, sums: Sums, spans: Sequence[Span], currency: str, codes: Sequence[str]
) -> dict[str, Rates]:
    visible = None if call.principal.accounts is None else sorted(call.principal.accounts)
    pool, reset, days = call.services.pool, call.services.config.pnl_reset, [span.day for span in spans]
    bases = sorted({base for by_currency in sums for base in by_currency})
    return {
        base: await rates_of(pool, base, currency, days, codes=codes, visible=visible, reset=reset) for base in bases
    }
