"""Returns of many accounts over the last day, month and year that statements tell, each account by itself.

In: accounts, days. Out: a factor for each period. Called by the overview, through :mod:`.stated_kept`.

They are those of the returns of one account, of the same days: what is left out is days on which nothing flows, since
the product of their factors is the quotient of the values around them. What the recorder knows is no part of them.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from ibconnect.http.resources.performance.assembling import Assembled, add_stated
from ibconnect.http.resources.performance.days import weekdays
from ibconnect.http.resources.performance.making import marks_of
from ibconnect.http.resources.performance.reading import Stated
from ibconnect.http.resources.performance.stated_reading import Told, covered_of
from ibconnect.http.resources.performance.writing import less_one
from ibconnect.http.server.services import Services
from ibconnect.returns.daily import Rule, day_returns
from ibconnect.returns.figures import DayReturn, Flows, Mark, Valued
from ibconnect.returns.linking import linked

NO_FLOWS, NO_RETURN, OTHER_BASE = "no-cash-flows", "no-return", "other-base"
"""Why a return is null: nothing is told of the days; a day has none; values are in several currencies."""

_DAY = timedelta(days=1)
_ODD = re.compile(r"^(?:-|0(?:\.0+)?$)", re.MULTILINE)


class Periods(NamedTuple):
    """From the end of each of ``begins`` to that of ``last``, or of the last day before it that is told."""

    begins: tuple[date, ...]
    last: date


class Returned(NamedTuple):
    """Of each period the return as a share, to be shown, or why there is none.

    ``until``: the day that they go up to; None: nothing is told.
    """

    until: date | None
    currency: str
    shares: tuple[str | None, ...]
    why: tuple[str, ...]


def nothing(periods: Periods, reason: str = NO_FLOWS, until: date | None = None, currency: str = "") -> Returned:
    """No return of any period."""
    size = len(periods.begins)
    return Returned(until, currency, (None,) * size, (reason,) * size)


@dataclass(slots=True)
class _Account:
    """What statements say of an account. ``unknown``: days whose flows are not known."""

    told: Told
    flows: dict[date, Decimal]
    unknown: set[date]
    holidays: set[date] = field(default_factory=set)
    marks: dict[date, list[Mark]] = field(default_factory=dict)


class Stating:
    """Makes the returns of accounts, piece by piece, since many take a while."""

    def __init__(self, services: Services, periods: Periods, told: Sequence[Told], stated: Sequence[Stated]) -> None:
        config = services.config
        self._services = services
        self._periods = periods
        self._rule = Rule(Flows(config.perf_flows), config.perf_large_flow)
        self._stated = defaultdict[str, list[Stated]](list)
        for each in stated:
            self._stated[each.account].append(each)
        self._accounts = [_Account(each, dict(each.flows), set(each.unknown)) for each in told]

    async def made(self, most: int) -> dict[str, Returned]:
        """The returns, by account; so many are made before somebody else's turn."""
        made, pool = dict[str, Returned](), self._services.pool
        for account in self._accounts:
            self._add_stated(account)
        large = {each.told.code: days for each in self._accounts if (days := self._large_days(each))}
        marks = await marks_of(pool, large) if large else {}
        empty = [(each.told.code, day) for each in self._accounts for day in _empty_days(each)]
        covered = await covered_of(pool, empty) if empty else {}
        for first in range(0, len(self._accounts), most):
            async with self._services.gate.piece():
                for account in self._accounts[first : first + most]:
                    code = account.told.code
                    account.marks, account.holidays = marks.get(code, {}), covered.get(code, set())
                    made[code] = self._returned(account)
        return made

    def _add_stated(self, account: _Account) -> None:
        """Flows that only the sums of statements tell."""
        some = self._stated.get(account.told.code)
        if not some:
            return
        made, base = Assembled(), account.told.currency
        made.flows.update(account.flows)
        add_stated(made, some, lambda each, amount: amount if each.currency in ("", base) else None)
        account.flows = dict(made.flows)
        account.unknown |= made.unknown

    def _large_days(self, account: _Account) -> list[date]:
        days, values = account.told.days, account.told.totals
        large = []
        for day, amount in account.flows.items():
            place = bisect_left(days, day.isoformat())
            if 0 < place < len(days) and days[place] == day.isoformat():
                before = Decimal(values[place - 1])
                if before > 0 and abs(amount) >= self._rule.large * before:
                    large.append(day)
        return large

    def _returned(self, account: _Account) -> Returned:
        told, periods = account.told, self._periods
        until = date.fromisoformat(told.days[-1])
        if told.has_changed:
            return nothing(periods, OTHER_BASE, until)
        values = [Valued(date.fromisoformat(told.days[at]), Decimal(told.totals[at])) for at in self._places(account)]
        days = day_returns(
            values,
            account.flows,
            rule=self._rule,
            holidays=account.holidays,
            unknown=account.unknown,
            marks=account.marks,
        ).days
        return _returned(days, periods, until, told.currency)

    def _places(self, account: _Account) -> list[int]:
        """Which values are needed: at both ends of each period, and around days that are not as nearly all are."""
        told = account.told
        days, size = told.days, len(told.days)
        if _ODD.search(told.text):
            return list(range(size))
        wanted = {0, size - 1}
        wanted.update(max(bisect_right(days, begin.isoformat()) - 1, 0) for begin in self._periods.begins)
        for day in (*account.flows, *account.unknown):
            place = bisect_left(days, day.isoformat())
            wanted.update(each for each in (place - 1, place) if 0 <= each < size)
        return sorted(wanted)


def _empty_days(account: _Account) -> Iterator[date]:
    """The weekdays without a value just before a flow is counted: whether they are missing says how it is weighed."""
    days = account.told.days
    for day in account.flows:
        place = bisect_left(days, day.isoformat())
        if 0 < place < len(days):
            before, valued = (date.fromisoformat(days[at]) for at in (place - 1, place))
            yield from weekdays(before + _DAY, valued - _DAY)


def over(days: Sequence[DayReturn], periods: Periods, currency: str) -> Returned:
    """The same of days that were made already, as those of a set."""
    return _returned(days, periods, days[-1].day, currency) if days else nothing(periods)


def _returned(days: Sequence[DayReturn], periods: Periods, until: date, currency: str) -> Returned:
    found = [_over(days, begin, until) for begin in periods.begins]
    return Returned(until, currency, tuple(share for share, _ in found), tuple(reason for _, reason in found))


def _over(days: Sequence[DayReturn], begin: date, until: date) -> tuple[str | None, str]:
    """The return over the days after one; or why there is none."""
    if until <= begin:
        return None, NO_FLOWS
    some = [each for each in days if each.day > begin]
    factor = linked(some) if some else None
    return less_one(factor), "" if factor is not None else NO_RETURN
