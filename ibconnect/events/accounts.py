"""Which accounts an event names, and which one it is about, by what :mod:`~ibconnect.events.layouts` says of messages.

In: topic and state of a stored event. Out: whether it *names* an account (some field of it is the code, or a list that
holds it, or a notice's text with it as a word), and the one account that it is *about* (a layout that is known, with
the code in its place). Called by the reader of events for the command line and for HTTP, by the simulator, and by the
projection: whose figures a message has is what decides who may be shown it.

A search wants every event that names the account. Whoever may see some accounts only is shown what is about one of
them, and nothing that holds the code of another (:class:`Sight`).
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

import orjson

from ibconnect.errors import EventError
from ibconnect.events.codec import FRAME, MESSAGE, fields_of, is_inbound, payloads_of
from ibconnect.events.layouts import LAYOUTS, TOPICS, account_field
from ibconnect.events.types import (
    AccountConcluded,
    AccountsListed,
    AccountSubscribed,
    PositionsRequested,
    QuestionAsked,
)
from ibconnect.texts import readable

_OWN_ABOUT = frozenset(kind.TOPIC for kind in (AccountSubscribed, AccountConcluded, PositionsRequested, QuestionAsked))
ABOUT_TOPICS: frozenset[str] = (
    _OWN_ABOUT | {MESSAGE} | {topic for topic, layout in TOPICS.items() if layout.account is not None}
)
"""The only topics of events that can be about one account."""

LIST_TOPIC: str = AccountsListed.TOPIC

_WORDS = re.compile(r"[^\W_]+")
# What stands as it is in a state, and in a text of the wire that is escaped.
_PLAIN = re.compile(r"[ !#-\[\]-~]+")


def account_in(fields: list[str] | tuple[str, ...]) -> str | None:
    """The account in its place in a message of a known layout, which may be empty; None if the layout is another."""
    layout = LAYOUTS.get(fields[0]) if fields else None
    return layout.of(fields) if layout else None


def place_in_state(topic: str) -> int:
    """Which field of a state holds the account, counted without time of arrival, and what the topic says.

    For what takes apart many states of one topic at once; of each of them :func:`account_of` says the same.
    """
    layout = TOPICS[topic]
    return account_field(layout.number) - len(layout.constants)


def account_of(topic: str, state: bytes) -> str | None:
    """The one account that the event is about; None if it is about none, may name several, or has another layout."""
    if topic not in ABOUT_TOPICS:
        return None
    try:
        if topic not in _OWN_ABOUT:
            return account_in(fields_of(topic, state))
        account = orjson.loads(state).get("account")
    except (EventError, ValueError, AttributeError):
        return None
    return account if isinstance(account, str) else None


def names(topic: str, state: bytes, account: str) -> bool:
    """Whether the event names the account; one that cannot be read does if its bytes hold the code."""
    try:
        if topic == FRAME:
            frames = [payload.decode("utf-8", "replace").split("\0") for payload in payloads_of(topic, state)]
            return any(_message_names(fields, account) for fields in frames)
        if is_inbound(topic):
            return _message_names(fields_of(topic, state), account)
        return account in _own_accounts(orjson.loads(state))
    except (EventError, ValueError, TypeError, LookupError):
        return account.encode() in state


def _message_names(fields: list[str], account: str) -> bool:
    texts, account = [readable(field) for field in fields[1:]], readable(account)
    if account in texts:
        return True
    layout = LAYOUTS.get(fields[0])
    if layout is None:
        return False
    if layout.codes is not None:
        return account in _codes(texts[layout.codes - 1 :])
    return layout.texts is not None and any(map(_word(account).search, texts[layout.texts - 1 :]))


def _codes(texts: Iterable[str]) -> set[str]:
    return {code.strip() for text in texts for code in text.split(",")} - {""}


def _own_accounts(facts: Any) -> set[str]:
    """What an event of our own has under the names that its class gives to accounts."""
    single = [facts["account"]] if "account" in facts else []
    return {*single, *facts.get("accounts", ()), *facts.get("missing", ())}


@lru_cache(maxsize=256)
def _word(account: str) -> re.Pattern[str]:
    # Codes may hold points and dashes, and a sentence may end with one: DU1 is in "of DU1.", not in "of DU1-A".
    return re.compile(rf"(?<!\w)(?<!\w[.-]){re.escape(account)}(?!\w|[.-]\w)")


def plain_part(account: str) -> bytes:
    """The longest part of a code that stands in every state with that code, as it is; may be empty."""
    return max(_PLAIN.findall(readable(account)), key=len, default="").encode()


class Sight:
    """What is shown to somebody who may see some accounts only: events about one of these that hold no code of others.

    :param allowed: the accounts that he may see
    :param about: those of them that events are wanted of
    :param known: the codes of all accounts that there are
    """

    def __init__(self, allowed: frozenset[str], about: frozenset[str], known: Iterable[str]) -> None:
        self.about = about
        self._allowed = allowed
        self._words: set[str] = set()
        self._parts: set[str] = set()
        # DU1-A does not give DU1 away, where that is his.
        self._compound = [_word(code) for code in allowed if not _WORDS.fullmatch(code)]
        self._hide(known)

    def _hide(self, codes: Iterable[str]) -> None:
        for code in set(map(readable, codes)) - self._allowed:
            (self._words if _WORDS.fullmatch(code) else self._parts).add(code)

    def learn(self, state: bytes) -> None:
        """Know the accounts that a gateway lists (the state of an event of :data:`LIST_TOPIC`) from here on."""
        with suppress(EventError):
            self._hide(_codes(fields_of(LIST_TOPIC, state)[2:]))

    def shows(self, topic: str, state: bytes) -> bool:
        """Whether the event is shown."""
        account = account_of(topic, state)
        return (
            account is not None
            and (account in self.about or readable(account) in self.about)
            and not self._tells_of_others(state)
        )

    def _tells_of_others(self, state: bytes) -> bool:
        text = state.decode()
        if "\\" in text:
            text = " ".join(map(readable, _texts(orjson.loads(state))))
        for compound in self._compound:
            text = compound.sub(" ", text)
        return not self._words.isdisjoint(_WORDS.findall(text)) or any(part in text for part in self._parts)


def _texts(value: Any) -> Iterator[str]:
    """Every text in JSON, member names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
