"""One stored event as a line of JSON: its stored bytes are copied, not parsed, wherever that is exact.

In: a row of the event store and the time at which it arrived. Out: ``{"Position":…,"Session":…,"Version":…,
"Timestamp":…,"Type":…,"Message":[…]}``; ``Message`` are the wire fields of an inbound message, ``Payload`` is the
base64 of a frame that has none, ``Facts`` is what an event of our own says.
"""

from typing import NamedTuple
from uuid import UUID

import orjson

from ibconnect.events.kinds import KINDS
from ibconnect.events.wire import FRAME, LAYOUTS, is_inbound

_PREFIXES = {
    layout.topic: b"".join(b'"%b",' % field for field in layout.prefix.split(b"\0")[:-1]) for layout in LAYOUTS
}
_TYPES = {topic: kind.__name__ for topic, kind in KINDS.items()}
_ACCOUNT_LAST = frozenset("vpd")
_ACCOUNT_NAMED = frozenset(("as", "ac"))
# Messages without a topic of their own that are about one account, and where its code stands
# (IB's documentation of reqPositions, reqAccountSummary, reqPositionsMulti, reqAccountUpdatesMulti).
_ACCOUNT_PLACES = {"61": 2, "63": 3, "71": 3, "73": 3}


class Stored(NamedTuple):
    """One event; ``session`` the 16 bytes of its UUID, ``micros`` when it arrived."""

    position: int
    session: bytes
    version: int
    topic: str
    state: bytes
    micros: int


def arrived(state: bytes) -> int | None:
    """When the event arrived, microseconds since the epoch; None if the event before it says so."""
    if state[:1] == b"[":
        return None if state[1:2] == b'"' else int(state[1 : state.index(b",")])
    moment: int = orjson.loads(state)["t"]
    return moment


def account_of(topic: str, state: bytes) -> str | None:
    """The one account that the event is about; None if it is about none, or may name several."""
    if topic in _ACCOUNT_LAST:
        code: str = orjson.loads(state)[-1]
        return code
    if topic in _ACCOUNT_NAMED:
        named: str = orjson.loads(state)["account"]
        return named
    if topic == "m":
        fields = orjson.loads(_strings(state))
        place = _ACCOUNT_PLACES.get(fields[0] if fields else "")
        return fields[place] if place is not None and len(fields) > place else None
    return None


def _strings(state: bytes) -> bytes:
    """The array without its leading time."""
    return state if state[1:2] == b'"' else b"[" + state[state.index(b",") + 1 :]


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


def _content(topic: str, state: bytes) -> bytes:
    if not is_inbound(topic):
        return b'"Facts":' + state
    strings = _strings(state)
    if topic == FRAME:
        return b'"Payload":' + strings[1:-1]
    return b'"Message":[' + _PREFIXES.get(topic, b"") + strings[1:]
