"""The text protocol's bytes: frames, fields, the opening handshake.

In: bytes from a client's socket. Out: frames as lists of fields, and the bytes of messages to send. Called by
``connection`` (both directions), and by what encodes messages itself: the load, some faults, a replay. Layout: a
4-byte big-endian length, then fields each ended by NUL; the first field is the message id.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ibconnect.errors import SimulatorError

Fields = Sequence[str]
"""One message: its wire fields as text, the message id first. Bytes that are no UTF-8 are surrogates."""

MAX_LENGTH = 0xFFFFFF
"""Longest frame that IB's own client accepts."""

_LENGTH = struct.Struct(">I")
_VERSIONS = re.compile(rb"v(\d+)(?:\.\.(\d+))?(?: (.*))?$", re.DOTALL)


class WireError(SimulatorError):
    """A client broke the protocol; nothing sensible can follow on its connection."""


def payload(fields: Fields) -> bytes:
    """The bytes of one message without its length: every field ended by NUL."""
    return ("\0".join(fields) + "\0").encode("utf-8", "surrogateescape")


def frame(body: bytes) -> bytes:
    """One message as it goes out: length and body."""
    return _LENGTH.pack(len(body)) + body


def split(body: bytes) -> list[str]:
    """The fields of one message's body, split as ib_async does: what follows the last NUL is dropped."""
    return body.decode("utf-8", "surrogateescape").split("\0")[:-1]


def take_frames(buffer: bytearray) -> Iterator[bytes]:
    """The complete frames' bodies at the start of ``buffer``, which are removed from it.

    Raises :class:`WireError` for a length that no client of IB's may send.
    """
    start = 0
    try:
        while len(buffer) - start >= 4:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_LENGTH:
                raise WireError(f"a frame of {length} bytes is longer than {MAX_LENGTH}")
            if len(buffer) - start - 4 < length:
                return
            body = bytes(buffer[start + 4 : start + 4 + length])
            start += 4 + length
            yield body
    finally:
        del buffer[:start]


@dataclass(frozen=True, slots=True)
class Hello:
    """What a client offers on connecting: a range of server versions and its connect options."""

    lowest: int
    highest: int
    options: str = ""


def parse_hello(body: bytes) -> Hello:
    """Read ``v157..178 +PACEAPI`` (or ``v157``, one version only). Raises :class:`WireError`."""
    match = _VERSIONS.match(body.rstrip(b"\0"))
    if match is None:
        raise WireError(f"not a version range: {body[:40]!r}")
    lowest, highest, options = match.groups()
    return Hello(int(lowest), int(highest or lowest), (options or b"").decode("ascii", "replace"))
