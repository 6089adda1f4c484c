"""Events as facts, with the messages of the downloads that end in them.

In: the events that begin or end something, in order of positions. Out: a :class:`Work`. A download is read from its
stream once it has ended, in one piece, so nothing of it is kept in memory meanwhile, and events outside of downloads
cost next to nothing. Called by the engine.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError
from ibconnect.projections.accounts import download
from ibconnect.projections.accounts.download import Messages
from ibconnect.projections.accounts.facts import Downloaded, Fact
from ibconnect.projections.accounts.sessions import Sessions
from ibconnect.projections.engine.projection import Event, SetAside, Understood

Q = queries("projections/accounts/read")


class Work(NamedTuple):
    """Facts in the order of events, and the messages of each that is a download."""

    facts: list[Fact]
    messages: list[Messages]


class AccountsReader:
    """What is open at a position, read on from there."""

    def __init__(self, opened: Any) -> None:
        self._sessions = Sessions() if opened is None else Sessions.of_json(opened)

    def read(self, connection: Connection[Any], events: Sequence[Event]) -> Understood:
        """The facts that these events make."""
        facts: list[Fact] = []
        refused: list[SetAside] = []
        for event in events:
            try:
                fact = self._sessions.apply(event)
            except ProjectionError as exc:
                refused.append(SetAside(*event[:4], str(exc)))
            else:
                if fact is not None:
                    facts.append(fact)
        downloads = [fact for fact in facts if isinstance(fact, Downloaded)]
        return Understood(Work(facts, list(_read_messages(connection, downloads))), refused)

    def dump(self) -> bytes:
        """What is open."""
        return self._sessions.dump()


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


def read_one_by_one(connection: Connection[Any], fact: Downloaded) -> list[Event]:
    """The messages of one download, one by one."""
    with connection.cursor(binary=True) as cursor:
        parameters = {
            "session": fact.session,
            "after": fact.after,
            "before": fact.before,
            "topics": download.TOPICS[fact.is_multi],
        }
        return [Event(*row) for row in cursor.execute(Q["download_events"], parameters)]
