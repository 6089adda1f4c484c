"""What gateways are asked for, as the setting ``COLLECT`` says it.

In: its text. Out: which collectors are wanted. Used by the table of settings, and by the list of collectors, which
knows the names that there are.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Collected:
    """What is asked of gateways beside balances and positions, which always are.

    :param only: the names of what is; None: everything but ``left_out``
    """

    only: frozenset[str] | None = None
    left_out: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        """Whether this is asked for."""
        return name not in self.left_out if self.only is None else name in self.only

    def __str__(self) -> str:
        """As it may be set."""
        left_out = [f"-{name}" for name in sorted(self.left_out)]
        return ",".join(["all", *left_out] if self.only is None else sorted(self.only))

    @property
    def named(self) -> frozenset[str]:
        """All names that it says."""
        return (self.only or frozenset()) | self.left_out


def collected(text: str) -> Collected:
    """``all``, what to leave out of all (``-orders,-pnl``), or names of what alone is asked for.

    Which names there are, the list of collectors says.

    :raises ValueError: it is none of these, or leaves out the accounts
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    names = [name for name in parts if name != "all"]
    is_all = len(names) < len(parts)
    left_out = frozenset(name[1:] for name in names if name.startswith("-"))
    only = frozenset(name for name in names if not name.startswith("-"))
    if not text.strip(", ") or any(not re.fullmatch("[a-z][a-z_]*", name) for name in left_out | only):
        raise ValueError("use all, what to leave out of it such as -orders,-pnl, or names such as executions,pnl")
    if only and (left_out or is_all):
        raise ValueError("name either what is asked for, or what is left out (with a minus), not both")
    if "accounts" in left_out:
        raise ValueError("accounts are always asked for: leave out something else")
    return Collected(only=only) if only else Collected(left_out=left_out)
