"""Batches read ahead on a thread with a connection of its own, while the ones before are folded and written.

Called by :mod:`rebuild`: one core reads for the next batch while the other works on this one. At most two batches
wait, so memory stays flat.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from psycopg import Connection

from ibconnect.database.pools import connect
from ibconnect.projections.accounts.sessions import Sessions
from ibconnect.projections.engine.batches import Batch, reach, read_batch

_WAITING = 2
_POLL_S = 0.2


@contextmanager
def prefetch(url: str, sessions: Sessions, after: int, upto: int, size: int) -> Iterator[Iterator[Batch]]:
    """The range ``(after, upto]`` in batches of ``size`` positions; ``sessions`` is what is open at its beginning.

    Iterating raises what reading raised, :class:`psycopg.Error` for example.
    """
    reader = _Reader(sessions, after, upto, size)
    with closing(connect(url, name="rebuild reader")) as connection:
        thread = threading.Thread(target=reader.run, args=(connection,), name="rebuild reader", daemon=True)
        thread.start()
        try:
            yield reader.batches()
        finally:
            reader.stop()
            thread.join()


class _Reader:
    def __init__(self, sessions: Sessions, after: int, upto: int, size: int) -> None:
        self._sessions = sessions
        self._after, self._upto, self._size = after, upto, size
        self._queue: queue.Queue[Batch | Exception] = queue.Queue(_WAITING)
        self._stopping = threading.Event()

    def run(self, connection: Connection[Any]) -> None:
        """On the thread: read batch after batch."""
        try:
            after = self._after
            while after < self._upto:
                end = reach(connection, after, self._upto, self._size)
                if not self._put(read_batch(connection, self._sessions, after, end)):
                    return
                after = end
        except Exception as exc:  # noqa: BLE001 - raised again where the batch is asked for, or it would hang there
            self._put(exc)

    def _put(self, item: Batch | Exception) -> bool:
        while not self._stopping.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def batches(self) -> Iterator[Batch]:
        """On the caller's thread: the batches in order."""
        after = self._after
        while after < self._upto:
            item = self._queue.get()
            if isinstance(item, Exception):
                raise item
            yield item
            after = item.upto

    def stop(self) -> None:
        """Give up what has not been asked for."""
        self._stopping.set()
