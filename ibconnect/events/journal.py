"""What has arrived, on local disk until it is surely stored: the way from the event loop to the writer thread.

In: chunks of encoded rows, appended by the event loop (one ``write`` each, so a kill of the process loses
nothing of them). Out: the same chunks in order, read by the writer thread, forgotten when it says so. While
Postgres is away the journal just grows, up to its bound; memory stays flat. A journal that a killed process
left behind is stored by the next start.

One directory per process under ``DATA_DIR/spool``, held by a lock on its ``lock`` file; in it numbered
segments, see :mod:`~ibconnect.events.segments`.
"""

import os
import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from ibconnect import disks
from ibconnect.acting import as_owner
from ibconnect.errors import EventError
from ibconnect.events.segments import (
    Batch,
    JournalDamaged,
    Lock,
    Mark,
    chunk_of,
    is_end,
    path_of,
    read_batch,
)
from ibconnect.events.shares import Shares

_SEGMENT_BYTES = 8 << 20
_SMALLEST_SEGMENT_BYTES = 64 << 10
# A disk with less room than this is full: recording begins again when there is more.
_ROOM_BYTES = 8 << 20


class JournalFull(EventError):
    """The journal holds as much as it may, or the disk as much as it can; nothing was appended."""


class Journal:
    """Append on one thread, :meth:`read` and :meth:`forget` on another.

    :param gateways: those that share it
    :raises OSError: the directory cannot be made
    """

    def __init__(self, root: Path, max_bytes: int, gateways: Sequence[str] = ()) -> None:
        name = uuid4().hex
        # Locked under a name that nobody takes up, so that no other process finds it between its making and locking.
        made = root / f"new-{name}"
        with as_owner(root):
            made.mkdir(mode=0o700, parents=True)
            self._lock = Lock(made)
            self.directory = made.rename(root / name)
        self.max_bytes = max_bytes
        self.beside = 0
        """Bytes of the spool that are not of this journal, and count against the same bound."""
        self._shares = Shares(max_bytes, gateways)
        self._full: set[str] = set()
        """For whom it was full."""
        self._segment_bytes = max(_SMALLEST_SEGMENT_BYTES, min(_SEGMENT_BYTES, max_bytes // 8))
        self._guard = threading.Lock()
        self._first = self._segment = 1
        self._size = self._kept = 0
        self._ended: dict[int, int] = {}
        """Bytes of each segment that is complete."""
        self._fd = self._opened(1)

    @property
    def bytes_kept(self) -> int:
        """Bytes on disk."""
        return self._kept

    def bytes_after(self, mark: Mark) -> int:
        """Bytes that were appended after a place and are still on disk."""
        with self._guard:
            sizes = {**self._ended, self._segment: self._size}
        return sum(
            size - (mark.offset if number == mark.segment else 0)
            for number, size in sizes.items()
            if number >= mark.segment
        )

    @property
    def end(self) -> Mark:
        """The place after the last chunk."""
        with self._guard:
            return Mark(self._segment, self._size)

    @property
    def has_room(self) -> bool:
        """Whether there is room for what is of no gateway."""
        return self.has_room_for("")

    def has_room_for(self, gateway: str) -> bool:
        """Whether it makes sense to begin something: some room is left (half, once it was full), and the disk has some.

        Without that half, what has just been given up would be begun again for a handful of messages.
        """
        with self._guard:
            room = self._shares.room(gateway)
        most = room // 2 if gateway in self._full else room - self.max_bytes // 8
        with suppress(OSError):
            if self._kept + self.beside < most and shutil.disk_usage(self.directory).free > _ROOM_BYTES:
                self._full.discard(gateway)
                return True
        return False

    def append(self, data: bytes, rows: int, gateway: str = "") -> Mark:
        """Append one chunk, of this gateway; return the place after it.

        :raises JournalFull: the bound is reached, or the disk is full; nothing was appended
        """
        chunk = chunk_of(data, rows)
        with self._guard:
            room = self._shares.room(gateway)
            if self._kept + self.beside + len(chunk) > room:
                self._full.add(gateway)
                left = (
                    "" if room == self.max_bytes else f" ({self.max_bytes - room} of them are kept for other gateways)"
                )
                raise JournalFull(
                    f"{self.directory.parent} holds {self._kept + self.beside} bytes of the {self.max_bytes} that "
                    f"SPOOL_MAX_BYTES allows{left}: have Postgres take events again, or allow more"
                )
            self._write(chunk, gateway)
            self._size += len(chunk)
            self._kept += len(chunk)
            self._shares.add(gateway, len(chunk), self._segment)
            return Mark(self._segment, self._size)

    def _write(self, chunk: bytes, gateway: str) -> None:
        try:
            if self._size >= self._segment_bytes:
                self._begin_segment()
            written = 0
            while written < len(chunk):
                written += os.pwrite(self._fd, memoryview(chunk)[written:], self._size + written)
        except OSError as exc:
            self._full.add(gateway)
            # A part of the chunk that stays is overwritten by the next one.
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise JournalFull(f"the spool cannot be written: {disks.cause(exc, self.directory.parent)}") from exc

    def _begin_segment(self) -> None:
        opened = self._opened(self._segment + 1)
        os.close(self._fd)
        self._ended[self._segment] = self._size
        self._fd, self._segment, self._size = opened, self._segment + 1, 0

    def _opened(self, number: int) -> int:
        with as_owner(self.directory):
            return os.open(path_of(self.directory, number), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def read(self, start: Mark, upto: Mark | None = None) -> Batch | None:
        """The chunks from ``start`` on (to ``upto``), about a megabyte of them; None when there are none.

        :raises JournalDamaged: what was written cannot be read back
        :raises OSError: it cannot be read now
        """
        end = self.end if upto is None else upto
        start = max(start, Mark(self._first, 0))
        while start < end:
            batch = read_batch(self.directory, start, end.offset if start.segment == end.segment else None)
            if batch.rows:
                return batch
            if start.segment == end.segment or not is_end(self.directory, batch.end):
                raise JournalDamaged(f"the journal {self.directory} cannot be read at {tuple(batch.end)}")
            start = Mark(start.segment + 1, 0)
        return None

    def check(self) -> None:
        """Look whether what is appended can be found again by whoever comes after us.

        :raises JournalDamaged: somebody has removed or replaced the files
        """
        with self._guard:
            path, ours = path_of(self.directory, self._segment), os.fstat(self._fd)
            try:
                is_ours = os.path.samestat(path.stat(), ours)
            except OSError as exc:
                raise JournalDamaged(f"the journal {self.directory} is gone: {exc.strerror}") from exc
            if not is_ours or not self._lock.is_of(self.directory):
                raise JournalDamaged(f"the journal {self.directory} was replaced")

    def forget(self, end: Mark) -> Mark:
        """Drop what lies before a place, segment by segment; return that place (another one if nothing is left).

        :raises OSError: a segment cannot be removed; the next call tries again
        """
        with self._guard:
            self._remove(end.segment)
            if end == (self._segment, self._size) and self._size:
                self._begin_segment()
                end = Mark(self._segment, 0)
                # The place is another one now, whatever becomes of the old file; the next call tries again.
                with suppress(OSError):
                    self._remove(end.segment)
            return end

    def _remove(self, upto: int) -> None:
        while self._first < upto:
            with as_owner(self.directory):
                path_of(self.directory, self._first).unlink(missing_ok=True)
            self._kept -= self._ended.pop(self._first)
            self._shares.forget(self._first)
            self._first += 1

    def close(self, *, is_done: bool) -> None:
        """Let go of the journal; its directory goes if everything in it is stored."""
        os.close(self._fd)
        if is_done:
            with as_owner(self.directory):
                shutil.rmtree(self.directory, ignore_errors=True)
        self._lock.close()
