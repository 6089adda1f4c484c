"""Samples of profit and loss out of the events: of each request the first answer that has figures.

In: sessions that begin and end, what was asked on them, messages 94 and 95. Out: samples. Called by the engine.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from psycopg import Connection

from ibconnect.errors import EventError, ProjectionError
from ibconnect.events.codec import MESSAGE, split_state, time_in
from ibconnect.events.types import QuestionAsked, SessionClosed, SessionOpened
from ibconnect.projections.engine.projection import Event, SetAside, Understood
from ibconnect.projections.pnl.asked import Questions
from ibconnect.projections.pnl.figures import Figures, figures_of
from ibconnect.times import from_micros

TOPICS = (SessionOpened.TOPIC, SessionClosed.TOPIC, QuestionAsked.TOPIC)
MESSAGE_IDS = ("94", "95")
_REPORT = "pnl"


class Sample(NamedTuple):
    """What a gateway said when it was asked. ``contract``: 0 for the account as a whole; ``position``: of the event."""

    account: str
    contract: int
    at: datetime
    position: int
    gateway: str
    figures: Figures


class PnlReader:
    """What was asked and is not answered at a position, read on from there."""

    def __init__(self, opened: Any) -> None:
        self._questions = Questions.load(opened)

    def read(self, _connection: Connection[Any], events: Sequence[Event]) -> Understood:
        """The samples that these events make."""
        samples: list[Sample] = []
        refused: list[SetAside] = []
        for event in events:
            try:
                if event.topic == MESSAGE:
                    samples += self._answer(event)
                else:
                    self._own(event)
            except (ProjectionError, EventError, LookupError, TypeError, ValueError, OverflowError) as exc:
                refused.append(SetAside(*event[:4], f"{exc}" or type(exc).__name__))
        return Understood(samples, refused)

    def dump(self) -> bytes:
        """What is open."""
        return self._questions.dump()

    def _own(self, event: Event) -> None:
        state = orjson.loads(event.state)
        if event.topic == SessionOpened.TOPIC:
            self._questions.opened(event.session, state["gateway"], state.get("continues", ""))
        elif event.topic == SessionClosed.TOPIC:
            self._questions.closed(event.session)
        elif state["report"] == _REPORT:
            contract = state.get("contract") or 0
            self._questions.ask(event.session, int(state["request"]), str(state["account"]), int(contract))

    def _answer(self, event: Event) -> list[Sample]:
        """The sample that an answer makes, if it makes one."""
        _, fields = split_state(event.state)
        number = fields[1] if len(fields) > 1 else ""
        subject = self._questions.subject(event.session, number)
        if subject is None:
            return []
        gateway, account, contract = subject
        if (fields[0] == "95") != bool(contract):
            raise ProjectionError(f"message {fields[0]} answers a request for the other kind")
        figures = figures_of(fields)
        if figures is None:
            return []
        arrived = time_in(event.timed_state or b"")
        if arrived is None:
            raise ProjectionError("no event of the session so far says when it arrived")
        sample = Sample(account, contract, from_micros(arrived), event.position, gateway, figures)
        self._questions.answered(event.session, number)
        return [sample]
