"""The time in which nothing could be recorded, since the spool was full: recorded when there is room.

In: what is noted of it (:mod:`ibconnect.events.notes`), by this process or an earlier one. Out: one
``RecordingInterrupted`` in the next session of the gateway. Called by the supervisor.
"""

from ibconnect.events.notes import Notes
from ibconnect.events.types import RecordingInterrupted
from ibconnect.gateway.connection import Connection


def record(notes: Notes, connection: Connection) -> None:
    """Record in a session that has just been opened what could not be recorded before it.

    :raises GatewayLost: the connection is over
    """
    interval = notes.interval(str(connection.address))
    if interval is None:
        return
    connection.record(
        RecordingInterrupted,
        since=interval.since,
        until=connection.session.now(),
        messages=interval.messages,
        bytes=interval.bytes,
    )
    # If the spool was full again, it is still to be recorded.
    if connection.session.unrecorded is None:
        notes.told(str(connection.address))
