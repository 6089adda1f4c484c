"""One stored event as a line of JSON: its stored bytes are copied, not parsed, wherever that is exact.

In: a stored event. Out: ``{"Position":…,"Session":…,"Version":…,
"Timestamp":…,"Type":…,"Message":[…]}``; ``Message`` are the wire fields of an inbound message, ``Payload`` is the
base64 of a frame that has none, ``Facts`` is what an event of our own says.
"""

from uuid import UUID

from ibconnect.events.kinds import KINDS
from ibconnect.events.selection import Stored
from ibconnect.events.wire import FRAME, LAYOUTS, is_inbound

_PREFIXES = {
    layout.topic: b"".join(b'"%b",' % field for field in layout.prefix.split(b"\0")[:-1]) for layout in LAYOUTS
}
_TYPES = {topic: kind.__name__ for topic, kind in KINDS.items()}


def session_text(session: bytes) -> str:
    """A session's UUID, from its 16 bytes."""
    return str(UUID(bytes=session))


def line(event: Stored, session: str, timestamp: str) -> bytes:
    """The event as one line of JSON, without a line end."""
    head = (
        f'{{"Position":{event.position},"Session":"{session}","Version":{event.version},'
        f'"Timestamp":"{timestamp}","Type":"{type_of(event.topic)}",'
    )
    return b"%b%b}" % (head.encode(), _content(event.topic, event.state))


def type_of(topic: str) -> str:
    """The name of the event's kind; a topic of a newer version stands for itself."""
    return _TYPES.get(topic, topic)


def _strings(state: bytes) -> bytes:
    """The array without its leading time."""
    return state if state[1:2] == b'"' else b"[" + state[state.index(b",") + 1 :]


def _content(topic: str, state: bytes) -> bytes:
    if not is_inbound(topic):
        return b'"Facts":' + state
    strings = _strings(state)
    if topic == FRAME:
        return b'"Payload":' + strings[1:-1]
    return b'"Message":[' + _PREFIXES.get(topic, b"") + strings[1:]
