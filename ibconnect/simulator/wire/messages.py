"""The fixed messages of a gateway and how they differ between server versions.

In: values. Out: wire fields. Called by the request handlers, the sources and the faults. Layouts are those of
IB's client 10.46 for server versions 157 to 200.
"""

import time

from ibconnect.simulator.wire.frames import Fields

LOWEST_VERSION = 157
"""Oldest server version that ib_async talks to."""
HIGHEST_VERSION = 200
"""Newest server version whose messages are all text; 201 begins protobuf."""

_REJECT_JSON_SINCE = 166
_ERROR_TIME_SINCE = 194


def ascii_text(text: str) -> str:
    r"""The text as gateways send it since version 153: what is not ASCII as ``\u00fc``."""
    return "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text)


def error(request_id: int, code: int, text: str) -> Fields:
    """Message 4 in the layout of versions 166 to 193; :func:`for_version` gives the other layouts."""
    return ("4", "2", str(request_id), str(code), text, "")


def is_timed(fields: Fields) -> bool:
    """Whether a message 4 has the layout of versions from 194 on: no version, and the time at its end."""
    return len(fields) == 6 and len(fields[5]) > 9 and fields[5].isdecimal()


def for_version(fields: Fields, version: int) -> Fields:
    """A message 4 of any version as a connection of this one must see it; others stay as they are."""
    if fields[0] != "4" or len(fields) not in (5, 6):
        return fields
    if is_timed(fields):
        core, at = ["4", "2", *fields[1:4]], fields[5]
        reject = fields[4]
    else:
        core, at = list(fields[:5]), str(time.time_ns() // 1_000_000)
        reject = fields[5] if len(fields) == 6 else ""
    if version >= _ERROR_TIME_SINCE:
        return [core[0], *core[2:], reject, at]
    return [*core, reject] if version >= _REJECT_JSON_SINCE else core


def unknown_request(number: str) -> Fields:
    """What a gateway says of a request whose message id nobody knows."""
    return error(-1, 320, f"Error reading request. Unknown message id '{number[:40]}'.")


ID_IN_USE: Fields = error(-1, 326, "Unable connect as the client id is already in use. Retry with a unique client id.")
"""What a gateway says to a client whose id another one has, before it closes."""

FARM_NOTICES: tuple[Fields, ...] = (
    error(-1, 2104, "Market data farm connection is OK:usfarm"),
    error(-1, 2106, "HMDS data farm connection is OK:ushmds"),
    error(-1, 2158, "Sec-def data farm connection is OK:secdefnj"),
)
