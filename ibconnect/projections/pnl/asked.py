"""What was asked of gateways, and is not answered yet: whose an answer is follows from the number of its request.

In: events in the order of positions. Out: for a number, the account and the contract that were asked about. Called by
:mod:`reader`. Pure; what is open is kept with the position that it belongs to (:meth:`Questions.dump`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import orjson

from ibconnect.errors import ProjectionError

# Questions that nothing has answered, of one session; and sessions that have ended with such, since the rest of one may
# be stored late. The recorder asks some dozens at a time and waits for seconds.
_MOST_OPEN, _MOST_CLOSED = 200, 20


@dataclass(slots=True)
class _Session:
    """``highest``: the highest number that was asked with; ``is_late``: it is the rest of another one.

    ``open``: account and contract by the number, in the order in which they were asked.
    """

    gateway: str
    is_late: bool = False
    highest: int = 0
    open: dict[str, tuple[str, int]] = field(default_factory=dict)

    def dump(self) -> list[Any]:
        # Lists: Postgres does not keep the order of an object's members.
        return [self.gateway, self.is_late, self.highest, [[number, *subject] for number, subject in self.open.items()]]

    @classmethod
    def load(cls, state: list[Any]) -> Self:
        gateway, is_late, highest, asked = state
        return cls(gateway, is_late, highest, {number: (account, contract) for number, account, contract in asked})


class Questions:
    """Of all sessions that are open."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._closed: dict[str, _Session] = {}

    @classmethod
    def load(cls, state: Mapping[str, Any] | None) -> Self:
        """What :meth:`dump` wrote, as Postgres gives it back."""
        found = cls()
        if state:
            found._sessions = {key: _Session.load(value) for key, value in state["sessions"]}
            found._closed = {key: _Session.load(value) for key, value in state["closed"]}
        return found

    def dump(self) -> bytes:
        """All of it as JSON."""
        parts = {"sessions": self._sessions, "closed": self._closed}
        return orjson.dumps(
            {name: [[key, each.dump()] for key, each in sessions.items()] for name, sessions in parts.items()}
        )

    def opened(self, session: UUID, gateway: str, continues: str) -> None:
        """A session begins, or the rest of one that another instance had closed."""
        former = self._closed.pop(continues, None) if continues else None
        if former is not None:
            self._sessions[str(session)] = _Session(gateway, True, former.highest, former.open)
        else:
            self._sessions[str(session)] = _Session(gateway, bool(continues))

    def closed(self, session: UUID) -> None:
        """It has ended."""
        ended = self._sessions.pop(str(session), None)
        if ended is not None and ended.open:
            self._closed[str(session)] = ended
            while len(self._closed) > _MOST_CLOSED:
                del self._closed[next(iter(self._closed))]

    def ask(self, session: UUID, number: int, account: str, contract: int) -> None:
        """Something is asked with this number.

        :raises ProjectionError: the session is not open
        """
        asked = self._of(session)
        asked.highest = max(asked.highest, number)
        asked.open.pop(str(number), None)
        asked.open[str(number)] = account, contract
        while len(asked.open) > _MOST_OPEN:
            del asked.open[next(iter(asked.open))]

    def subject(self, session: UUID, number: str) -> tuple[str, str, int] | None:
        """Gateway, account and contract that an answer is about; None if the question has its answer already.

        :raises ProjectionError: nothing was asked with the number; or the session is not open
        """
        asked = self._of(session)
        if number in asked.open:
            account, contract = asked.open[number]
            return asked.gateway, account, contract
        if not asked.is_late and not (number.isascii() and number.isdigit() and int(number[:20]) <= asked.highest):
            raise ProjectionError(f"no request of the session has the number {number[:20]!r}")
        return None

    def answered(self, session: UUID, number: str) -> None:
        """What comes for it from here on repeats it."""
        self._of(session).open.pop(number, None)

    def _of(self, session: UUID) -> _Session:
        try:
            return self._sessions[str(session)]
        except KeyError:
            raise ProjectionError(f"session {session} is not open") from None
