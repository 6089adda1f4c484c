"""Ids of what snapshots have in common: names, contracts, sets of attributes; given by content, counting up. And the
times of snapshots.

In: content. Out: its id; new rows are kept until :mod:`tables` writes them. Ids grow and rows never change, so what
another process has added since is everything past the last id known here.
"""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.times import from_micros, to_micros

Q = queries("projections/dimensions")

# A snapshot that would be older than the newest one by less than this was made while a clock was set back a little, and
# follows it; by more, the newest one's clock was wrong, or this one comes late from a spool, and its time is believed.
_BACKWARD_MICROS = 120_000_000
_LOOK_AHEAD = 1000

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


class _Newest(NamedTuple):
    """Of an account's snapshots that are no repeats, the newest: its refresh's time, its gateway, whether ready."""

    created: int
    gateway_id: int
    is_ready: bool


class Dimensions:
    """All of them, and for each account when its newest snapshot was created (microseconds)."""

    def __init__(self) -> None:
        self.currency = Numbering[str]("currency")
        self.gateway = Numbering[str]("gateway")
        self.account = Numbering[str]("account")
        self.security_type = Numbering[str]("security_type")
        self.exchange = Numbering[str]("exchange")
        self.symbol = Numbering[str]("symbol")
        self.contract = Contracts()
        self.attribute_set = Numbering[bytes]("attribute_set")
        self.last_snapshot = 0
        self.latest: dict[int, int] = {}
        self._newest: dict[int, _Newest] = {}
        self._given: dict[int, set[int]] = defaultdict(set)
        self._connection: Connection[Any] | None = None

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written since the last call."""
        self._connection = connection
        self._given.clear()
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
        for account_id, created, refreshed, gateway_id, is_ready in connection.execute(Q["latest"]):
            self.latest[account_id] = to_micros(created)
            self._newest[account_id] = _Newest(to_micros(refreshed), gateway_id, is_ready)

    def has_newer(self, account: str, created: int) -> bool:
        """Whether this account has a snapshot that was created then, or later."""
        return self.latest.get(self.account.ids.get(account, 0), created - 1) >= created

    def next_created(self, account_id: int, created: int) -> int:
        """When a snapshot of this account was created: as told, if no other was then.

        A time that is not later than that of the newest one is moved on, just after it if it is a little earlier, else
        to the next one that is free.
        """
        newest = self.latest.get(account_id, created - 1)
        if created > newest:
            found = created
        elif newest - created < _BACKWARD_MICROS:
            found = newest + 1
        else:
            found = self._next_free(account_id, created)
        self.latest[account_id] = max(newest, found)
        self._given[account_id].add(found)
        return found

    def _next_free(self, account_id: int, created: int) -> int:
        assert self._connection is not None
        given = self._given[account_id]
        while True:
            asked = {"account": account_id, "from": from_micros(created), "rows": _LOOK_AHEAD}
            stored = {to_micros(taken) for (taken,) in self._connection.execute(Q["taken"], asked)}
            for found in range(created, created + _LOOK_AHEAD):
                if found not in stored and found not in given:
                    return found
            created += _LOOK_AHEAD

    def is_repeat(self, account_id: int, gateway_id: int, refreshed: int, *, is_ready: bool) -> bool:
        """Whether another gateway has a ready snapshot of this account already, of the refresh of the same time."""
        newest = self._newest.get(account_id)
        if newest is None or refreshed > newest.created:
            self._newest[account_id] = _Newest(refreshed, gateway_id, is_ready)
            return False
        if refreshed < newest.created:
            return self._has_ready(account_id, gateway_id, refreshed)
        if newest.is_ready and newest.gateway_id != gateway_id:
            return True
        if is_ready or not newest.is_ready:
            self._newest[account_id] = _Newest(refreshed, gateway_id, is_ready)
        return False

    def _has_ready(self, account_id: int, gateway_id: int, refreshed: int) -> bool:
        assert self._connection is not None
        asked = {"account": account_id, "gateway": gateway_id, "created": from_micros(refreshed)}
        row = self._connection.execute(Q["has_ready"], asked).fetchone()
        return bool(row and row[0])
