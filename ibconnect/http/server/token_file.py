"""The file of tokens, taken only when it is whole.

In: its path. Out: its text, or why it cannot be taken. Called by auth, at start and about once a second.

A file that is being written holds the beginning of what it will hold: an entry that is cut off before its ``@`` is
another entry. So it must end with the end of a line, and hold the same at two looks. What is no regular file is refused
at once: whoever opens a FIFO waits for its writer, and so would every request.
"""

import os
import stat
import time
from hashlib import sha256
from typing import NamedTuple

from ibconnect.errors import ConfigError
from ibconnect.http.server.limits import TOKENS_FILE_BYTES

_START_SECONDS = 0.1
_START_DEADLINE_SECONDS = 3.0
_PIECE_BYTES = 1 << 16


class Look(NamedTuple):
    """What there was. ``mark``: differs where that differs. ``error``: why it cannot be taken, else None.

    ``may_pass``: a file that is being written looks so for a moment.
    """

    mark: bytes
    text: str = ""
    error: str | None = None
    may_pass: bool = True


def look(path: str) -> Look:
    """Look at the file once; never waits for a writer."""
    try:
        data = _read(path)
    except OSError as exc:
        # Without the path, which says nothing more, and twice: the setting names it.
        return _refused(path, f"cannot be read: {exc.strerror or exc}", may_pass=False)
    except ValueError as exc:
        return _refused(path, f"cannot be read: {exc}", may_pass=False)
    if data is None:
        return _refused(path, "cannot be read: it is no regular file", may_pass=False)
    return judged(path, data)


def judged(path: str, data: bytes) -> Look:
    """Whether what was found is a whole file."""
    if len(data) > TOKENS_FILE_BYTES:
        return _refused(path, f"cannot be read: it is larger than {TOKENS_FILE_BYTES // 1024} KiB", may_pass=False)
    if data and not data.endswith(b"\n"):
        return _refused(path, "is cut off, or half written: its last line does not end with a line end", data)
    try:
        return Look(sha256(data).digest(), data.decode())
    except UnicodeDecodeError as exc:
        return _refused(path, f"cannot be read: no UTF-8 text at byte {exc.start}", data)


def _refused(path: str, why: str, data: bytes = b"", *, may_pass: bool = True) -> Look:
    error = f"API_TOKENS_FILE={path!r} {why}"
    return Look(
        sha256(error.encode("utf-8", "surrogateescape") + b"\0" + data).digest(), error=error, may_pass=may_pass
    )


def _read(path: str) -> bytes | None:
    """What the file holds, up to one byte more than it may; None if it is no file that holds anything."""
    # Without O_NONBLOCK a FIFO would hold us until somebody writes; a terminal must not become ours.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = bytearray()
        while len(data) <= TOKENS_FILE_BYTES and (piece := os.read(descriptor, _PIECE_BYTES)):
            data += piece
        return bytes(data)
    finally:
        os.close(descriptor)


def text_at_start(path: str) -> str:
    """The file's text, the same at two looks a moment apart.

    :raises ConfigError: it is not whole, or does not stop changing
    """
    deadline = time.monotonic() + _START_DEADLINE_SECONDS
    before = look(path)
    while before.error is None or before.may_pass:
        time.sleep(_START_SECONDS)
        now = look(path)
        if now.mark == before.mark:
            break
        if time.monotonic() >= deadline:
            raise ConfigError(f"API_TOKENS_FILE={path!r} changes all the time: let its writer end first")
        before = now
    if before.error is not None:
        raise ConfigError(before.error)
    return before.text


class TokenFile:
    """The file, followed: what it holds is given when two looks have found the same, and once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._seen = self._given = b""

    def changed(self) -> str | None:
        """The text, if it is new and the same as at the look before; else None.

        :raises ConfigError: at this look and the one before it could not be taken, for the same reason
        """
        found = look(self._path)
        before, self._seen = self._seen, found.mark
        if found.mark != before or found.mark == self._given:
            return None
        self._given = found.mark
        if found.error is not None:
            raise ConfigError(found.error)
        return found.text
