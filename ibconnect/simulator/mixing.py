"""Answers to several requests sent at one time, one message of each in turn, as gateways may.

In: the messages of answers. Out: the same on the connection, mixed, each answer in its order. Used by a connection
while the fault ``mixed`` lasts.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from ibconnect.simulator.wire.frames import Fields

MIXED = frozenset(("3", "5", "10", "11", "18", "52", "53", "55", "59", "101", "102"))
"""Messages whose answers may be mixed: each says by itself what it is about."""


class Mixer:
    """Sends the answers that it takes message by message; ``send`` sends some."""

    def __init__(self, send: Callable[[Sequence[Fields]], None]) -> None:
        self._send = send
        self._answers: deque[deque[Fields]] = deque()

    def take(self, messages: Sequence[Fields]) -> bool:
        """Take an answer over, if it is one that may be mixed."""
        if len(messages) < 2 or messages[0][0] not in MIXED:
            return False
        if not self._answers:
            asyncio.get_running_loop().call_soon(self._go_on)
        self._answers.append(deque(messages))
        return True

    def _go_on(self) -> None:
        """Send the next message of the next answer, then come back while there is more."""
        answer = self._answers.popleft()
        self._send((answer.popleft(),))
        if answer:
            self._answers.append(answer)
        if self._answers:
            asyncio.get_running_loop().call_soon(self._go_on)
