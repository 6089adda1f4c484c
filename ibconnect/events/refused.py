"""Rows that arrived and that the event store does not take are kept in files: nothing is thrown away.

In: rows as COPY data. Out: ``DATA_DIR/spool/refused-JOURNAL.rows``, the rows of one process in order, which
:func:`~ibconnect.events.rows.decode_rows` reads. Called by the writer thread. See docs/guarantees.md for when
that happens.
"""

import os
from pathlib import Path

from ibconnect import observe as o
from ibconnect.events.rows import decode_rows
from ibconnect.observe import Kind, observe


def set_aside(spool: Path, journal: str, data: bytes, exc: Exception) -> None:
    """Append rows to the file of their journal, and say why.

    :raises OSError: they cannot be written; nothing of them was
    """
    path = spool / f"refused-{journal}.rows"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(file).st_size
        if os.write(file, data) != len(data):
            os.ftruncate(file, size)
            raise OSError(f"{path} takes no more")
        os.fsync(file)
    finally:
        os.close(file)
    rows = sum(1 for _ in decode_rows(data))
    o.EVENTS_REFUSED.inc(rows)
    observe(Kind.EVENTS_REFUSED, error=exc, events=rows, kept_in=str(path))
