"""A batch of events into the tables of a report: the one way that live projection and rebuild share.

In: a :class:`~ibconnect.projections.engine.reading.Batch`. Out: rows in the caller's transaction, and the tracking row.
An event that cannot be applied is set aside with its reason; the others go on.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
from psycopg import Connection

from ibconnect.database.outages import is_passing
from ibconnect.database.sql import queries
from ibconnect.projections.engine.projection import Fold, Projection, Reader, SetAside, one_lined
from ibconnect.projections.engine.reading import Batch, read_events, understand
from ibconnect.projections.engine.tracking import advance

Q = queries("projections/engine/set_aside")


class Applied(NamedTuple):
    """What a batch made: how much of what the report counts, which events were set aside, what is worth reporting."""

    made: int
    set_aside: list[SetAside]
    news: list[Any]


def apply(connection: Connection[Any], fold: Fold, batch: Batch | Exception) -> Applied:
    """Write the rows of a batch and move the tracking row.

    :raises psycopg.Error: Postgres refuses a row, or is away
    :raises Exception: whatever the fold raises; or the batch could not be read for this
    """
    if isinstance(batch, Exception):
        raise batch
    made, refused, news = fold.write(connection, batch.work)
    found = [*batch.set_aside, *refused]
    _set_aside(connection, found)
    advance(connection, batch.upto, batch.open)
    return Applied(made, found, list(news))


def _set_aside(connection: Connection[Any], events: Sequence[SetAside]) -> None:
    if events:
        with connection.cursor() as cursor:
            cursor.executemany(Q["set_aside"], [event._asdict() for event in events])


def apply_one_by_one(connection: Connection[Any], report: Projection, opened: Any, after: int, upto: int) -> Applied:
    """Apply the range ``(after, upto]`` event by event, setting aside those that Postgres or the code refuses.

    Each event has a savepoint of its own. ``opened``: what is open before the range, as Postgres gives it.

    :raises psycopg.Error: Postgres is away
    """
    made, refused, news = 0, list[SetAside](), list[Any]()
    reached, known = orjson.dumps(opened), None
    for event in read_events(connection, [report], after, upto):
        try:
            with connection.transaction():
                reader, fold = known = known or _learned(connection, report, reached)
                batch = understand(connection, reader, [event], event.position)
                applied = apply(connection, fold, batch)
        except Exception as exc:
            if is_passing(exc):
                raise
            # What is in memory may hold a part of the event.
            known = None
            found = SetAside(*event[:4], one_lined(exc))
            _set_aside(connection, [found])
            refused.append(found)
        else:
            reached = batch.open
            made, refused, news = made + applied.made, refused + applied.set_aside, news + applied.news
    advance(connection, upto, reached)
    return Applied(made, refused, news)


def _learned(connection: Connection[Any], report: Projection, opened: bytes) -> tuple[Reader, Fold]:
    """A reader and a fold that are where the tables are."""
    fold = report.fold()
    fold.load(connection)
    return report.reader(orjson.loads(opened)), fold
