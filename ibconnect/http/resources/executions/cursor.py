"""Where a page of executions begins: behind which execution of the page before.

In: its moment and its position. Out: an opaque text, and back. Called by the handlers and the routes of this package.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from ibconnect.http.server.parameters import Kind, Parameter
from ibconnect.times import from_micros, to_micros

_PATTERN = "-?[0-9]{1,17}-[0-9]{1,18}(-[0-9]{1,18}-[0-9]{1,9})?"
_CURSOR = re.compile("(-?[0-9]{1,17})-([0-9]{1,18})(?:-([0-9]{1,18})-([0-9]{1,9}))?", re.ASCII)
_LATEST = datetime.max.replace(tzinfo=UTC)


class Place(NamedTuple):
    """Of an execution among all, by time and then by the event that told of it; one that a statement tells of, then by
    that and its line in it.
    """

    moment: datetime
    position: int
    statement: int = 0
    line: int = 0


BEGIN = Place(_LATEST, 10**18)
"""Before the newest."""


def format_place(place: Place) -> str:
    """The text of a place."""
    behind = f"-{place.statement}-{place.line}" if place.statement else ""
    return f"{to_micros(place.moment)}-{place.position}{behind}"


def _parse(text: str) -> Place:
    match = _CURSOR.fullmatch(text)
    try:
        if match is not None:
            return Place(from_micros(int(match[1])), int(match[2]), int(match[3] or 0), int(match[4] or 0))
    except OverflowError:
        pass
    raise ValueError(f"{text!r} is not a cursor that an earlier answer gave")


CURSOR = Parameter(
    "cursor",
    "query",
    Kind({"type": "string", "pattern": f"^{_PATTERN}$"}, _parse),
    "Where the page begins, from an earlier answer's `Link`",
)
