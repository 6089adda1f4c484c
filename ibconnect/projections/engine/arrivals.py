"""When the messages of a range of positions arrived, where an event before them in their session says it.

In: a connection, and events of a range. Out: the same, each message with the state that carries its time. Called by
:mod:`reading`.

Messages that came in one read of the socket share one time, which the first carries: of 100,000 executions that are
said at once thousands do. To look back from each of them would cost as many steps as there are before it in that read,
so what carries a time is read once for the range, and what was before the range once for each session.
"""

from bisect import bisect_right
from typing import Any
from uuid import UUID

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.projections.engine.projection import Event

Q = queries("projections/engine/reading")

# So few are looked up one by one; of more, what carries a time in the range is read as a whole.
_FEW = 20


def with_times(connection: Connection[Any], events: list[Event], after: int, upto: int) -> list[Event]:
    """The events of the range ``(after, upto]`` in their order, each message with its ``timed_state``."""
    lacking = [place for place, event in enumerate(events) if _lacks(event)]
    if not lacking:
        return events
    times = _Times(connection, _timed(connection, after, upto) if len(lacking) > _FEW else None)
    for place in lacking:
        event = events[place]
        events[place] = event._replace(timed_state=times.of(event.session, event.version))
    return events


def _lacks(event: Event) -> bool:
    return event.timed_state is None and event.state[:1] != b"{"


Timed = dict[UUID, tuple[list[int], list[bytes]]]
"""By session: the versions of what carries a time, ascending, and the states."""
_NONE: tuple[list[int], list[bytes]] = ([], [])


def _timed(connection: Connection[Any], after: int, upto: int) -> Timed:
    found: Timed = {}
    with connection.cursor(binary=True) as cursor:
        cursor.execute(Q["timed"], {"after": after, "upto": upto})
        for session, version, state in cursor:
            versions, states = found.setdefault(session, ([], []))
            versions.append(version)
            states.append(state)
    return found


class _Times:
    """Of the sessions of a range; what lies before it is asked for when it is needed, once for each session."""

    def __init__(self, connection: Connection[Any], timed: Timed | None) -> None:
        self._connection = connection
        self._timed = timed
        self._before: dict[UUID, bytes | None] = {}

    def of(self, session: UUID, version: int) -> bytes | None:
        """The newest state of a session, up to a version, that carries a time."""
        if self._timed is None:
            return self._look(session, version)
        versions, states = self._timed.get(session, _NONE)
        if count := bisect_right(versions, version):
            return states[count - 1]
        if session not in self._before:
            self._before[session] = self._look(session, version)
        return self._before[session]

    def _look(self, session: UUID, version: int) -> bytes | None:
        with self._connection.cursor(binary=True) as cursor:
            row = cursor.execute(Q["timed_before"], {"session": session, "version": version}).fetchone()
        return row[0] if row else None
