"""Where each value of a download goes, worked out from its keys and currencies alone.

In: the keys of one download in the order of arrival. Out: a :class:`Layout`, which picks the cells of every row out
of the values at once. Downloads of one account have the same keys time after time, so layouts are kept: the rules
below run once, not for each snapshot.

The law: every key has one value, the last that was sent, and it is in one place. What a key is
:mod:`ibconnect.downloads.keys` decides for all, so that reports, histories and views agree.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from ibconnect import tags
from ibconnect.downloads.keys import BaseCurrency, is_of_ledger
from ibconnect.tags import READY_KEY, Key, split_key
from ibconnect.wire_numbers import are_exact, is_exact

# Keys of a download whose layout is kept for the next one: more than any account has.
_MOST_KEPT = 2_000

Cells = Callable[[Sequence[str]], tuple[str, ...]]

_SEGMENT_COLUMN = {tag: number for number, tag in enumerate(tags.SEGMENT_TAGS)}
_LEDGER_COLUMN = {tag: number for number, tag in enumerate(tags.LEDGER_TAGS)}
_SNAPSHOT_COLUMN = {"Cushion": 0, "LookAheadNextChange": 1}
_NOT_SENT = -1


class Text(NamedTuple):
    """A key and the number of its value: tag, segment and currency (either may be empty), whether it is a ledger's."""

    tag: str
    segment: str
    currency: str
    number: int
    is_ledger: bool


class Row(NamedTuple):
    """A row of figures: its segment or currency, and what picks its cells out of the values (the last one null)."""

    key: str
    cells: Cells


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where the values of a download go, each named by its number in the download.

    ``ready``: all that say whether IB's server was ready. ``net_liquidation``: the account's, in its base currency.
    """

    base: str
    names: tuple[Text, ...]
    snapshot: Cells
    segments: tuple[Row, ...]
    ledgers: tuple[Row, ...]
    attributes: tuple[Text, ...]
    unplaced: tuple[Text, ...]
    ready: tuple[int, ...]
    has_identity: bool
    net_liquidation: int | None
    numeric: tuple[int, ...]
    numbers: Cells

    def inexact(self, values: tuple[str, ...]) -> tuple[int, ...]:
        """The values that have a place in a column of numbers and are not exactly a number."""
        return _inexact(self, values)


# All who look at a download ask in turn.
@lru_cache(maxsize=2)
def _inexact(layout: Layout, values: tuple[str, ...]) -> tuple[int, ...]:
    if not layout.numeric or are_exact(layout.numbers(values)):
        return ()
    return tuple(index for index in layout.numeric if not is_exact(values[index]))


def layout_of(keys: tuple[str, ...], currencies: tuple[str, ...]) -> Layout:
    """The layout of a download with these keys and currencies, in the order of arrival."""
    # What a gateway may send without end is not kept.
    return (_layout_of if len(keys) <= _MOST_KEPT else _layout_of.__wrapped__)(keys, currencies)


@lru_cache(maxsize=256)
def _layout_of(keys: tuple[str, ...], currencies: tuple[str, ...]) -> Layout:
    split = [split_key(key) for key in keys]
    base = _base_currency(split, currencies)
    names = tuple(
        Text(key.tag, key.segment or "", currency, index, is_ledger)
        for index, (key, currency, is_ledger) in enumerate(
            zip(split, currencies, _are_ledger(split, currencies, base), strict=True)
        )
    )
    last = {name._replace(number=0): name for name in names}.values()
    placed = [(_place(name, base), name) for name in sorted(last, key=lambda name: name.number)]
    taken = {place: name.number for place, name in placed if place is not None}
    attributes = sorted(names[index] for (table, *_), index in taken.items() if table == "attribute")
    numeric = tuple(index for (table, *_), index in taken.items() if table != "attribute")
    return Layout(
        base=base,
        names=names,
        snapshot=_cells([taken.get(("snapshot", "", column), _NOT_SENT) for column in range(2)]),
        segments=_rows(taken, "segment", len(_SEGMENT_COLUMN)),
        ledgers=_rows(taken, "ledger", len(_LEDGER_COLUMN)),
        attributes=tuple(attributes),
        unplaced=tuple(name for place, name in placed if place is None),
        ready=tuple(name.number for name in names if name.tag.lower() == READY_KEY),
        has_identity=any(name.tag == "AccountCode" for name in names),
        net_liquidation=taken.get(("segment", "", _SEGMENT_COLUMN["NetLiquidation"])),
        numeric=numeric,
        numbers=_cells(numeric),
    )


_Place = tuple[str, str, Hashable]


def _base_currency(split: Sequence[Key], currencies: Sequence[str]) -> str:
    base = BaseCurrency()
    for key, currency in zip(split, currencies, strict=True):
        base.add(key, currency)
    return base.code


def _are_ledger(split: Sequence[Key], currencies: Sequence[str], base: str) -> Iterable[bool]:
    """Whether each key is of the ledger."""
    sent = list(zip(split, currencies, strict=True))
    spelled, nth = set(sent), Counter[tuple[Key, str]]()
    for key, currency in sent:
        nth[key, currency] += 1
        is_spelled = (key._replace(is_ledger=True), currency) in spelled
        yield is_of_ledger(key, currency, base, nth[key, currency], is_spelled=is_spelled)


def _place(name: Text, base: str) -> _Place | None:
    if name.tag in tags.ATTRIBUTE_TAGS:
        return "attribute", name.segment, (name.tag, name.currency)
    if name.is_ledger:
        has_column = name.tag in _LEDGER_COLUMN and name.currency != ""
        return ("ledger", name.currency, _LEDGER_COLUMN[name.tag]) if has_column else None
    if name.tag in _SEGMENT_COLUMN and name.currency == base != "":
        return "segment", name.segment, _SEGMENT_COLUMN[name.tag]
    if name.tag in _SNAPSHOT_COLUMN and not name.segment and name.currency == "":
        return "snapshot", "", _SNAPSHOT_COLUMN[name.tag]
    return None


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
