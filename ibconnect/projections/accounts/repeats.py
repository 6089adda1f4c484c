"""Of a refresh that several owners made of an account one gateway's snapshots are taken; the others' are repeats.

In: the owners' snapshots, in the order of events. Out: whether each is a repeat, and of which refreshes others have
become so. Called by :mod:`rows` and :mod:`tables`. A gateway with a snapshot that can be relied on goes before one
without, then the pins tell, then which came first. What is older than an account's newest refresh is asked for once it
is needed.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.projections.accounts.owners import Owners
from ibconnect.times import from_micros

Q = queries("projections/accounts/dimensions")


class Taken(NamedTuple):
    """Of an account's refresh of some time it is this gateway's snapshots that are no repeats."""

    account: str
    refreshed: int
    gateway: str


@dataclass(slots=True)
class _Refresh:
    """The owners that have a snapshot of an account and a refresh, and those that have one to rely on, as they came."""

    have_any: list[str] = field(default_factory=list)
    have_ready: list[str] = field(default_factory=list)
    taken: str = ""

    def add(self, gateway: str, *, is_ready: bool) -> None:
        for names in (self.have_any, self.have_ready) if is_ready else (self.have_any,):
            if gateway not in names:
                names.append(gateway)


class Repeats:
    """What is known of refreshes: of each account's newest, and of those that snapshots were added to since."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners
        self._newest: dict[str, int] = {}
        self._known: dict[tuple[str, int], _Refresh] = {}
        self._changed: dict[tuple[str, int], str] = {}
        self._connection: Connection[Any] | None = None

    def load(self, connection: Connection[Any], newest: dict[str, int]) -> None:
        """``newest``: the time of each account's newest refresh, as the tables say it."""
        self._connection, self._newest = connection, newest
        self._known.clear()

    def note_written(self) -> None:
        """What was added so far can be read from the tables, which are asked for what is older than the newest."""
        self._known = {key: refresh for key, refresh in self._known.items() if key[1] == self._newest[key[0]]}

    def add(self, account: str, gateway: str, refreshed: int, *, is_ready: bool) -> bool:
        """Whether this snapshot of an owner repeats another's; it may make repeats of those that came before it."""
        key = account, refreshed
        refresh = self._known.get(key) or self._read(account, refreshed)
        self._known[key] = refresh
        self._newest[account] = max(refreshed, self._newest.get(account, refreshed))
        refresh.add(gateway, is_ready=is_ready)
        former, refresh.taken = refresh.taken, self._first(account, refresh)
        if former not in ("", refresh.taken):
            self._changed[key] = refresh.taken
        return refresh.taken != gateway

    def _first(self, account: str, refresh: _Refresh) -> str:
        # The first one of those with the same rank.
        return min(refresh.have_ready or refresh.have_any, key=lambda name: self._owners.rank(account, name))

    def _read(self, account: str, refreshed: int) -> _Refresh:
        found = _Refresh()
        if refreshed > self._newest.get(account, refreshed - 1):
            return found
        assert self._connection is not None
        asked = {"account": account, "created": from_micros(refreshed)}
        for gateway, is_ready, is_repeat in self._connection.execute(Q["of_refresh"], asked):
            found.add(gateway, is_ready=is_ready)
            found.taken = found.taken if is_repeat else gateway
        return found

    def take_changed(self) -> list[Taken]:
        """The refreshes of which another gateway's snapshots are taken since the last call."""
        changed, self._changed = self._changed, {}
        return [Taken(*key, gateway) for key, gateway in changed.items()]
