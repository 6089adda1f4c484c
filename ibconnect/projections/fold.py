"""A batch of events into the snapshot tables: the one way that live projection and rebuild share.

In: a :class:`~ibconnect.projections.batches.Batch`. Out: rows in the caller's transaction, and the tracking row. An
event that cannot be applied is set aside with its reason; the others go on.
"""

from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from ibconnect.projections import download
from ibconnect.projections.batches import Batch, read_batch, read_controls, read_events
from ibconnect.projections.dimensions import Dimensions
from ibconnect.projections.facts import Downloaded, Poison
from ibconnect.projections.sessions import Sessions
from ibconnect.projections.tables import Q, Tables


class Applied(NamedTuple):
    """What a batch made: how many snapshots, and which events were set aside."""

    snapshots: int
    poison: list[Poison]


def apply(connection: Connection[Any], dimensions: Dimensions, batch: Batch) -> Applied:
    """Write the rows of a batch and move the tracking row.

    :raises psycopg.Error: Postgres refuses a row, or is away
    """
    tables = Tables(dimensions)
    tables.poison += batch.poison
    messages = iter(batch.messages)
    for fact in batch.facts:
        if not isinstance(fact, Downloaded):
            tables.add(fact)
            continue
        try:
            found = download.parse(next(messages), fact)
        except download.Strange:
            found, strange = download.examine(read_events(connection, fact), fact)
            tables.poison += strange
        tables.add_snapshot(fact, found)
    poison = tables.poison
    tables.write(connection)
    connection.execute(Q["advance"], {"position": batch.upto, "open": batch.open.decode()})
    return Applied(len(batch.messages), poison)


def apply_one_by_one(connection: Connection[Any], sessions: Sessions, after: int, upto: int) -> Applied:
    """Apply the range ``(after, upto]`` event by event, setting aside those that Postgres or the code refuses.

    Each event has a savepoint of its own.

    :raises psycopg.OperationalError: Postgres is away
    """
    snapshots, poison = 0, list[Poison]()
    for control in read_controls(connection, after, upto):
        before = sessions.dump()
        try:
            with connection.transaction():
                dimensions = Dimensions()
                dimensions.load(connection)
                batch = read_batch(connection, sessions, control.position - 1, control.position)
                applied = apply(connection, dimensions, batch)
                snapshots, poison = snapshots + applied.snapshots, poison + applied.poison
        except psycopg.OperationalError:
            raise
        except Exception as exc:  # noqa: BLE001 - whatever is wrong with one event must not stop the others
            sessions = Sessions.load(before)
            refused = Poison(*control[:4], f"{type(exc).__name__}: {exc}".replace("\0", "?"))
            connection.execute(Q["set_aside"], refused._asdict())
            poison.append(refused)
    connection.execute(Q["advance"], {"position": upto, "open": sessions.dump().decode()})
    return Applied(snapshots, poison)
