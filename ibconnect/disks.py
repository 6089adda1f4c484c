"""What the system says when a file cannot be written, in words that say where and what to do.

In: an ``OSError`` and the place. Out: one sentence for a log line or a terminal. Called by whoever writes files.
"""

import errno
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SAID = {
    errno.ENOSPC: "the disk of {place} is full (ENOSPC): free space there, or move it to a larger disk",
    errno.EDQUOT: "the disk quota for {place} is used up (EDQUOT): raise it, or free space there",
    errno.EROFS: "the file system of {place} is mounted read-only (EROFS): look at the disk, mount it again",
}


def is_full(exc: BaseException) -> bool:
    """Whether the error says that there is no room, on the disk or in the user's quota."""
    return isinstance(exc, OSError) and exc.errno in _FULL


def cause(exc: OSError, place: Path | str) -> str:
    """Why ``place`` cannot be written, and what helps where that is known."""
    said = _SAID.get(exc.errno or 0)
    return said.format(place=place) if said else f"{place}: {exc.strerror or exc}"
