"""How fast a connection's messages may go out: the walk's first, those of all other collectors in what is left.

In: messages to be sent, of two lanes. Out: the one that may go now, and when the next one may. Kept by the transport;
pure, so every function is given the time (of one clock, in seconds).

IB's documentation, "Requests": a gateway takes 50 messages a second of each connection, and ends one that goes on
sending more. One bucket of 45 tokens, each of which comes back a second after it was taken, keeps any second below
that also where some are late on their way. The walk over the accounts may take any of them. The others leave 20 for
it, go one by one so that they never come in a heap, and wait while anything of the walk does: a walk that sends as
fast as it may has the connection to itself, and none is later by more than a second because of them.
"""

from collections import deque
from collections.abc import Callable

MOST_A_SECOND = 45
LATER_A_SECOND = 25
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


class Pacing:
    """Of one connection."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()
        self._first: deque[bytes] = deque()
        self._later: deque[Batch] = deque()
        self._later_at = float("-inf")

    def put(self, message: bytes) -> None:
        """To be sent before everything of the second lane."""
        self._first.append(message)

    def put_later(self, batch: Batch) -> None:
        """To be sent when nothing of the first lane waits, and there is room for more than that."""
        self._later.append(batch)

    def take(self, now: float) -> bytes | None:
        """The message that goes out now; None if none may."""
        due = self.due_at(now)
        if due is None or due > now:
            return None
        self._sent.append(now)
        if self._first:
            return self._first.popleft()
        self._later_at = now
        batch = self._later[0]
        message = batch.messages.popleft()
        if not batch.messages:
            batch.on_gone()
        return message

    def due_at(self, now: float) -> float | None:
        """When the next message may go out, which may be past; None if none waits."""
        while self._sent and now - self._sent[0] >= _WINDOW_S:
            self._sent.popleft()
        if self._first:
            return now if len(self._sent) < MOST_A_SECOND else self._sent[-MOST_A_SECOND] + _WINDOW_S
        while self._later and not self._later[0].messages:
            self._later.popleft()
        if not self._later:
            return None
        spaced = self._later_at + _WINDOW_S / LATER_A_SECOND
        return spaced if len(self._sent) < LATER_A_SECOND else max(spaced, self._sent[-LATER_A_SECOND] + _WINDOW_S)
