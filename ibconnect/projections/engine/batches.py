"""A range of positions as facts, with the messages of the downloads that end in it.

In: a connection and what is open before the range. Out: a :class:`Batch`. Only events that begin or end something
are read in order of positions; a download is read from its stream once it has ended, in one piece, so nothing of it
is kept in memory meanwhile, and events outside of downloads cost next to nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.projections.accounts import download
from ibconnect.projections.accounts.download import Messages
from ibconnect.projections.accounts.facts import Control, Downloaded, Fact, Poison
from ibconnect.projections.accounts.sessions import TOPICS, Sessions

Q = queries("projections/reading")


class Batch(NamedTuple):
    """The events up to a position: their facts, the messages of each fact that is a download, what stays open."""

    upto: int
    facts: list[Fact]
    messages: list[Messages]
    poison: list[Poison]
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
    """The end of the next range of ``size`` positions; a gap before the next event, however wide, is passed at once."""
    if newest - after <= size:
        return newest
    row = connection.execute(Q["next_position"], {"after": after}).fetchone()
    first = (row[0] if row else None) or newest
    return int(min(newest, first - 1 + size))


def read_controls(connection: Connection[Any], after: int, upto: int) -> list[Control]:
    """The control events of a range of positions, in order."""
    with connection.cursor(binary=True) as cursor:
        cursor.execute(Q["controls"], {"after": after, "upto": upto, "topics": list(TOPICS)})
        return [Control._make(row) for row in cursor]


def read_batch(connection: Connection[Any], sessions: Sessions, after: int, upto: int) -> Batch:
    """Read the range ``(after, upto]``, all of which is committed; ``sessions`` moves on to its end."""
    facts: list[Fact] = []
    poison: list[Poison] = []
    for control in read_controls(connection, after, upto):
        try:
            fact = sessions.apply(control)
        except ProjectionError as exc:
            poison.append(Poison(*control[:4], str(exc)))
        else:
            if fact is not None:
                facts.append(fact)
    downloads = [fact for fact in facts if isinstance(fact, Downloaded)]
    return Batch(upto, facts, list(_read_messages(connection, downloads)), poison, sessions.dump())


def _read_messages(connection: Connection[Any], downloads: Sequence[Downloaded]) -> Iterator[Messages]:
    if not downloads:
        return
    parameters = {
        "sessions": [fact.session for fact in downloads],
        "after": [fact.after for fact in downloads],
        "before": [fact.before for fact in downloads],
        "multi": [fact.is_multi for fact in downloads],
    }
    with connection.cursor(binary=True) as cursor:
        cursor.execute(Q["downloads"], parameters)
        for row in cursor:
            yield Messages._make(row)


def read_events(connection: Connection[Any], fact: Downloaded) -> list[Control]:
    """The messages of one download, one by one."""
    with connection.cursor(binary=True) as cursor:
        parameters = {
            "session": fact.session,
            "after": fact.after,
            "before": fact.before,
            "topics": download.TOPICS[fact.is_multi],
        }
        return [Control(*row) for row in cursor.execute(Q["download_events"], parameters)]
