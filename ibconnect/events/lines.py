"""One stored event as a line of JSON: its stored bytes are copied, not parsed, wherever that is exact.

In: a stored event. Out: ``{"Position":…,"Session":…,"Version":…,"Timestamp":…,"Type":…,"Message":[…]}``; ``Message``
are the wire fields of an inbound message, ``Payload`` is the base64 of a frame that has none, ``Facts`` is what an
event of our own says. Called by the handler of ``/v1/events`` and by ``ibconnect events``: an event looks the same
wherever it is read.
"""

from collections.abc import Callable
from uuid import UUID

from ibconnect.events.codec import FRAME, MESSAGE
from ibconnect.events.layouts import NOTICE, NOTICE_ID, TOPICS
from ibconnect.events.selection import Stored
from ibconnect.events.types import TYPES
from ibconnect.times import format_rfc3339, from_micros

_TYPES = {topic: kind.__name__ for topic, kind in TYPES.items()}
_CONSTANTS = {
    MESSAGE: b"",
    **{topic: "".join(f'"{field}",' for field in layout.constants).encode() for topic, layout in TOPICS.items()},
}
# What comes between the time and the stored fields of a message: its type, and what the topic says of its fields.
_STARTS = {
    topic: b'"Type":"%b","Message":[%b' % (_TYPES[topic].encode(), constants) for topic, constants in _CONSTANTS.items()
}
_TIMED_START = b'"Type":"%b","Message":["%b",' % (_TYPES[NOTICE].encode(), NOTICE_ID.encode())
_QUOTE = ord('"')
_SESSIONS_KEPT = 1000


def liner() -> Callable[[Stored], bytes]:
    """What makes lines of events that come in their order: what many of them share is made into text once."""
    sessions: dict[bytes, bytes] = {}
    last_micros, last_text = -1, b""

    def one(event: Stored) -> bytes:
        nonlocal last_micros, last_text
        if event.arrived != last_micros:
            last_micros, last_text = event.arrived, format_rfc3339(from_micros(event.arrived)).encode()
        session = sessions.get(event.session)
        if session is None:
            if len(sessions) >= _SESSIONS_KEPT:
                sessions.clear()
            session = sessions[event.session] = str(UUID(bytes=event.session)).encode()
        return line(event, session, last_text)

    return one


def line(event: Stored, session: bytes, timestamp: bytes) -> bytes:
    """The event as one line of JSON, without a line end."""
    start = _STARTS.get(event.topic)
    if start is None:
        start, rest = _other(event.topic, event.state)
    else:
        rest = _strings(event.state)
        if event.topic == NOTICE and rest[-2] != _QUOTE:
            start, rest = _TIMED_START, _with_text_at_end(rest)
    return b'{"Position":%d,"Session":"%b","Version":%d,"Timestamp":"%b",%b%b}' % (
        event.position,
        session,
        event.version,
        timestamp,
        start,
        rest,
    )


def _strings(state: bytes) -> bytes:
    """What follows the opening bracket of the array, and its leading time where it has one."""
    return state[1:] if state[1] == _QUOTE else state[state.index(b",") + 1 :]


def _with_text_at_end(strings: bytes) -> bytes:
    """The same with the time of a notice, which ends its state as a number, as the text that it was."""
    before, _, time = strings[:-1].rpartition(b",")
    return b'%b,"%b"]' % (before, time)


def _other(topic: str, state: bytes) -> tuple[bytes, bytes]:
    kind = type_of(topic).encode()
    if topic == FRAME:
        text, _, mark = _strings(state)[:-1].partition(b",")
        return b'"Type":"%b","%b":' % (kind, b"Frames" if mark else b"Payload"), text
    return b'"Type":"%b","Facts":' % kind, state


def type_of(topic: str) -> str:
    """The name of the event's kind; a topic of a newer version stands for itself."""
    return _TYPES.get(topic, topic)
