"""What statements say of each of many accounts over a year: values by day, external flows, sums of flows.

In: accounts, days. Out: what is told of each, values as texts: most of them nobody needs as figures. Called by the
makers of returns of many accounts.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from psycopg.sql import SQL

from ibconnect.http.resources.performance.conversion import rates_of
from ibconnect.http.resources.performance.reading import SQL_OF, Stated
from ibconnect.http.server import db
from ibconnect.http.server.db import Pool
from ibconnect.http.server.services import Services


@dataclass(slots=True)
class Told:
    """Of an account: days with a value, oldest first, and as many values, in ``currency``; both as texts.

    ``text``: the values, each on a line.

    ``flows``: external ones by day in that currency. ``unknown``: days with one of which the amount is not known.
    """

    code: str
    days: list[str]
    totals: list[str]
    text: str
    currency: str
    has_changed: bool
    flows: defaultdict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    unknown: set[date] = field(default_factory=set)


async def told_of(
    services: Services, codes: Sequence[str] | None, first: date, last: date, *, visible: Sequence[str] | None
) -> tuple[list[Told], list[Stated]]:
    """What is told of each account (None: of all) that has a value on one of these days, and other sums of flows.

    :param visible: accounts whose statements give rates; None: all
    """
    whose = SQL(SQL_OF["of_every" if codes is None else "of_named"])
    days: dict[str, Any] = {"codes": None if codes is None else list(codes), "from": first, "to": last}
    rows = await db.rows(services.pool, SQL(SQL_OF["each_value"]).format(whose=whose), days, prepare=False)
    found = [
        Told(code, days.split("\n"), totals.split("\n"), totals, currency or "", has_changed)
        for code, days, totals, currency, has_changed in rows
    ]
    if not found:
        return [], []
    given = {
        "codes": [each.code for each in found],
        "bases": [each.currency for each in found],
        "firsts": [date.fromisoformat(each.days[0]) for each in found],
        "lasts": [date.fromisoformat(each.days[-1]) for each in found],
    }
    await _add_flows(services, found, given, visible)
    query = SQL(db.compact(SQL_OF["stated"])).format(sum=SQL(SQL_OF["sum_of_flows"]))
    stated = [
        Stated(code, begin, end, currency or "", Decimal(sum_), Decimal(listed), count)
        for code, begin, end, currency, sum_, listed, count in await db.rows(services.pool, query, given, prepare=False)
    ]
    return found, stated


async def _add_flows(
    services: Services, found: Sequence[Told], given: dict[str, Any], visible: Sequence[str] | None
) -> None:
    by_code = {each.code: each for each in found}
    others = defaultdict[tuple[str, str], list[tuple[Told, date, Decimal]]](list)
    for code, day, currency, amount, missing in await db.rows(services.pool, SQL_OF["each_flow"], given, prepare=False):
        told = by_code[code]
        if missing or amount is None:
            told.unknown.add(day)
        elif currency is None or currency == told.currency:
            told.flows[day] += Decimal(amount)
        else:
            others[currency, told.currency].append((told, day, Decimal(amount)))
    reset = services.config.pnl_reset
    for (currency, base), some in others.items():
        days = {day for _, day, _ in some}
        codes = sorted({told.code for told, _, _ in some})
        rates = await rates_of(services.pool, currency, base, days, codes=codes, visible=visible, reset=reset)
        for told, day, amount in some:
            worth = rates.of_flow(day, amount)
            if worth is None:
                told.unknown.add(day)
            else:
                told.flows[day] += worth


async def covered_of(pool: Pool, empty: Sequence[tuple[str, date]]) -> dict[str, set[date]]:
    """Of these days of accounts those that a statement covers: they are holidays."""
    given = {"codes": [code for code, _ in empty], "days": [day for _, day in empty]}
    covered = defaultdict[str, set[date]](set)
    for code, day in await db.rows(pool, SQL_OF["covered_each"], given, prepare=False):
        covered[code].add(day)
    return covered
