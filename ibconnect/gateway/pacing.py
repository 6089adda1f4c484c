"""How fast a connection's messages may go out: the walk's first, but a third is the other collectors' if they want it.

In: messages to be sent, of two lanes. Out: the one that may go now, and when the next one may. Kept by the transport;
pure, so every function is given the time (of one clock, in seconds).

IB's documentation, "Requests": a gateway takes 50 messages a second of each connection, and ends one that goes on
sending more. One bucket of 45 tokens, each of which comes back a second after it was taken, keeps any second below
that also where some are late on their way.

There are two budgets. The walk over the accounts may take any token while nobody else waits, and 30 in a second while
others do. The others have 15 in a second whatever the walk does: with a thousand accounts it may go on for hours, and
they would not be asked for anything. Where the walk wants nothing they have 25, and leave 20 for it. They go one by
one, so that they never come in a heap, and by turns: a question of many messages does not hold up one of few.
"""

from collections import deque
from collections.abc import Callable

MOST_A_SECOND = 45
LATER_A_SECOND = 25
"""The most of the others, where the walk wants nothing."""
SHARE_A_SECOND = 15
"""What the others have beside a walk that sends all that it may."""
WALK_A_SECOND = MOST_A_SECOND - SHARE_A_SECOND
"""What the walk has beside others that do."""
_WINDOW_S = 1.0


class Batch:
    """Messages of one question that wait in the second lane.

    :param on_gone: called when the last of them goes out
    """

    def __init__(self, messages: list[bytes], on_gone: Callable[[], None]) -> None:
        self.messages = deque(messages)
        self.on_gone = on_gone

    def drop(self) -> None:
        """Send no more of them."""
        self.messages.clear()


class _Window:
    """When messages have gone out within the last second."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()

    def add(self, now: float) -> None:
        """One goes out."""
        self._sent.append(now)

    def forget(self, now: float) -> None:
        """Those of more than a second ago do not count."""
        while self._sent and now - self._sent[0] >= _WINDOW_S:
            self._sent.popleft()

    def room_at(self, most: int, now: float) -> float:
        """When there are fewer than so many."""
        return now if len(self._sent) < most else self._sent[-most] + _WINDOW_S


class Pacing:
    """Of one connection."""

    def __init__(self) -> None:
        self._all, self._walk, self._others = _Window(), _Window(), _Window()
        self._first: deque[bytes] = deque()
        self._later: deque[Batch] = deque()
        self._later_at = float("-inf")

    def put(self, message: bytes) -> None:
        """To be sent as one of the walk."""
        self._first.append(message)

    def put_later(self, batch: Batch) -> None:
        """To be sent as one of the others."""
        self._later.append(batch)

    def take(self, now: float) -> bytes | None:
        """The message that goes out now; None if none may."""
        first, later = self._due(now)
        if min(first, later) > now:
            return None
        self._all.add(now)
        if first <= now:
            self._walk.add(now)
            return self._first.popleft()
        self._later_at = now
        self._others.add(now)
        return self._take_later()

    def due_at(self, now: float) -> float | None:
        """When the next message may go out, which may be past; None if none waits."""
        due = min(self._due(now))
        return None if due == float("inf") else due

    def _take_later(self) -> bytes:
        batch = self._later.popleft()
        message = batch.messages.popleft()
        if batch.messages:
            self._later.append(batch)
        else:
            batch.on_gone()
        return message

    def _due(self, now: float) -> tuple[float, float]:
        """When the next message of each lane may go out; infinite if none waits."""
        for window in (self._all, self._walk, self._others):
            window.forget(now)
        while self._later and not self._later[0].messages:
            self._later.popleft()
        first = later = float("inf")
        if self._first:
            most = WALK_A_SECOND if self._later else MOST_A_SECOND
            first = max(self._all.room_at(MOST_A_SECOND, now), self._walk.room_at(most, now))
        if self._later:
            share = max(self._spaced(SHARE_A_SECOND), self._others.room_at(SHARE_A_SECOND, now))
            later = max(self._all.room_at(MOST_A_SECOND, now), share)
            if not self._first:
                later = min(later, max(self._spaced(LATER_A_SECOND), self._all.room_at(LATER_A_SECOND, now)))
        return first, later

    def _spaced(self, a_second: int) -> float:
        return self._later_at + _WINDOW_S / a_second
