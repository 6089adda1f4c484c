"""An advisor's directory: what accounts are called, and which groups they are in.

In: changes, as an advisor makes them in TWS. Out: aliases and groups as they are now. Called by ``world``, by the part
that answers requestFA, and by the control port.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ibconnect.errors import SimulatorError

_NAMES = ("Anna Keller", "Keller & Sons", "Chan Tai Man", "Müller Pension", "Tanaka <Family>", "O'Brien Trust")


class Group(NamedTuple):
    """A group of accounts; ``method``: how orders for it are allocated by default."""

    name: str
    method: str
    members: Sequence[str]


class Firm:
    """See the module. Every group can be changed; three follow from the list of accounts until they are."""

    def __init__(self) -> None:
        self._aliases: dict[str, str] = {}
        self._groups: dict[str, Group | None] = {}
        self._numbers = itertools.count()

    def alias(self, code: str) -> str:
        """What an account is called; the first time, it is given a name."""
        if code not in self._aliases:
            number = next(self._numbers)
            again = f" {number // len(_NAMES) + 1}" if number >= len(_NAMES) else ""
            self._aliases[code] = _NAMES[number % len(_NAMES)] + again
        return self._aliases[code]

    def rename(self, code: str, alias: str) -> None:
        """Call an account something else."""
        self._aliases[code] = alias

    def groups(self, codes: Sequence[str]) -> dict[str, Group]:
        """The groups of the accounts that there are."""
        usual = (
            Group("Everyone", "NetLiq", list(codes)),
            Group("First", "Equal", list(codes[::2])),
            Group("Second", "AvailableEquity", list(codes[1::2])),
        )
        groups = {group.name: group for group in usual if group.name not in self._groups}
        for name, group in self._groups.items():
            if group is not None:
                groups[name] = Group(name, group.method, [code for code in group.members if code in codes])
        return groups

    def regroup(self, name: str, members: Iterable[str], method: str) -> None:
        """Make a group, or change one."""
        self._groups[name] = Group(name, method, list(members))

    def dissolve(self, name: str, codes: Sequence[str]) -> None:
        """Take a group away. Raises :class:`SimulatorError`."""
        if name not in self.groups(codes):
            raise SimulatorError(f"no group {name!r}")
        self._groups[name] = None
