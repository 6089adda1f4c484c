"""A document that claims to be a Flex statement → one that may be recorded, or why not.

In: its bytes, in chunks cut anywhere, read once. Out: a :class:`Document`: what it is, and its bytes compressed in
parts, in memory while they are few, else in a file without a name. Called by :mod:`ibconnect.statements.recording`
and by whoever brings documents. Nothing is recorded here, so nothing of what is refused ever is.
"""

import os
import re
import tempfile
import threading
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import date
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

import zstandard

from ibconnect.errors import StatementRefused
from ibconnect.events.documents import PART_BYTES
from ibconnect.flex_xml import LIMITS, Aside, Begun, Limits, Row, parse

COMPRESSED_MAX = 64 << 20
"""Bytes of all parts together: nobody else records while they are stored. Statements are compressed to a tenth."""
ACCOUNTS_MAX = 10_000
_IN_MEMORY = 4 << 20
_LEVEL = 3
_OF_THREAD = threading.local()
_DAY = re.compile(r"(\d{4})(-?)(\d\d)\2(\d\d)", re.ASCII)


class Contents(NamedTuple):
    """What a document holds: how many statements, whose, from which day to which, how many elements with attributes.

    ``from_day`` and ``to_day`` are None where no statement says its days so that they cannot be misread.
    """

    statements: int
    accounts: tuple[str, ...]
    from_day: date | None
    to_day: date | None
    elements: int


def place_for_large(directory: Path) -> Path | None:
    """``directory``, made if it is not there; None, for the system's own place, where it cannot be written into.

    Whoever imports files may be somebody else than the service whose directory it is.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return directory if os.access(directory, os.W_OK | os.X_OK) else None


class Document:
    """A document that was found good. To be closed: it may have a file.

    :ivar sha256: its digest, 32 bytes; ``size``: bytes of it
    """

    def __init__(self, chunks: Iterable[bytes], directory: Path | None = None, limits: Limits = LIMITS) -> None:
        """Read it to its end.

        :param directory: where a file is made if it is large; the system's own place for such if None
        :raises StatementRefused: it is not to be recorded; says why
        """
        self.size = 0
        self._digest = sha256()
        self._lengths: list[int] = []
        where = None if directory is None else str(directory)
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=where)  # noqa: SIM115
        try:
            self.contents = _contents(self._kept(chunks), limits)
        except BaseException:
            self.close()
            raise
        self.sha256 = self._digest.digest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget it, and remove the file."""
        self._spool.close()

    @property
    def parts(self) -> int:
        """How many parts it has."""
        return len(self._lengths)

    def compressed(self) -> Iterator[str]:
        """Its parts, each compressed and in base64; from the beginning whenever it is called."""
        self._spool.seek(0)
        for length in self._lengths:
            yield b64encode(self._spool.read(length)).decode()

    def _kept(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same chunks, once they are kept."""
        waiting = bytearray()
        for chunk in chunks:
            self.size += len(chunk)
            self._digest.update(chunk)
            waiting += chunk
            while len(waiting) >= PART_BYTES:
                self._keep(bytes(waiting[:PART_BYTES]))
                del waiting[:PART_BYTES]
            yield chunk
        if waiting:
            self._keep(bytes(waiting))

    def _keep(self, piece: bytes) -> None:
        compressed = _compressor().compress(piece)
        self._lengths.append(self._spool.write(compressed))
        if sum(self._lengths) > COMPRESSED_MAX:
            raise StatementRefused(f"larger than {COMPRESSED_MAX:,} bytes when compressed")


def _compressor() -> zstandard.ZstdCompressor:
    """This thread's: to make one takes as long as to compress a small document."""
    made = getattr(_OF_THREAD, "compressor", None)
    if made is None:
        made = _OF_THREAD.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return made


def _contents(chunks: Iterable[bytes], limits: Limits) -> Contents:
    statements = elements = 0
    accounts: set[str] = set()
    days: list[date] = []
    for item in parse(chunks, limits):
        kind = type(item)
        if kind is Row or kind is Aside:
            elements += 1
        elif isinstance(item, Begun):
            statements += 1
            accounts.add(item.attributes.get("accountId", ""))
            found = filter(None, (_day(item.attributes.get(name, "")) for name in ("fromDate", "toDate")))
            days = _span(days, found)
            if len(accounts) > ACCOUNTS_MAX:
                raise StatementRefused(f"more than {ACCOUNTS_MAX:,} accounts")
    first, last = (days[0], days[-1]) if days else (None, None)
    return Contents(statements, tuple(sorted(accounts - {""})), first, last, elements)


def _span(days: list[date], found: Iterable[date]) -> list[date]:
    every = sorted((*days, *found))
    return [every[0], every[-1]] if every else []


def _day(text: str) -> date | None:
    """A day whose year comes first; the others can be misread, and are the projection's to understand."""
    match = _DAY.match(text)
    if match is None:
        return None
    try:
        return date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return None
