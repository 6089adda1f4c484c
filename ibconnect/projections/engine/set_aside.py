"""Events that were set aside, tried again: after an upgrade that understands them, say.

Called by the command line. Where such an event belongs among the others matters (a snapshot has its place and its
id), so trying again is a rebuild; the tables are then as if the event had never been set aside.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import psycopg

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.rebuild import Progress, rebuild
from ibconnect.projections.engine.tracking import path_of

Q = queries("projections/engine/set_aside")


class Found(NamedTuple):
    """An event set aside: by which report, where it is in the store, what is wrong with it, when that was found."""

    report: str
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


def events_set_aside(url: str, reports: Sequence[Projection]) -> Iterator[Found]:
    """The events that these reports have set aside now, report by report, in order.

    :raises DatabaseUnavailable: Postgres cannot be reached
    :raises DatabaseError: there are no tables
    """
    for report in reports:
        with closing(connect(url, name="set aside", search_path=path_of(report.name))) as connection:
            try:
                for row in connection.execute(Q["events"]):
                    yield Found(report.name, *row)
            except psycopg.Error as exc:
                raise DatabaseError(f"the events set aside cannot be read: {exc}") from exc


def retry(url: str, reports: Sequence[Projection], progress: Progress | None = None) -> Retried:
    """Try the events again that were set aside; does nothing to a report that has none.

    :param progress: see :func:`~ibconnect.projections.engine.rebuild.rebuild`
    :raises ProjectionError: a rebuild is under way
    :raises DatabaseError: Postgres cannot be reached, or refused something
    """
    before = [found.report for found in events_set_aside(url, reports)]
    concerned = [report for report in reports if report.name in before]
    if concerned:
        rebuild(url, concerned, progress)
    return Retried(len(before), sum(1 for _ in events_set_aside(url, reports)))
