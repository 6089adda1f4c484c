"""Rows that arrived and that the event store does not take are kept in files: nothing is thrown away.

In: rows as COPY data. Out: ``DATA_DIR/spool/refused-JOURNAL.rows``, the rows of one process in order, which
:func:`~ibconnect.events.copy_format.decode_rows` reads. Called by the writer thread. See docs/mechanisms.md for when
that happens.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ibconnect import observe as o
from ibconnect.acting import as_owner
from ibconnect.observe import Kind, observe

QUARANTINED = "refused"
"""Begins the names of these files."""
_NAMES = 10
# What lies there under that name is no file that we may append to: another name will do.
_TAKEN = (errno.EISDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO)


def quarantine(spool: Path, journal: str, data: bytes, rows: int, exc: Exception) -> None:
    """Append so many rows to the file of their journal, and say why.

    :raises OSError: they cannot be written; nothing of them was
    """
    for path in _paths(spool, journal):
        try:
            _append(path, data)
            break
        except OSError as taken:
            if taken.errno not in _TAKEN:
                raise
    else:
        raise OSError(errno.EEXIST, f"no file can be made for refused events in {spool}")
    o.EVENTS_REFUSED.inc(rows)
    observe(Kind.EVENTS_REFUSED, error=exc, events=rows, kept_in=str(path))


def _paths(spool: Path, journal: str) -> Iterator[Path]:
    yield spool / f"{QUARANTINED}-{journal}.rows"
    for number in range(2, _NAMES + 1):
        yield spool / f"{QUARANTINED}-{journal}-{number}.rows"


def _append(path: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_NOFOLLOW
    with as_owner(path.parent):
        file = os.open(path, flags, 0o600)
    try:
        size = os.fstat(file).st_size
        if os.write(file, data) != len(data):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, f"{path} takes no more")
        os.fsync(file)
    finally:
        os.close(file)
