"""Events as rows of a binary COPY into ``public.stored_events``: encoded once, on arrival, and passed on as bytes.

Column order: originator_version, originator_id, topic, state (PostgreSQL documentation, "COPY", binary format).
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import NamedTuple

from ibconnect.errors import EventError

_HEAD = Struct(">hiqi16si")
_LENGTH = Struct(">i")
_VERSION_AND_LENGTH = Struct(">6sq25si")


class Row(NamedTuple):
    """One event; ``stream`` is the 16 bytes of its stream's UUID."""

    stream: bytes
    version: int
    topic: bytes
    state: bytes


def encode_row(stream: bytes, version: int, topic: bytes, state: bytes) -> bytes:
    """One tuple of COPY data."""
    return b"%b%b%b%b" % (
        _HEAD.pack(4, 8, version, 16, stream, len(topic)),
        topic,
        _LENGTH.pack(len(state)),
        state,
    )


def encode_rows(stream: bytes, version: int, events: Iterable[tuple[str, bytes]]) -> bytes:
    """The rows of consecutive events (topic of one letter, state) of one stream; ``version`` is the first one's.

    The same bytes as :func:`encode_row` gives one by one, at half the cost: what is constant is made once.
    """
    parts: list[bytes] = []
    starts = _Starts(stream)
    pack = _VERSION_AND_LENGTH.pack
    for number, (topic, state) in enumerate(events, version):
        parts.append(pack(_FIELDS, number, starts[topic], len(state)))
        parts.append(state)
    return b"".join(parts)


_FIELDS = b"\0\4\0\0\0\x08"


class _Starts(dict[str, bytes]):
    """Topic → what stands between a row's version and the length of its state."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream

    def __missing__(self, topic: str) -> bytes:
        self[topic] = start = b"\0\0\0\x10%b\0\0\0\1%b" % (self._stream, topic.encode())
        return start


def decode_rows(data: bytes) -> Iterator[Row]:
    """The rows in a run of such tuples.

    :raises EventError: the data is not of that form
    """
    offset = 0
    while offset < len(data):
        try:
            fields, _, version, _, stream, length = _HEAD.unpack_from(data, offset)
            topic_end = offset + _HEAD.size + length
            (state_length,) = _LENGTH.unpack_from(data, topic_end)
        except Exception as exc:
            raise EventError(f"the rows are cut off at byte {offset} of {len(data)}") from exc
        state_start = topic_end + _LENGTH.size
        if fields != 4 or state_start + state_length > len(data):
            raise EventError(f"the rows are cut off or not ours at byte {offset} of {len(data)}")
        yield Row(
            stream,
            version,
            data[offset + _HEAD.size : topic_end],
            data[state_start : state_start + state_length],
        )
        offset = state_start + state_length
