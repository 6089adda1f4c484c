"""What a message says of an advisor's directory: entries, all of those of some kinds that there are now.

In: the fields of a message 16 or 78. Out: a :class:`Told`. Called by :mod:`fold`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ibconnect.projections.directory.xml import members_of, parsed

ALIAS, GROUP, MEMBER, FAMILY = "alias", "group", "member", "family"
ADVISOR_DATA, FAMILY_CODES = "16", "78"

Key = tuple[str, str, str]
"""Of an entry: its kind, its group (empty: none), its account (empty: none)."""


class Told(NamedTuple):
    """``kinds``: of which all entries are said; ``entries``: what is said of each: alias, method, share, code."""

    kinds: Sequence[str]
    entries: Mapping[Key, str]


def told_by(fields: Sequence[str]) -> Told | None:
    """What a message says; None: nothing that is kept.

    :raises ValueError: it makes no sense
    """
    if fields[0] == FAMILY_CODES:
        return _families(fields)
    if len(fields) < 4:
        raise ValueError(f"message 16 has {len(fields)} fields, not 4")
    read = _KINDS.get(fields[2])
    return None if read is None else read(fields[3])


def _families(fields: Sequence[str]) -> Told:
    count, pairs = fields[1] if len(fields) > 1 else "", fields[2:]
    if not (count.isascii() and count.isdigit()) or len(pairs) != 2 * int(count[:9]):
        raise ValueError(f"{count[:20]!r} families are told, and {len(pairs)} fields follow")
    told = zip(pairs[::2], pairs[1::2], strict=True)
    return Told((FAMILY,), {(FAMILY, "", account): code for account, code in told if account and code})


def _groups(text: str) -> Told:
    entries: dict[Key, str] = {}
    for group in parsed("1", text).all("Group"):
        name = group.said("name")
        if not name:
            raise ValueError("a group has no name")
        entries[GROUP, name, ""] = group.said("defaultMethod")
        entries |= {(MEMBER, name, account): share for account, share in members_of(group) if account}
    return Told((GROUP, MEMBER), entries)


def _aliases(text: str) -> Told:
    told = ((each.said("account"), each.said("alias")) for each in parsed("3", text).all("AccountAlias"))
    return Told((ALIAS,), {(ALIAS, "", account): alias for account, alias in told if account and alias})


_KINDS: Mapping[str, Callable[[str], Told]] = {"1": _groups, "3": _aliases}
