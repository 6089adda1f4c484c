"""ISINs and long names of contracts, for the resources that name contracts.

In: calls. Out: what IB said of contracts at any time. Called by the handlers of resources. While the tables of
contracts are built again their names are unknown, and everything else is answered.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import psycopg

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Column, Type
from ibconnect.http.server.problems import Problem

_SQL = queries("http/contracts")
REPORT = "contracts"

COLUMNS: tuple[Column, ...] = (
    Column("ISIN", Type.TEXT, "As IB names it; null: it does not, or was not asked yet"),
    Column("LongName", Type.TEXT, "What people call it: of a stock the company's name"),
)
"""What a row has of them, as its last columns."""


class Named(NamedTuple):
    """What a contract is called."""

    isin: str | None
    long_name: str | None


NOTHING = Named(None, None)


class Names:
    """Of some contracts, over time."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[list[datetime], list[Named]]] = {}

    def add(self, contract: int, since: datetime, named: Named) -> None:
        """From then on it is called so; to be given by time."""
        times, names = self._known.setdefault(contract, ([], []))
        times.append(since)
        names.append(named)

    def of(self, contract: int | None, at: datetime) -> Named:
        """What it was called at a moment; at one before IB was first asked, what IB said then."""
        if contract is None or contract not in self._known:
            return NOTHING
        times, names = self._known[contract]
        return names[max(bisect_right(times, at) - 1, 0)]


async def names_of(call: Call, contracts: Iterable[int | None]) -> Names:
    """What these contracts are and were called; nothing while that cannot be known."""
    names, wanted = Names(), {contract for contract in contracts if contract}
    if not wanted:
        return names
    try:
        await call.services.tables.ensure_current((REPORT,))
        found = await db.rows(call.services.pool, _SQL["names"], {"contracts": sorted(wanted)})
    except (Problem, psycopg.errors.UndefinedTable):
        return names
    for contract, since, *named in found:
        names.add(contract, since, Named(*named))
    return names
