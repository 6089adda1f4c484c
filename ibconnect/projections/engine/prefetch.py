"""Batches read ahead on a thread with a connection of its own, while the ones before are folded and written.

Called by :mod:`rebuild`: one core reads for the next batch while the other works on this one. At most two batches
wait, so memory stays flat.
"""

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from psycopg import Connection

from ibconnect.database.pools import connect
from ibconnect.projections.engine.projection import Projection, Reader
from ibconnect.projections.engine.reading import Batch, reach, read_batches

_WAITING = 2
_POLL_S = 0.2

Batches = Mapping[Projection, Batch | Exception]
"""What a range of positions holds for each report, or why it cannot be understood as a whole."""


@contextmanager
def prefetch(
    url: str, readers: Mapping[Projection, Reader], after: int, upto: int, size: int
) -> Iterator[Iterator[tuple[int, Batches]]]:
    """The range ``(after, upto]`` in batches of ``size`` positions, each with its end, for readers at its beginning.

    Iterating raises what reading raised, :class:`psycopg.Error` for example.
    """
    ahead = _Ahead(readers, after, upto, size)
    with closing(connect(url, name="rebuild reader")) as connection:
        thread = threading.Thread(target=ahead.run, args=(connection,), name="rebuild reader", daemon=True)
        thread.start()
        try:
            yield ahead.batches()
        finally:
            ahead.stop()
            thread.join()


class _Ahead:
    def __init__(self, readers: Mapping[Projection, Reader], after: int, upto: int, size: int) -> None:
        self._readers = readers
        self._after, self._upto, self._size = after, upto, size
        self._queue: queue.Queue[tuple[int, Batches] | Exception] = queue.Queue(_WAITING)
        self._stopping = threading.Event()

    def run(self, connection: Connection[Any]) -> None:
        """On the thread: read batch after batch."""
        try:
            after = self._after
            while after < self._upto:
                end = reach(connection, after, self._upto, self._size)
                if not self._put((end, read_batches(connection, self._readers, after, end))):
                    return
                after = end
        except Exception as exc:  # noqa: BLE001 - raised again where the batch is asked for, or it would hang there
            self._put(exc)

    def _put(self, item: tuple[int, Batches] | Exception) -> bool:
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def batches(self) -> Iterator[tuple[int, Batches]]:
        """On the caller's thread: the batches in order."""
        after = self._after
        while after < self._upto:
            item = self._queue.get()
            if isinstance(item, Exception):
                raise item
            after = item[0]
            yield item

    def stop(self) -> None:
        """Give up what has not been asked for."""
        self._stopping.set()
