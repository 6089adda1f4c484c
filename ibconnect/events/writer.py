"""The hand-over between the event loop and the database: the writer thread.

In: rows, put by sessions on the event loop. Out: batches committed by the recorder, in order, exactly once.
Rows go to the journal first, so that a killed process loses none of them and an outage of Postgres costs no
memory; the thread follows the journal with one COPY per batch. A short linger lets a burst become one commit.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ibconnect import observe as o
from ibconnect.errors import DatabaseError, DatabaseUnavailable, EventError, InboxClosed
from ibconnect.events.journal import Batch, Journal, JournalFull, Mark, leftovers
from ibconnect.events.recorder import EventRecorder
from ibconnect.observe import Kind, observe

# A burst of messages arrives within a few milliseconds; waiting this long makes it one commit.
LINGER_S = 0.004
_RETRY_S = (0.1, 0.2, 0.5, 1.0)
_ENTER_MARKS = 4096


class _Entry(NamedTuple):
    entered: float
    end: Mark


class Writer:
    """One per process. ``put`` and ``flushed`` belong to the event loop, all else to the thread."""

    def __init__(self, recorder: EventRecorder, spool: Path, max_bytes: int) -> None:
        self._recorder = recorder
        self._root = spool
        self._journal = Journal(spool, max_bytes)
        self._done = self._journal.end
        self._entries: deque[_Entry] = deque(maxlen=_ENTER_MARKS)
        self._wake = threading.Event()
        self._closing = False
        self._away_since: float | None = None
        self._waiters: list[tuple[Mark, asyncio.Future[None]]] = []
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self.on_full: Callable[[], None] | None = None

    async def start(self) -> None:
        """Adopt what killed processes left in the spool (as far as Postgres takes it now), then follow the journal.

        :raises DatabaseUnavailable: Postgres is away while there is something to adopt
        """
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(adopt, self._root, self._recorder)
        self._thread.start()

    @property
    def is_online(self) -> bool:
        """Whether the last batch went to Postgres rather than staying in the spool."""
        return self._away_since is None

    def put(self, data: bytes, rows: int) -> Mark:
        """Take rows (see :mod:`ibconnect.events.rows`), in order.

        :raises InboxClosed: the writer is closing
        :raises JournalFull: the spool is full; none of these rows was taken
        """
        if self._closing:
            raise InboxClosed("the recorder is closing")
        end = self._journal.append(data, rows)
        self._entries.append(_Entry(time.monotonic(), end))
        self._wake.set()
        return end

    @property
    def has_room(self) -> bool:
        """Whether a session may begin: the spool is less than half full."""
        return self._journal.bytes_kept < self._journal.max_bytes // 2

    async def flushed(self) -> None:
        """Wait until everything put so far is committed."""
        target = self._journal.end
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._guard:
            if self._done >= target or self._journal.bytes_kept == 0:
                return
            self._waiters.append((target, future))
        await future

    async def close(self, patience_s: float) -> bool:
        """Commit what is there, or leave it in the spool for the next start; tell whether all was committed."""
        self._closing = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join, patience_s)
        committed = self._journal.bytes_kept == 0
        self._journal.close()
        self._recorder.release()
        return committed

    def _run(self) -> None:
        attempt = 0
        while True:
            batch = self._journal.read(self._done)
            if batch is None:
                if self._closing:
                    return
                self._wake.wait(1.0)
                self._wake.clear()
                time.sleep(LINGER_S)
            elif self._store(batch):
                attempt = 0
            elif self._closing:
                return
            else:
                time.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1

    def _store(self, batch: Batch) -> bool:
        try:
            appended = self._recorder.append(batch.data, is_doubtful=self._away_since is not None)
            if appended.fenced:
                set_aside(self._root, appended.fenced, EventError("their session was closed by another instance"))
        except DatabaseUnavailable as exc:
            self._note_away(exc)
            return False
        except (DatabaseError, EventError) as exc:
            set_aside(self._root, batch.data, exc)
        self._note_back()
        self._note_batch(batch)
        done = self._journal.forget(self._done, batch.end)
        o.SPOOL_BYTES.set(self._journal.bytes_kept)
        self._advance(done)
        return True

    def _note_batch(self, batch: Batch) -> None:
        now = time.monotonic()
        o.BATCH_EVENTS.observe(batch.rows)
        oldest = None
        while self._entries and self._entries[0].end <= batch.end:
            entry = self._entries.popleft()
            oldest = oldest or entry.entered
        if oldest is not None:
            o.COMMIT_SECONDS.observe(now - oldest)

    def _note_away(self, exc: Exception) -> None:
        o.SPOOL_BYTES.set(self._journal.bytes_kept)
        if self._away_since is None:
            self._away_since = time.monotonic()
            observe(Kind.SPOOL_STARTED, error=exc)

    def _note_back(self) -> None:
        if self._away_since is not None:
            observe(Kind.SPOOL_DRAINED, away_seconds=round(time.monotonic() - self._away_since, 1))
            self._away_since = None

    def _advance(self, done: Mark) -> None:
        with self._guard:
            self._done = done
            empty = self._journal.bytes_kept == 0
            ready = [future for mark, future in self._waiters if empty or mark <= done]
            self._waiters = [] if empty else [pair for pair in self._waiters if pair[0] > done]
        if ready and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_resolve, ready)


def _resolve(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def set_aside(spool: Path, data: bytes, exc: Exception) -> None:
    """Keep rows that the event store does not take in a file, and say so: nothing that arrived is thrown away."""
    path = spool / f"refused-{time.time_ns()}.rows"
    path.write_bytes(data)
    observe(Kind.EVENTS_REFUSED, error=exc, bytes=len(data), kept_in=str(path))


def adopt(spool: Path, recorder: EventRecorder) -> int:
    """Store what killed processes left in the spool, in order; return the number of events.

    :raises DatabaseUnavailable: Postgres does not take them now; they stay where they are
    """
    count = 0
    for leftover in leftovers(spool):
        for batch in leftover.batches():
            appended = recorder.append(batch.data, is_doubtful=True)
            if appended.fenced:
                set_aside(spool, appended.fenced, EventError("their session was closed by another instance"))
            count += batch.rows
        leftover.discard()
    return count


__all__ = ["LINGER_S", "JournalFull", "Writer", "adopt"]
