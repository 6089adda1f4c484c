"""The orders report in memory, and what gateways tell it: reader and book as the engine has them, without tables.

In: messages of gateways. Out: orders with their states. For tests of many sequences of messages.
"""

from typing import Any
from uuid import UUID, uuid4

import orjson

from ibconnect.projections.engine.projection import Event
from ibconnect.projections.orders.book import Book, Order
from ibconnect.projections.orders.reader import OrdersReader


class Told:
    """What is known so far. With ``dumps`` the reader is dumped and loaded between any two events."""

    def __init__(self, *, dumps: bool = True) -> None:
        self.book = Book((), 1)
        self.position = 0
        self.refused: list[str] = []
        self._dumps = dumps
        self._reader = OrdersReader(None)
        self._sessions: dict[str, UUID] = {}

    def connect(self, gateway: str, version: str = "178", **more: str) -> None:
        """A new connection, in the place of the one before."""
        if former := self._sessions.get(gateway):
            self._add(former, "sc", b'{"t":1,"reason":"lost"}')
        self._sessions[gateway] = uuid4()
        opened = {"t": 1, "gateway": gateway, "server_version": version, **more}
        self._add(self._sessions[gateway], "so", orjson.dumps(opened))

    def list_accounts(self, gateway: str, codes: str) -> None:
        """Message 15."""
        self._add(self._sessions[gateway], "a", orjson.dumps([codes]))

    def say(self, gateway: str, *messages: Any, at: int | None = None) -> None:
        """The gateway sends messages."""
        for fields in messages:
            state = orjson.dumps([self.position * 1000 + 1 if at is None else at, *fields])
            self._add(self._sessions[gateway], "m", state, state)

    def _add(self, session: UUID, topic: str, state: bytes, timed: bytes | None = None) -> None:
        self.position += 1
        event = Event(self.position, session, self.position, topic, state, timed)
        found = self._reader.read(None, [event])  # type: ignore[arg-type]
        self.refused += [each.reason for each in found.set_aside]
        for fact in found.work:
            self.book.apply(fact)
        if self._dumps:
            self._reader = OrdersReader(orjson.loads(self._reader.dump()))

    @property
    def orders(self) -> list[Order]:
        """All of them."""
        return list(self.book.orders.values())

    def states(self, perm_id: int = 71) -> list[tuple[str | None, str | None]]:
        """Status and size of what was filled, of each state of one order."""
        (order,) = [order for order in self.orders if order.key.perm_id == perm_id]
        return [(state.cells["status"], state.cells["filled"]) for state in order.states]
