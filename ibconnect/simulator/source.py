"""What a simulated gateway shows: the boundary between the server and where its figures come from.

A :class:`Source` is one login's world (accounts, positions, figures); captures and scenarios each are one. A
:class:`Feed` is one subscription of one client: first everything, then what changed. The server knows no more
than this; a source knows nothing of sockets. What can be asked of a source is not said here: each
:class:`Question` belongs to the part of the gateway that serves it (``scenario/registry.py``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from ibconnect.errors import SimulatorError
from ibconnect.simulator.wire.frames import Fields


class Refusal(SimulatorError):
    """A request that the gateway answers with message 4: its ``code`` and ``text``."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


@dataclass(frozen=True, slots=True)
class Pulse:
    """Why a feed is asked for news: time went on by one beat (a simulated second)."""

    period: bool = False
    """The 3 minutes have passed after which IB sends what changed."""
    traded: frozenset[str] = frozenset()
    """Accounts whose positions or cash changed in this beat: IB sends those at once."""
    listed: bool = False
    """The list of managed accounts changed."""


class Feed(Protocol):
    """One subscription: an initial answer, then news."""

    def first(self) -> Sequence[Fields]:
        """Everything, with the end message if this source sends one."""
        ...

    def more(self, pulse: Pulse) -> Sequence[Fields]:
        """What is to be sent now; usually nothing."""
        ...


P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[P, T]):
    """One thing that a client may ask: how a scenario answers it, and how recordings do.

    Each is called with the source and what the client named, and gives a :class:`Feed` or a message; they raise
    :class:`Refusal`. It belongs to the part of the gateway whose request it is; a source knows of none.
    """

    by_scenario: Callable[Concatenate[Any, P], T]
    by_recordings: Callable[Concatenate[Any, P], T]


class Source(Protocol):
    """One login's world."""

    def answer(self, question: Question[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What this source answers. Raises :class:`Refusal`."""
        ...

    def connection_time(self) -> str:
        """The gateway's time and zone, as the handshake says it."""
        ...

    def managed_accounts(self) -> Fields: ...

    def next_valid_id(self) -> Fields: ...

    def notices(self) -> Sequence[Fields]:
        """What the gateway says by itself after 15 and 9."""
        ...

    def codes(self) -> Sequence[str]:
        """The managed accounts, in order."""
        ...

    def subscribable(self, account: str) -> bool:
        """Whether reqAccountUpdates may name this code."""
        ...

    def advance(self) -> Pulse:
        """Let one simulated second pass."""
        ...

    def pulse(self) -> Pulse:
        """What changed since the last beat, if something acted on this source."""
        ...


class Recordings(Protocol):
    """What the parts of the gateway may ask of recordings."""

    is_completed: bool
    """Whether end messages that a recording lacks are to be sent."""

    def codes(self) -> Sequence[str]: ...

    def check(self, account: str) -> None:
        """See whether a request may name this account. Raises :class:`Refusal`."""
        ...

    def rows(self, kind: str, request_id: int | None = None) -> list[Fields]:
        """All messages of one kind of answer, for this request."""
        ...

    def single(self, kind: str, request_id: int | None = None) -> Fields | None:
        """The first of them, if there is any."""
        ...

    def whole(self, kind: str, account: str | None, end: Fields, request_id: int | None = None) -> list[Fields]:
        """All rows of one kind (None: of all accounts), then one end: the recorded one; ours if nothing is recorded."""
        ...

    def states(self, kind: str, account: str) -> list[list[Fields]]:
        """What each recording has of one kind about an account; those that have nothing are left out."""
        ...

    def turn(self, account: str) -> int:
        """How often this has been asked of an account before."""
        ...


def no_such_account(code: str) -> Refusal:
    """What a gateway says of an account that the login does not see."""
    return Refusal(321, f"Error validating request.-'bp' : cause - Invalid account code '{code}'.")


def no_such_group(group: str) -> Refusal:
    """What this gateway says of a group that is neither ``All``, an account nor an advisor's group."""
    return Refusal(321, f"Error validating request.-'bp' : cause - Invalid account group '{group}'.")


NO_POSITIONS = (10275, "Positions info is not available.")
"""IB's error for logins that see too many accounts to list their positions."""
