"""Stores what killed processes left in the spool, and closes the sessions that they left open.

Called by the writer thread when it starts, and whenever a gateway changes hands: the former leader may have been
another process of this machine. What cannot be opened or read is kept under a name that says so, and reported; it holds
up nothing else.
"""

import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from ibconnect import observe as o
from ibconnect.errors import DatabaseError, DatabaseUnavailable, EventError
from ibconnect.events.continuation import continuation_of
from ibconnect.events.copy_format import decode_rows
from ibconnect.events.kept import DAMAGED, UNOPENED, bytes_of, set_apart
from ibconnect.events.notes import Notes
from ibconnect.events.quarantine import quarantine
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.recovery.leftovers import Leftover, candidates, forget_done
from ibconnect.events.recovery.streams import close_streams
from ibconnect.events.segments import Batch, is_passing
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.troubles import State, brief

FENCED = EventError("what came before them is missing, or the next session of their gateway had begun")
_SURVEY_S = 5.0
_AGAIN_S = 10.0


class Recovery:
    """What one process does with what others left in its spool. For one thread; :meth:`look` for any."""

    def __init__(
        self, spool: Path, recorder: EventRecorder, notes: Notes, on_stored: Callable[[], None] = lambda: None
    ) -> None:
        self._spool = spool
        self._recorder = recorder
        self._notes = notes
        self._on_stored = on_stored
        self._sizes: dict[str, int] = {}
        self._surveyed = self._ran = float("-inf")
        self._has_postponed = False
        self._immovable: dict[str, str] = {}
        """Why, by their names, of those that could not be opened and could not be renamed either."""
        self._waiting = State(Trouble.LEFTOVERS_WAIT)
        self._kept = State(Trouble.LEFTOVERS_KEPT)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the leftovers that are still to be stored."""
        return sum(size for name, size in tuple(self._sizes.items()) if (self._spool / name).exists())

    @property
    def is_due(self) -> bool:
        """Whether something could not be stored for a reason of its own and should be tried again."""
        return self._has_postponed and time.monotonic() - self._ran >= _AGAIN_S

    def run(self) -> int:
        """Store the leftovers, in order, exactly once; return the number of events in them.

        :raises DatabaseUnavailable: Postgres does not take them now; they stay where they are
        """
        events, postponed = 0, dict[str, Exception]()
        for path in self._found():
            try:
                leftover = Leftover(path)
            except (BlockingIOError, FileNotFoundError):
                self._sizes.pop(path.name, None)
                continue
            except OSError as exc:
                if is_passing(exc):
                    postponed[path.name] = exc
                else:
                    self._keep(path, exc)
                continue
            try:
                events += self._store(leftover)
            except DatabaseUnavailable:
                raise
            except Exception as exc:  # noqa: BLE001 - one that cannot be stored must not hold up all that is recorded
                postponed[path.name] = exc
            finally:
                leftover.release()
        self._note(postponed)
        if not postponed:
            self._close(self._notes.inherited)
        return events

    def _close(self, streams: Collection[UUID]) -> None:
        """Close the streams of a process that is gone, and of which nothing more comes."""
        if streams:
            close_streams(self._recorder.url, streams, self._notes.ends())
            self._notes.ended(streams)

    def survey(self) -> int:
        """Look what there is, whether it can be stored now or not; its bytes."""
        self._found()
        return self.waiting_bytes

    def _found(self) -> list[Path]:
        try:
            found = [path for path in candidates(self._spool) if path.name not in self._immovable]
        except OSError as exc:
            self._waiting.note(f"the spool cannot be read: {brief(exc)}", error=exc)
            return []
        if time.monotonic() - self._surveyed >= _SURVEY_S:
            self._surveyed = time.monotonic()
            forget_done(self._spool)
            self._sizes = {path.name: size for path in found if (size := _size(path))}
        return found

    def _store(self, leftover: Leftover) -> int:
        journal = leftover.directory
        events, sessions = 0, dict[bytes, None]()
        try:
            for batch in leftover.batches():
                sessions.update(dict.fromkeys(row.stream for row in decode_rows(batch.data)))
                append(self._spool, journal.name, batch, self._recorder, is_doubtful=True)
                events += batch.rows
                # While this goes on for long, what waits for it does not wait for a Postgres that does not answer.
                self._on_stored()
        except EventError as exc:
            leftover.damage = str(exc)
        streams = [UUID(bytes=session) for session in sessions]
        self._close([*streams, *map(continuation_of, streams)])
        # Nothing more comes of them: from here on, batches need not be looked through for them.
        self._recorder.fenced.difference_update(sessions)
        damage, kept = leftover.damage, leftover.discard()
        self._sizes.pop(journal.name, None)
        if damage is not None and kept is not None:
            o.SPOOL_KEPT.labels(DAMAGED).inc()
            observe(Kind.SPOOL_DAMAGED, journal=journal.name, error=damage, kept_in=str(kept))
        observe(Kind.SPOOL_ADOPTED, events=events)
        return events

    def _keep(self, path: Path, exc: OSError) -> None:
        """Keep one that cannot be opened under a name that says so; whatever becomes of that, it is not tried again."""
        try:
            kept = set_apart(path, UNOPENED)
        except FileNotFoundError:
            return
        except OSError as immovable:
            kept = path
            self._immovable[path.name] = f"{brief(exc)}, not renamed: {brief(immovable)}"
        self._sizes.pop(path.name, None)
        o.SPOOL_KEPT.labels(UNOPENED).inc()
        observe(Kind.SPOOL_UNOPENED, journal=path.name, error=exc, kept_in=str(kept))

    def _note(self, postponed: dict[str, Exception]) -> None:
        self._has_postponed, self._ran = bool(postponed), time.monotonic()
        if not postponed:
            self._waiting.over()
        for name, exc in postponed.items():
            self._waiting.note(f"{name}: {brief(exc)}", error=exc)

    def kept(self) -> dict[str, int]:
        """The names of what is kept for somebody to look at, with bytes, as they are now."""
        return {**bytes_of(self._spool, DAMAGED), **bytes_of(self._spool, UNOPENED)}

    def look(self) -> None:
        """Look whether something is kept that somebody should look at."""
        there = [each for each in tuple(self._immovable.items()) if os.path.lexists(self._spool / each[0])]
        names = sorted([*self.kept(), *(f"{name} ({why})" for name, why in there)])
        if names:
            self._kept.note(", ".join(names))
        else:
            self._kept.over()

    def forget(self) -> None:
        """The process no longer records: nothing more is reported."""
        self._waiting.forget()
        self._kept.forget()


def _size(path: Path) -> int:
    """Bytes of a leftover; nothing if a living process holds it, or it cannot be opened."""
    try:
        leftover = Leftover(path)
    except OSError:
        return 0
    leftover.release()
    return leftover.size


def append(spool: Path, journal: str, batch: Batch, recorder: EventRecorder, *, is_doubtful: bool) -> bytes:
    """Store a batch of a journal; keep in a file what of it no stream takes, or all if Postgres refuses its rows.

    :return: the rows that are kept in a file
    :raises DatabaseUnavailable: Postgres does not take it now
    :raises OSError: what Postgres refuses cannot be kept
    """
    try:
        untaken = recorder.append(batch.data, is_doubtful=is_doubtful).untaken
        if untaken:
            quarantine(spool, journal, untaken, sum(1 for _ in decode_rows(untaken)), FENCED)
        return untaken
    except DatabaseUnavailable:
        raise
    except (DatabaseError, EventError) as exc:
        quarantine(spool, journal, batch.data, batch.rows, exc)
        with suppress(EventError):
            recorder.fenced.update(row.stream for row in decode_rows(batch.data))
        return batch.data
