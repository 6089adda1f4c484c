"""Returns of a set of accounts over a span: read, put together, computed.

In: whose, from when until when, in which currency. Out: returns by day, figures of the span, what is to be said of it.
Called by the handlers of this package.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.sql import SQL

from ibconnect.http.resources.performance.assembling import Assembled, assembled
from ibconnect.http.resources.performance.conversion import Rates, rates_of
from ibconnect.http.resources.performance.days import last_complete, weekdays
from ibconnect.http.resources.performance.reading import SQL_OF, Account, Found, accounts_of, found_of
from ibconnect.http.resources.performance.recorder import Recorded, recorded_of
from ibconnect.http.resources.performance.running import running_of
from ibconnect.http.server import db
from ibconnect.http.server.db import Pool
from ibconnect.http.server.problems import invalid
from ibconnect.http.server.services import Services
from ibconnect.returns import ibkr
from ibconnect.returns.daily import Rule, day_returns, merged
from ibconnect.returns.figures import Code, DayReturn, Flows, Gap, Mark, Valued
from ibconnect.returns.linking import linked, trimmed
from ibconnect.returns.summary import Summary, summary_of

_BEFORE = timedelta(days=31)
"""So far before the span the value lies at most that its first return begins with."""
_EARLIEST, _LATEST = date(1900, 1, 1), date(9000, 1, 1)


class Asked(NamedTuple):
    """What is asked for. ``codes``: None: all; ``visible``: those that the token may see, None: all.

    ``only_stated``: of days that statements tell, without what the recorder knows. ``as_of``: a moment of a day, at
    which that day was not over; None: now.
    """

    codes: tuple[str, ...] | None
    visible: frozenset[str] | None
    first: date | None
    last: date | None
    currency: str | None
    free: Decimal
    now: datetime
    only_stated: bool = False
    as_of: datetime | None = None

    @property
    def moment(self) -> datetime:
        """When days are looked at: those that are not over by then are none."""
        return self.as_of or self.now


class Made(NamedTuple):
    """What came of it. ``summary``: None: no day has a return.

    ``days``: from the first to the last that has one. ``every``: those at both ends too that have none, and the running
    day (``running``) where it is known; ``opening``: the value that they begin with.
    """

    codes: Sequence[str]
    currency: str
    days: Sequence[DayReturn]
    gaps: Sequence[Gap]
    summary: Summary | None
    every: Sequence[DayReturn] = ()
    opening: Valued | None = None
    running: DayReturn | None = None


async def made_of(services: Services, asked: Asked) -> Made:
    """The returns.

    :raises Problem: the accounts have several base currencies, and none is named
    """
    first = _EARLIEST if asked.first is None else max(asked.first, _EARLIEST + _BEFORE)
    last = _LATEST if asked.last is None else min(asked.last, _LATEST)
    accounts = await accounts_of(services.pool, asked.codes, first - _BEFORE, _stated_until(services, asked, last))
    return await made_of_accounts(services, asked, [account for account in accounts if account.is_known], first, last)


def _stated_until(services: Services, asked: Asked, last: date) -> date:
    """The last day whose statement counts: as of a moment that of a day that was over."""
    return last if asked.as_of is None else min(last, last_complete(asked.as_of, services.config.pnl_reset))


async def made_of_accounts(services: Services, asked: Asked, accounts: list[Account], first: date, last: date) -> Made:
    """The same of accounts that are known."""
    pool, reset = services.pool, services.config.pnl_reset
    begin = max(first - _BEFORE, _EARLIEST)
    told_until = _stated_until(services, asked, last)
    found = await found_of(pool, accounts, begin, told_until, are_all=asked.codes is None)
    holidays, missing = await _without_value(services, found)
    gap_days = missing if len(accounts) == 1 else []
    known = (
        []
        if asked.only_stated
        else await recorded_of(pool, found, begin, last, now=asked.moment, reset=reset, missing=gap_days)
    )
    target = asked.currency or _base(found, known)
    rates = await _rates(services, asked, found, known, target)
    over = last_complete(asked.moment, reset)
    recorded = [each for each in known if each.day <= over]
    made = assembled(found, recorded, rates)
    made.values = _from(made, asked.first)
    rule = Rule(Flows(services.config.perf_flows), services.config.perf_large_flow)
    marks = await _marks(services, accounts, made, rule, target)
    series = day_returns(
        made.values,
        made.flows,
        rule=rule,
        holidays=holidays,
        unknown=made.unknown,
        explained=made.explained,
        marks=marks,
    )
    days, cut = trimmed(series.days)
    flows = dict(made.flows)
    for day, amount in made.carried.items():
        flows[day] = flows.get(day, Decimal(0)) + amount
    said = [gap for gap in made.gaps if days and gap.last > days[0].since and gap.first <= days[-1].day]
    told = await _printed(services, accounts, days, rule, target)
    gaps = merged([*series.gaps, *said, *cut, *told])
    codes = [account.code for account in accounts]
    running = running_of(made, found, recorded, [each for each in known if each.day > over], rates=rates, rule=rule)
    every = series.days if running is None else [*series.days, running]
    opening = made.values[0] if made.values else None
    return Made(codes, target, days, gaps, summary_of(days, flows, asked.free), every, opening, running)


def _from(made: Assembled, first: date | None) -> list[Any]:
    """The values of the span, and the last one before it."""
    if first is None:
        return made.values
    before = [each for each in made.values if each.day < first]
    return [*before[-1:], *(each for each in made.values if each.day >= first)]


async def _without_value(services: Services, found: Found) -> tuple[Collection[date], list[date]]:
    """Weekdays between the first and the last value that have none: holidays, and others."""
    days = found.values
    if not days:
        return (), []
    empty = [day for day in weekdays(min(days), max(days)) if day not in days]
    if not empty:
        return (), []
    given = {"days": empty, "codes": [account.code for account in found.of_statements]}
    covered = {day for (day,) in await db.rows(services.pool, SQL_OF["covered"], given, prepare=False)}
    return covered, [day for day in empty if day not in covered]


def _base(found: Found, recorded: Sequence[Recorded]) -> str:
    bases = {account.base for account in found.accounts if account.base}
    bases |= {currency for by_currency in found.values.values() for currency in by_currency if currency}
    bases |= {each.currency for each in recorded}
    if len(bases) > 1:
        names = ", ".join(sorted(bases))
        raise invalid("currency", f"the accounts have several base currencies ({names}): name one by currency=")
    return next(iter(bases), "")


async def _rates(
    services: Services, asked: Asked, found: Found, recorded: Sequence[Recorded], target: str
) -> dict[str, Rates]:
    """For each currency that there are amounts in, its rates on the days of these."""
    days: dict[str, set[date]] = {target: set()}
    for day, by_currency in found.values.items():
        for currency in by_currency:
            days.setdefault(currency, set()).add(day)
    for flow in found.flows:
        days.setdefault(flow.currency, set()).add(flow.day)
    for each in recorded:
        days.setdefault(each.currency, set()).add(each.day)
    for stated in found.stated:
        days.setdefault(stated.currency, set()).add(stated.last)
    for account in found.of_statements:
        days.setdefault(account.base, set()).update(day for day in (account.first, account.last) if day)
    visible = None if asked.visible is None else sorted(asked.visible)
    codes = [account.code for account in found.accounts]
    reset = services.config.pnl_reset
    return {
        currency: await rates_of(services.pool, currency, target, wanted, codes=codes, visible=visible, reset=reset)
        for currency, wanted in days.items()
    }


async def _printed(
    services: Services, accounts: Sequence[Account], days: Sequence[DayReturn], rule: Rule, target: str
) -> list[Gap]:
    """Of one account in its base currency the returns that statements print, where they are not those of these days."""
    if len(accounts) != 1 or accounts[0].base != target or not days:
        return []
    weight = rule.flows.weight(1, 1)
    given = {"code": accounts[0].code, "first": days[0].since, "last": days[-1].day, "weight": weight}
    query = SQL(db.compact(SQL_OF["printed"])).format(sum=SQL(SQL_OF["sum_of_flows"]))
    differing, places = [], [each.day for each in days]
    for first, last, text, digits in await db.rows(services.pool, query, given, prepare=False):
        of_period = days[bisect_left(places, first) : bisect_right(places, last)]
        factor = linked(of_period)
        if not of_period or of_period[0].since >= first or factor is None:
            continue
        found = ibkr.printed(factor, digits)
        if first == last or found != Decimal(text):
            differing.append(Gap(Code.DIFFERS_FROM_STATEMENT, first, last, len(of_period), f"{text}, here {found}"))
    return differing


async def _marks(
    services: Services, accounts: Sequence[Account], made: Assembled, rule: Rule, target: str
) -> dict[date, list[Mark]]:
    """Of one account the values just before flows, for days with a large one."""
    if len(accounts) != 1 or accounts[0].account_id is None or accounts[0].base != target:
        return {}
    values = {each.day: each.value for each in made.values}
    days, before = list[date](), Decimal(0)
    for day, value in values.items():
        flow = made.flows.get(day)
        if flow and before > 0 and abs(flow) >= rule.large * before:
            days.append(day)
        before = value
    if not days:
        return {}
    return (await marks_of(services.pool, {accounts[0].code: days})).get(accounts[0].code, {})


async def marks_of(pool: Pool, days: Mapping[str, Sequence[date]]) -> dict[str, dict[date, list[Mark]]]:
    """The values just before all flows of these days of accounts, of those days of which all are known."""
    pairs = [(code, day) for code, some in days.items() for day in some]
    given = {"codes": [code for code, _ in pairs], "days": [day for _, day in pairs]}
    marks = defaultdict[str, dict[date, list[Mark]]](dict)
    unmarked = set[tuple[str, date]]()
    for code, day, amount, value in await db.rows(pool, SQL_OF["marks"], given, prepare=False):
        if amount is None or value is None:
            unmarked.add((code, day))
        else:
            marks[code].setdefault(day, []).append(Mark(Decimal(value), Decimal(amount)))
    return {
        code: {day: each for day, each in some.items() if (code, day) not in unmarked} for code, some in marks.items()
    }
