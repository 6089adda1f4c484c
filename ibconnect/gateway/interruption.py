"""The time in which nothing could be recorded, since the spool was full: noted, and recorded when there is room.

In: sessions that ended because of it. Out: their ends, and one ``RecordingInterrupted`` in the next session. Called
by the keeper.
"""

from uuid import UUID

from ibconnect import observe as o
from ibconnect.events.kinds import RecordingInterrupted, SessionClosed
from ibconnect.events.mapper import encode_own
from ibconnect.events.rows import encode_row
from ibconnect.events.session import Session
from ibconnect.events.writer import Writer
from ibconnect.gateway.link import Link


class Interruption:
    """What one gateway's sessions could not record; empty most of the time."""

    def __init__(self) -> None:
        self._since = 0
        self._messages = 0
        self._bytes = 0
        self._unended: dict[UUID, tuple[int, int]] = {}

    def note(self, session: Session) -> None:
        """Take note of a session that has ended, if it ended because the spool was full."""
        if session.unrecorded is None:
            return
        messages, size = session.unrecorded
        now = session.now()
        self._since = self._since or now
        self._messages += messages
        self._bytes += size
        if session.version:
            self._unended[session.id] = (session.version, now)
        o.MESSAGES_LOST.labels(session.gateway).inc(messages)

    def end_sessions(self, writer: Writer) -> None:
        """Record the end of the sessions that could not record it themselves, with the time when they ended.

        :raises JournalFull: there is no room yet
        """
        for stream, (version, ended) in tuple(self._unended.items()):
            event = SessionClosed(
                originator_id=stream,
                originator_version=version + 1,
                arrived=ended,
                reason="spool-full",
                detail="the spool was full",
            )
            row = encode_row(stream.bytes, version + 1, event.TOPIC.encode(), encode_own(event))
            writer.put(row, 1)
            del self._unended[stream]

    def tell(self, link: Link) -> None:
        """Record in a session that has just been opened what could not be recorded before it.

        :raises GatewayLost: the connection is over
        """
        if self._since:
            link.tell(
                RecordingInterrupted,
                since=self._since,
                until=link.session.now(),
                messages=self._messages,
                bytes=self._bytes,
            )
            self._since = self._messages = self._bytes = 0
