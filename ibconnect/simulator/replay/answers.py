"""What a recorded session answers besides accounts: executions, orders, profits, contract details, an advisor's data.

In: the messages of a session, and what a client asks. Out: where each recorded answer stands, and which request it
answers. Which messages make an answer is said by the parts of the gateway (``scenario/registry.py``). Called by
``tape`` and ``play``.
"""

from dataclasses import dataclass

from ibconnect.simulator.parts import Message
from ibconnect.simulator.replay.requests import ANSWER, Ask
from ibconnect.simulator.scenario.registry import MESSAGES, REQUESTS
from ibconnect.simulator.wire.frames import Fields

KINDS = frozenset(request.kind for request in REQUESTS.values() if request.kind)
"""The kinds of answers that are looked for."""
MESSAGE_IDS = frozenset(number for number, message in MESSAGES.items() if message.kind in KINDS)

_NONE = Message("")
_EVER = 2**62
# Messages that name no request belong to one answer if no more time than this lies between them.
_APART = 15_000_000


@dataclass(slots=True)
class Recorded:
    """One answer: the messages of its kind and request between two versions of the stream, both included.

    ``at``: when its first message came, microseconds since the epoch, UTC. ``request``: the recorder's number for it,
    empty if its messages have none. ``about``: what it is about, as ``Request.about`` says it; None if it does not say.
    ``until``: the version up to which messages may follow that belong to it although it has ended.
    """

    kind: str
    start: int
    end: int
    at: int
    request: str
    about: set[str] | None = None
    until: int = _EVER
    last: int = 0
    """When its last message came."""

    def answers(self, ask: Ask) -> bool:
        """Whether it is an answer to such a request."""
        if ask.source != ANSWER or ask.number != self.kind:
            return False
        return not ask.account or self.about is None or ask.account in self.about

    def has(self, fields: Fields, version: int) -> bool:
        """Whether a message of the stream is a part of it."""
        message = MESSAGES.get(fields[0], _NONE)
        if message.kind != self.kind or not self.start <= version <= self.until:
            return False
        if version > self.end:
            return message.is_late
        place = message.place(fields)
        return place is None or fields[place : place + 1] == [self.request]


class Answers:
    """Finds the answers in the messages of a session, given one after the other."""

    def __init__(self) -> None:
        self._begun: list[Recorded] = []
        self._open: dict[tuple[str, str], Recorded] = {}
        self._ended: set[int] = set()
        self._abouts: dict[str, str] = {}

    def take(self, fields: Fields, version: int, at: int) -> None:
        """Look at the next message."""
        message = MESSAGES.get(fields[0], _NONE)
        if message.kind not in KINDS:
            return
        place = message.place(fields)
        request = "" if place is None or place >= len(fields) else fields[place]
        if request == "-1":
            return
        answer = self._answer(message, request, version, at)
        if answer is not None:
            answer.end, answer.last = version, at
            if message.about is not None:
                answer.about = (answer.about or set()).union(message.about(fields))
            if message.is_end:
                self._ended.add(answer.start)
                if not request:
                    self._open.pop((message.kind, request), None)

    def note(self, request: int, account: str, contract: int | None) -> None:
        """The recorder says what a request of its is about, which the answer does not."""
        self._abouts[str(request)] = account if contract is None else f"{account}/{contract}"

    def _answer(self, message: Message, request: str, version: int, at: int) -> Recorded | None:
        """The answer that a message is a part of, which may begin with it; None if it came unasked."""
        if message.is_late:
            # It names no request: it is of the answer that is under way, or follows the last one.
            under_way = (
                a for (kind, _), a in self._open.items() if kind == message.kind and a.start not in self._ended
            )
            return next(under_way, None)
        answer = self._open.get((message.kind, request))
        if answer is None or (not request and at - answer.last > _APART):
            about = self._abouts.get(request)
            answer = Recorded(message.kind, version, version, at, request, {about} if about else None)
            self._open[message.kind, request] = answer
            self._begun.append(answer)
        return answer

    def whole(self) -> list[Recorded]:
        """Those whose end has come, in order."""
        found = [answer for answer in self._begun if answer.start in self._ended]
        following: dict[str, int] = {}
        for answer in reversed(found):
            answer.until = following.get(answer.kind, _EVER)
            answer.until = max(answer.end, answer.until)
            following[answer.kind] = answer.start - 1
        return found
