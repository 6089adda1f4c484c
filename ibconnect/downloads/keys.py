"""Which figure of an account each value of its download is: the one place that decides what a key is.

In: keys as IB spells them, taken apart, with their currencies, in the order of arrival. Out: the account's base
currency, and whether a value is of the ledger. Called by the projection, which lays out tables by it, and by the REST
read that finds the messages of one figure.
"""

from ibconnect import tags
from ibconnect.tags import BASE, Key

_NET_LIQUIDATION = Key("NetLiquidation", None, False)
_SEGMENT_TAGS = frozenset(tags.SEGMENT_TAGS) - tags.TWICE_SENT_TAGS
_LEDGER_TAGS = frozenset(tags.LEDGER_TAGS)


class BaseCurrency:
    """NetLiquidation's currency; without one, that of the first figure which only exists for a whole account.

    A gateway that gives NetLiquidation in BASE alone does not say which currency that is: then BASE it is called.
    """

    def __init__(self) -> None:
        self._sent = self._first = self._unnamed = ""

    def add(self, key: Key, currency: str) -> None:
        """The next value of the download."""
        if not currency or key.is_ledger or key.tag not in _SEGMENT_TAGS:
            return
        if currency == BASE:
            self._unnamed = BASE
            return
        self._first = self._first or currency
        if key == _NET_LIQUIDATION:
            self._sent = currency

    @property
    def code(self) -> str:
        """What is known of it so far; empty: nothing."""
        return self._sent or self._first or self._unnamed


def is_of_ledger(key: Key, currency: str, base: str, nth: int, *, is_spelled: bool) -> bool:
    """Whether a value is of the ledger. A key that exists in both takes turns, unless one of them is spelled so.

    :param nth: of the values of this key and currency it is this one, counted from 1
    :param is_spelled: whether the download has the same key spelled with ``$LEDGER-``, in this currency
    """
    if key.tag in tags.ATTRIBUTE_TAGS:
        # A text is one and the same in both spellings.
        return False
    if key.is_ledger:
        return True
    if key.segment is not None:
        return False
    if key.tag in tags.TWICE_SENT_TAGS and currency == base != "":
        return not is_spelled and nth % 2 == 0
    return key.tag in _LEDGER_TAGS
