"""A batch of events into the snapshot tables: the one way that live projection and rebuild share.

In: a :class:`~ibconnect.projections.engine.batches.Batch`. Out: rows in the caller's transaction, and the tracking row.
An event that cannot be applied is set aside with its reason; the others go on.
"""

from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.outages import is_passing
from ibconnect.projections.accounts import download
from ibconnect.projections.accounts.dimensions import Dimensions
from ibconnect.projections.accounts.download import Download, Messages
from ibconnect.projections.accounts.facts import Downloaded, Poison
from ibconnect.projections.accounts.owners import News
from ibconnect.projections.accounts.remarks import is_odd
from ibconnect.projections.accounts.sessions import Sessions
from ibconnect.projections.engine.batches import Batch, read_batch, read_controls, read_events
from ibconnect.projections.engine.tables import Q, Tables


class Applied(NamedTuple):
    """What a batch made: how many snapshots, which events were set aside, and what is new of whose accounts are."""

    snapshots: int
    poison: list[Poison]
    news: list[News]


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
        found, strange = _download(connection, next(messages), fact)
        tables.poison += strange
        tables.add_snapshot(fact, found)
    poison = tables.poison
    tables.write(connection)
    connection.execute(Q["advance"], {"position": batch.upto, "open": batch.open.decode()})
    return Applied(len(batch.messages), poison, dimensions.owners.take_news())


def _download(connection: Connection[Any], messages: Messages, fact: Downloaded) -> tuple[Download, list[Poison]]:
    """What a download says; one with anything odd in it is looked at message by message."""
    try:
        found = download.parse(messages, fact)
    except download.Strange:
        pass
    else:
        if not is_odd(found):
            return found, []
    return download.examine(read_events(connection, fact), messages, fact)


def apply_one_by_one(connection: Connection[Any], sessions: Sessions, after: int, upto: int) -> Applied:
    """Apply the range ``(after, upto]`` event by event, setting aside those that Postgres or the code refuses.

    Each event has a savepoint of its own.

    :raises psycopg.Error: Postgres is away
    """
    snapshots, poison, news = 0, list[Poison](), list[News]()
    for control in read_controls(connection, after, upto):
        before = sessions.dump()
        try:
            with connection.transaction():
                dimensions = Dimensions()
                dimensions.load(connection)
                batch = read_batch(connection, sessions, control.position - 1, control.position)
                applied = apply(connection, dimensions, batch)
                snapshots, poison = snapshots + applied.snapshots, poison + applied.poison
                news += applied.news
        except Exception as exc:
            if is_passing(exc):
                raise
            sessions = Sessions.load(before)
            refused = Poison(*control[:4], f"{type(exc).__name__}: {exc}".replace("\0", "?"))
            connection.execute(Q["set_aside"], refused._asdict())
            poison.append(refused)
    connection.execute(Q["advance"], {"position": upto, "open": sessions.dump().decode()})
    return Applied(snapshots, poison, news)
