"""What has arrived, on local disk until it is surely stored: the way from the event loop to the writer thread.

In: chunks of encoded rows, appended by the event loop (one ``write`` each, so a kill of the process loses
nothing of them). Out: the same chunks in order, read by the writer thread, forgotten when it says so. While
Postgres is away the journal just grows, up to its bound; memory stays flat. A journal that a killed process
left behind is adopted by the next start.

One directory per process under ``DATA_DIR/spool``, held by a lock on its ``lock`` file; in it numbered
segments. A chunk is: length, CRC-32, number of rows (big-endian 32-bit each), then the rows in the binary form
of Postgres' COPY. A torn chunk at the end of the last segment is what the kill cut off.
"""

import fcntl
import os
import shutil
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple
from uuid import uuid4

from ibconnect.errors import EventError

_HEADER = Struct(">III")
_SEGMENT_BYTES = 8 << 20
_SMALLEST_SEGMENT_BYTES = 64 << 10
_READ_BYTES = 1 << 20
# A disk with less room than this is full: recording begins again when there is more.
_ROOM_BYTES = 8 << 20


class JournalFull(EventError):
    """The journal holds as much as it may, or the disk as much as it can; nothing was appended."""


class JournalDamaged(EventError):
    """A chunk does not have the checksum that it was written with."""


class Mark(NamedTuple):
    """A place between two chunks; later ones compare greater."""

    segment: int
    offset: int


class Batch(NamedTuple):
    """Some consecutive chunks: their rows as COPY data, how many rows, bytes on disk, and the place after them."""

    data: bytes
    rows: int
    size: int
    end: Mark


class Journal:
    """Append on one thread, :meth:`read` and :meth:`forget` on another."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        name = uuid4().hex
        # Locked under a name that nobody adopts, so that no other process finds it between its making and locking.
        self._lock_file = _LockFile(root / f"new-{name}")
        self.directory = (root / f"new-{name}").rename(root / name)
        self.max_bytes = max_bytes
        self.appended = 0
        """Bytes ever appended."""
        self._segment_bytes = max(_SMALLEST_SEGMENT_BYTES, min(_SEGMENT_BYTES, max_bytes // 8))
        self._guard = threading.Lock()
        self._first = self._segment = 1
        self._size = 0
        self._kept = 0
        self._fd = self._opened(1)

    @property
    def bytes_kept(self) -> int:
        """Bytes on disk."""
        return self._kept

    @property
    def end(self) -> Mark:
        """The place after the last chunk."""
        with self._guard:
            return Mark(self._segment, self._size)

    @property
    def has_room(self) -> bool:
        """Whether it makes sense to begin something: less than half full, and the disk has room."""
        return self._kept < self.max_bytes // 2 and shutil.disk_usage(self.directory).free > _ROOM_BYTES

    def append(self, data: bytes, rows: int) -> Mark:
        """Append one chunk; return the place after it.

        :raises JournalFull: the bound is reached, or the disk is full; nothing was appended
        """
        chunk = _HEADER.pack(len(data), zlib.crc32(data), rows) + data
        with self._guard:
            if self._kept + len(chunk) > self.max_bytes:
                raise JournalFull(f"the spool holds {self._kept} bytes and may hold {self.max_bytes}")
            self._write(chunk)
            self._size += len(chunk)
            self._kept += len(chunk)
            self.appended += len(chunk)
            return Mark(self._segment, self._size)

    def _write(self, chunk: bytes) -> None:
        try:
            if self._size >= self._segment_bytes:
                self._begin_segment()
            written = 0
            while written < len(chunk):
                written += os.write(self._fd, memoryview(chunk)[written:])
        except OSError as exc:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            raise JournalFull(f"the spool cannot be written: {exc}") from exc

    def _begin_segment(self) -> None:
        opened = self._opened(self._segment + 1)
        os.close(self._fd)
        self._fd, self._segment, self._size = opened, self._segment + 1, 0

    def _opened(self, number: int) -> int:
        return os.open(_segment_path(self.directory, number), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def read(self, start: Mark, upto: Mark | None = None) -> Batch | None:
        """The chunks from ``start`` on (to ``upto``), about a megabyte of them; None when there are none.

        :raises JournalDamaged: what was written cannot be read back
        """
        end = self.end if upto is None else upto
        start = max(start, Mark(self._first, 0))
        while start < end:
            batch = _read_batch(self.directory, start, end.offset if start.segment == end.segment else None)
            if batch.rows:
                return batch
            if start.segment == end.segment or not _is_end(self.directory, batch.end):
                raise JournalDamaged(f"the journal {self.directory} cannot be read at {tuple(batch.end)}")
            start = Mark(start.segment + 1, 0)
        return None

    def forget(self, end: Mark) -> Mark:
        """Drop what lies before a place, segment by segment; return that place (another one if nothing is left)."""
        with self._guard:
            if end == (self._segment, self._size) and self._size:
                self._begin_segment()
                end = Mark(self._segment, 0)
            while self._first < end.segment:
                path = _segment_path(self.directory, self._first)
                self._kept -= path.stat().st_size
                path.unlink()
                self._first += 1
            return end

    def close(self, *, is_done: bool) -> None:
        """Let go of the journal; its directory goes if everything in it is stored."""
        os.close(self._fd)
        if is_done:
            shutil.rmtree(self.directory, ignore_errors=True)
        self._lock_file.close()


class Leftover:
    """The journal of a process that is gone: its batches in order, then :meth:`discard`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.is_damaged = False
        self._lock_file = _LockFile(directory)

    def batches(self) -> Iterator[Batch]:
        """All chunks up to the first that is not whole, about a megabyte at a time.

        Nothing after a damaged chunk is given: a stream with a hole in it would not be a prefix any more.
        """
        segments = sorted(int(path.stem) for path in self.directory.glob("*.segment"))
        for segment in segments:
            batch = _read_batch(self.directory, Mark(segment, 0), None)
            while batch.rows:
                yield batch
                batch = _read_batch(self.directory, batch.end, None)
            is_torn = segment == segments[-1] and _is_torn(self.directory, batch.end)
            if not is_torn and not _is_end(self.directory, batch.end):
                self.is_damaged = True
                return

    def discard(self) -> None:
        """Remove it from disk, now that everything in it is stored; a damaged one is kept under another name."""
        if self.is_damaged:
            (self.directory / "lock").unlink()
            self.directory.rename(self.directory.with_name(f"damaged-{self.directory.name}"))
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        self._lock_file.close()

    def release(self) -> None:
        """Leave it for another time."""
        self._lock_file.close()


def leftovers(root: Path) -> Iterator[Leftover]:
    """Claim the journals under ``root`` that no living process holds."""
    for directory in sorted(path for path in root.glob("[0-9a-f]" * 32) if (path / "lock").exists()):
        try:
            yield Leftover(directory)
        except (BlockingIOError, FileNotFoundError):
            continue


class _LockFile:
    """An exclusive lock that the kernel drops when the process dies."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fd = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise

    def close(self) -> None:
        os.close(self._fd)


def _segment_path(directory: Path, number: int) -> Path:
    return directory / f"{number:08d}.segment"


def _is_end(directory: Path, mark: Mark) -> bool:
    return _segment_path(directory, mark.segment).stat().st_size == mark.offset


def _is_torn(directory: Path, mark: Mark) -> bool:
    """Whether the chunk at ``mark`` is cut off by the end of the file."""
    with _segment_path(directory, mark.segment).open("rb") as file:
        file.seek(mark.offset)
        head = file.read(_HEADER.size)
        left = os.fstat(file.fileno()).st_size - mark.offset - _HEADER.size
        return len(head) < _HEADER.size or int(_HEADER.unpack(head)[0]) > left


def _read_batch(directory: Path, start: Mark, limit: int | None) -> Batch:
    with _segment_path(directory, start.segment).open("rb") as file:
        file.seek(start.offset)
        parts: list[bytes] = []
        rows, offset, size = 0, start.offset, 0
        while size < _READ_BYTES and (limit is None or offset < limit):
            head = file.read(_HEADER.size)
            if len(head) < _HEADER.size:
                break
            length, checksum, count = _HEADER.unpack(head)
            data = file.read(length)
            if len(data) < length or zlib.crc32(data) != checksum:
                break
            parts.append(data)
            rows, offset, size = rows + count, offset + _HEADER.size + length, size + length
    return Batch(b"".join(parts), rows, offset - start.offset, Mark(start.segment, offset))
