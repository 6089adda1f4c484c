"""The files of a journal: numbered segments of chunks, in a directory that a lock marks as somebody's.

In: a directory and a place in it. Out: chunks whose checksums are right. Called by :mod:`~ibconnect.events.journal`
for its own segments and by :mod:`~ibconnect.events.recovery.leftovers` for those of killed processes.

A chunk is: length, CRC-32 of the rows, number of rows, CRC-32 of these three (big-endian 32-bit each), then the rows in
the binary form of Postgres' COPY. The highest bit of the length says that the fourth number is there: journals of
version 0.1 have none. A torn chunk at the end of the last segment is what a kill cut off.
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

from ibconnect.acting import as_owner
from ibconnect.errors import EventError

_NUMBERS = Struct(">III")
_SEALED = 1 << 31
_SEAL = Struct(">I")
# A length beyond this in a head without a checksum is damage: of the byte that says whether there is one, say.
_LONGEST_UNSEALED = 1 << 24
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
                data, count, size = chunk
                parts.append(data)
                rows, offset = rows + count, offset + size
        except OSError as exc:
            raise _wrapped(exc, directory, start.segment) from exc
    return Batch(b"".join(parts), rows, offset - start.offset, Mark(start.segment, offset))


class _Head(NamedTuple):
    """The head of a chunk: what it says of the rows, its own bytes, and whether it is as it was written."""

    length: int
    checksum: int
    rows: int
    size: int
    is_whole: bool

    @property
    def is_sealed(self) -> bool:
        """Whether it has a checksum of its own."""
        return self.size > _NUMBERS.size


def chunk_of(data: bytes, rows: int) -> bytes:
    """The bytes of a chunk."""
    head = _NUMBERS.pack(len(data) | _SEALED, zlib.crc32(data), rows)
    return b"".join((head, _SEAL.pack(zlib.crc32(head)), data))


def _head(file: BinaryIO) -> _Head | None:
    """The head that begins here; None if the file ends before it does."""
    numbers = file.read(_NUMBERS.size)
    if len(numbers) < _NUMBERS.size:
        return None
    length, checksum, rows = _NUMBERS.unpack(numbers)
    if not length & _SEALED:
        return _Head(length, checksum, rows, _NUMBERS.size, True)
    seal = file.read(_SEAL.size)
    if len(seal) < _SEAL.size:
        return None
    is_whole = _SEAL.unpack(seal)[0] == zlib.crc32(numbers)
    return _Head(length ^ _SEALED, checksum, rows, _NUMBERS.size + _SEAL.size, is_whole)


def _chunk(file: BinaryIO, left: int) -> tuple[bytes, int, int] | None:
    """The next chunk's rows, their number, and its size; None if no whole one is among the bytes that are left."""
    head = _head(file) if left >= _NUMBERS.size else None
    # A damaged length must not make us ask for gigabytes.
    if head is None or not head.is_whole or head.length > left - head.size:
        return None
    data = file.read(head.length)
    is_right = len(data) == head.length and zlib.crc32(data) == head.checksum
    return (data, head.rows, head.size + head.length) if is_right else None


def is_end(directory: Path, mark: Mark) -> bool:
    """Whether a segment ends there.

    :raises JournalDamaged: the segment cannot be read
    :raises OSError: it cannot be read now
    """
    with _opened(directory, mark.segment) as file:
        return os.fstat(file.fileno()).st_size == mark.offset


def is_torn(directory: Path, mark: Mark) -> bool:
    """Whether the chunk at ``mark`` is cut off by the end of its segment; a damaged length only looks like that.

    :raises JournalDamaged: the segment cannot be read
    :raises OSError: it cannot be read now
    """
    with _opened(directory, mark.segment) as file:
        first = _head(file)
        file.seek(mark.offset)
        head = _head(file)
        if head is None:
            return True
        is_odd = not head.is_sealed and (head.length >= _LONGEST_UNSEALED or first is None or first.is_sealed)
        if not head.is_whole or is_odd:
            return False
        return head.length > os.fstat(file.fileno()).st_size - mark.offset - head.size


def _opened(directory: Path, number: int) -> BinaryIO:
    path = path_of(directory, number)
    try:
        # Opening a pipe that somebody put there would wait for ever.
        with as_owner(directory):
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
        with as_owner(directory):
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
