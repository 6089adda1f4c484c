"""What a FlexStatement says of itself: its period, and when it was generated.

In: its attributes, as sent. Out: days and a time; what could not be understood. Called by the fold and by :mod:`rows`.
Pure.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from ibconnect.flex_values import day, moment
from ibconnect.projections.statements.cells import Oddity

LONGEST_PERIOD = 3_700
"""Days. IBKR's are 365 at most; one that claims centuries would have to be compared with all others."""
_FIRST, _LAST = date(1970, 1, 1), date(2199, 12, 31)


class Period(NamedTuple):
    """``first`` and ``last`` are both known or both None; ``generated``: None if that is not known."""

    first: date | None
    last: date | None
    generated: datetime | None
    oddities: list[Oddity]


def counted_day(text: str, order: str) -> date:
    """The day of a text, of a time in which a statement may count something.

    :raises ValueError: it is no day, or one of another age
    """
    found = day(text, order)
    if not _FIRST <= found <= _LAST:
        raise ValueError(f"{text!r} is not a day between {_FIRST} and {_LAST}")
    return found


def period_of(attributes: Mapping[str, str], order: str) -> Period:
    """The period of a statement; what is not there is None, what makes no sense is None with a reason.

    :param order: how a day with slashes is meant
    """
    oddities: list[Oddity] = []
    days: list[date] = []
    for name in ("fromDate", "toDate"):
        if text := attributes.get(name):
            try:
                days.append(counted_day(text, order))
            except ValueError as exc:
                oddities.append(Oddity(name, text, str(exc)))
    if len(days) == 2 and not 0 <= (days[1] - days[0]).days < LONGEST_PERIOD:
        oddities.append(Oddity("toDate", attributes["toDate"], f"{days[0]} to {days[1]} is no period of a statement"))
        days = []
    first, last = days if len(days) == 2 else (None, None)
    return Period(first, last, _generated(attributes, order, oddities), oddities)


def _generated(attributes: Mapping[str, str], order: str, oddities: list[Oddity]) -> datetime | None:
    text = attributes.get("whenGenerated")
    if not text:
        return None
    try:
        return moment(text, order=order)
    except ValueError as exc:
        oddities.append(Oddity("whenGenerated", text, str(exc)))
        return None
