"""Turns at what is scarce, divided fairly: who asks for much waits for himself, the others do not wait for him.

In: a holder who wants a turn. Out: his turn, in the order in which he asked for them, by rotation among all holders.
Called by whatever works for requests: pools of connections (:class:`Turns`), and what computes in the event loop
(:class:`Gate`).
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

from ibconnect.http.server.holders import HOLDER, OURS, Company, Held, Holder
from ibconnect.http.server.limits import GATE_LOOK_SECONDS, TURN_SECONDS
from ibconnect.http.server.problems import Code, Problem

_Wait = asyncio.Future[None]


class _Queue:
    """Those who wait, by holder."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Holder, deque[_Wait]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def __contains__(self, holder: Holder) -> bool:
        return holder in self._waiting

    def __len__(self) -> int:
        return sum(not wait.done() for waits in self._waiting.values() for wait in waits)

    def add(self, holder: Holder) -> _Wait:
        """Queue up."""
        wait: _Wait = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(holder, deque()).append(wait)
        return wait

    def next(self, may: Callable[[Holder], bool]) -> tuple[Holder, _Wait] | None:
        """Who is next, of those who may; he goes to the end of the rotation."""
        for holder, waits in list(self._waiting.items()):
            while waits and waits[0].done():
                waits.popleft()  # given up
            if waits and not may(holder):
                continue
            wait = waits.popleft() if waits else None
            if waits:
                self._waiting.move_to_end(holder)
            else:
                del self._waiting[holder]
            if wait is not None:
                return holder, wait
        return None

    def fail(self, exc: Exception) -> None:
        """Let all who wait fail."""
        for waits in self._waiting.values():
            for wait in waits:
                if not wait.done():
                    wait.set_exception(exc)
        self._waiting.clear()


class Turns:
    """Turns of any length.

    :param most: how many are taken at once
    :param most_each: how many by one holder while he is alone, so that others who come find one free; in company it is
        one. What is our own is bounded elsewhere
    """

    def __init__(self, most: int, most_each: int, company: Company) -> None:
        self._most = most
        self._most_each = most_each
        self._company = company
        self._taken = Held()
        self._queue = _Queue()

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._queue)

    async def take(self) -> Holder:
        """Wait for a turn of the current holder, who has to give it back.

        :raises Problem: his turn has not come for a long time
        :raises TimeoutError: nor has ours, which is nobody's fault who has asked
        """
        holder = HOLDER.get()
        self._company.note(holder)
        if holder not in self._queue and self._may(holder):
            self._taken.add(holder)
            return holder
        wait = self._queue.add(holder)
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await wait
        except TimeoutError:
            self._unwanted(holder, wait)
            if holder == OURS:
                raise
            raise Problem(Code.TOO_MANY_OF_TOKEN, "what was asked before this takes too long") from None
        except BaseException:
            self._unwanted(holder, wait)
            raise
        return holder

    def _unwanted(self, holder: Holder, wait: _Wait) -> None:
        """Its turn may have come in the very moment in which it was given up."""
        if wait.done() and not wait.cancelled() and wait.exception() is None:
            self.give(holder)

    def _may(self, holder: Holder) -> bool:
        if self._taken.total() >= self._most:
            return False
        if holder == OURS or not (taken := self._taken[holder]):
            return True
        return taken < self._most_each and not self._company.has_other_than(holder)

    def give(self, holder: Holder) -> None:
        """Give a turn back."""
        self._taken.remove(holder)
        while (found := self._queue.next(self._may)) is not None:
            whose, wait = found
            self._taken.add(whose)
            wait.set_result(None)

    def fail(self, exc: Exception) -> None:
        """What a turn is for cannot be had at all: nobody waits for his own failure."""
        self._queue.fail(exc)


class Gate:
    """Lets pieces of computing through one at a time: between two of them the event loop does all else that is due.

    In company a holder then pauses for as long as he has computed, whichever of his requests it was for.
    """

    def __init__(self, company: Company) -> None:
        self._company = company
        self._queue = _Queue()
        self._is_due = False
        self._free_at: dict[Holder, float] = {}

    @asynccontextmanager
    async def piece(self) -> AsyncIterator[None]:
        """Compute for some milliseconds, without waiting for anything, while the context lasts."""
        holder = HOLDER.get()
        self._company.note(holder)
        if self._is_due or not self._may(holder):
            if not self._is_due:
                self._look_soon()
            await self._queue.add(holder)
        else:
            self._look_soon()
        began = monotonic()
        try:
            yield
        finally:
            now = monotonic()
            self._free_at[holder] = now + (now - began)

    def _may(self, holder: Holder) -> bool:
        return self._free_at.get(holder, 0.0) <= monotonic() or not self._company.has_other_than(holder)

    def _look_soon(self) -> None:
        self._is_due = True
        asyncio.get_running_loop().call_soon(self._let_one)

    def _let_one(self) -> None:
        self._is_due = False
        if (found := self._queue.next(self._may)) is not None:
            found[1].set_result(None)
            self._look_soon()
        elif self._queue:
            self._is_due = True
            asyncio.get_running_loop().call_later(GATE_LOOK_SECONDS, self._let_one)
        else:
            now = monotonic()
            self._free_at = {holder: at for holder, at in self._free_at.items() if at > now}
