"""Value of an account per day: a statement's where there is one, else the recorder's, and each row says whose it is.

In: a call. Out: a table, oldest first, page by page. Called by the pipeline, for the route of :mod:`resource`. A page
is of a span of days, and begins with one of which something is known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any, LiteralString

from aiohttp import web
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.http.resources.positions.whose import visible
from ibconnect.http.resources.statement_tables.handlers import TABLES, cell, days_of
from ibconnect.http.resources.statement_tables.kinds import MORE, Field
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Column, Row, Type
from ibconnect.http.server.frames import next_page, table_response

_SQL = queries("http/nav")
_ZONE = "America/New_York"
"""In which the days of statements end, and those of the recorder unless a request says another zone."""

STATEMENT, RECORDER = "statement", "recorder"

# The first five the ledger of a report has as well.
_PARTS: tuple[tuple[str, LiteralString, str], ...] = (
    ("Cash", "cash", "Cash, in the account's base currency as all parts"),
    ("Stock", "stock", "Stock"),
    ("Options", "options", "Options"),
    ("DividendAccruals", "dividend_accruals", "Dividends that are due"),
    ("InterestAccruals", "interest_accruals", "Interest that is due"),
    ("Bonds", "bonds", "Bonds"),
    ("Notes", "notes", "Notes"),
    ("Funds", "funds", "Funds"),
    ("Commodities", "commodities", "Commodities"),
    ("Crypto", "crypto", "Crypto-currencies"),
    ("Cfd", "cfd", "Profit of contracts for difference that is not realized"),
    ("ForexCfd", "forex_cfd", "Profit of contracts for difference on currencies that is not realized"),
    ("IncentiveCouponAccruals", "incentive_coupon_accruals", "Incentive coupons that are due"),
    ("BrokerFeesAccruals", "broker_fees_accruals", "Fees that are due"),
    ("IpoSubscription", "ipo_subscription", "Subscriptions to new shares"),
    ("SecuritiesBorrowed", "securities_borrowed", "Securities that are borrowed"),
    ("SecuritiesLent", "securities_lent", "Securities that are lent"),
    ("LendingCollateral", "lending_collateral", "Cash collateral of what is lent"),
    ("SoftDollars", "soft_dollars", "Soft dollars"),
    ("Other", "other", "Other parts"),
)
_STATED_BY = (
    Field(Column("Statement", Type.INTEGER, "The statement that says so"), "statement"),
    Field(Column("Section", Type.TEXT, "The section of it; ChangeInNAV has the value alone"), "origin"),
    MORE,
)
_FIELDS: tuple[Field, ...] = (
    Field(Column("Model", Type.TEXT, "Where a statement tells models apart: which", is_optional=True), "model"),
    Field(Column("NetLiquidation", Type.FIGURE, "What the account is worth"), "total"),
    Field(Column("CurrencyCode", Type.TEXT, "The account's base currency"), "currency"),
    *(Field(Column(name, Type.FIGURE, f"{meaning}; null: not said"), of) for name, of, meaning in _PARTS),
    *_STATED_BY,
)
COLUMNS: tuple[Column, ...] = (
    Column("AccountCode", Type.TEXT, "The account", is_nullable=False),
    Column("Day", Type.DATE, "At the end of this day; of the recorder: of its last report on it", is_nullable=False),
    Column("Source", Type.TEXT, "`statement`, or `recorder` where no statement is of the day", is_nullable=False),
    Column("Timestamp", Type.TIME, "Of the recorder: of which report; null: of a statement"),
    *(field.column for field in _FIELDS),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request asks for. ``last``: of the span of days."""

    account: str
    last: date
    given: dict[str, Any]


async def account_nav(call: Call) -> web.StreamResponse:
    """One account's value per day."""
    account = call.account()
    await visible(call, [account])
    asked = _asked(call, account)
    rows, headers = await _page(call, asked)
    # One answer is made of the tables of one version.
    await call.services.tables.ensure_current(TABLES)
    return await table_response(call, COLUMNS, rows, f"{account}-nav", headers=headers)


def _asked(call: Call, account: str) -> _Asked:
    first, last = days_of(call)
    source = call.arguments["source"]
    given = {
        "account": account,
        "from": first,
        "zone": str(call.arguments["tz"] or _ZONE),
        "now": call.now,
        "stated": source != RECORDER,
        "recorded": source != STATEMENT,
    }
    return _Asked(account, last, given)


async def _page(call: Call, asked: _Asked) -> tuple[list[Row], dict[str, str]]:
    """The rows of a page, and the header that leads to the next one."""
    first = await _following(call, asked, asked.given["from"])
    if first is None:
        return [], {}
    last = min(asked.last, first + timedelta(days=call.arguments["limit"] - 1))
    rows = await _of_days(call, asked, first, last)
    following = await _following(call, asked, last + timedelta(days=1)) if last < asked.last else None
    if following is None:
        return rows, {}
    changed = {"from": following.isoformat()}
    if asked.last < date.max:
        changed["to"] = asked.last.isoformat()
    return rows, next_page(call, **changed)


async def _following(call: Call, asked: _Asked, first: date) -> date | None:
    """The first day from ``first`` on, in the span, of which anything is known."""
    found = await db.row(call.services.pool, _SQL["following"], {**asked.given, "from": first})
    if found is None or found[0] is None or found[0] > asked.last:
        return None
    day: date = found[0]
    return day


async def _of_days(call: Call, asked: _Asked, first: date, last: date) -> list[Row]:
    """The rows of some days. What has come between the two statements is on the next answer."""
    pool, given = call.services.pool, {**asked.given, "from": first, "to": last}
    stated = await db.rows(pool, _stated(), given) if given["stated"] else []
    recorded = await db.rows(pool, _SQL["recorded"], given) if given["recorded"] else []
    days = {row[0] for row in stated}
    rows = [
        *((row[0], _stated_row(asked.account, row)) for row in stated),
        *((row[0], _recorded_row(asked.account, row)) for row in recorded if row[0] not in days),
    ]
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


@cache
def _stated() -> Composed:
    return SQL(_SQL["stated"]).format(cells=SQL(",\n").join(map(cell, _FIELDS)))


def _stated_row(account: str, found: TupleRow) -> Row:
    day, *cells = found
    return (account, day, STATEMENT, None, *cells)


def _recorded_row(account: str, found: TupleRow) -> Row:
    day, created, currency, total, *parts = found
    return (
        account,
        day,
        RECORDER,
        created,
        None,
        total,
        currency,
        *_padded(parts, len(_PARTS)),
        *_padded([], len(_STATED_BY)),
    )


def _padded(cells: Sequence[Any], width: int) -> Iterator[Any]:
    yield from cells
    yield from [None] * (width - len(cells))
