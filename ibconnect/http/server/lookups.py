"""What many reports have in common, read once: rows that never change within one build of the snapshot tables.

A build is known by the oid of its tables, its *generation*: ids mean something else in the next one.
In: ids. Out: what they stand for. Called by the reader of reports.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from psycopg.rows import TupleRow

from ibconnect.http.server import db
from ibconnect.http.server.limits import LOOKUP_MAX

Item = TypeVar("Item")


class Lookup(Generic[Item]):
    """Rows of one table by their ids, each as what ``make`` makes of it.

    :param query: gives generation, id as text and what ``make`` is given, for each of ``ids``
    """

    def __init__(self, query: db.Query, make: Callable[[TupleRow], Item]) -> None:
        self._query = query
        self._make = make
        self._generation = 0
        self._known: dict[str, Item] = {}

    async def of(self, pool: db.Pool, generation: int, ids: Iterable[str]) -> Mapping[str, Item] | None:
        """At least the items with these ids, read if they are new to us; None if the tables were swapped meanwhile."""
        if generation != self._generation or len(self._known) > LOOKUP_MAX:
            self._generation, self._known = generation, {}
        known = self._known
        missing = set(ids).difference(known)
        if missing:
            found = await db.rows(pool, self._query, {"ids": list(missing)})
            if len(found) < len(missing) or any(row[0] != generation for row in found):
                return None
            known.update({row[1]: self._make(row[2:]) for row in found})
        return known
