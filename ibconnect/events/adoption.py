"""Stores what killed processes left in the spool, and closes the sessions that they left open.

Called by the writer thread when it starts, and whenever a gateway changes hands: the former leader may have been
another process of this machine.
"""

from pathlib import Path
from uuid import UUID

from ibconnect.errors import DatabaseError, DatabaseUnavailable, EventError
from ibconnect.events.journal import Batch, Leftover, leftovers
from ibconnect.events.orphans import close_orphans
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.refused import set_aside
from ibconnect.events.rows import decode_rows
from ibconnect.events.sieve import continuation_of
from ibconnect.observe import Kind, observe

FENCED = EventError("what came before them is missing, or the next session of their gateway had begun")


def adopt(spool: Path, recorder: EventRecorder) -> int:
    """Store the leftovers under ``spool``, in order, exactly once; return the number of events in them.

    :raises DatabaseUnavailable: Postgres does not take them now; they stay where they are
    """
    return sum(_adopt(spool, leftover, recorder) for leftover in leftovers(spool))


def _adopt(spool: Path, leftover: Leftover, recorder: EventRecorder) -> int:
    events, sessions = 0, dict[bytes, None]()
    try:
        for batch in leftover.batches():
            sessions.update(dict.fromkeys(row.session for row in decode_rows(batch.data)))
            _append(spool, leftover.directory.name, batch, recorder)
            events += batch.rows
        streams = [UUID(bytes=session) for session in sessions]
        close_orphans(recorder.url, [*streams, *map(continuation_of, streams)])
        # Nothing more comes of them: from here on, batches need not be looked through for them.
        recorder.fenced.difference_update(sessions)
    except EventError:
        leftover.is_damaged = True
    except BaseException:
        leftover.release()
        raise
    leftover.discard()
    if leftover.is_damaged:
        observe(Kind.SPOOL_DAMAGED, journal=leftover.directory.name)
    observe(Kind.SPOOL_ADOPTED, events=events)
    return events


def _append(spool: Path, journal: str, batch: Batch, recorder: EventRecorder) -> None:
    try:
        fenced = recorder.append(batch.data, is_doubtful=True).fenced
        if fenced:
            set_aside(spool, journal, fenced, FENCED)
    except DatabaseUnavailable:
        raise
    except DatabaseError as exc:
        set_aside(spool, journal, batch.data, exc)
        recorder.fenced.update(row.session for row in decode_rows(batch.data))
