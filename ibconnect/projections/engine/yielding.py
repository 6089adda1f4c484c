"""Locks that readers hold, taken without holding anybody up for long, and without making a read fail.

In: what is to be done in a transaction. Out: it is done, once no reader is in the way. Called where views are put upon
other tables, and where tables are dropped.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg import Connection

from ibconnect.projections.engine.tracking import Q

T = TypeVar("T")

IN_THE_WAY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
"""A reader has, or waits for, what is to be locked."""

_PAUSE_S = 0.1


def give_way(connection: Connection[Any]) -> None:
    """From here on this transaction waits for no lock so long that a reader who waits for it would fail."""
    connection.execute(Q["yielding_settings"])


def yielding(connection: Connection[Any], act: Callable[[], T], seconds: float) -> T:
    """Do something in a transaction of its own, again and again for so long while readers are in the way.

    :raises psycopg.errors.LockNotAvailable: they were all the time
    :raises psycopg.errors.DeadlockDetected: the same
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            with connection.transaction():
                return act()
        except IN_THE_WAY:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE_S)
