"""The time in which nothing could be recorded, since the spool was full: recorded when there is room.

In: what is noted of it (:mod:`ibconnect.events.notes`), by this process or an earlier one. Out: one
``RecordingInterrupted`` in the next session of the gateway. Called by the keeper.
"""

from ibconnect.events.notes import Notes
from ibconnect.events.types import RecordingInterrupted
from ibconnect.gateway.connection import Link


def tell(notes: Notes, link: Link) -> None:
    """Record in a session that has just been opened what could not be recorded before it.

    :raises GatewayLost: the connection is over
    """
    interval = notes.interval(str(link.address))
    if interval is None:
        return
    link.tell(
        RecordingInterrupted,
        since=interval.since,
        until=link.session.now(),
        messages=interval.messages,
        bytes=interval.bytes,
    )
    # If the spool was full again, it is still to be told.
    if link.session.unrecorded is None:
        notes.told(str(link.address))
