"""What the events say, as far as tables are made of it: the values that pass from :mod:`sessions` to :mod:`tables`.

All times are microseconds since the epoch, UTC. Session and refresh ids count up in the order of events.
"""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID


class Control(NamedTuple):
    """An event that begins or ends something. ``timed_state``: the state that says when it arrived, where wanted."""

    position: int
    session: UUID
    version: int
    topic: str
    state: bytes
    timed_state: bytes | None = None


class Poison(NamedTuple):
    """An event that cannot be applied, and why."""

    position: int
    session: UUID
    version: int
    topic: str
    reason: str


@dataclass(frozen=True, slots=True)
class SessionBegan:
    """A connection to a gateway was established."""

    session_id: int
    originator_id: UUID
    gateway: str
    client_id: int
    server_version: str
    connection_time: str
    instance: str
    software: str
    opened: int


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The connection ended, and with it the refresh that had not (None if there was none)."""

    session_id: int
    closed: int
    reason: str
    refresh_id: int | None


@dataclass(frozen=True, slots=True)
class AccountsTold:
    """A gateway listed the accounts that it manages, without repetition, in its own order."""

    gateway: str
    codes: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class RefreshBegan:
    """A walk over a gateway's accounts began; its snapshots share ``created``."""

    refresh_id: int
    session_id: int
    created: int
    trigger: str
    started: int


@dataclass(frozen=True, slots=True)
class RefreshFinished:
    """The walk is over. ``missing``: why, for each account that it brought no snapshot of."""

    refresh_id: int
    ended: int
    outcome: str
    request: int | None
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A download of one account is complete; its messages lie in its stream, between two versions.

    ``is_late``: others may have been stored since that are newer.
    """

    session: UUID
    after: int
    before: int
    account: str
    source: str
    values_request: str
    positions_request: str
    refresh_id: int
    created: int
    completed: int
    ended: str
    is_late: bool = False

    @property
    def is_multi(self) -> bool:
        """Whether it was made of the requests that any number of programs may make at once (no market prices)."""
        return self.source == MULTI


MULTI = "multi"

Fact = SessionBegan | SessionEnded | AccountsTold | RefreshBegan | RefreshFinished | Downloaded
