r"""Texts of gateways as people read them: escapes resolved, bytes of any usual encoding decoded.

In: wire text, or the payload of a frame. Out: text for tables, REST, notices and logs. The events keep what was sent.
A gateway of server version 153 or later writes what is not ASCII as ``\uXXXX`` (IB's client, comm.py); a TWS on a
Windows that is not English sends notices in that system's own encoding.
"""

import re

_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
# Chinese characters in GBK come as pairs of bytes above 0xA0; accents of western Europe stand alone among letters.
_PAIRS = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xfe][\xa1-\xfe])*")
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), " ")


def readable(text: str) -> str:
    r"""The text with ``\uXXXX`` resolved, surrogate pairs included; an escape of no character stays as it is.

    >>> readable(r"Zo\u00eb")
    'Zoë'
    """
    return _ESCAPE.sub(_resolved, text) if "\\u" in text else text


def _resolved(match: re.Match[str]) -> str:
    units = [int(part, 16) for part in match[0].split("\\u")[1:]]
    try:
        found = b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be")
    except UnicodeDecodeError:
        return match[0]
    return match[0] if "\0" in found else found


def decoded(payload: bytes) -> str:
    """Text of bytes: UTF-8, or GBK where all that is not ASCII comes in its pairs, or Windows' western encoding."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        encoding = "gb18030" if _PAIRS.fullmatch(payload) else "cp1252"
        return payload.decode(encoding, errors="replace")


def one_line(text: str, limit: int = 500) -> str:
    """The text without control characters, cut to ``limit``: fit for a log line or a header."""
    plain = readable(text).translate(_CONTROL)
    return plain if len(plain) <= limit else f"{plain[: limit - 1]}…"
