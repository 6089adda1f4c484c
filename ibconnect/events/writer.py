"""The hand-over between the event loop and the database: the writer thread.

In: rows, put by sessions on the event loop. Out: batches committed by the recorder, in order, exactly once.
Rows go to the journal first, so that a killed process loses none of them and an outage of Postgres costs no
memory; the thread follows the journal with one COPY per batch. A short linger lets a burst become one commit.

What is committed stays in the journal a little longer: a standby that is promoted may lack the last commits of
the server it replaces. After each lost connection the thread goes back to the oldest row that it still has, and
the recorder leaves out what is stored.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from ibconnect import observe as o
from ibconnect.errors import DatabaseError, DatabaseUnavailable, InboxClosed
from ibconnect.events.adoption import FENCED, adopt
from ibconnect.events.journal import Batch, Journal, Mark
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.refused import set_aside
from ibconnect.events.rows import decode_rows
from ibconnect.observe import Kind, observe

# A burst of messages arrives within a few milliseconds; waiting this long makes it one commit.
LINGER_S = 0.004
# How long, and how many bytes, a commit is remembered for the case that its server is replaced by a standby.
KEEP_S = 10.0
KEEP_BYTES = 16 << 20
_RETRY_S = (0.1, 0.2, 0.5, 1.0)
_ENTER_MARKS = 4096


class _Entry(NamedTuple):
    entered: float
    end: Mark


class _Stored(NamedTuple):
    at: float
    end: Mark
    size: int


class Writer:
    """One per process. ``put`` and ``flushed`` belong to the event loop, all else to the thread."""

    def __init__(self, recorder: EventRecorder, spool: Path, max_bytes: int) -> None:
        self._recorder = recorder
        self._root = spool
        self._journal = Journal(spool, max_bytes)
        self._keep_bytes = min(KEEP_BYTES, max_bytes // 8)
        self._oldest = self._next = self._done = self._journal.end
        self._doubtful_upto = self._done
        self._committed = 0
        self._kept: deque[_Stored] = deque()
        self._kept_bytes = 0
        self._entries: deque[_Entry] = deque(maxlen=_ENTER_MARKS)
        self._wake = threading.Event()
        self._closing = False
        self._away_since: float | None = None
        self._is_failing = False
        self._waiters: list[tuple[Mark, asyncio.Future[None]]] = []
        self._adoptions: list[asyncio.Future[None]] = []
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    async def start(self) -> None:
        """Adopt what killed processes left in the spool, as soon as Postgres takes it, and follow the journal."""
        self._loop = asyncio.get_running_loop()
        self._adoptions.append(self._loop.create_future())
        self._thread.start()

    @property
    def is_online(self) -> bool:
        """Whether the last batch went to Postgres rather than staying in the spool."""
        return self._away_since is None

    @property
    def has_room(self) -> bool:
        """Whether a session may begin."""
        return self._journal.has_room

    def is_fenced(self, session: UUID) -> bool:
        """Whether this session must end: somebody else has closed it, or it has a hole."""
        return session.bytes in self._recorder.fenced

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

    async def flushed(self) -> None:
        """Wait until everything put so far is committed."""
        target = self._journal.end
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._guard:
            if self._done >= target:
                return
            self._waiters.append((target, future))
        await future

    async def adopted(self) -> None:
        """Wait until everything that processes killed so far left in the spool is stored."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._guard:
            self._adoptions.append(future)
        self._wake.set()
        await future

    async def close(self, patience_s: float) -> bool:
        """Commit what is there, or leave it in the spool for the next start; tell whether all was committed."""
        self._closing = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join, patience_s)
        is_done = self._done == self._journal.end
        self._journal.close(is_done=is_done)
        self._recorder.release()
        return is_done

    def _run(self) -> None:
        attempt = 0
        while True:
            try:
                is_stored = self._store_next()
            except DatabaseUnavailable as exc:
                self._note_away(exc)
                is_stored = False
            except Exception as exc:  # noqa: BLE001 - without this thread nothing would ever be stored again
                self._note_failure(exc)
                is_stored = False
            if is_stored:
                attempt = 0
            elif self._closing:
                return
            elif is_stored is None:
                self._wake.wait(1.0)
                self._wake.clear()
                time.sleep(LINGER_S)
            else:
                time.sleep(_RETRY_S[min(attempt, len(_RETRY_S) - 1)])
                attempt += 1

    def _store_next(self) -> bool | None:
        """Store the next batch; None if there is none.

        :raises DatabaseUnavailable: Postgres does not take it now
        """
        self._adopt()
        self._forget_old()
        batch = self._journal.read(self._next, self._done if self._next < self._done else None)
        if batch is None:
            return None
        self._append(batch)
        self._note_stored(batch)
        return True

    def _adopt(self) -> None:
        with self._guard:
            waiting = tuple(self._adoptions)
        if waiting:
            adopt(self._root, self._recorder)
            with self._guard:
                del self._adoptions[: len(waiting)]
            self._resolve(waiting)

    def _append(self, batch: Batch) -> None:
        journal = self._journal.directory.name
        try:
            appended = self._recorder.append(batch.data, is_doubtful=self._next < self._doubtful_upto)
            if appended.fenced:
                set_aside(self._root, journal, appended.fenced, FENCED)
        except DatabaseUnavailable:
            raise
        except DatabaseError as exc:
            set_aside(self._root, journal, batch.data, exc)
            self._recorder.fenced.update(row.session for row in decode_rows(batch.data))

    def _forget_old(self) -> None:
        if self._away_since is not None or self._next < self._done:
            return
        now, oldest = time.monotonic(), self._oldest
        while self._kept and (now - self._kept[0].at > KEEP_S or self._kept_bytes > self._keep_bytes):
            stored = self._kept.popleft()
            self._kept_bytes -= stored.size
            self._oldest = stored.end
        if self._oldest == oldest:
            return
        place = self._journal.forget(self._oldest)
        if place != self._oldest:
            self._oldest = self._next = place
            self._advance(place)

    def _note_stored(self, batch: Batch) -> None:
        self._note_back()
        self._next = batch.end
        if batch.end > self._done:
            self._note_batch(batch)
            self._kept.append(_Stored(time.monotonic(), batch.end, batch.size))
            self._kept_bytes += batch.size
            self._committed += batch.size
            o.SPOOL_BYTES.set(self._journal.appended - self._committed)
            self._advance(batch.end)

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
        o.SPOOL_BYTES.set(self._journal.appended - self._committed)
        self._next = self._oldest
        self._doubtful_upto = self._journal.end
        if self._away_since is None:
            self._away_since = time.monotonic()
            observe(Kind.SPOOL_STARTED, error=exc)

    def _note_failure(self, exc: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            observe(Kind.WRITER_FAILED, error=exc)

    def _note_back(self) -> None:
        self._is_failing = False
        if self._away_since is not None:
            observe(Kind.SPOOL_DRAINED, away_seconds=round(time.monotonic() - self._away_since, 1))
            self._away_since = None

    def _advance(self, done: Mark) -> None:
        with self._guard:
            self._done = done
            ready = [future for mark, future in self._waiters if mark <= done]
            self._waiters = [pair for pair in self._waiters if pair[0] > done]
        self._resolve(ready)

    def _resolve(self, futures: Sequence[asyncio.Future[None]]) -> None:
        if futures and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_set_results, futures)


def _set_results(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
