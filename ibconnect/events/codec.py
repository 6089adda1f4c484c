"""The text of the IB socket protocol ↔ the state of a stored event, exactly, in both directions.

In: the payload of one frame (without its length prefix), as the gateway sent it. Out: a short topic and compact
JSON; :func:`payload_of` is the exact inverse for every payload there is. Called for each inbound message, so it
works on bytes and parses nothing that it need not.

A message of a known layout is a JSON array of its fields without message id and version (constants of the
topic); any other text message an array of all its fields; what is not NUL-ended UTF-8 is kept in base64. A notice that
has a time and no version ends in that time as a number, where others end in text, with its fields in the same places.
Small frames in a row are one event: base64 of all of them, lengths included, and a mark after it. A leading integer is
the time of arrival; it is left out when the message came in the same read of the socket as the event before it in its
session.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from ibconnect.errors import EventError
from ibconnect.events.frames import SmallFrames, split
from ibconnect.events.layouts import NOTICE, NOTICE_ID, TIMED_FIELDS, TOPICS, is_timed

MESSAGE = "m"
FRAME = "x"
FRAMES_MARK = "frames"
"""Stands after the base64 in the state of a row of small frames."""

_BY_ID = {layout.number.encode(): (layout.topic, layout.prefix, layout.fields) for layout in TOPICS.values()}
_PREFIXES = {topic: layout.prefix for topic, layout in TOPICS.items()}
# What a topic says of its messages, and their states therefore leave out: message id and version.
_CONSTANTS = {MESSAGE: (), **{topic: layout.constants for topic, layout in TOPICS.items()}}
_TIMED_PREFIX = f"{NOTICE_ID}\0".encode()
_TIME = re.compile(rb'(?:\[|\{"t":)(\d+)')
_NEEDS_ESCAPE = re.compile(rb'[\x01-\x1f"\\\x80-\xff]').search
_PLAIN = bytes(set(range(256)).difference(range(1, 32), b'"\\', range(128, 256)))

_NO_LAYOUT = ("", b"", 0)
# A time that JSON gives back digit for digit.
_IS_TIME = re.compile("0|[1-9][0-9]{0,17}").fullmatch

# Account values, positions and account times: nearly all that a gateway sends, and beginnings of one length.
RUN_STARTS: tuple[bytes, ...] = (b"6\0", b"7\0", b"8\0")
_RUN_LAYOUTS = {
    layout.prefix: (layout.topic, layout.fields + 2)
    for layout in TOPICS.values()
    if layout.prefix.startswith(RUN_STARTS)
}
# Of no message is this number of fields reached.
_NO_RUN = ("", 1 << 31)
_RUN_PREFIX = len(b"6\x002\x00")
_RUN_TEXT_PREFIX = len(b'6","2","')


def encode_message(payload: bytes, arrived: int | None) -> tuple[str, bytes]:
    """The topic and state of one inbound message.

    :param payload: a frame without its length prefix: fields, each ended by NUL
        (a :class:`~ibconnect.events.frames.SmallFrames`: several, with their length prefixes)
    :param arrived: time of arrival, microseconds since the epoch, UTC; None if the event before says it
    """
    if isinstance(payload, SmallFrames):
        return FRAME, _frame_state(payload, arrived, FRAMES_MARK)
    topic, prefix, fields = _BY_ID.get(payload[: payload.find(b"\0")], _NO_LAYOUT)
    if topic == NOTICE and (timed := _timed_state(payload, arrived)) is not None:
        return topic, timed
    if topic and payload.startswith(prefix) and payload.count(b"\0") >= fields + 2:
        body = payload[len(prefix) : -1]
    else:
        topic, body = MESSAGE, payload[:-1]
    if payload[-1:] != b"\0":
        return FRAME, _frame_state(payload, arrived)
    if _NEEDS_ESCAPE(body):
        return _escaped(topic, body, payload, arrived)
    text = body.replace(b"\0", b'","')
    return topic, b'["%b"]' % text if arrived is None else b'[%d,"%b"]' % (arrived, text)


def encode_run(payloads: Sequence[bytes], arrived: int | None) -> list[tuple[str, bytes]] | None:
    """What :func:`encode_message` makes of each, at about half the cost, since most work is done on all at once.

    :param arrived: time of arrival of the first; the others came in the same read
    :return: None if one of them is not a message of :data:`RUN_STARTS` in its layout, or holds text that JSON
        must escape: then they have to be taken one by one
    """
    text = b"\n".join((*payloads, b""))
    if text.translate(None, _PLAIN) != b"\n" * len(payloads) or text.count(b"\0\n") != len(payloads):
        return None
    events: list[tuple[str, bytes]] = []
    lines = text.replace(b"\0\n", b'"]\n').replace(b"\0", b'","').split(b"\n")
    for payload, line in zip(payloads, lines, strict=False):
        topic, least = _RUN_LAYOUTS.get(payload[:_RUN_PREFIX], _NO_RUN)
        if payload.count(b"\0") < least:
            return None
        events.append((topic, b'["' + line[_RUN_TEXT_PREFIX:]))
    if events and arrived is not None:
        topic, state = events[0]
        events[0] = topic, b"[%d,%b" % (arrived, state[1:])
    return events


def _timed_state(payload: bytes, arrived: int | None) -> bytes | None:
    """The state of a notice that has a time; None if this one has none that a number gives back."""
    if payload.count(b"\0") != TIMED_FIELDS or payload[-1:] != b"\0":
        return None
    try:
        fields = payload[:-1].decode().split("\0")
    except UnicodeDecodeError:
        return None
    if not is_timed(fields) or not _IS_TIME(fields[-1]):
        return None
    values = [*fields[1:-1], int(fields[-1])]
    return orjson.dumps(values if arrived is None else [arrived, *values])


def _escaped(topic: str, body: bytes, payload: bytes, arrived: int | None) -> tuple[str, bytes]:
    try:
        fields = body.decode().split("\0")
    except UnicodeDecodeError:
        return FRAME, _frame_state(payload, arrived)
    return topic, orjson.dumps(fields if arrived is None else [arrived, *fields])


def _frame_state(payload: bytes, arrived: int | None, *marks: str) -> bytes:
    text = b64encode(payload).decode()
    return orjson.dumps([text, *marks] if arrived is None else [arrived, text, *marks])


def is_inbound(topic: str) -> bool:
    """Whether events of this topic hold what the gateway sent (the others say what we did)."""
    return topic in TOPICS or topic in (MESSAGE, FRAME)


def is_malformed(topic: str, payload: bytes) -> bool:
    """Whether a message that should have a layout of its own did not fit it."""
    return topic == FRAME or (topic == MESSAGE and payload[: payload.find(b"\0")] in _BY_ID)


def time_in(state: bytes) -> int | None:
    """When any event arrived (microseconds since the epoch, UTC) by its state; None if the event before says it."""
    match = _TIME.match(state)
    return int(match[1]) if match else None


def split_state(state: bytes) -> tuple[int | None, list[str]]:
    """Time of arrival (microseconds, or None if the event before says it) and fields of an inbound state.

    :raises EventError: the state is not such an array
    """
    arrived, values = _values(state)
    return arrived, list(map(str, values)) if _has_time(values) else values


def _has_time(values: list[Any]) -> bool:
    """Whether what is left of the state of a notice, its time of arrival aside, ends in a time."""
    return bool(values) and isinstance(values[-1], int)


def _values(state: bytes) -> tuple[int | None, list[Any]]:
    try:
        values = orjson.loads(state)
    except orjson.JSONDecodeError as exc:
        raise EventError(f"the state of an inbound event is not JSON: {exc}") from exc
    if not isinstance(values, list) or not values:
        raise EventError("the state of an inbound event is not a JSON array of fields")
    if isinstance(values[0], int):
        return values[0], values[1:]
    return None, values


def payloads_of(topic: str, state: bytes) -> list[bytes]:
    """The payloads of the frames that an event holds: of one, or of a row of small ones.

    :raises EventError: the topic or the state is not that of an inbound message
    """
    payload = payload_of(topic, state)
    return split(payload) if isinstance(payload, SmallFrames) else [payload]


def payload_of(topic: str, state: bytes) -> bytes:
    """What :func:`encode_message` was given, byte for byte.

    :raises EventError: the topic or the state is not that of an inbound message
    """
    _, fields = _values(state)
    if topic == FRAME:
        data = b64decode(fields[0], validate=True)
        return SmallFrames(data) if fields[1:] == [FRAMES_MARK] else data
    if topic == MESSAGE:
        return _joined(fields)
    if topic not in TOPICS:
        raise EventError(f"topic {topic!r} is not that of an inbound message")
    prefix = _TIMED_PREFIX if topic == NOTICE and _has_time(fields) else _PREFIXES[topic]
    return prefix + _joined(fields)


def _joined(fields: list[Any]) -> bytes:
    return "".join(f"{field}\0" for field in fields).encode()


def fields_of(topic: str, state: bytes) -> list[str]:
    """The wire fields of an inbound text message, message id first.

    :raises EventError: not an inbound message, or one that is not NUL-ended UTF-8 text
    """
    if topic == FRAME:
        raise EventError("the frame is not NUL-ended UTF-8 text and has no fields")
    if topic not in _CONSTANTS:
        raise EventError(f"topic {topic!r} is not that of an inbound message")
    _, values = _values(state)
    if topic == NOTICE and _has_time(values):
        return [NOTICE_ID, *map(str, values)]
    return [*_CONSTANTS[topic], *values]
