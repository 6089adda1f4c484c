"""Exchange rates of days: what a currency was worth in the one that returns are asked in.

In: currencies and days. Out: rates, by day, each as an exact quotient. Called by the maker of returns.

A statement's rate of the day is taken, else that of a ledger of a report of the day. There is no other.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from psycopg.sql import SQL

from ibconnect.daily_reset import DailyReset
from ibconnect.http.resources.performance.days import bounds_of
from ibconnect.http.resources.performance.reading import SQL_OF
from ibconnect.http.server import db
from ibconnect.http.server.db import Pool
from ibconnect.returns.figures import EXACT

_LEDGER_DAYS = 500
"""Days, the newest, for which ledgers are looked at."""
_NEXT = timedelta(days=10)
"""So far on from a flow on a day without rates lies the day whose rate it takes."""


class Rates:
    """Of one currency to the one that is asked for; of that itself it is 1."""

    def __init__(self, is_same: bool, by_day: dict[date, tuple[Decimal, Decimal]]) -> None:
        self._is_same = is_same
        self._by_day = by_day
        self._days = sorted(by_day)

    def on(self, day: date, amount: Decimal) -> Decimal | None:
        """An amount at the rate of a day; None: there is none."""
        if self._is_same:
            return amount
        rate = self._by_day.get(day)
        return None if rate is None else EXACT.divide(EXACT.multiply(amount, rate[0]), rate[1])

    def of_flow(self, day: date, amount: Decimal) -> Decimal | None:
        """The same of a flow: on a day without rates at that of the next day that has one."""
        if self._is_same or day in self._by_day:
            return self.on(day, amount)
        place = bisect_left(self._days, day)
        following = self._days[place] if place < len(self._days) else None
        return None if following is None or following - day > _NEXT else self.on(following, amount)


async def rates_of(
    pool: Pool,
    source: str,
    target: str,
    days: Iterable[date],
    *,
    codes: Sequence[str],
    visible: Sequence[str] | None,
    reset: DailyReset,
) -> Rates:
    """The rates of these days.

    :param codes: accounts whose ledgers are looked at
    :param visible: accounts whose statements are; None: all
    """
    if source == target or not source or not target:
        return Rates(source == target, {})
    wanted = sorted(days)
    given = {"source": source, "target": target, "days": wanted, "visible": visible, "codes": list(codes)}
    whose = SQL("TRUE") if visible is None else SQL(SQL_OF["rates_of_named"])
    found = await db.rows(pool, SQL(db.compact(SQL_OF["rates"])).format(whose=whose), given, prepare=False)
    rates = {day: (Decimal(above), Decimal(below)) for day, above, below in found}
    missing = [day for day in wanted if day not in rates][-_LEDGER_DAYS:]
    if missing:
        begins, ends = zip(*(bounds_of(day, reset) for day in missing), strict=True)
        given |= {"begins": db.instants(begins), "ends": db.instants(ends)}
        for number, above, below in await db.rows(pool, SQL_OF["ledger_rates"], given, prepare=False):
            rates[missing[number - 1]] = Decimal(above), Decimal(below)
    return Rates(False, rates)
