"""The parts of the simulated gateway: one line each, and the tables of all requests and messages that they make.

In: nothing. Out: :data:`PARTS`, and :data:`REQUESTS` and :data:`MESSAGES` by message id. Read by ``requests`` (what is
answered), by ``captures`` (where a recorded message belongs), by ``replay`` and by the tests that hold the docs to it.
A report's part is a module of this package and a line here.
"""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from ibconnect.simulator.parts import Message, Part, Request
from ibconnect.simulator.scenario import (
    accounts,
    advisor,
    contracts,
    executions,
    families,
    login,
    orders,
    pnl,
    unserved,
)

PARTS: tuple[Part, ...] = (
    login.PART,
    accounts.PART,
    pnl.PART,
    advisor.PART,
    families.PART,
    orders.PART,
    executions.PART,
    contracts.PART,
    unserved.PART,
)

T = TypeVar("T")


def _united(tables: Iterable[Mapping[str, T]]) -> Mapping[str, T]:
    """All tables as one, by number; an id that two parts have is a mistake that must not start."""
    rows = [(number, row) for table in tables for number, row in table.items()]
    united = dict(sorted(rows, key=lambda each: int(each[0])))
    assert len(united) == len(rows), "two parts of the simulated gateway have the same message id"
    return united


REQUESTS: Mapping[str, Request] = _united(part.requests for part in PARTS)
"""Message id of a request → what this gateway does with it."""

MESSAGES: Mapping[str, Message] = _united(part.messages for part in PARTS)
"""Message id → what this gateway sends by it."""
