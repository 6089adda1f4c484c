"""One connection to one gateway as one stream of events: versions 1, 2, 3 … in order of arrival.

In: payloads of frames and own events, on the event loop. Out: encoded rows, handed to the writer once per read
of the socket. Called by the gateway room only.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from ibconnect import observe as o
from ibconnect.errors import EventError
from ibconnect.events.codec import encode_message, encode_run, is_inbound, is_malformed
from ibconnect.events.copy_format import encode_row, encode_rows
from ibconnect.events.journal import JournalFull
from ibconnect.events.mapper import encode_own
from ibconnect.events.notes import Cut
from ibconnect.events.tally import Chunk
from ibconnect.events.types import OwnEvent, SessionOpened
from ibconnect.events.writer import Writer
from ibconnect.times import to_micros, utc_now


class Stream:
    """A stream under construction. After :meth:`close`, or once the spool is full, nothing more is taken."""

    def __init__(self, writer: Writer, gateway: str) -> None:
        self.id: UUID = uuid7()
        self.gateway = gateway
        self.version = 0
        self.is_open = True
        self.unrecorded: tuple[int, int] | None = None
        """Messages and bytes that could not be recorded any more, since the spool was full."""
        self._writer = writer
        self._bytes = self.id.bytes
        self._rows: list[bytes] = []
        self._counts: Counter[str] = Counter()
        self._time = 0
        self._said = 0

    def now(self) -> int:
        """Microseconds since the epoch, UTC, never less than before: a clock set back must not reorder events."""
        self._time = max(self._time, to_micros(utc_now()))
        return self._time

    def receive(self, payload: bytes, arrived: int) -> bool:
        """Record one inbound frame (without its length prefix); return whether it has the layout of its id.

        ``arrived`` is one value of :meth:`now` for all frames of one read of the socket.
        """
        topic, state = encode_message(payload, arrived if arrived > self._said else None)
        self._said = max(arrived, self._said)
        self._add(topic, state)
        return not is_malformed(topic, payload)

    def receive_run(self, payloads: Sequence[bytes], arrived: int) -> bool:
        """Record frames of one read of the socket, all at once; False if they must be given one by one instead."""
        events = encode_run(payloads, arrived if arrived > self._said else None)
        if events is None:
            return False
        self._ensure_open()
        self._said = max(arrived, self._said)
        self._rows.append(encode_rows(self._bytes, self.version + 1, events))
        self.version += len(events)
        self._counts.update(topic for topic, _ in events)
        return True

    def tell(self, kind: type[OwnEvent], **facts: Any) -> None:
        """Record something that we did or noticed."""
        self._said = self.now()
        event = kind(originator_id=self.id, originator_version=self.version + 1, arrived=self._said, **facts)
        self._add(kind.TOPIC, encode_own(event))

    def _add(self, topic: str, state: bytes) -> None:
        self._ensure_open()
        self.version += 1
        self._rows.append(encode_row(self._bytes, self.version, topic.encode(), state))
        self._counts[topic] += 1

    def _ensure_open(self) -> None:
        if not self.is_open:
            raise EventError(f"session {self.id} is closed")

    def hand_over(self) -> None:
        """Give what was recorded since the last call to the writer, as one chunk.

        :raises JournalFull: the spool is full. The stream ends before these events: what is stored stays a prefix.
        """
        if not self._rows:
            return
        data, rows = b"".join(self._rows), self._counts.total()
        self._rows.clear()
        try:
            self._writer.put(data, rows, Chunk(self._bytes, self.gateway, self._counts))
        except JournalFull as exc:
            self.version -= rows
            inbound = sum(count for topic, count in self._counts.items() if is_inbound(topic))
            self.unrecorded, self.is_open = (inbound, len(data)), False
            # At once: whatever becomes of this process now, the next one knows.
            self._writer.notes.note(self.gateway, Cut(self.id, self.version, self.now(), *self.unrecorded), str(exc))
            raise
        self._counts.clear()

    def open(self, **facts: Any) -> None:
        """Record the first event. ``facts`` are the fields of :class:`SessionOpened` besides the gateway."""
        # A gateway of which nothing gets stored must be seen: a counter that is not there does not stand still.
        o.EVENTS_RECORDED.labels(self.gateway, SessionOpened.__name__)
        self.tell(SessionOpened, gateway=self.gateway, **facts)

    def end(self, kind: type[OwnEvent], **facts: Any) -> None:
        """Record the last event and hand everything over."""
        if self.is_open:
            self.tell(kind, **facts)
            self.hand_over()
            self.is_open = False
