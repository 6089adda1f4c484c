"""The accounts that a gateway lists, by the newest of its lists (message 15).

In: lists, as they come. Out: the accounts that are to be asked for, and whether lists are too many. Kept by the
connection, which has the newest looked through once in a turn of reading: a long list costs more than any other
message.
"""

from collections.abc import Sequence

from ibconnect.codes import has_more, items, listed_codes
from ibconnect.gateway.allowance import Allowance


class AccountList:
    """Of one connection.

    :param pins: the only accounts that the gateway is to be asked for; none: all that it lists
    :param allowance: how much the gateway may send, over all of its connections
    """

    def __init__(self, pins: Sequence[str], allowance: Allowance) -> None:
        self.accounts: list[str] = []
        """The accounts that it lists and is to be asked for."""
        self.is_too_long = False
        """Whether the newest list is longer than what is asked for."""
        self._pins = frozenset(pins)
        self._allowance = allowance
        self._newest: list[str] | None = None
        self._listed: list[str] = []
        self._lists = self._superseded = 0

    def add(self, fields: list[str]) -> None:
        """A list has come."""
        if self._newest is not None and self._newest != fields:
            self._superseded += items(self._newest[2])
        self._lists += 1
        self._newest = fields

    def look(self) -> list[str] | None:
        """Look through the newest list, if one has come since; return the fields of its message."""
        fields, self._newest = self._newest, None
        if fields is not None:
            self._listed = list(listed_codes(fields[2]))
            self.accounts = [code for code in self._listed if not self._pins or code in self._pins]
            self.is_too_long = has_more(fields[2])
        return fields

    def use(self, now: float) -> str:
        """Count what :meth:`look` has looked through; why lists are too many by now, or empty."""
        lists, superseded, self._lists, self._superseded = self._lists, self._superseded, 0, 0
        return self._allowance.list(self._listed, superseded, now, lists)
