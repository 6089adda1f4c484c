"""What has arrived and is not yet committed, on local disk: the way from the event loop to the writer thread.

In: chunks of encoded rows, appended by the event loop (one ``write`` each, so a kill of the process loses
nothing of them). Out: the same chunks in order, read by the writer thread, forgotten once committed. While
Postgres is away the journal just grows, up to its bound; memory stays flat. A journal that a killed process
left behind is adopted by the next start.

One directory per process under ``DATA_DIR/spool``, held by a lock on its ``lock`` file; in it numbered
segments. A chunk is: length, CRC-32, number of rows (big-endian 32-bit each), then the rows in the binary form
of Postgres' COPY. A torn chunk at the end of a segment is what the kill cut off.
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
_READ_BYTES = 1 << 20


class JournalFull(EventError):
    """The journal holds as much as it may; nothing was appended."""


class Mark(NamedTuple):
    """A place between two chunks."""

    segment: int
    offset: int


class Batch(NamedTuple):
    """Some consecutive chunks: their rows as COPY data, how many rows, and the place after them."""

    data: bytes
    rows: int
    end: Mark


class Journal:
    """Append on one thread, :meth:`read` and :meth:`forget` on another."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        self.directory = root / uuid4().hex
        self.max_bytes = max_bytes
        self._guard = threading.Lock()
        self._lock_file = _LockFile(self.directory)
        self._segment = 0
        self._size = 0
        self._kept = 0
        self._fd = self._next_segment()

    @property
    def bytes_kept(self) -> int:
        """Bytes on disk that are not yet committed."""
        return self._kept

    @property
    def end(self) -> Mark:
        """The place after the last chunk."""
        with self._guard:
            return Mark(self._segment, self._size)

    def append(self, data: bytes, rows: int) -> Mark:
        """Append one chunk; return the place after it.

        :raises JournalFull: the bound is reached, or the disk is full; nothing was appended
        """
        chunk = _HEADER.pack(len(data), zlib.crc32(data), rows) + data
        with self._guard:
            if self._kept + len(chunk) > self.max_bytes:
                raise JournalFull(f"the spool holds {self._kept} bytes and may hold {self.max_bytes}")
            if self._size >= _SEGMENT_BYTES:
                os.close(self._fd)
                self._fd = self._next_segment()
            self._write(chunk)
            self._size += len(chunk)
            self._kept += len(chunk)
            return Mark(self._segment, self._size)

    def _write(self, chunk: bytes) -> None:
        try:
            written = 0
            while written < len(chunk):
                written += os.write(self._fd, memoryview(chunk)[written:])
        except OSError as exc:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            raise JournalFull(f"the spool cannot be written: {exc}") from exc

    def _next_segment(self) -> int:
        self._segment += 1
        self._size = 0
        return os.open(_segment_path(self.directory, self._segment), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)

    def read(self, start: Mark) -> Batch | None:
        """The chunks from ``start`` on, about a megabyte of them; None when there are none yet."""
        end = self.end
        while start != end:
            limit = end.offset if start.segment == end.segment else None
            batch = _read_batch(self.directory, start, limit)
            if batch.rows:
                return batch
            if start.segment == end.segment:
                return None
            start = Mark(start.segment + 1, 0)
        return None

    def forget(self, start: Mark, end: Mark) -> Mark:
        """Drop what lies between two places, now that it is committed; return where to read on."""
        with self._guard:
            for segment in range(start.segment, end.segment):
                size = _segment_path(self.directory, segment).stat().st_size
                self._kept -= size - (start.offset if segment == start.segment else 0)
                _segment_path(self.directory, segment).unlink()
            self._kept -= end.offset - (start.offset if start.segment == end.segment else 0)
            if end == Mark(self._segment, self._size):
                os.ftruncate(self._fd, 0)
                os.lseek(self._fd, 0, os.SEEK_SET)
                self._size = 0
                return Mark(self._segment, 0)
            return end

    def close(self) -> None:
        """Let go of the journal; its directory goes if everything in it was committed."""
        os.close(self._fd)
        if self._kept == 0:
            shutil.rmtree(self.directory, ignore_errors=True)
        self._lock_file.close()


class Leftover:
    """The journal of a process that is gone: its batches in order, then :meth:`discard`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock_file = _LockFile(directory)

    def batches(self) -> Iterator[Batch]:
        """All chunks that are whole, about a megabyte at a time."""
        for segment in sorted(int(path.stem) for path in self.directory.glob("*.segment")):
            mark = Mark(segment, 0)
            while (batch := _read_batch(self.directory, mark, None)).rows:
                yield batch
                mark = batch.end

    def discard(self) -> None:
        """Remove it from disk, now that everything in it is committed."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self._lock_file.close()


def leftovers(root: Path) -> Iterator[Leftover]:
    """Claim the journals under ``root`` that no living process holds."""
    for directory in sorted(path for path in root.glob("*") if (path / "lock").exists()):
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
    return Batch(b"".join(parts), rows, Mark(start.segment, offset))
