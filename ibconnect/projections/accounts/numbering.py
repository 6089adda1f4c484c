"""Ids given by content, counting up; rows of one table each, which never change.

In: content. Out: its id; new rows are kept until :mod:`tables` writes them. What another process has added since is
everything past the last id known here.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import islice
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
    """Contracts, by all that is said of them."""

    def __init__(self) -> None:
        super().__init__("contract")
        self._newest: dict[tuple[str, ...], int] = {}

    def id_of(self, content: tuple[str, ...]) -> int:
        """The id of this content, a new one if it has none."""
        number = super().id_of(content)
        name = _name(content)
        self._newest[name] = max(number, self._newest.get(name, 0))
        return number

    def newest_of(self, content: tuple[str, ...]) -> int | None:
        """The newest row of the same contract: of its id, symbol, type and currency, whatever else is said of it."""
        return self._newest.get(_name(content))

    def load(self, connection: Connection[Any]) -> None:
        """Learn the rows that are in the table and not known yet."""
        known = len(self.ids)
        super().load(connection)
        for content, number in islice(self.ids.items(), known, None):
            self._newest[_name(content)] = number


def _name(content: tuple[str, ...]) -> tuple[str, ...]:
    return content[0], content[1], content[2], content[8]
