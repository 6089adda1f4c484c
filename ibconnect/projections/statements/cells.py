"""Attributes of an element as the cells of a row.

In: the attributes, as sent, and how the element becomes a row. Out: texts as COPY takes them, by column; what has no
column; texts that a column does not give back; values that could not be understood. Called by :mod:`rows`. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from ibconnect.flex_values import MONTH_FIRST, day, is_exact, moment, number, whole
from ibconnect.projections.engine.copying import escape
from ibconnect.projections.statements.layout import Columns, Kind


class Oddity(NamedTuple):
    """A value that could not be understood, and why."""

    attribute: str
    value: str
    reason: str


@dataclass(slots=True)
class Cells:
    """Of one row. ``more``: attributes without a column, as sent, without empty ones."""

    of: dict[str, str] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)
    as_sent: dict[str, str] = field(default_factory=dict)
    oddities: list[Oddity] = field(default_factory=list)


_OWN = frozenset({"accountId", "levelOfDetail"})


def cells_of(attributes: Mapping[str, str], columns: Columns, order: str = MONTH_FIRST) -> Cells:
    """The cells of an element.

    :param order: how a day with slashes is meant
    """
    found = Cells()
    of, more = found.of, found.more
    for attribute, text in attributes.items():
        if not text or attribute in _OWN:
            continue
        target = columns.get(attribute)
        if target is None:
            more[attribute] = text
            continue
        column, kind = target
        if kind is Kind.TEXT:
            of[column] = escape(text)
        elif kind is Kind.NUMBER and is_exact(text):
            of[column] = text
        else:
            _understand(found, attribute, text, target, order)
    return found


def _understand(found: Cells, attribute: str, text: str, target: tuple[str, Kind], order: str) -> None:
    column, kind = target
    try:
        value = _value(text, kind, order)
    except ValueError as exc:
        found.as_sent[column] = text
        found.oddities.append(Oddity(attribute, text, str(exc)))
        return
    if kind is Kind.NUMBER or value is None:
        found.as_sent[column] = text
    if value is not None:
        found.of[column] = value


def _value(text: str, kind: Kind, order: str) -> str | None:
    """What COPY takes; None for a day that stands where a moment would.

    :raises ValueError: it cannot be understood
    """
    if kind is Kind.NUMBER:
        return number(text)
    if kind is Kind.DAY:
        return written(day(text, order))
    if kind is Kind.MOMENT:
        at = moment(text, order=order)
        return None if at is None else written(at)
    return str(whole(text))


def written(value: date | datetime) -> str:
    """A day or a moment as COPY takes it."""
    return value.isoformat()
