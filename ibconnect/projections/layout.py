"""Where each value of a download goes, worked out from its keys and currencies alone.

In: the keys of one download in the order of arrival. Out: a :class:`Layout`, which picks the cells of every row out
of the values at once. Downloads of one account have the same keys time after time, so layouts are kept: the rules
below run once, not for each snapshot.

The law: every value is in one place, so that the tables give back what was sent, text by text.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from ibconnect import tags
from ibconnect.projections.numbers import are_exact, is_exact
from ibconnect.tags import BASE, Key, split_key

Cells = Callable[[Sequence[str]], tuple[str, ...]]

_SEGMENT_COLUMN = {tag: number for number, tag in enumerate(tags.SEGMENT_TAGS)}
_LEDGER_COLUMN = {tag: number for number, tag in enumerate(tags.LEDGER_TAGS)}
_SNAPSHOT_COLUMN = {"Cushion": 0, "LookAheadNextChange": 1}
_NET_LIQUIDATION = Key("NetLiquidation", None, False)
_NOT_SENT = -1


class Text(NamedTuple):
    """A value kept as text: its tag, segment and currency (either may be empty), its number in the download."""

    tag: str
    segment: str
    currency: str
    number: int


class Row(NamedTuple):
    """A row of figures: its segment or currency, and what picks its cells out of the values (the last one null)."""

    key: str
    cells: Cells


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values of a download go, each named by its number in the download."""

    base: str
    names: tuple[Text, ...]
    snapshot: Cells
    segments: tuple[Row, ...]
    ledgers: tuple[Row, ...]
    attributes: tuple[Text, ...]
    loose: tuple[Text, ...]
    ready: int | None
    numeric: tuple[int, ...]
    numbers: Cells

    def inexact(self, values: Sequence[str]) -> list[int]:
        """The values that have a place in a column of numbers and are not exactly a number."""
        if not self.numeric or are_exact(self.numbers(values)):
            return []
        return [index for index in self.numeric if not is_exact(values[index])]


@lru_cache(maxsize=1024)
def layout_of(keys: tuple[str, ...], currencies: tuple[str, ...]) -> Layout:
    """The layout of a download with these keys and currencies, in the order of arrival."""
    split = [split_key(key) for key in keys]
    base = _base_currency(split, currencies)
    names = tuple(
        Text(key.tag, key.segment or "", currency, index)
        for index, (key, currency) in enumerate(zip(split, currencies, strict=True))
    )
    taken, loose = _give_out(_places(split, currencies, base))
    attributes = sorted(names[index] for (table, *_), index in taken.items() if table == "attribute")
    numeric = tuple(index for (table, *_), index in taken.items() if table != "attribute")
    return Layout(
        base=base,
        names=names,
        snapshot=_cells([taken.get(("snapshot", "", column), _NOT_SENT) for column in range(2)]),
        segments=_rows(taken, "segment", len(_SEGMENT_COLUMN)),
        ledgers=_rows(taken, "ledger", len(_LEDGER_COLUMN)),
        attributes=tuple(attributes),
        loose=tuple(names[index] for index in loose),
        ready=next((text.number for text in attributes if text[:2] == ("AccountReady", "")), None),
        numeric=numeric,
        numbers=_cells(numeric),
    )


_Place = tuple[str, str, Hashable]


def _base_currency(split: Sequence[Key], currencies: Sequence[str]) -> str:
    """NetLiquidation's currency; without one, that of the first figure which only exists for a whole account."""
    found = ""
    for key, currency in zip(split, currencies, strict=True):
        if currency in ("", BASE) or key.is_ledger or key.tag not in _SEGMENT_COLUMN:
            continue
        if key == _NET_LIQUIDATION:
            return currency
        if key.tag not in tags.TWICE_SENT_TAGS:
            found = found or currency
    return found


def _places(split: Sequence[Key], currencies: Sequence[str], base: str) -> Iterable[_Place | None]:
    sent = list(zip(split, currencies, strict=True))
    total, nth = Counter(sent), Counter[tuple[Key, str]]()
    for key, currency in sent:
        nth[key, currency] += 1
        if key.segment is None and key.tag in tags.TWICE_SENT_TAGS and currency == base != "":
            spelled = (key._replace(is_ledger=True), currency) in total
            is_ledger = key.is_ledger or (not spelled and _is_second(key, total[key, currency], nth[key, currency]))
        else:
            is_ledger = key.is_ledger or (key.segment is None and key.tag in _LEDGER_COLUMN)
        yield _place(key, currency, base, is_ledger)


def _is_second(key: Key, total: int, nth: int) -> bool:
    """Whether a key that names a figure of the account and one of the ledger means the latter: they take turns."""
    if total == 1:
        return key.tag not in _SEGMENT_COLUMN
    return nth % 2 == 0


def _place(key: Key, currency: str, base: str, is_ledger: bool) -> _Place | None:
    if key.tag in tags.ATTRIBUTE_TAGS:
        return "attribute", key.segment or "", (key.tag, currency)
    if is_ledger:
        has_column = key.tag in _LEDGER_COLUMN and currency != ""
        return ("ledger", currency, _LEDGER_COLUMN[key.tag]) if has_column else None
    if key.tag in _SEGMENT_COLUMN and currency == base != "":
        return "segment", key.segment or "", _SEGMENT_COLUMN[key.tag]
    if key.tag in _SNAPSHOT_COLUMN and key.segment is None and currency == "":
        return "snapshot", "", _SNAPSHOT_COLUMN[key.tag]
    return None


def _give_out(places: Iterable[_Place | None]) -> tuple[dict[_Place, int], list[int]]:
    """Who has each place, and who has none: where two want one, the later has it."""
    taken: dict[_Place, int] = {}
    loose: list[int] = []
    for index, place in enumerate(places):
        if place is None:
            loose.append(index)
            continue
        if place in taken:
            loose.append(taken[place])
        taken[place] = index
    return taken, sorted(loose)


def _rows(taken: dict[_Place, int], table: str, columns: int) -> tuple[Row, ...]:
    keys = dict.fromkeys(key for name, key, _ in taken if name == table)
    return tuple(
        Row(key, _cells([taken.get((table, key, column), _NOT_SENT) for column in range(columns)])) for key in keys
    )


def _cells(indexes: Sequence[int]) -> Cells:
    """``itemgetter`` that gives a tuple for any number of items."""
    if len(indexes) > 1:
        return itemgetter(*indexes)
    return lambda values: tuple(values[index] for index in indexes)
