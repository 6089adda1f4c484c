"""How positions are read: which reports, by the rule of the moment or of time, and then what is held in them.

In: a call, and reports. Out: rows. Called by the handlers of this package; those of changes find the reports of a
moment by the same rule.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier, Placeholder

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.http.resources.accounts.cached import Reports
from ibconnect.http.resources.accounts.positions import Contract
from ibconnect.http.resources.conditions import sent_by
from ibconnect.http.resources.contract_names import Names, names_of
from ibconnect.http.resources.positions.columns import BASE_CURRENCY, CONTRACT, Held, row_of
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Row
from ibconnect.http.server.limits import POSITIONS_PIECE

SQL_OF = queries("http/positions")
TABLES = ("accounts",)
_TRIES = 3

Result = TypeVar("Result")


class Swapped(ProjectionError):
    """Other tables came in while a page was read: their ids mean something else."""


class Tables(NamedTuple):
    """``generation``: which tables there are now; ``newest``: the newest snapshot in them."""

    generation: int
    newest: int


class Point(NamedTuple):
    """A report of which rows are made: where it stands, and whether that is the step which is still running."""

    snapshot: int
    at: datetime
    is_partial: bool = False


async def tables(pool: db.Pool) -> Tables:
    """What there is now: all pages of one answer look no further."""
    ((generation, newest),) = await db.rows(pool, SQL_OF["newest_snapshot"], {})
    return Tables(generation, newest)


async def steadily(call: Call, page: Callable[[Tables], Awaitable[Result]]) -> Result:
    """What ``page`` makes of one and the same tables, anew if a rebuild has swapped in others meanwhile.

    :raises ProjectionError: that happened again and again
    :raises Problem: those are of another version
    """
    pool = call.services.pool
    for _ in range(_TRIES):
        before = await tables(pool)
        await call.services.tables.vouch(TABLES[0], before.generation)
        try:
            made = await page(before)
        except Swapped:
            continue
        if (await tables(pool)).generation == before.generation:
            return made
    raise ProjectionError("the snapshot tables were swapped again and again while positions were read")


def complete_by(name: str, gateway: str | None) -> Composed:
    """The expression for the snapshot of an account that was complete at the moment that a parameter names; where a
    gateway is named, of what it has sent.
    """
    own = sent_by(is_named=gateway is not None)
    return SQL(SQL_OF["complete_by"]).format(at=Placeholder(name), whose=own)


async def held(call: Call, points: Sequence[Point], numbers: Sequence[int], **page: int | None) -> list[TupleRow]:
    """What was held in some reports, of the contracts that the request asks for, in the order of their numbers.

    :param page: ``skipped``, how many rows to leave out, and ``rows``, how many there may be (None: any number)
    """
    symbol, contract = call.arguments["symbol"], call.arguments["contract"]
    given: Mapping[str, Any] = {
        "snapshots": [point.snapshot for point in points],
        "times": [point.at for point in points],
        "numbers": list(numbers),
        "contract": contract,
        "symbols": None if symbol is None else [symbol, symbol.upper()],
    }
    query = _query(symbol is not None, contract is not None)
    return await db.rows(call.services.pool, query, {**given, **page})


def _query(has_symbol: bool, has_contract: bool) -> Composed:
    wanted = {"of_contract": has_contract, "of_symbol": has_symbol}
    names = [name for name, is_wanted in wanted.items() if is_wanted] or ["of_any_contract"]
    own, of_models = (
        SQL(" AND ").join(SQL(SQL_OF[name]).format(table=Identifier(table)) for name in names)
        for table in ("account_position", "account_model_position")
    )
    return SQL(SQL_OF["held"]).format(own=own, of_models=of_models)


async def rows_of(call: Call, generation: int, found: Sequence[TupleRow]) -> list[tuple[int, Row]]:
    """The rows of a table, each with its number, made so few at a time that nobody waits for it.

    :param found: what :func:`held` has found
    :raises Swapped: other tables came in meanwhile
    """
    bases, contracts = ({row[place] for row in found} - {None} for place in (BASE_CURRENCY, CONTRACT))
    names = await call.services.part(Reports).reader.names(generation, contracts, bases)
    if names is None:
        raise Swapped
    called = await names_of(call, [names[0][contract].ib_contract_id for contract in contracts])
    rows: list[tuple[int, Row]] = []
    for first in range(0, len(found), POSITIONS_PIECE):
        async with call.services.gate.piece():
            rows += [_row(Held(*row), *names, called) for row in found[first : first + POSITIONS_PIECE]]
    return rows


def _row(
    held: Held, contracts: Mapping[str, Contract], currencies: Mapping[str, str], called: Names
) -> tuple[int, Row]:
    return held.number, row_of(held, contracts[held.contract], currencies.get(held.base_currency or ""), called)
