"""Ids of what snapshots have in common: names, contracts, sets of attributes; given by content, counting up.

In: content. Out: its id; new rows are kept until :mod:`tables` writes them. Ids grow and rows never change, so what
another process has added since is everything past the last id known here.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.times import to_micros

Q = queries("projections/dimensions")

Content = TypeVar("Content", bound=Hashable)


@dataclass(slots=True)
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


class Dimensions:
    """All of them, and for each account when its newest snapshot was created (microseconds)."""

    def __init__(self) -> None:
        self.currency = Numbering[str]("currency")
        self.gateway = Numbering[str]("gateway")
        self.account = Numbering[str]("account")
        self.security_type = Numbering[str]("security_type")
        self.exchange = Numbering[str]("exchange")
        self.symbol = Numbering[str]("symbol")
        self.contract = Numbering[tuple[str, ...]]("contract")
        self.attribute_set = Numbering[bytes]("attribute_set")
        self.last_snapshot = 0
        self.latest: dict[int, int] = {}

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written since the last call."""
        for numbering in (
            self.currency,
            self.gateway,
            self.account,
            self.security_type,
            self.exchange,
            self.symbol,
            self.contract,
            self.attribute_set,
        ):
            numbering.load(connection)
        (self.last_snapshot,) = connection.execute(Q["last_snapshot"]).fetchone() or (0,)
        for account_id, created in connection.execute(Q["latest"]):
            self.latest[account_id] = to_micros(created)

    def has_newer(self, account: str, created: int) -> bool:
        """Whether this account has a snapshot that was created then, or later."""
        return self.latest.get(self.account.ids.get(account, 0), created - 1) >= created

    def next_created(self, account_id: int, created: int) -> int:
        """When a snapshot of this account was created: as told, or just after its newest one if that is not earlier."""
        found = max(created, self.latest.get(account_id, created - 1) + 1)
        self.latest[account_id] = found
        return found
