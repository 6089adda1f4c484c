"""Events that were set aside, tried again: after an upgrade that understands them, say.

Called by the command line. Where such an event belongs among the others matters (a snapshot has its place and its
id), so trying again is a rebuild; the tables are then as if the event had never been set aside.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError
from ibconnect.projections.engine.rebuild import Progress, rebuild

Q = queries("projections/poison")


class PoisonEvent(NamedTuple):
    """An event set aside: where it is in the store, what is wrong with it, when that was found."""

    position: int
    session: UUID
    version: int
    topic: str
    reason: str
    noted: datetime


class Retried(NamedTuple):
    """How many events were set aside before and after trying again."""

    before: int
    after: int


def poison_events(url: str) -> Iterator[PoisonEvent]:
    """The events that are set aside now, in order.

    :raises DatabaseUnavailable: Postgres cannot be reached
    :raises DatabaseError: there are no snapshot tables
    """
    with closing(connect(url, name="poison")) as connection:
        try:
            for row in connection.execute(Q["poison_events"]):
                yield PoisonEvent._make(row)
        except psycopg.Error as exc:
            raise DatabaseError(f"the events set aside cannot be read: {exc}") from exc


def retry_poison(url: str, progress: Progress | None = None) -> Retried:
    """Try the events again that were set aside; does nothing if there are none.

    :param progress: see :func:`~ibconnect.projections.engine.rebuild.rebuild`
    :raises ProjectionError: a rebuild is under way
    :raises DatabaseError: Postgres cannot be reached, or refused something
    """
    before = sum(1 for _ in poison_events(url))
    if before:
        rebuild(url, progress)
    return Retried(before, sum(1 for _ in poison_events(url)))
