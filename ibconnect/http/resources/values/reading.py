"""Values of accounts by steps, as statements and reports say them, read in one statement.

In: accounts, spans. Out: texts of figures with every digit. Called by the handler.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from psycopg.rows import TupleRow
from psycopg.sql import SQL

from ibconnect.daily_reset import DailyReset
from ibconnect.database.sql import queries
from ibconnect.http.resources.performance.reading import SQL_OF as OF_RETURNS
from ibconnect.http.resources.values.spans import LATE, Span, numbered, span_before
from ibconnect.http.server import db
from ibconnect.http.server.db import Pool

_SQL = queries("http/values")
SOURCES = {"s": "statement", "r": "recorder", "": None}


class Valued(NamedTuple):
    """An account. ``values``, ``currencies``, ``sources``: by span, before them those of what was before; may be empty.

    ``base``: its currency in the newest of them.
    """

    code: str
    base: str
    values: Sequence[str]
    currencies: Sequence[str]
    sources: Sequence[str]


async def codes_of(pool: Pool, codes: Sequence[str] | None) -> list[str]:
    """Of these accounts (None: all that there are) those that a gateway or a statement knows, by code."""
    if codes is None:
        return sorted(code for (code,) in await db.rows(pool, OF_RETURNS["every"], {}))
    return sorted(code for (code,) in await db.rows(pool, _SQL["known"], {"codes": list(codes)}))


async def values_of(
    pool: Pool, codes: Sequence[str], spans: Sequence[Span], first: date, reset: DailyReset, *, are_all: bool
) -> list[Valued]:
    """What accounts were worth at the end of spans, of those that have a value, by code.

    :param first: the first day of the first span
    :param are_all: the accounts are all that there are
    """
    every = [span_before(first, reset), *spans]
    days, numbers, ends = zip(*numbered(every, first - LATE, reset), strict=True)
    given = {
        "codes": list(codes),
        "begins": db.instants(span.begin for span in every),
        "ends": db.instants(span.end for span in every),
        "from": days[0],
        "to": days[-1],
        "days": list(days),
        "numbers": list(numbers),
        "day_ends": db.instants(ends),
    }
    query = SQL(db.compact(_SQL["values"])).format(
        whose=SQL(OF_RETURNS["named"]),
        of_whom=SQL(OF_RETURNS["of_every" if are_all else "of_named"]),
        inexact=SQL(_SQL["inexact"]),
    )
    rows = await db.rows(pool, query, given, prepare=False)
    names = {"": "", **dict(await db.rows(pool, _SQL["currencies"], {}))}
    return [_valued(row, names) for row in rows]


def _valued(row: TupleRow, names: Mapping[str, str]) -> Valued:
    code, values, currencies, sources = row
    said = currencies.split("\n")
    # Nearly all are of one currency.
    found = {text: names.get(text, text) for text in set(said)}
    of_each = [found[text] for text in said]
    base = next((text for text in reversed(of_each) if text), "")
    return Valued(code, base, values.split("\n"), of_each, sources.split("\n"))
