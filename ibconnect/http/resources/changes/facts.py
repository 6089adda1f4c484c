"""What a report says, apart: what is held, what is in cash, every other value; each by what tells it from others.

In: what a report is made of. Out: :class:`Facts`, the same texts as the report has. Called by
:mod:`ibconnect.http.resources.changes.rows`, for both ends of a change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import orjson

from ibconnect.http.resources.accounts.figures import shown
from ibconnect.http.resources.accounts.positions import FIGURES, Contract
from ibconnect.http.resources.accounts.report import Loaded, others_of, split_figures
from ibconnect.http.resources.changes.split import Side
from ibconnect.tags import BASE, LEDGER_TAGS, SEGMENT_TAGS, is_canonical

CASH = "CashBalance"
_RATE = "ExchangeRate"


class ContractKey(NamedTuple):
    """What tells a position from others: IB's id of its contract, or (if it has none) the row that describes it; a
    model."""

    ib_contract_id: int | None
    row: str | None
    model: str | None


class ValueKey(NamedTuple):
    """What tells a value from others."""

    tag: str
    segment: str | None
    currency: str | None
    is_ledger: bool
    model: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A position, or the cash of one currency, which is worth itself: figures as the report has them, None where IB
    gave none. ``currency``: what price and value are in; ``base``: the base currency then.
    """

    currency: str | None
    size: str | None
    price: str | None
    value: str | None
    rate: str | None
    base: str | None
    contract: Contract | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is none of it: it is not there at all, or was closed that day."""
        return self is NOTHING or (self.size is not None and not Decimal(self.size))

    @property
    def side(self) -> Side | None:
        """What its value is made of."""
        if self is NOTHING:
            return None
        return Side(number_of(self.size), number_of(self.value), number_of(self.rate), self.base)


NOTHING = Held(None, "0", None, None, None, None)
"""What stands for what a report does not have."""


class Value(NamedTuple):
    """A value as IB sent it, and its number where it is one."""

    text: str | None
    figure: str | None


ABSENT = Value(None, None)
"""What stands for a value that a report does not have."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one report."""

    base: str | None
    positions: Mapping[ContractKey, Held]
    cash: Mapping[str, Held]
    values: Mapping[ValueKey, Value]


def number_of(text: str | None) -> Decimal | None:
    """A figure to compute with."""
    return None if text is None else Decimal(text)


def facts_of(loaded: Loaded) -> Facts:
    """What a report says."""
    base = loaded.currencies.get(loaded.row["base_currency"])
    values = dict(_values(loaded, base))
    rates = {
        key.currency: value.figure
        for key, value in values.items()
        if key.tag == _RATE and key.is_ledger and key.model is None and value.figure is not None
    }
    cash = {
        key.currency: Held(key.currency, value.figure, None, value.figure, rates.get(key.currency), base)
        for key, value in values.items()
        if key.currency is not None and value.figure is not None and _is_cash(key)
    }
    others = {key: value for key, value in values.items() if not _is_cash(key) or value.figure is None}
    return Facts(base, dict(_positions(loaded, rates, base)), cash, others)


def _is_cash(key: ValueKey) -> bool:
    return key.tag == CASH and key.is_ledger and key.model is None and key.currency not in (None, BASE)


def _positions(loaded: Loaded, rates: Mapping[str | None, str], base: str | None) -> Iterator[tuple[ContractKey, Held]]:
    own = split_figures(loaded.row["positions"])
    rows = [(None, *row) for row in zip(*[iter(own)] * FIGURES, strict=True)]
    for model, number, *figures in [*rows, *(loaded.row["model_positions"] or ())]:
        contract = loaded.contracts[number]
        size, price, value = (None if text in (None, "null") else text for text in figures[:3])
        has_id = bool(contract.ib_contract_id)
        key = ContractKey(contract.ib_contract_id, None if has_id else number, model)
        yield key, Held(contract.currency, size, price, value, rates.get(contract.currency), base, contract)


def _values(loaded: Loaded, base: str | None) -> Iterator[tuple[ValueKey, Value]]:
    """Every value of the report, by tag, segment and currency."""
    row, currencies = loaded.row, loaded.currencies
    for segment, text in (row["segments"] or {}).items():
        for tag, figure in zip(SEGMENT_TAGS, split_figures(text[1:-1]), strict=True):
            if figure:
                yield ValueKey(tag, segment or None, base, False, None), Value(figure, figure)
    for number, text in (row["ledger"] or {}).items():
        for tag, figure in zip(LEDGER_TAGS, split_figures(text[1:-1]), strict=True):
            if figure:
                yield ValueKey(tag, None, currencies[number], True, None), Value(figure, figure)
    for tag in ("Cushion", "LookAheadNextChange"):
        figure = row["cushion" if tag == "Cushion" else "look_ahead_next_change"]
        if figure is not None:
            yield ValueKey(tag, None, None, False, None), Value(figure, figure)
    for other in others_of(row, currencies):
        yield ValueKey(*other[:4], None), Value(other.value, shown(other.value, other.amount) or None)
    for key, quoted in zip(loaded.attributes.keys, loaded.attributes.texts, strict=True):
        yield ValueKey(*key, None), _value(orjson.loads(f'{quoted}"'))
    for model, tag, segment, number, is_ledger, text in row["model_values"] or ():
        yield ValueKey(tag, segment, currencies.get(number), is_ledger == "true", model), _value(text)


def _value(text: str) -> Value:
    return Value(text, text if is_canonical(text) else None)
