"""What an overview is made of, read in one statement: accounts at a moment, and at those that it is compared with.

In: the moments, whose accounts. Out: texts, as Postgres keeps the figures, which are IB's own digits. Called by the
handler.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

import orjson
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.http.resources.conditions import ready
from ibconnect.http.resources.overview.rates import Given, Rates
from ibconnect.http.server import db
from ibconnect.http.server.lookups import Lookup
from ibconnect.http.server.services import Part, Services
from ibconnect.tags import column

_SQL = queries("http/overview")
# One figure is read in one way, wherever it is shown.
_FIGURES = queries("http/history")
_TRIES = 3


class Before(NamedTuple):
    """A moment that is compared with: of each account what there was; empty where it has no report to rely on."""

    created: list[str]
    bases: list[str]
    net_liquidations: list[str]


class Account(NamedTuple):
    """An account at the moment asked for; empty where there is nothing. ``gone``: no gateway lists it any more."""

    code: str
    created: str
    base: str
    net_liquidation: str
    is_ready: bool
    cash: str
    gross_position_value: str
    cushion: str
    gateways: tuple[str, ...]
    is_gone: bool
    account_type: str | None


class Found(NamedTuple):
    """Accounts by code, and the moments that they are compared with, in the same order of accounts.

    ``rates``: those of the moment asked for, then of the others. ``currency``: of the total; None if there are several
    to choose from.
    """

    accounts: list[Account]
    since: list[Before]
    rates: list[Rates]
    currency: str | None


class Reader(Part):
    """Of one application. It knows the types of accounts that it has read."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._types = Lookup(_SQL["account_types"], _account_type)
        self._queries = [_query(takes_any=takes_any) for takes_any in (False, True)]

    @classmethod
    def made(cls, services: Services) -> Self:
        """With the pool of the application."""
        return cls(services)

    async def read(
        self,
        codes: list[str] | None,
        at: datetime | None,
        since: Sequence[datetime],
        currency: str | None,
        *,
        takes_any: bool,
    ) -> Found:
        """All accounts, or those of ``codes``, at a moment (None: now).

        :raises ProjectionError: the tables were swapped under every one of several tries
        :raises Problem: they were swapped for tables of another version
        """
        asked = {"codes": codes, "at": at, "since": [*since], "currency": currency}
        pool = self._services.pool
        for _ in range(_TRIES):
            ((generation, found_currency, rates, *columns),) = await db.rows(pool, self._queries[takes_any], asked)
            await self._services.tables.vouch("accounts", generation)
            cells: list[list[str]] = [[] if text is None else text.split("\n") for text in columns]
            sets = {each for each in cells[-1] if each}
            types = await self._types.of(pool, generation, sets)
            if types is not None:
                named: dict[str, str | None] = {"": None, **{each: types[each] for each in sets}}
                return _found(cells, [named[each] for each in cells[-1]], rates, found_currency, len(since))
        raise ProjectionError("the snapshot tables were swapped again and again while an overview was read")


def _account_type(row: TupleRow) -> str | None:
    text: str | None = row[0]
    return text


def _query(*, takes_any: bool) -> Composed:
    every = (SQL("base.code"), SQL("instant.text"), _money("NetLiquidation"))
    cushion = SQL(_FIGURES["snapshot_figure"]).format(column=Identifier("cushion"), bare=_inexact("Cushion", "bare"))
    now = (
        SQL("point.ready::text"),
        _money("TotalCashValue"),
        _money("GrossPositionValue"),
        cushion,
        SQL("listing.gateways"),
        SQL("({})::text").format(SQL(_SQL["gone"])),
        SQL("point.attribute_set_id::text"),
    )
    columns = [
        *(SQL(_SQL["of_each"]).format(figure=figure) for figure in every),
        *(SQL(_SQL["column"]).format(figure=figure) for figure in now),
    ]
    return SQL(_SQL["overview"]).format(
        by_then=SQL(_SQL["by_then"]),
        ready=ready(takes_any=takes_any),
        rate=SQL(_SQL["inexact_rate"]),
        columns=SQL(", ").join(columns),
    )


def _money(tag: str) -> Composable:
    return SQL(_SQL["money"]).format(column=Identifier(column(tag)), inexact=_inexact(tag, "of_account"))


def _inexact(tag: str, whose: str) -> Composable:
    whole = {"segment": Literal(""), "whose": SQL(_FIGURES[whose])}
    return SQL(_FIGURES["other_amount"]).format(tag=Literal(tag), **whole)


def _found(
    cells: list[list[str]], types: list[str | None], rates: str | None, currency: str | None, moments: int
) -> Found:
    codes, bases, created, figures, ready, cash, gross, cushions, gateways, gone, _ = cells
    size = len(ready)
    are_ready = [cell == "true" for cell in ready]
    are_gone = [cell == "true" for cell in gone]
    names = [tuple(cell.split()) for cell in gateways]
    # As many as the shortest of these has: the first ones go on with the points of the other moments.
    accounts = [*map(Account, codes, created, bases, figures, are_ready, cash, gross, cushions, names, are_gone, types)]
    since = [
        Before(*(column[number * size : (number + 1) * size] for column in (created, bases, figures)))
        for number in range(1, moments + 1)
    ]
    given: list[list[Given]] = [[] for _ in range(moments + 1)]
    rows: list[list[Any]] = orjson.loads(rates) if rates else []
    for number, *rate in rows:
        given[number].append(Given(*rate))
    return Found(accounts, since, [*map(Rates, given)], currency)
