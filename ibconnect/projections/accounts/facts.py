"""What the events say, as far as tables are made of it: the values that pass from :mod:`sessions` to :mod:`tables`.

All times are microseconds since the epoch, UTC. Session and refresh ids count up in the order of events.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID


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
    """The connection ended, and with it the refresh that had not, with so many accounts done (None: there was none)."""

    session_id: int
    closed: int
    reason: str
    refresh_id: int | None
    done: int


@dataclass(frozen=True, slots=True)
class AccountsNamed:
    """A gateway listed the accounts that it manages, without repetition, in its own order."""

    gateway: str
    codes: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class AccountsStated:
    """A Flex statement is of these accounts, which no gateway may ever have listed."""

    codes: tuple[str, ...]


Configured = tuple[tuple[str, tuple[str, ...]], ...]
"""The gateways that living instances have configured, by precedence, each with the accounts that are pinned to it."""


def configured_of(value: Any) -> Configured:
    """The same out of JSON."""
    return tuple((name, tuple(pins)) for name, pins in value)


@dataclass(frozen=True, slots=True)
class RefreshBegan:
    """A walk over ``total`` accounts of ``gateway`` began; its snapshots share ``created``. ``scope``: empty for all.

    ``configured``: what its recorder knew of the gateways, which holds from here on; None: nothing new.
    """

    refresh_id: int
    session_id: int
    gateway: str
    created: int
    trigger: str
    started: int
    scope: str
    total: int
    configured: Configured | None = None


@dataclass(frozen=True, slots=True)
class RefreshFinished:
    """The walk is over. ``missing``: why, for each account that it brought no figures of that can be relied on."""

    refresh_id: int
    ended: int
    outcome: str
    request: int | None
    missing: dict[str, str]
    detail: str
    done: int


@dataclass(frozen=True, slots=True)
class Concluded:
    """A gateway was asked for an account: how that ended, and which refresh requests it serves.

    ``why``: what keeps its figures from being relied on; empty if nothing does.
    """

    gateway: str
    account: str
    at: int
    ended: str
    why: str
    request: int | None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A download of one account has ended; its messages lie in its stream, between two versions.

    ``is_judged``: the recorder found out whether it is whole: ``why`` it is not, and what the ``check`` by positions
    said. ``is_supplement``: it goes on with a download that had ended before. ``is_late``: others may have been stored
    since that are newer. ``is_owned_by_all``: its recorder did not say which gateways are configured, as earlier
    versions do not: then the account is also this gateway's.
    """

    session: UUID
    after: int
    before: int
    account: str
    source: str
    values_request: str
    positions_request: str
    refresh_id: int
    gateway: str
    created: int
    completed: int
    ended: str
    detail: str = ""
    why: str = ""
    check: str = ""
    zone: str = ""
    is_judged: bool = False
    is_supplement: bool = False
    is_late: bool = False
    is_owned_by_all: bool = False
    concluded: Concluded | None = None

    @property
    def is_multi(self) -> bool:
        """Whether it was made of the requests that any number of programs may make at once (no market prices)."""
        return self.source == MULTI


MULTI = "multi"

Fact = (
    SessionBegan
    | SessionEnded
    | AccountsNamed
    | AccountsStated
    | RefreshBegan
    | RefreshFinished
    | Concluded
    | Downloaded
)
