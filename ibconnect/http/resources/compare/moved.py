"""What statements say of the money that came into an account, or left it, between two reports.

In: an account, two moments, its base currency. Out: :class:`Moved`, or why it is not known. Called by the handler.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from psycopg.sql import SQL

from ibconnect.daily_reset import DailyReset
from ibconnect.database.sql import queries
from ibconnect.http.resources.performance.days import day_of, weekdays
from ibconnect.http.server import db

_SQL = queries("http/compare")
_DAY = timedelta(days=1)
# A weekend with two holidays beside it has no statement.
_LONGEST = 4


class Unknown(StrEnum):
    """Why it is not known what came and what left."""

    NO_STATEMENT = "no-statement"
    NOT_YET = "not-stated-yet"
    DAYS_MISSING = "days-missing"
    NO_AMOUNT = "no-amount"


class Moved(NamedTuple):
    """In base currency: what the owner brought or took; what was earned or paid, by IBKR's types."""

    flows: Decimal
    income: tuple[tuple[str, Decimal], ...]


async def moved_between(
    pool: db.Pool, account: str, span: tuple[datetime, datetime], base: str, reset: DailyReset
) -> Moved | Unknown:
    """What came and left after the first moment, up to the second."""
    first, last = day_of(span[0], reset), day_of(span[1], reset)
    given = {"account": account, "from": span[0], "to": span[1], "first": first, "last": last, "base": base}
    row = await db.row(pool, _SQL["covered"], given)
    assert row is not None
    unknown = uncovered(*row, first=first, last=last)
    if unknown is not None:
        return unknown
    query = SQL(_SQL["flows"]).format(amount=SQL(_SQL["amount"]))
    rows = await db.rows(pool, query, given)
    # Of one that nobody says what it is, it cannot be told where it belongs.
    if any(missing or external is None for external, _, _, missing in rows):
        return Unknown.NO_AMOUNT
    flows = sum((Decimal(amount) for external, _, amount, _ in rows if external), Decimal(0))
    return Moved(flows, tuple((kind, Decimal(amount)) for external, kind, amount, _ in rows if not external))


def uncovered(begins: date | None, ends: date | None, missing: int, *, first: date, last: date) -> Unknown | None:
    """Why some day after the first, up to the last, has no statement that would say so; None: all have."""
    if begins is None or ends is None:
        return Unknown.NO_STATEMENT
    if last > first and any(weekdays(max(first, ends) + _DAY, last)):
        return Unknown.NOT_YET
    return Unknown.DAYS_MISSING if max(missing, (begins - first).days - 1) > _LONGEST else None
