"""Ids given by content, counting up; rows of one table each, which never change.

In: content. Out: its id; new rows are kept until :mod:`tables` writes them. What another process has added since is
everything past the last id known here.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from psycopg import Connection

from ibconnect.database.sql import queries

Q = queries("projections/accounts/dimensions")

Content = TypeVar("Content", bound=Hashable)


@dataclass
class Numbering(Generic[Content]):
    """Contents of one table and their ids."""

    table: str
    ids: dict[Content, int] = field(default_factory=dict)
    last: int = 0
    fresh: list[tuple[int, Content]] = field(default_factory=list)

    def id_of(self, content: Content) -> int:
        """The id of this content, a new one if it has none."""
        try:
            return self.ids[content]
        except KeyError:
            self.last += 1
            self.ids[content] = self.last
            self.fresh.append((self.last, content))
            return self.last

    def load(self, connection: Connection[Any]) -> None:
        """Learn the rows that are in the table and not known yet."""
        for number, *content in connection.execute(Q[f"newer_{self.table}"], {"last": self.last}):
            key: Any = tuple(content) if len(content) > 1 else content[0]
            self.ids[key] = self.last = number

    def take_fresh(self) -> list[tuple[int, Content]]:
        """The rows that the table lacks."""
        fresh, self.fresh = self.fresh, []
        return fresh


class Contracts(Numbering[tuple[str, ...]]):
    """Contracts, by all that is said of them; and how each was described last, which may be as it once was."""

    def __init__(self) -> None:
        super().__init__("contract")
        self._newest: dict[tuple[str, ...], int] = {}
        self._last: dict[str, int] = {}
        self._described: dict[int, int] = {}
        self._loaded = 0

    def describe(self, content: tuple[str, ...], snapshot_id: int) -> int | None:
        """A snapshot describes a contract so: the id of the row that does as well; None if there is none yet."""
        number = self.ids.get(content)
        if number is not None and self._last.get(content[0], number) != number:
            self._described[number] = snapshot_id
            self._note(content, number)
        return number

    def id_of(self, content: tuple[str, ...]) -> int:
        """The id of this content, a new one if it has none."""
        number = super().id_of(content)
        self._note(content, number)
        return number

    def _note(self, content: tuple[str, ...], number: int) -> None:
        self._newest[_name(content)] = number
        if has_own_id(content):
            self._last[content[0]] = number

    def newest_of(self, content: tuple[str, ...]) -> int | None:
        """The newest row of the same contract: of its id, symbol, type and currency, whatever else is said of it."""
        return self._newest.get(_name(content))

    def load(self, connection: Connection[Any]) -> None:
        """Learn the rows that are in the table and not known yet, and what is newly described as it once was."""
        asked = {"last": self.last, "described": self._loaded}
        for number, self._loaded, *texts in connection.execute(Q["newer_contract"], asked):
            content = tuple(texts)
            self.ids[content] = number
            self.last = max(self.last, number)
            self._note(content, number)

    def take_described(self) -> dict[str, list[int]]:
        """The columns of what the table lacks: rows, and the snapshots that they describe contracts by again."""
        described, self._described = self._described, {}
        return {"ids": list(described), "snapshots": list(described.values())} if described else {}


def has_own_id(content: tuple[str, ...]) -> bool:
    """Whether a contract has an id that no other has."""
    return content[0] not in ("", "0")


def _name(content: tuple[str, ...]) -> tuple[str, ...]:
    return content[0], content[1], content[2], content[8]
