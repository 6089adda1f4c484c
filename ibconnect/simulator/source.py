"""What a simulated gateway shows: the boundary between the server and where its figures come from.

A :class:`Source` is one login's world (accounts, positions, figures); captures and scenarios each are one. A
:class:`Feed` is one subscription of one client: first everything, then what changed. The server knows no more
than this; a source knows nothing of sockets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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


class Source(Protocol):
    """One login's world. The methods that open a feed raise :class:`Refusal`."""

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

    def account_updates(self, account: str) -> Feed: ...

    def positions(self) -> Feed: ...

    def account_summary(self, request_id: int, group: str, tags: Sequence[str]) -> Feed: ...

    def account_updates_multi(self, request_id: int, account: str, model: str, ledger_only: bool) -> Feed: ...

    def positions_multi(self, request_id: int, account: str, model: str) -> Feed: ...

    def pnl(self, request_id: int, account: str, model: str) -> Feed: ...

    def pnl_single(self, request_id: int, account: str, model: str, con_id: str) -> Feed: ...

    def family_codes(self) -> Fields: ...

    def user_info(self, request_id: int) -> Fields: ...

    def advisor_data(self, kind: int) -> Fields: ...

    def current_time(self) -> Fields: ...

    def advance(self) -> Pulse:
        """Let one simulated second pass."""
        ...

    def pulse(self) -> Pulse:
        """What changed since the last beat, if something acted on this source."""
        ...

    def load_blocks(self, account: str, count: int) -> Sequence[Sequence[Fields]]:
        """``count`` consecutive full sets of updates of an account, for load; this source does not move."""
        ...


def no_such_account(code: str) -> Refusal:
    """What a gateway says of an account that the login does not see."""
    return Refusal(321, f"Error validating request.-'bp' : cause - Invalid account code '{code}'.")


def no_such_group(group: str) -> Refusal:
    """What this gateway says of a group that is neither ``All``, an account nor an advisor's group."""
    return Refusal(321, f"Error validating request.-'bp' : cause - Invalid account group '{group}'.")


NO_POSITIONS = (10275, "Positions info is not available.")
"""IB's error for logins that see too many accounts to list their positions."""

NOT_ADVISOR = (321, "Error validating request.-'cd' : cause - FA data operations ignored for non FA customers.")
"""What a gateway says to requestFA on a login that is no advisor's."""
