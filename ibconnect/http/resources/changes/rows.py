"""The rows of what changed in an account between two reports.

In: what each of them says. Out: a row for each position, currency of cash and value that is not the same. Called by
:mod:`ibconnect.http.resources.changes.handlers`.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ibconnect.http.resources.accounts.positions import product
from ibconnect.http.resources.changes.columns import (
    ACCOUNT,
    APPEARED,
    CASH,
    CHANGED,
    GONE,
    NAMES,
    NO_REPORT,
    NO_REPORT_BEFORE,
    POSITION,
    VALUE,
)
from ibconnect.http.resources.changes.facts import ABSENT, NOTHING, Facts, Held, Value, ValueKey, number_of
from ibconnect.http.resources.changes.facts import CASH as CASH_TAG
from ibconnect.http.resources.changes.split import Change, Parts, change_of, difference, split
from ibconnect.http.server.columns import Cell, Row

_Cells = dict[str, Cell]


class Ends(NamedTuple):
    """The reports that were complete at each of two moments; None: there was none yet."""

    account: str
    first: datetime | None
    is_first_ready: bool | None
    last: datetime | None
    is_last_ready: bool | None


def incomparable(ends: Ends) -> list[Row]:
    """What is to be said of an account of which there are not two reports; nothing, if they are the same."""
    if ends.first is not None and ends.last is not None:
        return []
    why = NO_REPORT if ends.last is None else NO_REPORT_BEFORE
    return [_row(ends, {"Kind": ACCOUNT, "Change": Change.UNKNOWN, "Why": why})]


def rows_of(ends: Ends, before: Facts, after: Facts, kinds: Collection[str]) -> list[Row]:
    """What changed: positions and cash by how much that is in base currency, then values by their tags."""
    found: list[_Cells] = []
    if POSITION in kinds:
        found += _largest_first(_positions(before, after))
    if CASH in kinds:
        found += _largest_first(_cash(before, after))
    if VALUE in kinds:
        found += _values(before, after)
    return [_row(ends, cells) for cells in found]


def _row(ends: Ends, cells: _Cells) -> Row:
    is_ready = None if ends.last is None else bool(ends.is_last_ready) and ends.is_first_ready is not False
    whose = {"AccountCode": ends.account, "From": ends.first, "To": ends.last, "Ready": is_ready}
    return tuple(map({**cells, **whose}.get, NAMES))


def _largest_first(rows: Iterator[tuple[Any, _Cells]]) -> list[_Cells]:
    """By their differences in base currency, whichever sign; those without one last; else by their keys."""

    def rank(row: tuple[Any, _Cells]) -> tuple[bool, Decimal, Any]:
        whole = row[1]["DifferenceBase"]
        return whole is None, -abs(Decimal(str(whole))) if whole is not None else Decimal(0), row[0]

    return [cells for _, cells in sorted(rows, key=rank)]


def _both(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> list[Any]:
    """The keys of both."""
    return list(dict.fromkeys([*before, *after]))


def _positions(before: Facts, after: Facts) -> Iterator[tuple[Any, _Cells]]:
    for key in _both(before.positions, after.positions):
        was, now = before.positions.get(key, NOTHING), after.positions.get(key, NOTHING)
        contract = now.contract or was.contract
        if contract is None or _is_same(was, now):
            continue
        _, symbol, local_symbol, security_type, *_ = contract.columns
        cells: _Cells = {
            "Kind": POSITION,
            "IbContractId": key.ib_contract_id,
            "Symbol": symbol or None,
            "LocalSymbol": local_symbol or None,
            "SecurityType": security_type or None,
            "ModelCode": key.model,
            "MarketPriceBefore": was.price,
            "MarketPriceAfter": now.price,
            "MarketValueBefore": was.value,
            "MarketValueAfter": now.value,
            **_compared(was, now),
        }
        yield (key.model or "", symbol, key.ib_contract_id or 0, int(key.row or 0)), cells


def _cash(before: Facts, after: Facts) -> Iterator[tuple[Any, _Cells]]:
    for currency in _both(before.cash, after.cash):
        was, now = before.cash.get(currency, NOTHING), after.cash.get(currency, NOTHING)
        if not _is_same(was, now):
            yield currency, {"Kind": CASH, "Tag": CASH_TAG, **_compared(was, now)}


def _is_same(was: Held, now: Held) -> bool:
    """Whether neither its size nor anything of its value is another; nothing is the same as none of it."""
    if was.is_empty and now.is_empty:
        return True
    return was.side == now.side and number_of(was.price) == number_of(now.price)


def _compared(was: Held, now: Held) -> _Cells:
    """How much there is of it, what that is worth in base currency, and what the difference comes from."""
    parts = split(was.side, now.side)
    cells: _Cells = {
        "Change": change_of(was.side, now.side),
        "Currency": now.currency or was.currency or None,
        "Before": was.size,
        "After": now.size,
        "Difference": None if was.size is None or now.size is None else difference(was.size, now.size),
        "ExchangeRateBefore": was.rate,
        "ExchangeRateAfter": now.rate,
        "BaseCurrency": now.base or was.base,
        "MarketValueBaseBefore": _in_base(was),
        "MarketValueBaseAfter": _in_base(now),
        "DifferenceBase": None,
    }
    if not isinstance(parts, Parts):
        return {**cells, "Why": parts}
    split_up = {"BySize": parts.by_size, "ByPrice": parts.by_price, "ByCurrency": parts.by_currency}
    return {**cells, "DifferenceBase": parts.whole, **split_up}


def _in_base(held: Held) -> str | None:
    return None if held.value is None or held.rate is None else product(held.value, held.rate)


def _values(before: Facts, after: Facts) -> list[_Cells]:
    found = []
    for key in sorted(_both(before.values, after.values), key=_value_rank):
        was, now = before.values.get(key, ABSENT), after.values.get(key, ABSENT)
        if not _is_same_value(was, now):
            found.append(_value_cells(key, was, now))
    return found


def _value_rank(key: ValueKey) -> tuple[Any, ...]:
    return key.model or "", key.tag, key.segment or "", key.currency or "", key.is_ledger


def _is_same_value(was: Value, now: Value) -> bool:
    """Whether it is the same text, or the same number."""
    old, new = number_of(was.figure), number_of(now.figure)
    return was.text == now.text or (old is not None and old == new)


def _value_cells(key: ValueKey, was: Value, now: Value) -> _Cells:
    old, new = was.figure, now.figure
    return {
        "Kind": VALUE,
        "Change": APPEARED if was is ABSENT else GONE if now is ABSENT else CHANGED,
        "Tag": key.tag,
        "Segment": key.segment,
        "Currency": key.currency,
        "ModelCode": key.model,
        "Before": old,
        "After": new,
        "Difference": None if old is None or new is None else difference(old, new),
        "TextBefore": was.text if old is None else None,
        "TextAfter": now.text if new is None else None,
    }
