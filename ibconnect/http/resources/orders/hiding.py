"""What of an order is kept from a token that is limited to some accounts: whatever names another one.

In: the codes of accounts that it may not see, cells. Out: cells without what names one. Called by the handlers. A
client may write any account's code to its order, and an advisor's order says what goes to which account.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from ibconnect.http.resources.orders.columns import FLAT_COLUMNS
from ibconnect.http.server.columns import Cell, Type

_WORDS = re.compile(r"[^\W_]+")
_NAMES = [column.name for column in FLAT_COLUMNS]
_ALLOCATIONS, _OTHERS, _INEXACT = (_NAMES.index(name) for name in ("Allocations", "Others", "Inexact"))
_TEXTS = [place for place, column in enumerate(FLAT_COLUMNS) if column.type is Type.TEXT]
# What names the order's own account, a contract or the gateway.
_OPEN = frozenset(("AccountCode", "Gateway", "Status"))


class Hidden:
    """The accounts that are not to be named."""

    def __init__(self, codes: Iterable[str]) -> None:
        self._words = {code for code in codes if _WORDS.fullmatch(code)}
        self._parts = [code for code in codes if not _WORDS.fullmatch(code)]

    def are_in(self, text: str) -> bool:
        """Whether a text names one."""
        return not self._words.isdisjoint(_WORDS.findall(text)) or any(part in text for part in self._parts)

    def without(self, cells: Sequence[Cell]) -> list[Cell]:
        """A row of :data:`FLAT_COLUMNS` in which none is named."""
        shown = list(cells)
        for place in _TEXTS:
            cell = shown[place]
            if _NAMES[place] not in _OPEN and isinstance(cell, str) and self.are_in(cell):
                shown[place] = None
        for place in (_ALLOCATIONS, _OTHERS, _INEXACT):
            cell = shown[place]
            if isinstance(cell, str) and self.are_in(cell):
                shown[place] = self._rest(cell)
        return shown

    def _rest(self, text: str) -> str | None:
        """JSON without the items that name one; its numbers are the same texts."""
        found: Any = json.loads(text, parse_float=orjson.Fragment, parse_int=orjson.Fragment)
        if isinstance(found, list):
            rest: Any = [item for item in found if not self._names(item)]
        else:
            rest = {name: value for name, value in found.items() if not self._names(value)}
        return orjson.dumps(rest).decode() if rest else None

    def _names(self, value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(self._names, value.values()))
        if isinstance(value, list):
            return any(map(self._names, value))
        return isinstance(value, str) and self.are_in(value)
