"""Events as facts about executions.

In: sessions that begin and end, requests, messages 11, 55 and 59, in the order of positions. Out: a
:class:`~ibconnect.projections.executions.facts.Work`. Kept in memory: of each session that is open its gateway, the
zone of that, and what is asked of it; and what was told last of each execution, which is told again with every answer.

A message 55 ends the answer to a request, which has everything since the gateway's midnight, or of some days. What it
is sure to have is what there was when it was asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection

from ibconnect.clocks import day_of, name_of, zone_named, zone_of
from ibconnect.errors import EventError, ProjectionError
from ibconnect.events.codec import MESSAGE, split_state, time_in
from ibconnect.events.types import QuestionAsked, SessionClosed, SessionOpened
from ibconnect.projections.engine.projection import Event, SetAside, Understood
from ibconnect.projections.engine.repeats import Repeats
from ibconnect.projections.executions.facts import Covered, Work
from ibconnect.projections.executions.layout import (
    COMMISSION,
    EXECUTION,
    EXECUTIONS_END,
    commission_of,
    fill_of,
)
from ibconnect.times import from_micros

_REPORT = "executions"
MESSAGE_IDS = (EXECUTION, EXECUTIONS_END, COMMISSION)
# Requests of a session that have no answer yet; what is asked for later makes up for those before.
_MOST_ASKED = 20
_MOST_DAYS = 7
# Places in the messages 11 and 59.
_EXECUTION_AT, _ACCOUNT_AT, _COMMISSION_OF_AT = 14, 16, 2


@dataclass(slots=True)
class _Session:
    """An open session. ``asked``: by the number of each request when it was made, and of how many days."""

    gateway: str
    zone: tzinfo | None
    asked: dict[str, tuple[int, int]] = field(default_factory=dict)


class ExecutionsReader:
    """What is open at a position, read on from there."""

    def __init__(self, opened: Any) -> None:
        self._open: dict[UUID, _Session] = {}
        self._told = Repeats()
        for key, (gateway, zone, asked) in ({} if opened is None else opened).items():
            session = _Session(gateway, zone_named(zone))
            session.asked = {number: (at, days) for number, at, days in asked}
            self._open[UUID(key)] = session

    def dump(self) -> bytes:
        """What is open."""
        return orjson.dumps(
            {
                str(key): [each.gateway, name_of(each.zone), [[number, *what] for number, what in each.asked.items()]]
                for key, each in self._open.items()
            }
        )

    def read(self, _connection: Connection[Any], events: Sequence[Event]) -> Understood:
        """The facts that these events make."""
        work, refused = Work([], [], []), list[SetAside]()
        for event in events:
            try:
                _APPLY[event.topic](self, event, work)
            except (ProjectionError, EventError) as exc:
                refused.append(SetAside(*event[:4], str(exc)))
            except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as exc:
                refused.append(SetAside(*event[:4], f"{type(exc).__name__}: {exc}"))
        return Understood(work, refused)

    def _session_opened(self, event: Event, _work: Work) -> None:
        state = orjson.loads(event.state)
        opened = from_micros(state["t"])
        gateway, told = _text(state["gateway"]), _text(state.get("connection_time", ""))
        self._open[event.session] = _Session(gateway, zone_of(told, opened))

    def _session_closed(self, event: Event, _work: Work) -> None:
        self._open.pop(event.session, None)

    def _asked(self, event: Event, _work: Work) -> None:
        state = orjson.loads(event.state)
        if state["report"] != _REPORT:
            return
        session = self._of(event)
        days = min(max(1, int(state.get("days", 1))), _MOST_DAYS)
        from_micros(state["t"])
        session.asked[str(state["request"])] = (state["t"], days)
        while len(session.asked) > _MOST_ASKED:
            del session.asked[next(iter(session.asked))]

    def _message(self, event: Event, work: Work) -> None:
        session, (_, fields) = self._of(event), split_state(event.state)
        received = _arrival(event)
        if self._is_repeat(session, fields, received):
            return
        if fields[0] == EXECUTION:
            work.fills.append(fill_of(fields, event.position, received, session.gateway, session.zone))
        elif fields[0] == COMMISSION:
            work.commissions.append(commission_of(fields, event.position, received, session.gateway))
        else:
            asked = session.asked.pop(fields[2], None) if len(fields) > 2 else None
            work.covered.extend(_covered(session, asked, received))

    def _is_repeat(self, session: _Session, fields: Sequence[str], received: datetime) -> bool:
        """Whether nothing else was told of this execution, or of its commission, since this was told.

        When an execution was depends on the gateway's zone; whose commission it is, on nothing but its id.
        """
        said, day = "\0".join(fields[2:]), received.toordinal()
        if fields[0] == EXECUTION and len(fields) > _ACCOUNT_AT:
            key = f"{EXECUTION}\0{fields[_ACCOUNT_AT]}\0{fields[_EXECUTION_AT]}"
            return self._told.is_one(key, f"{session.gateway}\0{name_of(session.zone)}\0{said}", day)
        if fields[0] == COMMISSION and len(fields) > _COMMISSION_OF_AT:
            return self._told.is_one(f"{COMMISSION}\0{fields[_COMMISSION_OF_AT]}", said, day)
        return False

    def _of(self, event: Event) -> _Session:
        try:
            return self._open[event.session]
        except KeyError:
            raise ProjectionError(f"session {event.session} is not open") from None


def _covered(session: _Session, asked: tuple[int, int] | None, received: datetime) -> list[Covered]:
    """The days of which an answer has everything.

    Whether midnight came before the gateway looked or after is not known: what is sure to be in the answer are the days
    that it has in either case.
    """
    zone = session.zone
    if zone is None:
        return []
    when, days = (received, 1) if asked is None else (min(from_micros(asked[0]), received), asked[1])
    last, name = day_of(zone, when).date, name_of(zone)
    found = [day_of(zone, received, before) for before in range(days - 1, -1, -1)]
    return [
        Covered(session.gateway, day.date, day.begins, day.ends, min(when, day.ends), name)
        for day in found
        if day.date <= last
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ProjectionError(f"{value!r} is not text that a table can hold")
    return value


def _arrival(event: Event) -> datetime:
    micros = time_in(event.timed_state or b"")
    if micros is None:
        raise ProjectionError("no event of the session so far says when it arrived")
    return from_micros(micros)


_APPLY: dict[str, Callable[[ExecutionsReader, Event, Work], None]] = {
    SessionOpened.TOPIC: ExecutionsReader._session_opened,
    SessionClosed.TOPIC: ExecutionsReader._session_closed,
    QuestionAsked.TOPIC: ExecutionsReader._asked,
    MESSAGE: ExecutionsReader._message,
}

TOPICS: tuple[str, ...] = tuple(topic for topic in _APPLY if topic != MESSAGE)
