"""What became of one account's download: how it ended, whether it is whole, and how that is recorded.

In: what a download has found. Out: an event. Called by the walk and by the ways to ask for an account.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ibconnect.errors import GatewayLost
from ibconnect.events.notices import SUBSCRIBED_ELSEWHERE, UNSUBSCRIBED
from ibconnect.events.types import AccountConcluded
from ibconnect.gateway.collectors.accounts.cross_check import Check
from ibconnect.gateway.connection import Connection

ANSWER_S = 5.0
"""How long IB may take to answer when positions are asked for by themselves."""

TOO_MUCH = "more came than any account has"


class Ended(StrEnum):
    """How an account's download ended."""

    DOWNLOAD_END = "download-end"
    QUIET = "quiet"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    REJECTED = "rejected"
    DISCONNECTED = "disconnected"


class Source(StrEnum):
    """What an account is asked by: the one account subscription, or requests that any number of programs may make."""

    UPDATES = "updates"
    MULTI = "multi"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: how long a download may last, after how much silence it counts as ended, how long an answer may take."""

    download: float
    quiet: float
    answer: float = field(default_factory=lambda: ANSWER_S)


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What became of one account's download. ``why``: what keeps it from being whole; empty if it is."""

    ended: Ended
    detail: str = ""
    code: str = ""
    why: str = ""
    check: Check | None = None
    is_ready: bool = True
    has_rows: bool = False
    awaits_prices: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether its figures can be relied on."""
        return not self.why


def conclude(
    connection: Connection,
    account: str,
    conclusion: Conclusion,
    *,
    last: int | None,
    request: int | None,
    then: str = "",
) -> None:
    """Record how a download ended.

    :param last: when its last message arrived, microseconds since the epoch
    :param request: the highest refresh request that it serves
    :param then: what has the last word on the account instead
    :raises GatewayLost: the connection is over
    """
    if conclusion.ended is Ended.DISCONNECTED:
        raise GatewayLost(conclusion.detail)
    connection.record(
        AccountConcluded,
        account=account,
        ended=conclusion.ended.value,
        detail=conclusion.detail,
        why=conclusion.why,
        check="" if conclusion.check is None else conclusion.check.value,
        last=last,
        request=request,
        then=then,
    )


def is_held_elsewhere(conclusion: Conclusion) -> bool:
    """Whether another program has, or has just taken, the one account subscription."""
    return conclusion.code in (SUBSCRIBED_ELSEWHERE, UNSUBSCRIBED)
