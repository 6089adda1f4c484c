"""Where a page of orders, or of states, begins: behind which row.

In: a time and numbers. Out: an opaque text, and back. Called by the handlers and the routes of this package.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from ibconnect.http.server.parameters import Kind, Parameter
from ibconnect.times import from_micros, to_micros

_PATTERN = "[0-9]{1,18}-[0-9]{1,18}-[0-9]{1,9}"
_CURSOR = re.compile(_PATTERN, re.ASCII)
_HIGHEST = to_micros(datetime.max.replace(tzinfo=UTC))
_BEYOND, _BEYOND_ORDINAL = 10**18 - 1, 10**9 - 1


class Place(NamedTuple):
    """The row before the page: when it was first seen, its order and, of a state, its number."""

    before: datetime
    before_id: int = _BEYOND
    before_ordinal: int = _BEYOND_ORDINAL


def format_place(place: Place) -> str:
    """The text of a place."""
    return f"{to_micros(place.before)}-{place.before_id}-{place.before_ordinal}"


def _parse(text: str) -> Place:
    if _CURSOR.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not a cursor that an earlier answer gave")
    micros, number, ordinal = map(int, text.split("-"))
    return Place(from_micros(min(micros, _HIGHEST)), number, ordinal)


CURSOR = Parameter(
    "cursor",
    "query",
    Kind({"type": "string", "pattern": f"^{_PATTERN}$"}, _parse),
    "Where the page begins, from an earlier answer's `Link`",
)
