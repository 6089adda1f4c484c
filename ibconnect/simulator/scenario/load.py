"""Load: account updates at a given rate, or as fast as a client reads.

In: full sets of an account's updates (``accounts.LOAD``). Out: the same sets over and over, encoded
once, written in large chunks that stop while the socket is full. Called by ``server`` for each account
subscription when the option ``rate`` is set.
"""

import asyncio
import math
from collections.abc import Callable, Sequence

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.wire.frames import Fields, frame, payload
from ibconnect.simulator.wire.messages import for_version

BLOCKS = 16
"""Different states of the account that the load goes through before it begins again."""
_CHUNK = 512
_TICK = 0.01


class Carousel:
    """Encoded messages that repeat; :meth:`take` gives the next ones."""

    def __init__(self, blocks: Sequence[Sequence[Fields]], version: int) -> None:
        self.bodies = [payload(for_version(fields, version)) for block in blocks for fields in block]
        self.frames = [frame(body) for body in self.bodies]
        self._chunks: dict[tuple[int, int], bytes] = {}
        self._next = 0

    def take(self, count: int) -> tuple[bytes, int, int]:
        """At most ``count`` messages up to the end of the round: their bytes, and their range."""
        start, end = self._next, min(self._next + count, len(self.frames))
        self._next = end % len(self.frames)
        if count < _CHUNK:
            return b"".join(self.frames[start:end]), start, end
        data = self._chunks.get((start, end))
        if data is None:
            data = self._chunks[start, end] = b"".join(self.frames[start:end])
        return data, start, end


async def stream(
    connection: Connection, blocks: Sequence[Sequence[Fields]], rate: float, limit: int, wanted: Callable[[], bool]
) -> None:
    """Send at ``rate`` messages a second (``inf`` = without a limit), ``limit`` in all (0 = for ever), while wanted."""
    carousel = Carousel(blocks, connection.version)
    left = limit or math.inf
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    while carousel.frames and left and wanted():
        due = _CHUNK if rate == math.inf else int((loop.time() - began) * rate) - sent
        count = int(min(_CHUNK, due, left))
        if count > 0 and not connection.silent:
            done = _send(connection, carousel, count)
            sent += done
            left -= done
        await connection.writable.wait()
        await asyncio.sleep(0 if count == _CHUNK and not connection.silent else _TICK)


def _send(connection: Connection, carousel: Carousel, count: int) -> int:
    data, start, end = carousel.take(count)
    connection.send_block(data, lambda: carousel.bodies[start:end], end - start)
    return end - start
