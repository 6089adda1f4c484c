"""The events of a range of positions, and what the readers of some reports understand of them.

In: a connection and the readers, each at the beginning of the range. Out: a :class:`Batch` for each report. However
many reports are read together, the events are read once, and only those that some report is made of. Called by
:mod:`live` and :mod:`prefetch`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.outages import is_passing
from ibconnect.database.sql import queries
from ibconnect.events.codec import MESSAGE
from ibconnect.projections.engine.arrivals import with_times
from ibconnect.projections.engine.projection import Event, Projection, Reader, SetAside

Q = queries("projections/engine/reading")

_MOST_BYTES = 8 << 20
"""Of the events that are read at once, unless a single one has more: what is made of them takes many times as much."""


class Batch(NamedTuple):
    """The events up to a position: what the fold is given, what is set aside, and what stays open."""

    upto: int
    work: Any
    set_aside: Sequence[SetAside]
    open: bytes


class Head(NamedTuple):
    """The position of the newest event, 0 if there is none; and the highest beyond the sequence, if one stands there.

    What stands beyond was put there by hand, and is not applied.
    """

    newest: int
    beyond: int | None


def look(connection: Connection[Any]) -> Head:
    """How far the events are."""
    newest, highest = connection.execute(Q["head"]).fetchone() or (None, None)
    return Head(newest or 0, highest if (highest or 0) > (newest or 0) else None)


def head(connection: Connection[Any]) -> int:
    """The position of the newest event, 0 if there is none."""
    return look(connection).newest


def reach(connection: Connection[Any], after: int, newest: int, size: int) -> int:
    """The end of the next range of ``size`` positions; a gap before the next event, however wide, is passed at once.

    It ends before its events are too many bytes: a gateway may send messages of megabytes.
    """
    upto = newest
    if newest - after > size:
        row = connection.execute(Q["next_position"], {"after": after}).fetchone()
        upto = min(newest, ((row[0] if row else None) or newest) - 1 + size)
    asked = {"after": after, "upto": upto, "most": _MOST_BYTES}
    too_much, first = connection.execute(Q["first_too_much"], asked).fetchone() or (None, None)
    return int(upto if too_much is None else max(too_much - 1, first))


def read_events(connection: Connection[Any], reports: Sequence[Projection], after: int, upto: int) -> list[Event]:
    """The events of a range of positions that any of these reports is made of, in order."""
    topics = {topic for report in reports for topic in report.topics}
    message_ids = {number for report in reports for number in report.message_ids}
    parameters = {
        "after": after,
        "upto": upto,
        "topics": sorted(topics | ({MESSAGE} if message_ids else set())),
        "all_messages": MESSAGE in topics,
        "message_ids": sorted(message_ids),
    }
    with connection.cursor(binary=True) as cursor:
        cursor.execute(Q["events"], parameters)
        events = [Event._make(row) for row in cursor]
    return with_times(connection, events, after, upto)


def understand(connection: Connection[Any], reader: Reader, events: Sequence[Event], upto: int) -> Batch:
    """What a reader makes of the events of its report up to a position; it moves on to there."""
    found = reader.read(connection, events)
    return Batch(upto, found.work, found.set_aside, reader.dump())


def read_batches(
    connection: Connection[Any], readers: Mapping[Projection, Reader], after: int, upto: int
) -> dict[Projection, Batch | Exception]:
    """Read the range ``(after, upto]``, all of which is committed; each reader moves on to its end.

    What a reader fails with, unless it passes by itself, is given back: it keeps no other report from being read.

    :raises psycopg.Error: Postgres is away
    """
    reports = list(readers)
    events = read_events(connection, reports, after, upto)
    found: dict[Projection, Batch | Exception] = {}
    for report, reader in readers.items():
        own = events if len(reports) == 1 else [event for event in events if report.wants(event)]
        try:
            found[report] = understand(connection, reader, own, upto)
        except Exception as exc:
            if is_passing(exc):
                raise
            found[report] = exc
    return found
