"""What returns are made of, as the tables say it: values by day, external flows, and what statements state of them.

In: accounts, a span of days. Out: exact figures. Called by :mod:`ibconnect.http.resources.performance.making`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.sql import SQL, Composed

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.db import Pool

SQL_OF = queries("http/performance")
TABLES = ("accounts", "pnl", "statements")
"""Whose tables are read."""


class Account(NamedTuple):
    """An account of the set. ``base``: its base currency, empty if nothing says it; ``first``, ``last``: of statements.

    ``account_id``: in the tables of reports; None: no gateway has named it.
    """

    code: str
    account_id: int | None
    base: str
    first: date | None
    first_total: Decimal
    last: date | None
    last_total: Decimal
    has_changed: bool
    is_untold: bool
    is_known: bool


class Flow(NamedTuple):
    """Flows of a day in a currency. ``missing``: so many have no amount. ``within``: account, counterparty, what."""

    day: date
    currency: str
    amount: Decimal
    missing: int
    within: tuple[str, str, str] | None


class Stated(NamedTuple):
    """A statement says another sum of flows than its flows add up to; ``flows``: how many there are."""

    account: str
    first: date
    last: date
    currency: str
    stated: Decimal
    listed: Decimal
    flows: int


Sums = dict[date, dict[str, tuple[int, Decimal]]]
"""By day and currency how many accounts have a value, and the sum."""


@dataclass(slots=True)
class Found:
    """What statements say of a set."""

    accounts: list[Account]
    values: Sums = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    stated: list[Stated] = field(default_factory=list)

    @property
    def of_statements(self) -> list[Account]:
        """The accounts that have values of statements."""
        return [account for account in self.accounts if account.first is not None]


async def accounts_of(pool: Pool, codes: Sequence[str] | None, first: date, last: date) -> list[Account]:
    """The accounts of these codes (None: all that there are), by code."""
    whose = SQL(SQL_OF["every" if codes is None else "named"])
    given = {"codes": None if codes is None else list(codes), "from": first, "to": last}
    rows = await db.rows(pool, SQL(db.compact(SQL_OF["accounts"])).format(whose=whose), given, prepare=False)
    return [_account(row) for row in rows]


def _account(row: tuple[Any, ...]) -> Account:
    code, number, base, first, first_total, last, last_total, has_changed, is_untold, is_known = row
    totals = Decimal(first_total or 0), Decimal(last_total or 0)
    return Account(code, number, base or "", first, totals[0], last, totals[1], has_changed, is_untold, is_known)


async def found_of(pool: Pool, accounts: list[Account], first: date, last: date, *, are_all: bool = False) -> Found:
    """What statements say of these accounts.

    :param are_all: they are all that there are
    """
    found = Found(accounts)
    told = found.of_statements
    if not told:
        return found
    given: dict[str, Any] = {
        "codes": [account.code for account in told],
        "bases": [account.base for account in told],
        "firsts": [account.first for account in told],
        "lasts": [account.last for account in told],
        "changed": [account.has_changed for account in told],
        "from": first,
        "to": last,
    }
    is_untold = any(account.is_untold for account in told)
    query = _values(are_all=are_all and not is_untold, is_untold=is_untold, is_one=len(told) == 1)
    ((text,),) = await db.rows(pool, query, given, prepare=False)
    found.values = _sums(text or "")
    rows = await db.rows(pool, SQL_OF["flows"], given, prepare=False)
    found.flows = [_flow(row) for row in rows]
    stated = SQL(db.compact(SQL_OF["stated"])).format(sum=SQL(SQL_OF["sum_of_flows"]))
    rows = await db.rows(pool, stated, given, prepare=False)
    found.stated = [_stated(*row) for row in rows]
    return found


def _values(*, are_all: bool, is_untold: bool, is_one: bool) -> Composed:
    return SQL(db.compact(SQL_OF["values"])).format(
        currency=SQL(SQL_OF["currency_of_account" if is_untold else "currency_as_told"]),
        base=SQL(SQL_OF["base_of_account"]) if is_untold else SQL(""),
        accounts=SQL(SQL_OF["one_account" if is_one else "several_accounts"]),
        whose=SQL(SQL_OF["of_every" if are_all else "of_named"]),
    )


def _stated(account: str, first: date, last: date, currency: str | None, *rest: Any) -> Stated:
    stated, listed, flows = rest
    return Stated(account, first, last, currency or "", Decimal(stated), Decimal(listed), flows)


def _sums(text: str) -> Sums:
    sums: Sums = defaultdict(dict)
    for line in text.split("\n") if text else ():
        day, currency, accounts, total = line.split(" ")
        sums[date.fromisoformat(day)][currency] = int(accounts), Decimal(total)
    return sums


def _flow(row: tuple[Any, ...]) -> Flow:
    day, currency, amount, missing, is_within, account, counterparty, what = row
    within = (account, counterparty, what) if is_within else None
    return Flow(day, currency or "", Decimal(amount or 0), missing, within)
