"""Closes sessions that a killed instance left open, so that each stream says how it ended.

Called by the keeper before it opens the next session of the gateway.
"""

import asyncio
from uuid import UUID

from ibconnect.events.kinds import SessionClosed
from ibconnect.events.mapper import encode_own
from ibconnect.events.rows import encode_row
from ibconnect.events.writer import Writer
from ibconnect.observe import Kind, observe
from ibconnect.times import to_micros, utc_now


async def close_orphan(writer: Writer, former: tuple[UUID, int, str] | None, gateway: str) -> None:
    """Append ``SessionClosed`` (reason ``orphaned``) to a former session that lacks one.

    :param former: its id, last stored version and last stored topic; None if there is none
    """
    if former is None or former[2] == SessionClosed.TOPIC:
        return
    session, version, _ = former
    closed = SessionClosed(
        originator_id=session,
        originator_version=version + 1,
        arrived=to_micros(utc_now()),
        reason="orphaned",
        detail="its instance ended without closing it",
    )
    writer.put(encode_row(session.bytes, version + 1, closed.TOPIC.encode(), encode_own(closed)), 1)
    observe(Kind.SESSION_ORPHANED, gateway=gateway, session=str(session))
    await asyncio.wait_for(writer.flushed(), 30)
