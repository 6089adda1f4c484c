"""What the values of a download are, worked out by a reader of its own from the messages alone: the rules of
docs/projections.md written down a second time, for comparison with everything that shows them."""

from collections.abc import Iterable
from typing import NamedTuple

from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS
from ibconnect.texts import readable

Sent = tuple[str, str, str]
"""Key, text, currency."""


class Name(NamedTuple):
    """What a value is the value of."""

    tag: str
    segment: str
    currency: str
    is_ledger: bool


def base_of(sent: Iterable[Sent]) -> str:
    """The base currency: that of the last NetLiquidation, or of the first figure that only a whole account has."""
    known = [(key, currency) for key, _, currency in sent if currency and not key.startswith("$LEDGER-")]
    figures = [(key, currency) for key, currency in known if _tag(key) in SEGMENT_TAGS and _tag(key) != "AccruedCash"]
    for wanted in (lambda currency: currency != "BASE", lambda currency: True):
        fitting = [(key, currency) for key, currency in figures if wanted(currency)]
        if fitting:
            worth = [currency for key, currency in fitting if key == "NetLiquidation"]
            return worth[-1] if worth else fitting[0][1]
    return ""


def _tag(key: str) -> str:
    return key[:-2] if _segment(key) else key


def _segment(key: str) -> str:
    is_segment = len(key) > 2 and key[-2] == "-" and key[-1].isascii() and key[-1].isupper() and key[-1].isalpha()
    return key[-1] if is_segment and not key.startswith("$LEDGER-") else ""


def last_values(sent: list[Sent]) -> dict[Name, str]:
    """The last text of every key."""
    base, turns, found = base_of(sent), dict[str, int](), dict[Name, str]()
    spelled = {(key, currency) for key, _, currency in sent}
    for key, text, currency in sent:
        if key.startswith("$LEDGER-"):
            name = Name(key[len("$LEDGER-") :], "", currency, True)
        elif _segment(key):
            name = Name(_tag(key), _segment(key), currency, False)
        elif key == "AccruedCash" and currency == base and base:
            turns[currency] = turns.get(currency, 0) + 1
            is_second = turns[currency] % 2 == 0 and ("$LEDGER-AccruedCash", currency) not in spelled
            name = Name(key, "", currency, is_second)
        else:
            name = Name(key, "", currency, key in LEDGER_TAGS)
        if name.tag in ATTRIBUTE_TAGS:
            name = name._replace(is_ledger=False)
        found[name] = readable(text)
    return found
