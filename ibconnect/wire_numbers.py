"""Which texts of the wire are numbers, and in which form Postgres ``numeric`` gives exactly the same text back.

Called by the projections, for every figure that a table has as ``numeric``.
"""

import re
from collections.abc import Sequence

from ibconnect.tags import UNSET_TEXTS

NULL = r"\N"

# numeric holds more, but no amount of money has these many digits, and a row of such would not fit a page.
# A minus before zero is lost by numeric; possessive quantifiers, since nothing here can be read in two ways.
_CANONICAL = r"(?:-(?!0(?:\.0+)?(?:\t|\Z)))?+(?:0|[1-9]\d{0,130}+)(?:\.\d{1,100}+)?+"
_DECIMAL = re.compile(r"[+-]?(?:\d{1,131}(?:\.\d{0,100})?|\.\d{1,100})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_ALL_CANONICAL = re.compile(rf"{_CANONICAL}(?:\t{_CANONICAL})*+", re.ASCII).fullmatch

# The unset texts that look like numbers; anything that contains one of them is looked at more closely.
_INT_MAX, _LONG_MAX, _LONG_MIN = "2147483647", "9223372036854775807", "-9223372036854775808"


def are_exact(texts: Sequence[str]) -> bool:
    """Whether all texts are numbers that ``numeric`` gives back letter for letter.

    Quick for many texts at once, and on the safe side: False also if one of them only contains an "unset" number.
    """
    joined = "\t".join(texts)
    if joined.count("\t") >= len(texts):
        return False
    return not (_INT_MAX in joined or _LONG_MAX in joined or _LONG_MIN in joined) and bool(_ALL_CANONICAL(joined))


def is_exact(text: str) -> bool:
    """Whether the text is a number (not an "unset" one) that ``numeric`` gives back letter for letter."""
    return text not in UNSET_TEXTS and "\t" not in text and _ALL_CANONICAL(text) is not None


def number_of(text: str) -> str | None:
    """The text if it is any decimal number, also ``+5``, ``.5`` or ``1.2E7``; None if it is unset or not a number."""
    if text in UNSET_TEXTS or not _DECIMAL.fullmatch(text):
        return None
    return text


def is_unset(text: str) -> bool:
    """Whether the text is what IB sends for "no value"."""
    return text == "" or text in UNSET_TEXTS
