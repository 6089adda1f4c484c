"""Which texts of the wire are numbers, and in which form Postgres ``numeric`` gives exactly the same text back.

Called by :mod:`layout` for account values, by :mod:`download` for positions, several texts joined by tabs at once.
"""

import re

from ibconnect.tags import UNSET_TEXTS

NULL = r"\N"

# numeric holds more, but no amount of money has these many digits, and a row of such would not fit a page.
_CANONICAL = r"(?!-0(?:\.0+)?(?:\t|\Z))-?(?:0|[1-9]\d{0,130})(?:\.\d{1,100})?+"
_DECIMAL = re.compile(r"[+-]?(?:\d{1,131}(?:\.\d{0,100})?|\.\d{1,100})(?:[eE][+-]?\d{1,2})?", re.ASCII)
_UNSET = "|".join(re.escape(text) for text in sorted(UNSET_TEXTS))
_EXACT = rf"(?!(?:{_UNSET})(?:\t|\Z)){_CANONICAL}"

# One exact number, or several joined by tabs.
all_exact = re.compile(rf"{_EXACT}(?:\t{_EXACT})*+", re.ASCII).fullmatch


def is_exact(text: str) -> bool:
    """Whether the text is a number (not an "unset" one) that ``numeric`` gives back letter for letter."""
    return "\t" not in text and all_exact(text) is not None


def number_of(text: str) -> str | None:
    """The text if it is any decimal number, also ``+5``, ``.5`` or ``1.2E7``; None if it is unset or not a number."""
    if text in UNSET_TEXTS or not _DECIMAL.fullmatch(text):
        return None
    return text


def is_unset(text: str) -> bool:
    """Whether the text is what IB sends for "no value"."""
    return text == "" or text in UNSET_TEXTS
