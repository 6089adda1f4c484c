"""Closes streams that a killed process left open, so that each stream says how it ended.

In: streams whose process is known to be gone. Out: their ``SessionClosed`` events, and from then on a fence: what
that process might still have of them goes to a stream of its own (:mod:`~ibconnect.events.continuation`). Called when a
journal is recovered, and by the supervisor of a gateway before it opens the next session.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow

from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseUnavailable
from ibconnect.events.appending import append_end, free_turn
from ibconnect.events.types import SessionClosed
from ibconnect.observe import Kind, observe
from ibconnect.times import to_micros, utc_now


def close_streams(url: str, streams: Iterable[UUID], ends: Mapping[UUID, int] | None = None) -> list[UUID]:
    """Append ``SessionClosed`` (reason ``orphaned``) to those that do not end with it; return these.

    The reason is ``spool-full``, with the time when it ended, for each of which ``ends`` (of the notes) says that.

    :raises DatabaseUnavailable: Postgres cannot do that now; some of them may be closed
    """
    try:
        with connect(url, name="orphans", search_path="public") as connection:
            free_turn(connection)
            return [stream for stream in streams if _close(connection, stream, (ends or {}).get(stream))]
    except psycopg.Error as exc:
        raise DatabaseUnavailable(f"sessions left open cannot be closed now: {exc}") from exc


def _close(connection: Connection[TupleRow], stream: UUID, ended: int | None) -> bool:
    event = _orphaned(stream) if ended is None else spool_full(stream, 0, ended)
    is_closed = append_end(connection, stream, event)
    if is_closed and ended is None:
        observe(Kind.SESSION_ORPHANED, session=str(stream))
    return is_closed


def _orphaned(stream: UUID) -> SessionClosed:
    return SessionClosed(
        originator_id=stream,
        originator_version=0,
        arrived=to_micros(utc_now()),
        reason="orphaned",
        detail="its instance did not end it",
    )


def spool_full(stream: UUID, version: int, ended: int) -> SessionClosed:
    """The end of a session that could not record it itself."""
    return SessionClosed(
        originator_id=stream,
        originator_version=version,
        arrived=ended,
        reason="spool-full",
        detail="the spool was full",
    )
