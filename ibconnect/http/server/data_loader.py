"""Questions that come at the same time, asked as one batch: a data loader.

In: single questions, from many requests at once. Out: each one's answer, as it was after the question came. A question
is asked at once while fewer than ``LOADER_BATCHES_AT_ONCE`` batches are under way; what comes meanwhile waits for
the next batch, so batches grow with the load and nobody waits for company. Equal questions of a batch are asked once.
Where several ask, each has a share of the next batch: who asks little does not wait for those who ask much.
Called by the reader of reports.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Generic, TypeVar

from ibconnect.http.server.holders import HOLDER, OURS, Holder
from ibconnect.http.server.limits import LOADER_BATCH_MAX, LOADER_BATCHES_AT_ONCE, LOADER_SHARE

Question = TypeVar("Question", bound=Hashable)
Answer = TypeVar("Answer")


class DataLoader(Generic[Question, Answer]):
    """Asks for batches of questions.

    :param ask: gives the answers to at most ``LOADER_BATCH_MAX`` questions; one that is missing among them has none
    """

    def __init__(self, ask: Callable[[list[Question]], Awaitable[Mapping[Question, Answer]]]) -> None:
        self._ask = ask
        self._waiting: OrderedDict[Holder, dict[Question, list[asyncio.Future[Answer | None]]]] = OrderedDict()
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, question: Question) -> Answer | None:
        """The answer, or None if there is none. What asking raises, each of its batch raises."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(HOLDER.get(), {}).setdefault(question, []).append(future)
        if self._under_way < LOADER_BATCHES_AT_ONCE:
            self._under_way += 1
            task = asyncio.create_task(self._answer_waiting(), name="http data loader")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _answer_waiting(self) -> None:
        # For all who wait, whoever was the first.
        HOLDER.set(OURS)
        try:
            while self._waiting:
                await self._answer_batch()
        finally:
            # Not when the task is seen to be done: what is asked in between would wait for nobody.
            self._under_way -= 1

    def _next_batch(self) -> dict[Question, list[asyncio.Future[Answer | None]]]:
        """Some questions of each holder, by rotation."""
        batch: dict[Question, list[asyncio.Future[Answer | None]]] = {}
        share = LOADER_BATCH_MAX if len(self._waiting) == 1 else LOADER_SHARE
        for holder in list(self._waiting)[:LOADER_BATCH_MAX]:
            mine = self._waiting[holder]
            for question in list(islice(mine, min(share, LOADER_BATCH_MAX - len(batch)))):
                batch.setdefault(question, []).extend(mine.pop(question))
            self._waiting.move_to_end(holder)
            if not mine:
                del self._waiting[holder]
        return batch

    async def _answer_batch(self) -> None:
        batch = self._next_batch()
        try:
            found = await self._ask(list(batch))
        except Exception as exc:  # noqa: BLE001 - whoever asked raises it
            for future in _not_left(chain.from_iterable(batch.values())):
                future.set_exception(exc)
        else:
            for question, futures in batch.items():
                for future in _not_left(futures):
                    future.set_result(found.get(question))


def _not_left(futures: Iterable[asyncio.Future[Answer]]) -> Iterator[asyncio.Future[Answer]]:
    """Without those whose client has left meanwhile."""
    return (future for future in futures if not future.done())
