"""Where a page of positions begins: how many rows come before it, and up to which snapshot all pages look.

In: numbers. Out: an opaque text, and back. Called by the handlers and the parameters of this package.
"""

import re
from typing import NamedTuple

from ibconnect.http.server.parameters import Kind, Parameter

_PATTERN = "[0-9]{1,9}-[0-9]{1,10}"
_CURSOR = re.compile(_PATTERN, re.ASCII)


class Place(NamedTuple):
    """``skipped``: rows on the pages before; ``newest``: the newest snapshot when the first page was asked for."""

    skipped: int
    newest: int


def format_place(place: Place) -> str:
    """The text of a place."""
    return f"{place.skipped}-{place.newest}"


def _parse(text: str) -> Place:
    if _CURSOR.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a cursor that an earlier answer gave")
    return Place(*map(int, text.split("-")))


CURSOR = Parameter(
    "cursor",
    "query",
    Kind({"type": "string", "pattern": f"^{_PATTERN}$"}, _parse),
    "Where the page begins, from an earlier answer's `Link`",
)
