"""What is known of the messages of a gateway: which have a topic of their own, and where they name accounts.

In: IB's documentation, "TWS API: message ids", layouts of server versions 157 to 200. Out: one table, read by the codec
(which fields a state leaves out), by :mod:`~ibconnect.events.accounts` (whose an event is, and so by everything that
filters events), by the gateway room, the projections and the simulator: nothing else says which field an account is.
And which of its two layouts a notice (4) has: from server version 194 on it has no version, and ends in a time.

Fields are counted from the message id, which is 0.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Layout(NamedTuple):
    """One layout of the messages of one id.

    ``mark``: the field that says whether a message has it, if it is one of ``marks``: its version where it has one, an
    order's action. ``topic``: that of its events, if they have one of their own; ``fields``: then the least number of
    fields after id and version. ``account``: the code of the one account that the message is about. ``codes``: from
    which field on there are codes separated by commas; ``texts``: text for people (of an advisor's groups and aliases:
    XML) that may name accounts.
    """

    number: str
    mark: int
    marks: frozenset[str]
    topic: str = ""
    fields: int = 0
    account: int | None = None
    codes: int | None = None
    texts: int | None = None

    @property
    def constants(self) -> tuple[str, ...]:
        """The fields that the topic says, and its states leave out: message id and version."""
        return (self.number, *self.marks) if self.topic else ()

    @property
    def prefix(self) -> bytes:
        """The bytes of these fields."""
        return "".join(f"{field}\0" for field in self.constants).encode()

    def of(self, fields: list[str] | tuple[str, ...]) -> str | None:
        """The account in a message of this id, which may be empty; None if its layout is another."""
        if self.account is None or len(fields) <= max(self.account, self.mark) or fields[self.mark] not in self.marks:
            return None
        return fields[self.account]


_ACTIONS = frozenset(("BUY", "SELL", "SSHORT", "SLONG"))


_ALL = (
    # Also of a notice without a version: what is said of its texts holds there, too.
    Layout("4", 1, frozenset("2"), topic="n", fields=3, texts=3),
    Layout("5", 13, _ACTIONS, account=20),
    Layout("6", 1, frozenset("2"), topic="v", fields=4, account=5),
    Layout("7", 1, frozenset("8"), topic="p", fields=18, account=19),
    Layout("8", 1, frozenset("1"), topic="t", fields=1),
    Layout("11", 0, frozenset(("11",)), account=16),
    Layout("15", 1, frozenset("1"), topic="a", fields=1, codes=2),
    Layout("16", 0, frozenset(("16",)), texts=3),
    Layout("54", 1, frozenset("1"), topic="d", fields=1, account=2),
    Layout("61", 1, frozenset("3"), account=2),
    Layout("63", 1, frozenset("1"), account=3),
    Layout("71", 1, frozenset("1"), account=3),
    Layout("73", 1, frozenset("1"), account=3),
    Layout("101", 12, _ACTIONS, account=19),
)

LAYOUTS: Mapping[str, Layout] = {layout.number: layout for layout in _ALL}
"""By message id."""

TOPICS: Mapping[str, Layout] = {layout.topic: layout for layout in _ALL if layout.topic}
"""Those with a topic of their own, by that; the versions are fossils, constant for each id."""


def account_field(number: str) -> int:
    """Which field of a message of this id is the account that it is about.

    :raises LookupError: none is
    """
    field = LAYOUTS[number].account
    if field is None:
        raise LookupError(f"messages {number} are about no account")
    return field


NOTICE = "n"
"""The topic of notices, in both layouts."""
NOTICE_ID = "4"
TIMED_FIELDS = 6
"""Of a notice with a time."""

_NOTICE_VERSION = "2"
_IS_NUMBER = re.compile(r"-?[0-9]{1,19}").fullmatch


def is_timed(fields: Sequence[str]) -> bool:
    """Whether a notice is of server version 194 or later: ``4, request, code, text, JSON, time``.

    Before, it is ``4, 2, request, code, text`` and, from 166 on, JSON. The code, a number, tells them apart also where
    the request is 2.
    """
    if len(fields) < 5 or fields[0] != NOTICE_ID or (fields[1] == _NOTICE_VERSION and _IS_NUMBER(fields[3])):
        return False
    return _IS_NUMBER(fields[1]) is not None and _IS_NUMBER(fields[2]) is not None


def with_version(fields: list[str]) -> list[str]:
    """A notice of either layout as ``4, 2, request, code, text, …``, so that each field has one place."""
    return [NOTICE_ID, _NOTICE_VERSION, *fields[1:]] if is_timed(fields) else fields
