"""The socket of one client of a replay: greets as the recorded gateway did, and ends as it did.

In and out as :mod:`ibconnect.simulator.connection`. Called by ``replay.server``.
"""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from typing import Protocol

from ibconnect.events.reader import RecordedSession
from ibconnect.simulator.connection import Connection, Owner
from ibconnect.simulator.wire.frames import frame, payload

# How long a client may take to close its side; then we do.
_CLOSE_S = 5.0


class Replaying(Owner, Protocol):
    """What a connection asks of the replay besides what is reported to any gateway."""

    @property
    def standing_at(self) -> RecordedSession: ...


class ReplayConnection(Connection):
    """A connection that plays ``session``, the one at which the replay stood when the client greeted.

    ``is_finished``: everything was sent, the client has only to close. ``when_lost`` is called once that is done.
    """

    def __init__(self, owner: Replaying, number: int, record: bool) -> None:
        super().__init__(owner, number, record)
        self.session = owner.standing_at
        self.is_finished = False
        self.when_lost: Callable[[], None] | None = None
        self._replaying = owner

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.when_lost is not None:
            self.when_lost()

    def _answer_hello(self) -> None:
        self.session = self._replaying.standing_at
        self.version = self._replaying.negotiate(self.hello)
        if self.version < self.hello.lowest:
            self._refuse(503, "The TWS is out of date and must be upgraded.")
        self._emit(frame(payload((str(self.version), self._replaying.connection_time()))))

    def finish(self, unfinished: str = "") -> None:
        """Send what the recording ends with (base64 of an incomplete frame), then close our side.

        Not both sides at once: bytes of the client that we had not read would make the kernel reset the connection,
        and the client could lose the end of what it was sent.
        """
        if self._transport is None or self.closed:
            return
        self.is_finished = True
        self._emit(b64decode(unfinished))
        self._transport.write_eof()
        asyncio.get_running_loop().call_later(_CLOSE_S, self.close)
