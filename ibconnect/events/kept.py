"""What lies in the spool for somebody to look at, under a name that begins with the reason.

In: a file or directory of the spool, and why it is kept. Out: its new name; what there is of one kind, with its bytes.
Called by whatever cannot read or store something, and by what reports on the spool.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from ibconnect.acting import as_owner

DAMAGED = "damaged"
"""Begins the name of a journal that could be opened, but not read to its end."""
UNOPENED = "unopened"
"""Begins the name of a journal that could not be opened at all."""


def set_apart(path: Path, why: str) -> Path:
    """Rename a leftover so that nobody takes it up any more; return what it is called now.

    :raises OSError: it cannot be renamed
    """
    for number in range(1, 1000):
        target = path.with_name(f"{why}-{path.name}" if number == 1 else f"{why}-{path.name}-{number}")
        if not os.path.lexists(target):
            with as_owner(path.parent):
                return path.rename(target)
    raise FileExistsError(errno.EEXIST, "there are too many of this name", str(target))


def bytes_of(spool: Path, why: str) -> dict[str, int]:
    """The entries of the spool that are kept for a reason (the beginning of their names), with their bytes."""
    try:
        with as_owner(spool), os.scandir(spool) as entries:
            return {entry.name: _size(Path(entry.path)) for entry in entries if entry.name.startswith(f"{why}-")}
    except OSError:
        return {}


def _size(path: Path) -> int:
    """Bytes of a file, or of the files in a directory; what cannot be looked into counts as nothing."""
    total = 0
    with suppress(OSError):
        status = path.lstat()
        if not path.is_dir() or path.is_symlink():
            return status.st_size
        with os.scandir(path) as entries:
            for entry in entries:
                total += entry.stat(follow_symlinks=False).st_size
    return total
