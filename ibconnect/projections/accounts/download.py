"""One account's download as its messages say it: account values in the order of arrival, the last of each position.

In: the messages as JSON, run together by the query. Out: a :class:`Download`. All messages are taken apart at once;
if anything among them is irregular, :func:`examine` takes them one by one: a figure that is no number costs itself, a
message that no table can hold costs itself, and both are named.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from ibconnect.downloads.messages import (
    CONTRACT_FIELDS,
    FIGURES,
    IRREGULAR,
    IS_CONTRACT_ID,
    MAX_KEY_BYTES,
    NUMBERS,
    POSITION_ACCOUNT,
    TOPICS,
    VALUE_ACCOUNT,
    Fields,
    ensure_contract,
    ensure_keys,
    ensure_storable,
    held_key,
    loads,
    multi,
    understood,
)
from ibconnect.errors import ProjectionError
from ibconnect.events.layouts import NOTICE_ID, with_version
from ibconnect.projections.accounts.facts import Downloaded
from ibconnect.projections.accounts.remarks import Code, Remark
from ibconnect.projections.engine.projection import Event, SetAside
from ibconnect.texts import decoded, one_line
from ibconnect.wire_numbers import NULL, are_exact, is_unset, number_of

_SIZE, _PRICE, _WORTH = 0, 1, 2
_NO_PRICE = ("-1", "-1.0", "-1.00")
_TIME_LENGTH = 40


class Messages(NamedTuple):
    """States of one download, separated by commas: account values, positions, other messages, and what else came.

    ``account_time``: the newest message 8. ``notices``: the states of notices, and frames that are no UTF-8 text, one a
    line. ``was_unsubscribed``: whether 2100 came after values or positions had come.
    """

    account_values: bytes | None
    positions: bytes | None
    others: bytes | None
    account_time: bytes | None = None
    notices: bytes | None = None
    was_unsubscribed: bool | None = None


class Position(NamedTuple):
    """A position: the texts that describe the contract, conId first, and its six numbers as cells of a row.

    ``unreadable``: those of its figures that IB gave, but not as numbers.
    """

    contract: tuple[str, ...]
    numbers: Sequence[str]
    unreadable: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What people call it."""
        return one_line(self.contract[9] or self.contract[1] or self.contract[0], 60)

    @property
    def is_open(self) -> bool:
        """Whether anything is held; a size that is unknown counts as something."""
        return self.numbers[_SIZE].strip("-0.") != ""

    @property
    def has_price(self) -> bool:
        """Whether its market price is known; a price of -1 at a value of 0 is IB's word for none."""
        price, value = self.numbers[_PRICE], self.numbers[_WORTH]
        return price != NULL and not (price in _NO_PRICE and value.strip("-0.") == "")

    @property
    def unset(self) -> list[str]:
        """Which of its price, value and cost IB did not give."""
        if self.numbers[_PRICE] not in _NO_PRICE and NULL not in self.numbers[_PRICE:4]:
            return []
        names = [name for name, text in zip(FIGURES[_PRICE:4], self.numbers[_PRICE:4], strict=True) if text == NULL]
        if not self.has_price and FIGURES[_PRICE] not in names:
            names.insert(0, FIGURES[_PRICE])
        return [name for name in names if name not in self.unreadable]


class Values(NamedTuple):
    """Account values, column by column. ``positions``: of the events that hold them, where that is known."""

    keys: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()


class Download(NamedTuple):
    """What one download said. ``values`` and ``held`` of the account, ``models`` of each model in it."""

    values: Values
    held: list[Position]
    models: "dict[str, Download]"
    account_time: str = ""
    notices: tuple[tuple[str, str], ...] = ()
    was_unsubscribed: bool = False
    remarks: tuple[Remark, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all was said of the account."""
        return not (self.values.keys or self.held or self.models)


class Irregular(ProjectionError):
    """Some message of a download is not what it should be."""


def parse(messages: Messages, fact: Downloaded) -> Download:
    """Take the messages apart, all at once.

    :raises Irregular: one of them needs :func:`examine`
    """
    try:
        if fact.is_multi:
            found = multi(loads(messages.others), fact)
        else:
            account = fact.account
            values = [fields for fields in loads(messages.account_values) if fields[VALUE_ACCOUNT] == account]
            positions = [fields for fields in loads(messages.positions) if fields[POSITION_ACCOUNT] == account]
            found = [("", values, positions)]
        downloads = {model: _download(values, positions) for model, values, positions in found}
    except IRREGULAR as exc:
        raise Irregular(str(exc)) from exc
    return _with_surroundings(_assembled(downloads), messages, fact)


def examine(events: Iterable[Event], messages: Messages, fact: Downloaded) -> tuple[Download, list[SetAside]]:
    """Take the messages one by one; return what they say, and those that no table can hold."""
    rows: dict[str, _Rows] = {}
    refused: list[SetAside] = []
    for event in events:
        try:
            (fields,) = loads(event.state)
            for model, values, positions in understood(fields, event.topic, fact):
                for one in (*values, *positions):
                    ensure_storable(one)
                row = rows.setdefault(model, _Rows([], [], {}))
                row.values.extend(values)
                row.positions.extend(event.position for _ in values)
                row.held.update({held_key(one): (one, event.position) for one in positions})
        except IRREGULAR as exc:
            refused.append(SetAside(*event[:4], f"{type(exc).__name__}: {exc}"))
    remarks = [Remark(Code.SET_ASIDE, one_line(event.reason), event.position) for event in refused]
    downloads = {}
    for model, row in rows.items():
        held = [_position_with_remarks(fields, position, remarks) for fields, position in row.held.values()]
        columns = _columns(row.values)._replace(positions=tuple(row.positions))
        downloads[model] = Download(columns, held, {})
    found = _with_surroundings(_assembled(downloads), messages, fact)
    return found._replace(remarks=tuple(remarks)), refused


class _Rows(NamedTuple):
    values: Fields
    positions: list[int]
    held: dict[Any, tuple[Sequence[str], int]]


def _download(values: Fields, positions: Fields) -> Download:
    last = {held_key(fields): fields for fields in positions}.values()
    contracts = [_usual_contract(*fields[:CONTRACT_FIELDS]) for fields in last]
    exact = are_exact([text for fields in last for text in fields[NUMBERS]]) if last else True
    held = [
        Position(contract, fields[NUMBERS] if exact else [number_of(text) or _null(text) for text in fields[NUMBERS]])
        for contract, fields in zip(contracts, last, strict=True)
    ]
    return Download(_columns(values), held, {})


# The same contracts come with each download.
@lru_cache(maxsize=16_384)
def _usual_contract(*contract: str) -> tuple[str, ...]:
    """A contract that the tables can hold, and that has an id."""
    ensure_contract(contract)
    if not IS_CONTRACT_ID(contract[0]):
        raise ProjectionError(f"{contract[0]!r} is not a contract id")
    return contract


def _assembled(downloads: dict[str, Download]) -> Download:
    """One download with those of its models in it."""
    models = {model: download for model, download in downloads.items() if model}
    return downloads.get("", Download(Values(), [], {}))._replace(models=models)


def _columns(values: Fields) -> Values:
    if not values:
        return Values()
    keys, texts, currencies, _ = zip(*values, strict=True)
    for column in (keys, texts, currencies):
        "".join(column)  # a TypeError unless all are text
    ensure_keys(keys, currencies)
    return Values(keys, texts, currencies)


def _null(text: str) -> str:
    if is_unset(text):
        return NULL
    raise ProjectionError(f"{text!r} is not a number")


def _position_with_remarks(fields: Sequence[str], position: int, remarks: list[Remark]) -> Position:
    """Any position: what is no number is null, with a remark."""
    contract = list(fields[:CONTRACT_FIELDS])
    name = Position(tuple(contract), ()).name
    if not IS_CONTRACT_ID(contract[0]):
        if contract[0]:
            remarks.append(_unreadable(name, "IbContractId", contract[0], position))
        contract[0] = ""
    numbers, unreadable = [], []
    for figure, text in zip(FIGURES, fields[NUMBERS], strict=True):
        number = number_of(text)
        if number is None and not is_unset(text):
            remarks.append(_unreadable(name, figure, text, position))
            unreadable.append(figure)
        numbers.append(NULL if number is None else number)
    return Position(tuple(contract), numbers, tuple(unreadable))


def _unreadable(name: str, figure: str, text: str, position: int) -> Remark:
    return Remark(Code.UNREADABLE_FIGURE, f"{name}: {figure} is {one_line(text, 60)!r}", position)


def _with_surroundings(download: Download, messages: Messages, fact: Downloaded) -> Download:
    """The same with the account's time, and the notices that came meanwhile."""
    return download._replace(
        account_time=_time(messages, fact),
        notices=() if fact.is_judged else tuple(_notices(messages.notices)),
        was_unsubscribed=bool(messages.was_unsubscribed),
    )


def _time(messages: Messages, fact: Downloaded) -> str:
    """IB's time of update as the gateway sent it, with the zone that it named; empty if none came."""
    try:
        fields = loads(messages.account_time)
        time = fields[0][0] if fields else ""
        return f"{time} {fact.zone}".strip()[:_TIME_LENGTH] if time and "".join(time) else ""
    except IRREGULAR:
        return ""


def _notices(states: bytes | None) -> Iterable[tuple[str, str]]:
    """Code and text of each notice."""
    for state in states.split(b"\n") if states else ():
        try:
            fields = [item for item in orjson.loads(state) if isinstance(item, str)]
            if len(fields) == 1:
                # A frame that is no UTF-8 text: a notice in the encoding of the gateway's system, perhaps.
                fields = with_version(decoded(b64decode(fields[0], validate=True)).split("\0"))
                fields = fields[2:] if fields[0] == NOTICE_ID else []
            if len(fields) >= 3:
                yield fields[1], one_line(fields[2])
        except (*IRREGULAR, Base64Error):
            continue


__all__ = ["MAX_KEY_BYTES", "TOPICS", "Download", "Irregular", "Messages", "Position", "Values", "examine", "parse"]
