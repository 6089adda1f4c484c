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
from ibconnect.projections.numbers import NULL, all_exact, is_unset, number_of

_VALUE_FIELDS = 4
_POSITION_FIELDS = 18
_CONTRACT_FIELDS = 11
_MULTI_VALUE = ("73", 8)
_MULTI_POSITION = ("71", 18)
_NUL = b"\\u0000"
# What taking a message apart raises when it is not an array of texts, or of too few of them.
_STRANGE = (ValueError, TypeError, LookupError, AttributeError, ProjectionError)
_CONTRACT_ID = re.compile(r"-?\d{1,18}", re.ASCII)

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
    numbers: tuple[str, ...]


class Download(NamedTuple):
    """What one download said. ``is_plain``: no text in it needs escaping."""

    keys: tuple[str, ...]
    values: tuple[str, ...]
    currencies: tuple[str, ...]
    positions: list[Position]
    is_plain: bool


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
        return _download(values, positions, _is_plain(messages))
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
            _download(of_value, of_position, False)
            values += of_value
            positions += of_position
        except _STRANGE as exc:
            poison.append(Poison(*event[:4], f"{type(exc).__name__}: {exc}"))
    return _download(values, positions, False), poison


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
    return [fields if isinstance(fields[0], str) else fields[1:] for fields in events]


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


def _download(values: Sequence[Sequence[str]], positions: Iterable[Sequence[str]], is_plain: bool) -> Download:
    last = {}
    for fields in positions:
        position = _position(fields)
        last[position.contract[0]] = position
    found = list(last.values())
    if not values:
        return Download((), (), (), found, is_plain)
    keys, texts, currencies, _ = zip(*values, strict=True)
    for column in (keys, texts, currencies):
        "".join(column)  # a TypeError unless all are text
    return Download(keys, texts, currencies, found, is_plain)


def _position(fields: Sequence[str]) -> Position:
    if not _CONTRACT_ID.fullmatch(fields[0]):
        raise ProjectionError(f"{fields[0]!r} is not a contract id")
    contract = (str(int(fields[0])), *fields[1:_CONTRACT_FIELDS])
    "".join(contract)
    numbers = fields[_CONTRACT_FIELDS:17]
    if all_exact("\t".join(numbers)):
        return Position(contract, tuple(numbers))
    return Position(contract, tuple([number_of(text) or _null(text) for text in numbers]))


def _null(text: str) -> str:
    if is_unset(text):
        return NULL
    raise ProjectionError(f"{text!r} is not a number")


def _is_plain(messages: Messages) -> bool:
    return not any(states and b"\\" in states for states in messages)
