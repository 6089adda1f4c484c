"""Bytes of a gateway's socket, cut into frames: a length (big-endian, 32 bits), then so many bytes of payload.

In: bytes as they are read. Out: payloads, a bounded number at a time; frames so small that they can be no messages of
an IB gateway, many in a row, as one piece, so that a flood of them costs no more than its bytes. Called by the client
of a gateway, which reads, and by :mod:`~ibconnect.events.codec`, which gives pieces back as the frames that they were.
"""

import re
from collections.abc import Iterable
from functools import cache
from struct import Struct

# The longest frame that IB's own client accepts (ibapi, comm.py).
MAX_FRAME_BYTES = 0xFFFFFF
LENGTH = Struct(">I")

# Payloads that may be looked at as small. A message of IB that is shorter than 4 bytes has no field but its id.
_SMALL, _TINY, _LEAST = 32, 16, 4
# How much of a row of small frames is taken at once.
_ROW_BYTES = 64 << 10
# What is left over of a read is copied to stand before the next one, up to so much.
_COPIED_BYTES = 64 << 10
# What is acted on, however short it is: notices, ids, lists of accounts, times, ends, positions.
_HEEDED = frozenset({4, 9, 15, 49, 54, 61, 62, 71, 72, 73, 74, 79})
_MESSAGE = rb"[0-9]{1,4}\x00"


def _row(tiny: bytes, small: bytes, least: int) -> re.Pattern[bytes]:
    """So many small frames in a row, and more, of which none begins with these patterns."""
    guards = [b"" if size < _LEAST else b"(?!%b)" % (tiny if size < _TINY else small) for size in range(_SMALL)]
    kinds = [rb"\x%02x%b[\s\S]{%d}" % (size, guard, size) for size, guard in enumerate(guards)]
    return re.compile(rb"(?:\x00\x00\x00(?:%b)){%d,}+" % (b"|".join(kinds), least))


@cache
def _rows(heeded: frozenset[int]) -> tuple[re.Pattern[bytes], ...]:
    """Two in a row that are no messages; eight that could be, and that no gateway sends so."""
    ids = rb"(?:%b)\x00" % b"|".join(b"%d" % number for number in sorted(heeded))
    # From 16 bytes on an id of one digit is that of account data.
    return _row(_MESSAGE, _MESSAGE, 2), _row(ids, rb"[0-9]\x00|" + ids, 8)


class SmallFrames(bytes):
    """Frames in a row, each with its length before it."""


class Frames:
    """The bytes of one connection that are not taken yet. What waits is never more than one frame and one read.

    :param heeded: ids of more messages that something acts on, and that are therefore no row of small frames
    """

    def __init__(self, heeded: Iterable[int] = ()) -> None:
        self._rows = _rows(_HEEDED | frozenset(heeded))
        self._data: bytes | bytearray = b""
        self._start = 0
        self.claimed = 0
        """The length that the frame at the head claims, once it is known that it is not whole."""

    @property
    def unfinished(self) -> bytes:
        """What is not taken."""
        return bytes(self._data[self._start :])

    @property
    def waiting(self) -> int:
        """Bytes that are not taken."""
        return len(self._data) - self._start

    @property
    def is_broken(self) -> bool:
        """Whether the head claims more than any frame has: nothing after it can be told apart."""
        return self.claimed > MAX_FRAME_BYTES

    def feed(self, data: bytes) -> None:
        """Bytes have been read."""
        if isinstance(self._data, bytearray):
            self._data += data
        elif self.waiting > _COPIED_BYTES:
            # A frame that comes a byte at a time must not be copied for each of them.
            self._data, self._start = bytearray().join((memoryview(self._data)[self._start :], data)), 0
        else:
            self._data, self._start = self._data[self._start :] + data, 0

    def take(self, most: int) -> list[bytes]:
        """The next payloads, so many at most, a row of small ones as :class:`SmallFrames`; none: no more are whole."""
        pieces: list[bytes] = []
        start, end, length = self._start, len(self._data), 0
        data = self._whole_bytes()
        unpack = LENGTH.unpack_from
        while end - start >= 4 and len(pieces) < most:
            (length,) = unpack(data, start)
            stop = start + 4 + length
            if stop > end or length > MAX_FRAME_BYTES:
                break
            if length < _SMALL and (length < _TINY or data[start + 5]) and (row := self._row_at(data, start)):
                pieces.append(row)
                start += len(row)
                continue
            pieces.append(data[start + 4 : stop])
            start = stop
        else:
            length = 0
        self.claimed, self._start = length, start
        return pieces

    def _row_at(self, data: bytes, start: int) -> SmallFrames | None:
        for row in self._rows:
            if found := row.match(data, start, start + _ROW_BYTES):
                return SmallFrames(found[0])
        return None

    def _whole_bytes(self) -> bytes:
        """What waits, with nothing behind it that could be appended to; only the head of a frame that is not whole."""
        if isinstance(self._data, bytearray):
            (length,) = LENGTH.unpack_from(self._data)
            if len(self._data) < 4 + length:
                return bytes(self._data[:4])
            self._data = bytes(self._data)
        return self._data


def split(data: bytes) -> list[bytes]:
    """The payloads of whole frames in a row, each by itself."""
    payloads: list[bytes] = []
    start, end = 0, len(data)
    while end - start >= 4:
        (length,) = LENGTH.unpack_from(data, start)
        payloads.append(data[start + 4 : start + 4 + length])
        start += 4 + length
    return payloads
