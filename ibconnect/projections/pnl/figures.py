"""The figures of an answer, with IB's digits: as ``numeric`` where that gives the same text back, beside it where not.

In: texts of the wire. Out: what columns hold. Called by :mod:`reader`. Which texts are numbers, and which stand
for none, :mod:`ibconnect.wire_numbers` decides for all reports.
"""

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from ibconnect.wire_numbers import is_exact, is_unset, number_of


class Figures(NamedTuple):
    """Of one answer. Each is a number that ``numeric`` takes, or None; ``as_sent``: JSON of the texts of those that are
    other texts than their numbers, or none.
    """

    daily: str | None
    unrealized: str | None
    realized: str | None
    size: str | None
    value: str | None
    as_sent: str | None


_PLACES: Mapping[str, Mapping[str, int]] = {
    "94": {"daily": 2, "unrealized": 3, "realized": 4},
    "95": {"size": 2, "daily": 3, "unrealized": 4, "realized": 5, "value": 6},
}
_PROFITS = ("daily", "unrealized", "realized")


def figures_of(fields: list[str]) -> Figures | None:
    """The figures of a message 94 or 95; None if it says none of the three profits yet.

    :raises ValueError: the message is too short
    """
    places = _PLACES[fields[0]]
    if len(fields) <= max(places.values()):
        raise ValueError(f"message {fields[0]} has {len(fields)} fields, not {max(places.values()) + 1}")
    texts = {name: fields[place] for name, place in places.items()}
    if all(is_unset(texts[name]) for name in _PROFITS):
        return None
    others = {name: text for name, text in texts.items() if not is_unset(text) and not is_exact(text)}
    numbers = {name: number_of(text) for name, text in texts.items()}
    return Figures(
        numbers["daily"],
        numbers["unrealized"],
        numbers["realized"],
        numbers.get("size"),
        numbers.get("value"),
        orjson.dumps(others).decode() if others else None,
    )
