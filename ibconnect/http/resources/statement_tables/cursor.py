"""Where a page of what statements say begins: behind which row of the page before.

In: its day, its statement, its line in it. Out: an opaque text, and back. Called by the handlers and the routes of this
package.
"""

import re
from datetime import date
from typing import NamedTuple

from ibconnect.http.server.parameters import Kind, Parameter

_PATTERN = "[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{1,18}-[0-9]{1,9}"
_CURSOR = re.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})-([0-9]{1,18})-([0-9]{1,9})", re.ASCII)


class Place(NamedTuple):
    """Of a row among all of its table, by day, then by its statement, then by its element in that."""

    day: date
    statement: int
    line: int


BEGIN = Place(date.max, 10**18, 10**9)
"""Before the newest."""


def format_place(place: Place) -> str:
    """The text of a place."""
    return f"{place.day.isoformat()}-{place.statement}-{place.line}"


def _parse(text: str) -> Place:
    match = _CURSOR.fullmatch(text)
    try:
        if match is not None:
            return Place(date.fromisoformat(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is not a cursor that an earlier answer gave")


CURSOR = Parameter(
    "cursor",
    "query",
    Kind({"type": "string", "pattern": f"^{_PATTERN}$"}, _parse),
    "Where the page begins, from an earlier answer's `Link`",
)
