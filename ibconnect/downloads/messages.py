"""The messages of one download taken apart: account values and positions, by model.

In: states of stored events, and what was asked for (:class:`Requested`). Out: fields. What no table can hold is
refused here, so that whoever reads the messages again refuses the same ones.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import orjson

from ibconnect.errors import ProjectionError
from ibconnect.events import types
from ibconnect.events.accounts import account_in, place_in_state
from ibconnect.tags import Key, split_key
from ibconnect.texts import one_line, readable

VALUE_ACCOUNT = place_in_state(types.AccountValueUpdated.TOPIC)
POSITION_ACCOUNT = place_in_state(types.PortfolioUpdated.TOPIC)
VALUE_FIELDS = 4
POSITION_FIELDS = 18
CONTRACT_FIELDS = 11
CURRENCY = 8
"""The field of a position that says in which currency its contract is."""
NUMBERS = slice(11, 17)
FIGURES = ("Position", "MarketPrice", "MarketValue", "AverageCost", "UnrealizedPNL", "RealizedPNL")
_MULTI_VALUE = ("73", 8)
_MULTI_POSITION = ("71", 18)
_NUL, _ESCAPED = b"\\u0000", b"\\\\u"
# What taking a message apart raises when it is not an array of texts, or of too few of them.
IRREGULAR = (ValueError, TypeError, LookupError, AttributeError, ProjectionError)
IS_CONTRACT_ID = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII).fullmatch
_SHARED_IDS = ("", "0")
# Bytes of UTF-8 that the indexes of the tables can hold; IB's own texts are much shorter.
MAX_KEY_BYTES, MAX_CURRENCY_BYTES, MAX_NAME_BYTES, MAX_TERM_BYTES = 256, 32, 512, 256
_NAMES = (1, 2, 7, 8, 9, 10)

TOPICS = {
    False: [types.AccountValueUpdated.TOPIC, types.PortfolioUpdated.TOPIC],
    True: [types.MessageReceived.TOPIC],
}
"""Of the events that figures are made of, by whether they answer the requests that many programs may make at once."""

Fields = list[Sequence[str]]


class Requested(Protocol):
    """What a download was asked by: of which account, and with which numbers of requests."""

    @property
    def account(self) -> str:
        """The account's code."""
        ...

    @property
    def is_multi(self) -> bool:
        """Whether it was asked by requests with numbers."""
        ...

    @property
    def values_request(self) -> str:
        """The number of that for values."""
        ...

    @property
    def positions_request(self) -> str:
        """The number of that for positions."""
        ...


def loads(states: bytes | None) -> list[Any]:
    """The fields of each message of some states that are separated by commas, without the time of arrival.

    :raises ProjectionError: a field holds what no table can
    """
    if states is None:
        return []
    if _NUL in states:
        raise ProjectionError("a field holds a NUL, which no table can")
    events = orjson.loads(b"[%b]" % states)
    found = [fields if fields[0].__class__ is str else fields[1:] for fields in events]
    if _ESCAPED in states:
        return [[readable(field) if isinstance(field, str) else field for field in fields] for fields in found]
    return found


def understood(fields: Any, topic: str, asked: Requested) -> list[tuple[str, Fields, Fields]]:
    """Account values and positions in one message, by model.

    :raises ProjectionError: it is no message of texts
    """
    if not all(isinstance(field, str) for field in fields):
        raise ProjectionError("not all fields are text")
    if asked.is_multi:
        return multi([fields], asked)
    if topic == types.PortfolioUpdated.TOPIC:
        fields = fields[:POSITION_FIELDS]
        return [("", [], [fields])] if fields[POSITION_ACCOUNT] == asked.account else []
    fields = fields[:VALUE_FIELDS]
    return [("", [fields], [])] if fields[VALUE_ACCOUNT] == asked.account else []


def multi(messages: list[Any], asked: Requested) -> list[tuple[str, Fields, Fields]]:
    """Account values and positions from the answers to the requests of the download, by model (none: the account)."""
    models: dict[str, tuple[Fields, Fields]] = {"": ([], [])}
    for fields in messages:
        shape = fields[0], len(fields)
        if account_in(fields) != asked.account:
            continue
        if shape == _MULTI_VALUE and fields[2] == asked.values_request:
            values, _ = models.setdefault(fields[4], ([], []))
            values.append([*fields[5:8], asked.account])
        elif shape == _MULTI_POSITION and fields[2] == asked.positions_request:
            _, positions = models.setdefault(fields[17], ([], []))
            positions.append([*fields[4:16], "", "", fields[16], "", "", asked.account])
    for model in models:
        _ensure_short(model, MAX_KEY_BYTES, "model code")
    return [(model, *found) for model, found in models.items()]


def held_key(fields: Sequence[str]) -> Any:
    """What tells a position from others: its contract's id, or all that is said of a contract that shares one."""
    return fields[0] if fields[0] not in _SHARED_IDS else tuple(fields[:CONTRACT_FIELDS])


def value_key(fields: Sequence[str]) -> tuple[Key, str]:
    """The key of an account value, taken apart, and its currency."""
    return split_key(fields[0]), fields[2]


def ensure_storable(fields: Sequence[str]) -> None:
    """Return if the tables can hold an account value, or a position, however odd it is.

    :raises ProjectionError: they cannot
    """
    if len(fields) == VALUE_FIELDS:
        _ensure_short(fields[0], MAX_KEY_BYTES, "key")
        _ensure_short(fields[2], MAX_CURRENCY_BYTES, "currency")
    else:
        ensure_contract(fields[:CONTRACT_FIELDS])


def ensure_contract(contract: Sequence[str]) -> None:
    """Return if the tables can hold a contract, all of whose fields are text.

    :raises ProjectionError: they cannot
    """
    run_together = "".join(contract)
    if run_together.isascii() and len(run_together) <= MAX_TERM_BYTES:
        return
    for number, text in enumerate(contract):
        _ensure_short(text, MAX_NAME_BYTES if number in _NAMES else MAX_TERM_BYTES, "text of a contract")


def ensure_keys(keys: Sequence[str], currencies: Sequence[str]) -> None:
    """The same for all values of a download at once."""
    if len(max(keys, key=len)) > MAX_KEY_BYTES // 4 or len(max(currencies, key=len)) > MAX_CURRENCY_BYTES // 4:
        for key, currency in zip(keys, currencies, strict=True):
            _ensure_short(key, MAX_KEY_BYTES, "key")
            _ensure_short(currency, MAX_CURRENCY_BYTES, "currency")


def _ensure_short(text: str, most: int, what: str) -> None:
    if len(text.encode()) > most:
        raise ProjectionError(f"a {what} is longer than {most} bytes: {one_line(text, 40)}")
