"""What waits to be sent to a gateway: written to the socket as the pacing allows.

In: encoded messages, urgent ones and such as may wait. Out: the same, written one by one. One for each connection, kept
by the transport.
"""

import asyncio
from collections.abc import Callable

from ibconnect.gateway.pacing import Batch, Pacing


class Outbox:
    """Of one connection.

    :param write: puts a message on the wire
    """

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._pacing = Pacing()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def put(self, message: bytes) -> None:
        """Send an urgent message, at once if it may."""
        self._pacing.put(message)
        self._send()

    def put_later(self, messages: list[bytes], on_gone: Callable[[], None]) -> Batch:
        """Send messages when nothing urgent waits; they can be dropped until then.

        :param on_gone: called when the last of them goes out: before anything can be answered
        """
        batch = Batch(messages, on_gone)
        self._pacing.put_later(batch)
        self._send()
        return batch

    def close(self) -> None:
        """Send nothing more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while not self._is_closed and (message := self._pacing.take(self._loop.time())) is not None:
            self._write(message)
        if not self._is_closed and (due := self._pacing.due_at(self._loop.time())) is not None:
            self._timer = self._loop.call_at(due, self._send)
