"""What the events of orders come to: what was said of an order, and that a list of orders has ended.

In: messages and sessions. Out: facts, in the order of events. Made by :mod:`messages` and :mod:`reader`, read by
:mod:`fold`. Everything in them is JSON, since what is not applied yet is kept with the position reached.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

Cells = dict[str, str | None]
"""Columns of a table and their texts. Of figures: those that ``numeric`` gives back as they are."""


class Kind(StrEnum):
    """Where something is said of an order."""

    OPEN = "open"
    """openOrder (5), with the orderStatus (3) that follows it, if one does."""
    STATUS = "status"
    """orderStatus (3) by itself."""
    COMPLETED = "completed"
    """completedOrder (101)."""


class Key(NamedTuple):
    """How a gateway names an order. ``perm_id``: IB's own, 0 until it is given; the others are a client's, or 0."""

    perm_id: int
    client_id: int
    order_id: int


class Said(NamedTuple):
    """What one message, or two that belong together, say of an order.

    ``account``: empty if it is not said. ``about``: the order's columns that are said; empty if it is not described.
    ``state``: those of its state. Figures that ``numeric`` does not give back as they are stand there as it has them,
    and in ``inexact`` (of either) as they were sent.
    """

    kind: Kind
    key: Key
    account: str
    about: Cells
    state: Cells
    inexact: dict[str, str]
    state_inexact: dict[str, str]
    position: int
    at: int

    def followed_by(self, status: "Said") -> "Said":
        """An openOrder with the orderStatus that came after it: one state, seen when that came."""
        key = self.key if self.key.perm_id else status.key
        state, inexact = {**self.state, **status.state}, {**self.state_inexact, **status.state_inexact}
        return self._replace(key=key, state=state, state_inexact=inexact, position=status.position, at=status.at)

    def says_the_same(self, other: "Said") -> bool:
        """Whether the other says nothing else, only at another time."""
        return self._replace(position=0, at=0) == other._replace(position=0, at=0)


def said_of(dumped: Sequence[Any]) -> Said:
    """What was dumped as JSON."""
    kind, key, *others = dumped
    return Said(Kind(kind), Key(*key), *others)


class Of(NamedTuple):
    """What was said, by which gateway. ``is_late``: in the rest of a session that another instance had closed."""

    gateway: str
    said: Said
    is_late: bool


class ListEnded(NamedTuple):
    """A list of orders has ended: of the open ones (with all that were in it), or of the completed ones.

    ``codes``: the accounts that the gateway lists; None if it has not said.
    """

    gateway: str
    kind: Kind
    keys: frozenset[Key]
    codes: frozenset[str] | None
    position: int
    at: int


Fact = Of | ListEnded

FINAL = frozenset(("Filled", "Cancelled", "ApiCancelled", "Inactive", "Gone"))
"""States in which an order waits for nothing more; IB's, but for ``GONE``."""

GONE = "Gone"
"""Ours: the order is no longer among its gateway's open ones, and was not among the completed ones."""
