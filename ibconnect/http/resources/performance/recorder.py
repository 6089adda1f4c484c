"""What the recorder knows of days of which no statement gives a value: the value, and by the day's profit the flow.

In: accounts, and on which days statements give values. Out: values and estimated flows by account and day. Called by
the maker of returns.

The flow of a day is the change of the value less the day's profit, as it was last told before the reset. Of a day on
which the value is that of the day before to the digit, profit is what was told the day before: there is none.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from ibconnect.daily_reset import DailyReset
from ibconnect.http.resources.performance.days import DAY, bounds_of, day_of, weekdays
from ibconnect.http.resources.performance.reading import SQL_OF, Account, Found
from ibconnect.http.server import db
from ibconnect.http.server.db import Pool
from ibconnect.returns.figures import EXACT, ZERO

LOOKUPS = 20_000
"""Days of accounts that are looked up, the newest."""


class Recorded(NamedTuple):
    """A day of an account. ``flow``: None: the profit of the day, or the value of the day before, is not known."""

    account: str
    day: date
    currency: str
    value: Decimal
    flow: Decimal | None


class _Wanted(NamedTuple):
    account: Account
    days: list[date]


async def recorded_of(
    pool: Pool, found: Found, first: date, last: date, *, now: datetime, reset: DailyReset, missing: Collection[date]
) -> list[Recorded]:
    """The days before and after those of statements; and ``missing``, where the set is of one account.

    The last may be the running day: the newest report of it, and profit so far.
    """
    end = min(last, day_of(now, reset))
    known = [account for account in found.accounts if account.account_id is not None]
    ids = [account.account_id for account in known]
    if not known:
        return []
    oldest: dict[int, datetime | None] = dict(await db.rows(pool, SQL_OF["oldest"], {"ids": ids}))
    wanted = []
    for account in known:
        since = oldest.get(account.account_id or 0)
        if since is not None:
            begin = max(first, day_of(since, reset))
            wanted.append(_Wanted(account, sorted(_days(account, begin, end, missing))))
    return _recorded(wanted, await _read(pool, wanted, reset, now), found)


def _days(account: Account, begin: date, end: date, missing: Collection[date]) -> Iterator[date]:
    if account.first is None or account.last is None:
        yield from weekdays(begin, end)
        return
    yield from weekdays(begin, min(account.first - DAY, end))
    yield from (day for day in missing if begin <= day <= end)
    yield from weekdays(max(account.last + DAY, begin), end)


async def _read(
    pool: Pool, wanted: list[_Wanted], reset: DailyReset, now: datetime
) -> dict[str, list[tuple[date, Decimal, str, Decimal | None]]]:
    pairs = sorted((day, each.account.account_id, each.account.code) for each in wanted for day in each.days)[-LOOKUPS:]
    if not pairs:
        return {}
    numbers = {day: number for number, day in enumerate(sorted({day for day, _, _ in pairs}))}
    of_number = list(numbers)
    bounds = {day: bounds_of(day, reset) for day in numbers}
    given = {
        "ids": [number for _, number, _ in pairs],
        "codes": [code for _, _, code in pairs],
        "numbers": [numbers[day] for day, _, _ in pairs],
        "begins": db.instants(bounds[day][0] for day, _, _ in pairs),
        "ends": db.instants(min(bounds[day][1], now) for day, _, _ in pairs),
    }
    rows = await db.rows(pool, SQL_OF["recorded"], given, prepare=False)
    return {
        code: [
            (of_number[number], Decimal(value), base, None if gain is None else Decimal(gain))
            for _, number, value, base, gain in some
        ]
        for code, some in groupby(rows, key=itemgetter(0))
    }


def _recorded(
    wanted: list[_Wanted], read: dict[str, list[tuple[date, Decimal, str, Decimal | None]]], found: Found
) -> list[Recorded]:
    is_one = len(found.accounts) == 1
    made = []
    for account, _ in wanted:
        told = _told(account, found) if is_one else _ends(account)
        for day, value, base, gain in read.get(account.code, ()):
            before = told.get(_weekday_before(day))
            made.append(Recorded(account.code, day, base, value, _flow(before, value, gain)))
            told[day] = value
    return made


def _flow(before: Decimal | None, value: Decimal, gain: Decimal | None) -> Decimal | None:
    if before is None or gain is None:
        return ZERO if before == value else None
    change = EXACT.subtract(value, before)
    return EXACT.subtract(change, gain) if change else ZERO


def _weekday_before(day: date) -> date:
    return day - (3 if day.weekday() == 0 else 1) * DAY


def _ends(account: Account) -> dict[date, Decimal]:
    return {} if account.last is None else {account.last: account.last_total}


def _told(account: Account, found: Found) -> dict[date, Decimal]:
    """The values of statements, by day."""
    if account.first is None:
        return {}
    return {day: total for day, by_currency in found.values.items() for _, total in by_currency.values()}
