"""Facts about orders into their tables, a batch at a time.

In: facts in the order of events. Out: rows in the caller's transaction. Called by the engine, live and in a rebuild
alike. What is kept in memory between batches are the names of gateways and the last id: everything else is read when
a batch is about it, so memory does not grow with the orders that there are.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.projections.engine.projection import Written
from ibconnect.projections.orders.book import Book
from ibconnect.projections.orders.facts import Fact
from ibconnect.projections.orders.tables import Gateways, read, write

Q = queries("projections/orders/load")


class OrdersFold:
    """The tables as this process knows them."""

    def __init__(self) -> None:
        self._gateways = Gateways()
        self._last_id = 0

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written since the last call."""
        self._gateways.load(connection)
        (self._last_id,) = connection.execute(Q["last_order"]).fetchone() or (0,)

    def write(self, connection: Connection[Any], work: Sequence[Fact]) -> Written:
        """Write the rows; what is counted are facts.

        :raises psycopg.Error: Postgres refuses a row, or is away
        """
        if not work:
            return Written()
        book = Book(read(connection, self._gateways, work), self._last_id + 1)
        for fact in work:
            book.apply(fact)
        write(connection, self._gateways, book.orders.values())
        self._last_id = book.next_id - 1
        return Written(len(work))
