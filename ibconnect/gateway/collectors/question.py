"""One question asked of a gateway, and how its answer ends: whole, refused, or not at all.

In: a connection and a question. Out: what became of it; what was answered is in the recorded events. Called by every
collector but the walk over the accounts, which has ways of its own.

Questions have a budget of their own beside the walk's (:mod:`~ibconnect.gateway.pacing`), and every wait is bounded.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum

from ibconnect.errors import GatewayLost
from ibconnect.events.notices import is_refusal
from ibconnect.events.types import QuestionAsked
from ibconnect.gateway.connection import LONGEST_CODE, Connection
from ibconnect.gateway.transport import NOTICE, Transport
from ibconnect.gateway.unnumbered import Open
from ibconnect.texts import one_line

ANSWER_S = 10.0
"""How long a gateway may take to answer, from the moment in which the question has gone out."""

# Below lie warnings that go with an answer, above are errors of market data, positions, news: they refuse.
_LOWEST_LONG_REFUSAL = 10_000


class Ended(StrEnum):
    """How an answer ended."""

    WHOLE = "whole"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question. ``detail``: why, if the answer is not whole; ``code``: that of a refusal."""

    ended: Ended
    detail: str = ""
    code: str = ""


_STALE = Answer(Ended.STALE, "the gateway has lost its connection to IB")


def _nothing(_answer: Answer) -> None:
    pass


@dataclass(frozen=True, slots=True)
class About:
    """What a question is about, where its answer does not say so; recorded before it goes out.

    ``report``: what is made of the answer; ``account``: empty for all; ``contract``: IB's id, of a question about one
    position of the account; ``days``: of how many days of the gateway's, of which today is the last.
    """

    report: str
    account: str = ""
    contract: int | None = None
    days: int | None = None


def _any(_fields: Sequence[str]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Question:
    """What is sent, and by which message its answer is known to be whole.

    :param ask: sends it; given the number of the request, which a question without one leaves alone
    :param end: id of the message that ends the answer; one of the collector's ``messages``
    :param number_at: which field of that message holds the number of the request; None: the question has none
    :param is_end: whether one of these messages, by its fields, ends the answer
    :param then: what is sent after the answer, or when none has come in time: the end of a subscription; not after a
        refusal. Given the number of the request
    :param about: what the answer, which has its number alone, does not say; None if it does
    :param number: that number, where the collector chooses it; None: the next one of the connection
    :param accepted: codes of refusals that are as good an answer as any: there is nothing to tell
    :param hear: told what became of it, before anything else is asked
    :param part: id of the messages that a long answer consists of, also one of the collector's ``messages``: as long as
        they come, it is waited on
    """

    ask: Callable[[Transport, int], None]
    end: int
    number_at: int | None = None
    is_end: Callable[[Sequence[str]], bool] = _any
    then: Callable[[Transport, int], None] | None = None
    about: About | None = None
    number: int | None = None
    accepted: frozenset[str] = frozenset()
    hear: Callable[[Answer], None] = _nothing
    part: int | None = None


async def answered(connection: Connection, question: Question) -> Answer:
    """Ask, and wait until the answer has ended, for :data:`ANSWER_S` at most, or so long after its last parts.

    Nothing is asked without IB.

    :raises GatewayLost: the connection is over
    """
    if connection.lost.done():
        raise GatewayLost(connection.lost.result())
    answer = _STALE if connection.connectivity.is_stale else await _answer(connection, question)
    question.hear(answer)
    return answer


async def _answer(connection: Connection, question: Question) -> Answer:
    transport = connection.transport
    number = 0 if question.number_at is None else question.number or transport.getReqId()
    if question.about is not None:
        connection.record(QuestionAsked, request=number, **asdict(question.about))
    with ExitStack() as stack:
        call = _Call(connection, question, str(number), stack)
        stack.enter_context(connection.watching(call.watch))
        batch = transport.send_later(lambda: question.ask(transport, number), call.on_gone)
        stack.callback(batch.drop)
        await connection.until(None, call.gone, call.answer)
        parts = -1
        while parts < call.parts and not call.answer.done() and not connection.lost.done():
            parts = call.parts
            await connection.until(ANSWER_S, call.answer)
    answer = call.answer.result() if call.answer.done() else Answer(Ended.UNANSWERED, f"not within {ANSWER_S:g} s")
    if connection.lost.done() and not call.answer.done():
        raise GatewayLost(connection.lost.result())
    if question.then is not None and call.gone.done() and answer.ended is not Ended.REFUSED:
        _send_after(transport, question.then, number)
    return answer


def _send_after(transport: Transport, then: Callable[[Transport, int], None], number: int) -> None:
    """Send what follows a question. Nobody waits for it: it is in the second lane before the next question."""
    transport.send_later(lambda: then(transport, number), lambda: None)


class _Call:
    """A question under way."""

    def __init__(self, connection: Connection, question: Question, number: str, stack: ExitStack) -> None:
        loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = loop.create_future()
        self.answer: asyncio.Future[Answer] = loop.create_future()
        self.parts = 0
        self._connection = connection
        self._question = question
        self._number = number
        self._stack = stack
        self._open: Open | None = None

    def on_gone(self) -> None:
        """It has been sent."""
        if self._question.number_at is None:
            self._open = self._stack.enter_context(self._connection.unnumbered.asking())
        if not self.gone.done():
            self.gone.set_result(None)

    def watch(self, number: int, fields: list[str]) -> None:
        """A steering message has come."""
        is_gone = self.gone.done()
        if self.answer.done():
            return
        if number == self._question.part:
            self.parts += 1
        elif is_gone and number == self._question.end and self._is_ours(fields) and self._question.is_end(fields):
            if self._open is not None:
                self._open.is_answered = True
            self.answer.set_result(Answer(Ended.WHOLE))
        elif is_gone and number == NOTICE and self._refuses(fields):
            code = one_line(fields[3], LONGEST_CODE)
            ended = Ended.WHOLE if code in self._question.accepted else Ended.REFUSED
            self.answer.set_result(Answer(ended, f"{code}: {one_line(fields[4])}", code))
        elif number == NOTICE and self._connection.connectivity.is_stale:
            self.answer.set_result(_STALE)

    def _is_ours(self, fields: list[str]) -> bool:
        at = self._question.number_at
        return at is None or fields[at : at + 1] == [self._number]

    def _refuses(self, fields: list[str]) -> bool:
        if self._open is not None:
            return self._open.refusal is fields
        code = fields[3]
        is_long = code.isascii() and code.isdigit() and int(code[:9]) >= _LOWEST_LONG_REFUSAL
        return fields[2] == self._number and (is_refusal(code) or is_long)
