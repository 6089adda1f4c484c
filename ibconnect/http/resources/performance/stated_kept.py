"""Returns of many accounts by what statements tell, each kept until statements say something new.

In: accounts, periods. Out: returns of each, and of all of them together. Called by the overview, which is asked for
again and again while statements come once a day.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple, Self

import psycopg

from ibconnect.http.resources.performance.making import Asked, made_of
from ibconnect.http.resources.performance.reading import SQL_OF
from ibconnect.http.resources.performance.stated import Periods, Returned, Stating, nothing, over
from ibconnect.http.resources.performance.stated_reading import told_of
from ibconnect.http.server import db
from ibconnect.http.server.limits import ACCOUNTS_PIECE, RETURNS_KEPT
from ibconnect.http.server.problems import Problem
from ibconnect.http.server.services import Part, Services
from ibconnect.times import EPOCH

SEVERAL = "several-currencies"
"""Why there is no return of all together: no currency is named."""

_TABLES = ("statements",)
_BEFORE = timedelta(days=31)
"""So far before the first day the value lies at most that the first return begins with."""


class ReturnsAsked(NamedTuple):
    """Whose returns, over what, in which currency those of all together; ``codes``, ``visible``: None: all."""

    codes: frozenset[str] | None
    visible: frozenset[str] | None
    periods: Periods
    currency: str | None


class ReturnsFound(NamedTuple):
    """Those of each account of which statements tell something, and of all together."""

    each: Mapping[str, Returned]
    together: Returned


class StatedReturns(Part):
    """Of one application."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kept: OrderedDict[ReturnsAsked, tuple[Hashable, ReturnsFound]] = OrderedDict()
        self._rows = 0

    @classmethod
    def made(cls, services: Services) -> Self:
        """None yet."""
        return cls(services)

    async def state(self) -> Hashable:
        """Another one whenever statements may say something new; None: there are none.

        None too while their tables are built again: whoever shows returns beside other things shows these.
        """
        try:
            await self._services.tables.ensure_current(_TABLES)
            (row,) = await db.rows(self._services.pool, SQL_OF["stated_state"], {})
        except (Problem, psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            return None
        return None if row[1] is None else tuple(row)

    async def of(self, asked: ReturnsAsked, state: Hashable) -> ReturnsFound:
        """The returns, of the tables as they were in this state or are now."""
        if state is None:
            return ReturnsFound({}, nothing(asked.periods))
        known = self._kept.get(asked)
        if known is not None and known[0] == state:
            self._kept.move_to_end(asked)
            return known[1]
        found = ReturnsFound(await self._each(asked), await self._together(asked))
        self._forget(asked)
        self._kept[asked] = state, found
        self._rows += len(found.each) + 1
        while self._rows > RETURNS_KEPT and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))
        return found

    async def _each(self, asked: ReturnsAsked) -> dict[str, Returned]:
        codes = None if asked.codes is None else sorted(asked.codes)
        visible = None if asked.visible is None else sorted(asked.visible)
        first, last = min(asked.periods.begins) - _BEFORE, asked.periods.last
        told, stated = await told_of(self._services, codes, first, last, visible=visible)
        return await Stating(self._services, asked.periods, told, stated).made(ACCOUNTS_PIECE)

    async def _together(self, asked: ReturnsAsked) -> Returned:
        codes = None if asked.codes is None else tuple(sorted(asked.codes))
        first = min(asked.periods.begins) + timedelta(days=1)
        question = Asked(
            codes, asked.visible, first, asked.periods.last, asked.currency, Decimal(0), EPOCH, only_stated=True
        )
        try:
            made = await made_of(self._services, question)
        except Problem:
            # Several base currencies, and none is named.
            return nothing(asked.periods, SEVERAL)
        return over(made.days, asked.periods, made.currency)

    def _forget(self, asked: ReturnsAsked) -> None:
        _, found = self._kept.pop(asked, (None, None))
        self._rows -= 0 if found is None else len(found.each) + 1
