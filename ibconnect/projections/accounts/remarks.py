"""The remarks on a snapshot's figures: a closed list of codes, part of the REST contract. Made by :mod:`judgement` and
:mod:`download`.
"""

from enum import StrEnum
from typing import NamedTuple


class Code(StrEnum):
    """Each kind of remark. The codes are part of the API: none is renamed or reused."""

    NOT_READY = "not-ready"
    INTERRUPTED = "interrupted"
    INCOMPLETE = "incomplete"
    UNSET_PRICES = "unset-prices"
    UNSET_FIGURE = "unset-figure"
    UNREADABLE_FIGURE = "unreadable-figure"
    SET_ASIDE = "set-aside"
    NO_END = "no-end"
    LATE = "late"
    EMPTY = "empty"
    NOT_OWNER = "not-owner"


class Remark(NamedTuple):
    """One remark. ``position``: of the event that it is about, where it is about one."""

    code: Code
    detail: str
    position: int | None = None

    def as_json(self) -> dict[str, str | int]:
        """As a report shows it."""
        shown: dict[str, str | int] = {"Code": self.code.value, "Detail": self.detail}
        return shown if self.position is None else {**shown, "Position": self.position}
