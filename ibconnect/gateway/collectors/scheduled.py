"""A collector that says when it asks what; the rest is here: waiting, asking, judging, asking again.

In: the questions of a subclass. Out: rounds of them, in their order, never while the gateway has lost IB.

::

    class FamilyCodes(Scheduled):
        name = "families"
        due = (At.CONNECTION, DAILY)
        messages = {78: 2}

        def questions(self, connection):
            yield Question(lambda transport, _: transport.reqFamilyCodes(), end=78)
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import aclosing, suppress
from typing import ClassVar

from ibconnect.database.deadlines import ended
from ibconnect.gateway.collectors.collector import Collector, Home, Note
from ibconnect.gateway.collectors.due import BySetting, Cron, Due, Timetable
from ibconnect.gateway.collectors.question import Answer, Ended, Question
from ibconnect.gateway.collectors.several import answers
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.schedule import Schedule


class Scheduled(Collector):
    """See the module."""

    due: ClassVar[Sequence[Due]]
    """When it asks."""
    is_asked_again: ClassVar[bool] = False
    """Whether what the gateway refuses is asked again on the same connection. What it does not answer always is; both
    ever less often."""
    at_once: ClassVar[int] = 1
    """How many of its questions may be under way at once. One for each of a thousand accounts takes all too long one by
    one; the pacing holds for all of them."""

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._timetable = Timetable(self.due)
        self._crons = [each.expression for each in self.due if isinstance(each, Cron)]
        self._crons += [getattr(home.config, each.name) for each in self.due if isinstance(each, BySetting)]
        self._changed = asyncio.Event()
        self._unanswered: Sequence[Question] = ()

    @abstractmethod
    def questions(self, connection: Connection) -> Iterable[Question]:
        """What to ask now, one after the other, ``at_once`` under way: the next one is only made when there is room."""

    def again(self, connection: Connection, unanswered: Sequence[Question]) -> Iterable[Question]:
        """What to ask when it is only due because some of it was not answered: all of it, unless a subclass says so.

        :param unanswered: what of the round before was not answered, and may be asked again
        """
        del unanswered
        return self.questions(connection)

    def is_settled(self, refusal: Answer) -> bool:
        """Whether a refusal holds for as long as the connection lasts: then nothing more is asked on it, due or not."""
        del refusal
        return False

    def moments(self, connection: Connection) -> Iterable[AsyncIterator[object]]:
        """When it asks besides: moments that depend on the gateway, each yielded when it has come."""
        del connection
        return ()

    async def run(self, connection: Connection, note: Note) -> None:
        """Ask whenever it is due; see :class:`Collector`."""
        self._timetable.connected()
        moments = (*(Schedule(cron).ticks() for cron in self._crons), *self.moments(connection))
        ticks = [asyncio.ensure_future(self._follow(each)) for each in moments]
        try:
            with self.home.queue.hearing_ends(self._on_refresh):
                while not connection.lost.done():
                    await self._until_due()
                    await connection.freshness.fresh()
                    answer = await self._round(connection)
                    note(answer)
                    if self._ends(answer):
                        await connection.until(None, connection.lost)
        finally:
            await ended(*ticks)

    async def _until_due(self) -> None:
        while (due := self._timetable.due_at(now := _now())) is None or due > now:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if due is None else due - now):
                    await self._changed.wait()

    async def _round(self, connection: Connection) -> Answer:
        is_all = self._timetable.asked(_now())
        questions = self.questions(connection) if is_all else self.again(connection, self._unanswered)
        lacking: list[tuple[Question, Answer]] = []
        async with aclosing(answers(connection, questions, self.at_once)) as coming:
            async for question, answer in coming:
                if answer.ended is Ended.STALE:
                    # Everything is asked for again when the gateway has IB.
                    self._timetable.tick()
                    return answer
                if answer.ended is not Ended.WHOLE:
                    lacking.append((question, answer))
                if self._ends(answer):
                    break
        self._unanswered = [
            question for question, answer in lacking if self.is_asked_again or answer.ended is not Ended.REFUSED
        ]
        self._timetable.answered(_now(), is_whole=not lacking, is_again=bool(self._unanswered))
        return lacking[0][1] if lacking else Answer(Ended.WHOLE)

    def _ends(self, answer: Answer) -> bool:
        return answer.ended is Ended.REFUSED and self.is_settled(answer)

    def ask_now(self) -> None:
        """It is due: something that the collector goes by has changed."""
        self._timetable.tick()
        self._changed.set()

    def _on_refresh(self) -> None:
        self._timetable.refreshed()
        self._changed.set()

    async def _follow(self, moments: AsyncIterator[object]) -> None:
        async for _ in moments:
            self.ask_now()


def _now() -> float:
    return asyncio.get_running_loop().time()
