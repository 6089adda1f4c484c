"""The reader of events (:mod:`~ibconnect.events.reading`), run in a thread on a connection of its own.

In: a database URL and what is wanted (:class:`~ibconnect.events.selection.Wanted`). Out: pages of stored events, by
position through the whole store or by version through one session, each with its time of arrival; memory stays flat
however much there is. Called by the command line and by the replay.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent

from ibconnect.database.migrations import pending
from ibconnect.database.pools import connect, explained
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, DatabaseUnavailable, EventError, SchemaError
from ibconnect.events import reading
from ibconnect.events.codec import time_in
from ibconnect.events.mapper import EventMapper
from ibconnect.events.reading import Answer, Program, Span
from ibconnect.events.selection import Question, Stored, Walk, Wanted
from ibconnect.events.types import Event, SessionClosed, SessionOpened

Q = queries("events/reader")

T = TypeVar("T")

PAGE = 5000
"""Events that one statement gives, and that are so held in memory, at most."""
# Events that one statement looks through, at most.
_MOST = 20 * PAGE
_ANY = Wanted()

_FIRST_ID, _LAST_ID = UUID(int=0), UUID(int=2**128 - 1)


class Page(NamedTuple):
    """Events in their order, and how far the reading is: ``done`` of ``total`` places in the store."""

    events: list[Stored]
    done: int
    total: int


class _Ends(NamedTuple):
    session: UUID
    first: int
    first_topic: str
    first_state: bytes
    last: int
    versions: int
    last_topic: str
    last_state: bytes
    timed_state: bytes


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """One stream at a glance. Times in microseconds since the epoch, UTC; ``first`` and ``last`` are positions.

    ``opened`` is None for a stream whose beginning the store does not have, ``closed`` for one that is not closed.
    """

    id: UUID
    opened: SessionOpened | None
    closed: SessionClosed | None
    first: int
    last: int
    versions: int
    began: int
    ended: int

    @property
    def gateway(self) -> str:
        """The gateway's address, ``host:port``; empty if the store does not have the stream's beginning."""
        return self.opened.gateway if self.opened else ""

    @property
    def span(self) -> Span:
        """Where it lies."""
        return Span(self.id, self.began, self.ended if self.closed else None, self.versions, self.first, self.last)

    def overlaps(self, wanted: Wanted) -> bool:
        """Whether it is of the wanted gateway and was open at some time of the wanted span."""
        return (
            wanted.gateway in (None, self.gateway)
            and (wanted.since is None or self.ended >= wanted.since)
            and (wanted.until is None or self.began <= wanted.until)
        )


class Reader:
    """One connection for reading; a context manager. Not for two threads at a time."""

    def __init__(self, url: str) -> None:
        self._mapper = EventMapper()
        self._connection = connect(url, name="reader", search_path="public")
        # Planned anew each time, since the best plan depends on which conditions are set.
        self._connection.prepare_threshold = None
        try:
            self._check()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _check(self) -> None:
        """Raise :class:`SchemaError` unless the database's schema is that of this version."""
        remedy = "run `ibconnect migrate` (`ibconnect serve` does it too)"
        if self._rows("lacks_store", {})[0][0]:
            raise SchemaError(f"the database has no event store yet: {remedy}")
        with explained("the events cannot be read"):
            missing = pending(self._connection)
        if missing:
            raise SchemaError(f"the database's schema lacks {missing[-1].name}: {remedy}")

    def head(self) -> int:
        """The position of the newest event, 0 if there is none."""
        return self._answered(reading.head())

    def sessions(self, wanted: Wanted) -> list[RecordedSession]:
        """The sessions of the wanted gateway that were open at some time of the wanted span, oldest first."""
        return [session for session in self._sessions(_FIRST_ID, _LAST_ID) if session.overlaps(wanted)]

    def session(self, session: UUID) -> RecordedSession:
        """One session.

        :raises EventError: the store has none of this id
        """
        found = self._sessions(session, session)
        if not found:
            raise EventError(f"no session {session} is recorded")
        return found[0]

    def _sessions(self, lowest: UUID, highest: UUID) -> list[RecordedSession]:
        rows = self._rows("sessions", {"lowest": lowest, "highest": highest})
        return [self._glance(_Ends._make(row)) for row in rows]

    def _glance(self, ends: "_Ends") -> RecordedSession:
        opened = self._own(ends.session, 1, ends.first_topic, ends.first_state)
        closed = self._own(ends.session, ends.versions, ends.last_topic, ends.last_state)
        ended = time_in(ends.timed_state) or 0
        return RecordedSession(
            ends.session,
            opened if isinstance(opened, SessionOpened) else None,
            closed if isinstance(closed, SessionClosed) else None,
            ends.first,
            ends.last,
            ends.versions,
            time_in(ends.first_state) or ended,
            ended,
        )

    def _own(self, session: UUID, version: int, topic: str, state: bytes) -> Event | None:
        if topic not in (SessionOpened.TOPIC, SessionClosed.TOPIC):
            return None
        try:
            event: Event = self._mapper.to_domain_event(StoredEvent(session, version, topic, state))
        except EventError:
            # Whoever reads the event itself gets the error; the other sessions must not be out of reach for it.
            return None
        return event

    def pages(self, wanted: Wanted) -> Iterator[Page]:
        """The events that are wanted, of those stored by now, in order of position. A page may be empty.

        :raises EventError: no such session, or an event that cannot be read
        :raises DatabaseUnavailable: Postgres was lost
        """
        if wanted.session is not None:
            session = self.session(wanted.session)
            if session.overlaps(wanted):
                yield from self.stream(session, wanted)
        elif wanted.asks_for_sessions:
            found = self.sessions(wanted)
            spans = [session.span for session in found]
            low, high = self._answered(reading.between(spans, wanted.since, wanted.until)) or (0, 0)
            within = [session.id for session in found]
            yield from self._range(wanted, max(wanted.after, low), min(high, self.head()), within)
        else:
            yield from self._range(wanted, wanted.after, self.head(), None)

    def _range(self, wanted: Wanted, low: int, high: int, sessions: list[UUID] | None) -> Iterator[Page]:
        return self._walked(Walk(wanted, low, high, rows=PAGE, most=_MOST, sessions=sessions))

    def stream(self, session: RecordedSession, wanted: Wanted = _ANY, above: int = 0) -> Iterator[Page]:
        """One session's events with versions greater than ``above``, as far as they are wanted.

        :raises EventError: an event cannot be read
        :raises DatabaseUnavailable: Postgres was lost
        """
        walk = Walk(wanted, above, session.versions, rows=PAGE, most=_MOST, by_version=True, session=session.id)
        return self._walked(walk)

    def _walked(self, walk: Walk) -> Iterator[Page]:
        start, program, answer = walk.at, reading.pages(walk), None
        with suppress(StopIteration):
            while True:
                step = program.send(answer)
                answer = self._answer(step) if isinstance(step, Question) else None
                if not isinstance(step, Question):
                    yield Page(step, walk.at - start, walk.end - start)

    def _answered(self, program: Program[T]) -> T:
        try:
            asked = next(program)
            while True:
                asked = program.send(self._answer(asked))
        except StopIteration as end:
            value: T = end.value
            return value

    def _answer(self, asked: Question) -> Answer:
        began = time.monotonic()
        rows = self._rows(asked.query, asked.parameters)
        return Answer(rows, time.monotonic() - began)

    def event(self, stored: Stored) -> Any:
        """The event as an object of its class.

        :raises EventError: it cannot be understood; the message names its position
        """
        try:
            return self._mapper.to_domain_event(
                StoredEvent(UUID(bytes=stored.session), stored.version, stored.topic, stored.state)
            )
        except EventError as exc:
            raise type(exc)(f"the event at position {stored.position}: {exc}") from exc

    def _rows(self, name: str, parameters: dict[str, Any]) -> list[Any]:
        try:
            with self._connection.cursor(binary=True) as cursor:
                return cursor.execute(Q[name], parameters).fetchall()
        except psycopg.OperationalError as exc:
            raise DatabaseUnavailable(f"Postgres was lost while events were read: {exc}") from exc
        except psycopg.Error as exc:
            raise DatabaseError(f"Postgres refuses to read events: {exc}") from exc
