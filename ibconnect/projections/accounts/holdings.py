"""Which contracts each account has ever held, as the table ``account_contract`` says it.

In: the contracts of each snapshot. Out: those that may be new to the table. Called by :mod:`rows`. What is kept in
memory is what each account held last, so that a snapshot like the one before costs no row.
"""

from collections.abc import Set as AbstractSet
from typing import NamedTuple


class Holder(NamedTuple):
    """An account, the gateway that says what it holds, and whether the account is another gateway's."""

    account_id: int
    gateway_id: int
    is_foreign: bool


class Holdings:
    """What each holder's last snapshot held, and what is still to be written."""

    def __init__(self) -> None:
        self._last: dict[Holder, AbstractSet[int]] = {}
        self._fresh: dict[tuple[Holder, int], None] = {}

    def hold(self, holder: Holder, contracts: AbstractSet[int]) -> None:
        """A snapshot holds these contracts."""
        for contract_id in sorted(contracts - self._last.get(holder, frozenset())):
            self._fresh[holder, contract_id] = None
        self._last[holder] = contracts

    def take_fresh(self) -> list[tuple[Holder, int]]:
        """What the table may lack."""
        fresh, self._fresh = list(self._fresh), {}
        return fresh
