"""What is kept from a token that is limited to some accounts: every text that names another one.

In: the codes of accounts that it may not see, texts. Out: whether one is named; JSON without what names one. Called by
resources whose rows have words of others in them: a client may write any account's code to its order, an advisor's
order says what goes to which account, a statement names the account that a transfer comes from.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.call import Call
from ibconnect.http.server.columns import Cell, Column, Type

_OTHERS = queries("http/hidden")["others"]
_WORDS = re.compile(r"[^\W_]+")


class Hidden:
    """The accounts that are not to be named."""

    def __init__(self, codes: Iterable[str]) -> None:
        listed = list(codes)
        self._words = {code for code in listed if _WORDS.fullmatch(code)}
        self._parts = [code for code in listed if not _WORDS.fullmatch(code)]

    def are_in(self, text: str) -> bool:
        """Whether a text names one."""
        return not self._words.isdisjoint(_WORDS.findall(text)) or any(part in text for part in self._parts)

    def without(self, cells: Sequence[Cell], columns: Sequence[Column], plain: frozenset[str]) -> list[Cell]:
        """A row of these columns in which none is named; ``plain``: columns that name no account but the row's own."""
        shown = list(cells)
        for place, column in enumerate(columns):
            cell = shown[place]
            if column.name in plain or not isinstance(cell, str) or not self.are_in(cell):
                continue
            if column.type is Type.TEXT:
                shown[place] = None
            elif column.type is Type.JSON:
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


async def hidden(call: Call) -> Hidden | None:
    """The accounts that the token may not see; None: it may see all."""
    if call.principal.accounts is None:
        return None
    asked = {"codes": sorted(call.principal.accounts)}
    return Hidden([code for (code,) in await db.rows(call.services.pool, _OTHERS, asked)])
