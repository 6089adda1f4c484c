"""The hand-over between the event loop and the database: the writer thread.

In: rows, put by streams on the event loop. Out: batches committed by the recorder, in order, exactly once.
Rows go to the journal first, so that a killed process loses none of them and an outage of Postgres costs no
memory; the thread follows the journal with one COPY per batch. A short linger lets a burst become one commit.

What is committed stays in the journal a little longer: a standby that is promoted may lack the last commits of
the server it replaces. After each failure the thread goes back to the oldest row that it still has, and the recorder
leaves out what is stored. Whatever keeps a batch from being stored, it is tried again; only a journal that cannot be
read back ends the thread, and with it the process: the next start stores what can be read.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from ibconnect import observe as o
from ibconnect.database_url import place
from ibconnect.errors import DatabaseUnavailable, InboxClosed
from ibconnect.events.copy_format import encode_row
from ibconnect.events.journal import Journal
from ibconnect.events.kept import DAMAGED, UNOPENED, bytes_of
from ibconnect.events.mapper import encode_own
from ibconnect.events.notes import Notes
from ibconnect.events.quarantine import QUARANTINED
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.recovery.spool import Recovery, append
from ibconnect.events.recovery.streams import spool_full
from ibconnect.events.segments import Batch, JournalDamaged, Mark
from ibconnect.events.tally import Chunk, Tally
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.troubles import State, brief, looking

# A burst of messages arrives within a few milliseconds; waiting this long makes it one commit.
LINGER_S = 0.004
# How long, and how many bytes, a commit is remembered for the case that its server is replaced by a standby.
KEEP_S = 10.0
KEEP_BYTES = 16 << 20
# Events that wait for longer than this count as waiting, also if Postgres has said nothing at all.
STUCK_S = 10.0
_RETRY_S = (0.1, 0.2, 0.5, 1.0)
# How long a journal is tried again that cannot be read back.
_GIVE_UP_S = 2.0


class _Stored(NamedTuple):
    at: float
    end: Mark
    size: int


class Writer:
    """One per process. ``put`` and ``flushed`` belong to the event loop, all else to the thread.

    :param on_death: called, by the thread, with what it died of; nothing is stored any more then
    :param gateways: those whose events it takes: a part of the spool is kept for each
    :raises OSError: the spool cannot be written
    """

    def __init__(
        self,
        recorder: EventRecorder,
        spool: Path,
        max_bytes: int,
        on_death: Callable[[BaseException], None] | None = None,
        gateways: Sequence[str] = (),
    ) -> None:
        self._recorder = recorder
        self._root = spool
        self._on_death = on_death
        self.notes = Notes(spool)
        """What could not be recorded since the spool was full."""
        try:
            self._journal = Journal(spool, max_bytes, gateways)
        except BaseException:
            self.notes.close()
            raise
        self._recovery = Recovery(spool, recorder, self.notes, self._note_answer)
        self._journal.beside = self._recovery.survey()
        self._keep_bytes = min(KEEP_BYTES, max_bytes // 8)
        self._oldest = self._forgotten = self._next = self._done = self._journal.end
        self._doubtful_upto = self._done
        self._kept: deque[_Stored] = deque()
        self._kept_bytes = 0
        self._tally = Tally()
        self._wake = threading.Event()
        self._closing = False
        self._stored_at = time.monotonic()
        self._damaged_since: float | None = None
        self._away = State(Trouble.EVENTS_WAIT, database=place(recorder.url))
        self._failing = State(Trouble.WRITER_FAILS)
        self._littered = State(Trouble.WRITER_FAILS)
        self._quarantined = State(Trouble.EVENTS_KEPT)
        self._waiters: list[tuple[Mark, asyncio.Future[None]]] = []
        self._recoveries: list[asyncio.Future[None]] = []
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._live, name="writer", daemon=True)
        self._ends = [
            looking(self.look),
            o.SPOOL_BYTES.add(lambda: {(): float(self._journal.bytes_after(self._done))}),
            o.SPOOL_LEFTOVER_BYTES.add(lambda: {(): float(self._recovery.waiting_bytes)}),
            o.SPOOL_KEPT_BYTES.add(self._bytes_kept),
        ]

    async def start(self) -> None:
        """Store what killed processes left in the spool, as soon as Postgres takes it, and follow the journal."""
        self._loop = asyncio.get_running_loop()
        self._recoveries.append(self._loop.create_future())
        self._thread.start()

    @property
    def is_online(self) -> bool:
        """Whether what arrives is stored, rather than staying in the spool for whatever reason."""
        return not (self._away.lasts or self._is_stuck())

    def _is_stuck(self) -> bool:
        now, oldest = time.monotonic(), self._tally.oldest
        return oldest is not None and min(now - oldest, now - self._stored_at) > STUCK_S

    def has_room_for(self, gateway: str) -> bool:
        """Whether a session with this gateway may begin."""
        if not self._journal.has_room_for(gateway):
            return False
        self.notes.reserve()
        return True

    def end_sessions(self) -> None:
        """Record the ends of sessions that could not record them, since the spool was full.

        :raises JournalFull: there is no room yet
        """
        for cut in self.notes.own():
            event = spool_full(cut.session, cut.version + 1, cut.at)
            self.put(encode_row(cut.session.bytes, cut.version + 1, event.TOPIC.encode(), encode_own(event)), 1)
            self.notes.ended([cut.session])

    def is_fenced(self, session: UUID) -> bool:
        """Whether this session must end: somebody else has closed it, or it has a hole."""
        return session.bytes in self._recorder.fenced

    def put(self, data: bytes, rows: int, chunk: Chunk | None = None) -> Mark:
        """Take rows (see :mod:`ibconnect.events.copy_format`), in order; ``chunk`` says what they are, to be counted.

        :raises InboxClosed: the writer is closing
        :raises JournalFull: the spool is full; none of these rows was taken
        """
        if self._closing:
            raise InboxClosed("the recorder is closing")
        with self._guard:
            end = self._journal.append(data, rows, chunk.gateway if chunk else "")
            self._tally.enter(end, chunk)
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

    async def recovered(self) -> None:
        """Wait until everything that processes killed so far left in the spool is stored, as far as it can be."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._guard:
            self._recoveries.append(future)
        self._wake.set()
        await future

    async def close(self, patience_s: float) -> bool:
        """Commit what is there, or leave it in the spool for the next start; return whether all was committed."""
        self._closing = True
        self._wake.set()
        await asyncio.to_thread(self._thread.join, patience_s)
        is_done = self._done == self._journal.end
        if not is_done:
            observe(Kind.SPOOL_LEFT, bytes=self._journal.bytes_after(self._done))
        for end in self._ends:
            end()
        for state in (self._away, self._failing, self._littered, self._quarantined):
            state.forget()
        self._recovery.forget()
        self.notes.close()
        self._journal.close(is_done=is_done)
        self._recorder.release()
        return is_done

    def _live(self) -> None:
        try:
            self._run()
        except BaseException as exc:
            if self._on_death is None:
                raise
            self._on_death(exc)

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
        :raises JournalDamaged: it cannot be read back
        """
        self._recover()
        self._forget_old()
        batch = self._journal.read(self._next, self._done if self._next < self._done else None)
        if batch is None:
            self._journal.check()
            self._note_nothing_waits()
        self._damaged_since = None
        if batch is None:
            return None
        is_doubtful = self._next < self._doubtful_upto
        name = self._journal.directory.name
        quarantined = append(self._root, name, batch, self._recorder, is_doubtful=is_doubtful)
        self._note_stored(batch, quarantined)
        return True

    def _recover(self) -> None:
        with self._guard:
            waiting = tuple(self._recoveries)
        if waiting or self._recovery.is_due:
            try:
                self._recovery.run()
            finally:
                self._journal.beside = self._recovery.waiting_bytes
            with self._guard:
                del self._recoveries[: len(waiting)]
            self._resolve(waiting)

    def _forget_old(self) -> None:
        if self._away.lasts or self._next < self._done:
            return
        now = time.monotonic()
        while self._kept and (now - self._kept[0].at > KEEP_S or self._kept_bytes > self._keep_bytes):
            stored = self._kept.popleft()
            self._kept_bytes -= stored.size
            self._oldest = stored.end
        if self._oldest == self._forgotten:
            return
        try:
            place = self._journal.forget(self._oldest)
        except OSError as exc:
            # What is stored and cannot be removed takes room; it must not keep anything from being stored.
            self._littered.note(f"what is stored cannot be removed from the spool: {brief(exc)}", error=exc)
            return
        self._littered.over()
        self._forgotten = place
        if place != self._oldest:
            self._oldest = self._next = place
            self._advance(place)

    def _note_stored(self, batch: Batch, quarantined: bytes) -> None:
        self._note_back()
        self._next = batch.end
        if batch.end > self._done:
            o.BATCH_EVENTS.observe(batch.rows)
            self._kept.append(_Stored(time.monotonic(), batch.end, batch.size))
            self._kept_bytes += batch.size
            with self._guard:
                self._tally.stored(batch.end, quarantined)
            self._advance(batch.end)

    def _note_away(self, exc: Exception) -> None:
        self._next = self._oldest
        self._doubtful_upto = self._journal.end
        self._away.note(brief(exc), error=exc)

    def _note_failure(self, exc: Exception) -> None:
        """Whatever it was: the batch may or may not be stored, so it is given again as after a lost connection."""
        self._failing.note(brief(exc), error=exc)
        if not isinstance(exc, JournalDamaged):
            self._note_away(exc)
            return
        self._away.note(brief(exc), error=exc)
        self._damaged_since = self._damaged_since or time.monotonic()
        if time.monotonic() - self._damaged_since > _GIVE_UP_S:
            raise exc

    def _note_answer(self) -> None:
        self._stored_at = time.monotonic()

    def _note_back(self) -> None:
        self._note_answer()
        self._failing.over()
        self._away.over()

    def _note_nothing_waits(self) -> None:
        """Nothing is left to be stored, so nothing can show that storing works again but this."""
        if self._failing.lasts or self._away.lasts:
            self._note_back()

    def look(self) -> None:
        """Look whether events wait although nothing has failed, and whether some are kept for somebody to look at."""
        if self._is_stuck():
            self._away.note("Postgres does not answer")
        kept = sorted(bytes_of(self._root, QUARANTINED))
        if kept:
            self._quarantined.note(", ".join(kept))
        else:
            self._quarantined.over()
        self._recovery.look()

    def _bytes_kept(self) -> Mapping[tuple[str, ...], float]:
        totals: dict[tuple[str, ...], float] = {(why,): 0.0 for why in (QUARANTINED, DAMAGED, UNOPENED)}
        for name, size in {**bytes_of(self._root, QUARANTINED), **self._recovery.kept()}.items():
            totals[(name.partition("-")[0],)] += size
        return totals

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
