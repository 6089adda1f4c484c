"""Which keys each account has ever been sent, as the table ``account_key`` says it.

In: the layout of each download. Out: the keys that may be new to the table. Called by :mod:`rows`. What is kept in
memory is the layout of the last download of each account and gateway, so that one like it costs no row.
"""

from typing import Any, NamedTuple

from ibconnect.projections.accounts.layout import Layout


class Sender(NamedTuple):
    """An account, the gateway that sends its values, and whether the account is another gateway's."""

    account_id: int
    gateway_id: int
    is_foreign: bool


_Key = tuple[str, str, str, bool]


class Keys:
    """What each sender's last download had, and what is still to be written."""

    def __init__(self) -> None:
        self._last: dict[Sender, Layout] = {}
        self._fresh: dict[tuple[Sender, _Key], None] = {}

    def add(self, sender: Sender, layout: Layout) -> None:
        """A download has this layout."""
        last = self._last.get(sender)
        if layout is not last:
            known = frozenset[_Key]() if last is None else _keys_of(last)
            for key in sorted(_keys_of(layout) - known):
                self._fresh[sender, key] = None
            self._last[sender] = layout

    def take_fresh(self) -> dict[str, list[Any]]:
        """The columns of what the table may lack; empty if it lacks nothing."""
        fresh, self._fresh = self._fresh, {}
        if not fresh:
            return {}
        names = ("accounts", "gateways", "foreign", "tags", "segments", "currencies", "ledger")
        columns = zip(*((*sender, *key) for sender, key in fresh), strict=True)
        return {name: list(column) for name, column in zip(names, columns, strict=True)}


def _keys_of(layout: Layout) -> frozenset[_Key]:
    return frozenset((name.tag, name.segment, name.currency, name.is_ledger) for name in layout.names)
