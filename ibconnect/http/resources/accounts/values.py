"""The ``Values`` of a report: every value of the snapshot, as IB's text, in one settled order.

Which tags, segments and currencies a snapshot has seldom changes, so the order and the JSON around the values
are worked out once per shape and remembered.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import compress
from operator import itemgetter
from typing import NamedTuple

import orjson

from ibconnect.tags import BASE, LEDGER_TAGS, SEGMENT_TAGS

_TEXT_LEVEL = 2
_END = '"},'


class TextKey(NamedTuple):
    """Where a value belongs that is kept as text."""

    tag: str
    segment: str | None
    currency: str | None
    is_ledger: bool = False


class Shape(NamedTuple):
    """What a snapshot has: segments (``""`` is the whole account), ledger currencies, base currency, texts."""

    segments: tuple[str, ...]
    currencies: tuple[str, ...]
    base: str | None
    texts: tuple[TextKey, ...]


class _Layout(NamedTuple):
    pick: Callable[[list[str]], tuple[str, ...]]
    heads: tuple[str, ...]


def values(shape: Shape, figures: list[str], texts: list[str], models: Sequence[tuple[str, TextKey, str]] = ()) -> str:
    """The JSON array.

    :param figures: for each segment of the shape all SEGMENT_TAGS, then for each currency all LEDGER_TAGS; ``""``
        where IB sent none
    :param texts: the values that belong to the shape's texts, :func:`quoted`
    :param models: the values of models, which come last, in this order
    """
    layout = _layout(shape)
    picked = layout.pick([*figures, *texts])
    present = list(filter(None, picked))
    parts = [""] * (2 * len(present))
    parts[::2] = compress(layout.heads, picked)
    parts[1::2] = present
    parts += [f"{_head(key, 0)}{_text(value)}{_model(model)}" for model, key, value in models]
    return f"[{''.join(parts)[len(_END) :]}{_END[:-1]}]" if parts else "[]"


def _text(value: str) -> str:
    """A value as the inside of a JSON string."""
    return orjson.dumps(value).decode()[1:-1]


def _model(model: str) -> str:
    """A further member of a value's JSON object, without its last quotation mark."""
    return f'","ModelCode":{quoted(model)}'


def quoted(text: str) -> str:
    """A text as a JSON string without its last quotation mark: even an empty one is something."""
    return orjson.dumps(text).decode()[:-1]


@lru_cache(maxsize=256)
def _layout(shape: Shape) -> _Layout:
    keys = [
        *((TextKey(tag, s or None, shape.base), 0) for s in shape.segments for tag in SEGMENT_TAGS),
        *((TextKey(tag, None, currency), 1) for currency in shape.currencies for tag in LEDGER_TAGS),
        *((key, _TEXT_LEVEL) for key in shape.texts),
    ]
    ranked = sorted(range(len(keys)), key=lambda place: _rank(*keys[place]))
    # The getter of a single place would not give a tuple.
    pick = itemgetter(*ranked) if len(ranked) > 1 else tuple
    return _Layout(pick, tuple(_head(*keys[place]) for place in ranked))


def _rank(key: TextKey, level: int) -> tuple[str, str, int, str, int]:
    """Tag, segment (none first), currency (none, BASE, then by code), account level before ledger."""
    is_ledger = int(key.is_ledger) if level == _TEXT_LEVEL else level
    return key.tag, key.segment or "", *_currency_rank(key.currency), is_ledger


def _currency_rank(currency: str | None) -> tuple[int, str]:
    if currency is None:
        return (0, "")
    return (1, "") if currency == BASE else (2, currency)


def _head(key: TextKey, level: int) -> str:
    """The end of the object before, then all of the value's JSON object that stands before what is picked."""
    fields = {"Tag": key.tag, "Segment": key.segment, "Currency": key.currency}
    mark = "" if level == _TEXT_LEVEL else '"'
    return f'{_END}{orjson.dumps(fields).decode()[:-1]},"Value":{mark}'
