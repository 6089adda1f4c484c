"""Which messages of a download have the last word, and which figure each message is of.

In: the stored events of one download, in their order. Out: what each is of (:class:`Counting`), and an
:class:`Outline`, which names the figures once it has been given all of them. Called by the handler. What is kept is one
value for each key and one row for each position, however often they came.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ibconnect.downloads.keys import BaseCurrency, is_of_ledger
from ibconnect.downloads.messages import (
    IRREGULAR,
    TOPICS,
    Requested,
    ensure_storable,
    held_key,
    loads,
    understood,
    value_key,
)
from ibconnect.events.selection import Stored
from ibconnect.tags import Key


class Value(NamedTuple):
    """A figure among the values of a report; ``segment``, ``currency`` and ``model`` may be empty."""

    model: str
    tag: str
    segment: str
    currency: str
    is_ledger: bool


class Held(NamedTuple):
    """A position of a report: its contract's id as sent, or all that is said of a contract without one."""

    model: str
    contract: Any

    @property
    def number(self) -> str:
        """IB's id of the contract."""
        return self.contract if isinstance(self.contract, str) else str(self.contract[0])


Name = Value | Held


class Last(NamedTuple):
    """The last message of a figure: the position of its event, and its fields."""

    position: int
    fields: Sequence[str]


class Sent(NamedTuple):
    """A value as it was sent: ``is_even``: of those with this key and currency it was the second, fourth ..."""

    model: str
    key: Key
    currency: str
    is_even: bool


class Said(NamedTuple):
    """An event, what it is of, and its fields; ``what`` None: no table was made of it."""

    event: Stored
    what: Sent | Held | None
    fields: Sequence[str]


class Counting:
    """Takes the events of a download apart, in their order, and counts those of each key."""

    def __init__(self, asked: Requested) -> None:
        self._asked = asked
        self._topics = frozenset(TOPICS[asked.is_multi])
        self._nth: Counter[tuple[str, Key, str]] = Counter()

    def said(self, events: Sequence[Stored]) -> list[Said]:
        """The next events."""
        return [Said(event, *self._take(event)) for event in events]

    def _take(self, event: Stored) -> tuple[Sent | Held | None, Sequence[str]]:
        if event.topic not in self._topics:
            return None, ()
        try:
            (fields,) = loads(event.state)
            for model, values, positions in understood(fields, event.topic, self._asked):
                for one in (*values, *positions):
                    ensure_storable(one)
                for one in values:
                    key, currency = value_key(one)
                    self._nth[model, key, currency] += 1
                    return Sent(model, key, currency, self._nth[model, key, currency] % 2 == 0), one
                for one in positions:
                    return Held(model, held_key(one)), one
        except IRREGULAR:
            return None, ()
        return None, ()


class Outline:
    """All that a download said last. Its values have names once it has been given all events."""

    def __init__(self) -> None:
        self._bases: dict[str, BaseCurrency] = {}
        self._sent: dict[Sent, Last] = {}
        self._names: dict[Sent, Value] = {}
        self.held: dict[Held, Last] = {}

    def add(self, said: Sequence[Said]) -> None:
        """The next events."""
        self._names.clear()
        for event, what, fields in said:
            if isinstance(what, Held):
                self.held[what] = Last(event.position, fields)
            elif what is not None:
                self._bases.setdefault(what.model, BaseCurrency()).add(what.key, what.currency)
                self._sent[what] = Last(event.position, fields)

    def base(self, model: str) -> str:
        """The base currency; empty if it is not known."""
        known = self._bases.get(model)
        return known.code if known else ""

    def values(self) -> dict[Value, Last]:
        """The last value of each key."""
        found: dict[Value, Last] = {}
        for sent, last in self._sent.items():
            name = self._value_of(sent)
            found[name] = max(last, found.get(name, last), key=lambda each: each.position)
        return found

    def name_of(self, what: Sent | Held | None) -> Name | None:
        """Which figure a message is of; None if no table was made of it."""
        return self._value_of(what) if isinstance(what, Sent) else what

    def _value_of(self, sent: Sent) -> Value:
        if (known := self._names.get(sent)) is not None:
            return known
        spelled = sent.key._replace(is_ledger=True)
        is_spelled = any(sent._replace(key=spelled, is_even=is_even) in self._sent for is_even in (False, True))
        nth = 2 if sent.is_even else 1
        is_ledger = is_of_ledger(sent.key, sent.currency, self.base(sent.model), nth, is_spelled=is_spelled)
        found = Value(sent.model, sent.key.tag, sent.key.segment or "", sent.currency, is_ledger)
        self._names[sent] = found
        return found
