"""What the fold has in memory of the tables: ids of what snapshots have in common (names, contracts, attributes), whose
each account is, and the times of snapshots.

In: content. Out: its id, by :mod:`numbering`; when a snapshot was created, and whether it repeats another gateway's, by
:mod:`repeats`.
"""

from collections import defaultdict
from typing import Any

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.projections.accounts.holdings import Holdings
from ibconnect.projections.accounts.keys import Keys
from ibconnect.projections.accounts.numbering import Contracts, Numbering
from ibconnect.projections.accounts.owners import Owners
from ibconnect.projections.accounts.repeats import Repeats
from ibconnect.times import from_micros, to_micros

Q = queries("projections/accounts/dimensions")

# A snapshot that would be older than the newest one by less than this was made while a clock was set back a little, and
# follows it; by more, the newest one's clock was wrong, or this one comes late from a spool, and its time is believed.
_BACKWARD_MICROS = 120_000_000
_LOOK_AHEAD = 1000


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
        self.owners = Owners()
        self.keys = Keys()
        self.holdings = Holdings()
        self.last_snapshot = 0
        self.latest: dict[int, int] = {}
        self.repeats = Repeats(self.owners)
        self._latest_own: dict[int, int] = {}
        self._given: dict[int, set[int]] = defaultdict(set)
        self._connection: Connection[Any] | None = None

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written since the last call."""
        self._connection = connection
        self.note_written()
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
        self.owners.load(connection)
        (self.last_snapshot,) = connection.execute(Q["last_snapshot"]).fetchone() or (0,)
        refreshes: dict[str, int] = {}
        for code, account_id, created, created_own, refreshed in connection.execute(Q["latest"]):
            self.latest[account_id] = to_micros(created)
            if created_own is not None:
                self._latest_own[account_id] = to_micros(created_own)
                refreshes[code] = to_micros(refreshed)
        self.repeats.load(connection, refreshes)

    def note_written(self) -> None:
        """What was added so far can be read from the tables, which are asked for what is older than the newest."""
        self._given.clear()
        self.repeats.note_written()

    def has_newer(self, account: str, created: int, *, is_foreign: bool) -> bool:
        """Whether this account has a snapshot of its owner (or, for a foreign one, any) created then, or later."""
        latest = self.latest if is_foreign else self._latest_own
        return latest.get(self.account.ids.get(account, 0), created - 1) >= created

    def next_created(self, account_id: int, created: int, *, is_foreign: bool) -> int:
        """When a snapshot of this account was created: as recorded, if no other was then.

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
        if not is_foreign:
            self._latest_own[account_id] = max(self._latest_own.get(account_id, found), found)
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
