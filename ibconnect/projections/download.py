"""One account's download as its messages tell it: account values in the order of arrival, the last of each position.

In: the messages as JSON, run together by the query. Out: a :class:`Download`. All messages are taken apart at once;
if anything among them is strange, :func:`examine` takes them one by one, keeps the good ones and names the others.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from ibconnect.errors import ProjectionError
from ibconnect.events import kinds
from ibconnect.projections.facts import Control, Downloaded, Poison
from ibconnect.projections.numbers import NULL, are_exact, is_unset, number_of

_VALUE_FIELDS = 4
_POSITION_FIELDS = 18
_CONTRACT_FIELDS = 11
_NUMBERS = slice(11, 17)
_MULTI_VALUE = ("73", 8)
_MULTI_POSITION = ("71", 18)
_NUL = b"\\u0000"
# What taking a message apart raises when it is not an array of texts, or of too few of them.
_STRANGE = (ValueError, TypeError, LookupError, AttributeError, ProjectionError)
_IS_CONTRACT_ID = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII).fullmatch

TOPICS = {
    False: [kinds.AccountValueUpdated.TOPIC, kinds.PortfolioUpdated.TOPIC],
    True: [kinds.MessageReceived.TOPIC],
}


class Messages(NamedTuple):
    """States of one download, separated by commas: account values, positions, other messages."""

    account_values: bytes | None
    positions: bytes | None
    others: bytes | None


class Position(NamedTuple):
    """A position: the texts that describe the contract, conId first, and its six numbers as cells of a row."""

    contract: tuple[str, ...]
    numbers: Sequence[str]


class Download(NamedTuple):
    """What one download said."""

    keys: tuple[str, ...]
    values: tuple[str, ...]
    currencies: tuple[str, ...]
    positions: list[Position]


class Strange(ProjectionError):
    """Some message of a download is not what it should be."""


def parse(messages: Messages, fact: Downloaded) -> Download:
    """Take the messages apart, all at once.

    :raises Strange: one of them needs :func:`examine`
    """
    try:
        if fact.is_multi:
            values, positions = _multi(_loads(messages.others), fact)
        else:
            values = [fields for fields in _loads(messages.account_values) if fields[3] == fact.account]
            positions = [fields for fields in _loads(messages.positions) if fields[17] == fact.account]
        return _download(values, positions)
    except _STRANGE as exc:
        raise Strange(str(exc)) from exc


def examine(events: Iterable[Control], fact: Downloaded) -> tuple[Download, list[Poison]]:
    """Take the messages one by one; return what the good ones say, and the others."""
    values: list[Sequence[str]] = []
    positions: list[Sequence[str]] = []
    poison: list[Poison] = []
    for event in events:
        try:
            of_value, of_position = _understand(event, fact)
            _download(of_value, of_position)
            values += of_value
            positions += of_position
        except _STRANGE as exc:
            poison.append(Poison(*event[:4], f"{type(exc).__name__}: {exc}"))
    return _download(values, positions), poison


_Fields = list[Sequence[str]]


def _understand(event: Control, fact: Downloaded) -> tuple[_Fields, _Fields]:
    (fields,) = _loads(event.state)
    if not all(isinstance(field, str) for field in fields):
        raise ProjectionError("not all fields are text")
    if fact.is_multi:
        return _multi([fields], fact)
    if event.topic == kinds.PortfolioUpdated.TOPIC:
        fields = fields[:_POSITION_FIELDS]
        return [], [fields] if fields[17] == fact.account else []
    fields = fields[:_VALUE_FIELDS]
    return [fields] if fields[3] == fact.account else [], []


def _loads(states: bytes | None) -> list[Any]:
    """The fields of each message, without the time of arrival."""
    if states is None:
        return []
    if _NUL in states:
        raise ProjectionError("a field holds a NUL, which no table can")
    events = orjson.loads(b"[%b]" % states)
    return [fields if fields[0].__class__ is str else fields[1:] for fields in events]


def _multi(messages: list[Any], fact: Downloaded) -> tuple[_Fields, _Fields]:
    """Account values and positions from the answers to the requests of the download, for no model."""
    values: _Fields = []
    positions: _Fields = []
    for fields in messages:
        shape = fields[0], len(fields)
        if shape == _MULTI_VALUE and fields[2:4] == [fact.values_request, fact.account] and fields[4] == "":
            values.append([*fields[5:8], fact.account])
        elif shape == _MULTI_POSITION and fields[2:4] == [fact.positions_request, fact.account] and fields[17] == "":
            positions.append([*fields[4:16], "", "", fields[16], "", "", fact.account])
    return values, positions


def _download(values: Sequence[Sequence[str]], positions: Iterable[Sequence[str]]) -> Download:
    last = {fields[0]: fields for fields in positions}.values()
    exact = are_exact([text for fields in last for text in fields[_NUMBERS]]) if last else True
    found = [_position(fields, exact) for fields in last]
    if not values:
        return Download((), (), (), found)
    keys, texts, currencies, _ = zip(*values, strict=True)
    for column in (keys, texts, currencies):
        "".join(column)  # a TypeError unless all are text
    return Download(keys, texts, currencies, found)


def _position(fields: Sequence[str], exact: bool) -> Position:
    contract = tuple(fields[:_CONTRACT_FIELDS])
    "".join(contract)  # a TypeError unless all are text
    if not _IS_CONTRACT_ID(contract[0]):
        raise ProjectionError(f"{contract[0]!r} is not a contract id")
    numbers = fields[_NUMBERS]
    return Position(contract, numbers if exact else [number_of(text) or _null(text) for text in numbers])


def _null(text: str) -> str:
    if is_unset(text):
        return NULL
    raise ProjectionError(f"{text!r} is not a number")
