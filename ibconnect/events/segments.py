"""The files of a journal: numbered segments of chunks, in a directory that a lock marks as somebody's.

In: a directory and a place in it. Out: chunks whose checksums are right. Called by :mod:`~ibconnect.events.journal`
for its own segments and by :mod:`~ibconnect.events.leftovers` for those of killed processes.

A chunk is: length, CRC-32, number of rows (big-endian 32-bit each), then the rows in the binary form of Postgres'
COPY. A torn chunk at the end of the last segment is what a kill cut off.
"""

import errno
import fcntl
import os
import re
import stat
import zlib
from pathlib import Path
from struct import Struct
from typing import BinaryIO, NamedTuple

from ibconnect.errors import EventError

HEADER = Struct(">III")
LOCK = "lock"
_READ_BYTES = 1 << 20
_SEGMENT_NAME = re.compile(r"(\d{8,})\.segment", re.ASCII)
# Not about the file: the same call may succeed later.
_PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOLCK, errno.EINTR, errno.EAGAIN, errno.EBUSY)


class JournalDamaged(EventError):
    """What was written cannot be read back: a wrong checksum, a file that is gone or is none, a disk that fails."""


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


def is_passing(exc: OSError) -> bool:
    """Whether the error says nothing of the file: too many open files, no memory, and the like."""
    return exc.errno in _PASSING


def path_of(directory: Path, number: int) -> Path:
    """Where a segment is."""
    return directory / f"{number:08d}.segment"


def number_of(name: str) -> int | None:
    """The number of the segment of this name; None if it is no segment's."""
    match = _SEGMENT_NAME.fullmatch(name)
    return int(match[1]) if match else None


def read_batch(directory: Path, start: Mark, limit: int | None = None) -> Batch:
    """The chunks from ``start`` on that are whole, about a megabyte of them (up to the offset ``limit``).

    :raises JournalDamaged: the segment cannot be read
    :raises OSError: it cannot be read now, see :func:`is_passing`
    """
    parts: list[bytes] = []
    rows, offset = 0, start.offset
    with _opened(directory, start.segment) as file:
        end = os.fstat(file.fileno()).st_size if limit is None else limit
        try:
            file.seek(offset)
            while offset - start.offset < _READ_BYTES and (chunk := _chunk(file, end - offset)) is not None:
                data, count = chunk
                parts.append(data)
                rows, offset = rows + count, offset + HEADER.size + len(data)
        except OSError as exc:
            raise _wrapped(exc, directory, start.segment) from exc
    return Batch(b"".join(parts), rows, offset - start.offset, Mark(start.segment, offset))


def _chunk(file: BinaryIO, left: int) -> tuple[bytes, int] | None:
    """The next chunk's rows and their number; None if no whole one is among the bytes that are left."""
    head = file.read(HEADER.size) if left >= HEADER.size else b""
    if len(head) < HEADER.size:
        return None
    length, checksum, count = HEADER.unpack(head)
    # A damaged length must not make us ask for gigabytes.
    data = file.read(length) if length <= left - HEADER.size else b""
    return (data, count) if len(data) == length and zlib.crc32(data) == checksum else None


def is_end(directory: Path, mark: Mark) -> bool:
    """Whether a segment ends there.

    :raises JournalDamaged: the segment cannot be read
    :raises OSError: it cannot be read now
    """
    with _opened(directory, mark.segment) as file:
        return os.fstat(file.fileno()).st_size == mark.offset


def is_torn(directory: Path, mark: Mark) -> bool:
    """Whether the chunk at ``mark`` is cut off by the end of its segment.

    :raises JournalDamaged: the segment cannot be read
    :raises OSError: it cannot be read now
    """
    with _opened(directory, mark.segment) as file:
        left = os.fstat(file.fileno()).st_size - mark.offset - HEADER.size
        file.seek(mark.offset)
        head = file.read(HEADER.size)
        return len(head) < HEADER.size or int(HEADER.unpack(head)[0]) > left


def _opened(directory: Path, number: int) -> BinaryIO:
    path = path_of(directory, number)
    try:
        # Opening a pipe that somebody put there would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise JournalDamaged(f"{directory.name}/{path.name} is not a file")
        return os.fdopen(descriptor, "rb")
    except OSError as exc:
        raise _wrapped(exc, directory, number) from exc


def _wrapped(exc: OSError, directory: Path, number: int) -> Exception:
    if is_passing(exc):
        return exc
    return JournalDamaged(f"{directory.name}/{path_of(directory, number).name} cannot be read: {exc.strerror}")


class Lock:
    """An exclusive lock on a directory that the kernel drops when the process dies.

    :raises BlockingIOError: another process holds it
    :raises OSError: the lock cannot be opened
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW, 0o600)
        except PermissionError:
            self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise

    def is_of(self, directory: Path) -> bool:
        """Whether the lock is still the one in that directory: whoever had it before us may have removed it."""
        try:
            return os.path.samestat(os.fstat(self._fd), (directory / LOCK).lstat())
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Let go; may be called twice."""
        descriptor, self._fd = self._fd, -1
        if descriptor >= 0:
            os.close(descriptor)
