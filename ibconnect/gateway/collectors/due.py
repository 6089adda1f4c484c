"""When a collector asks: at connection, with each refresh, by cron, every so many seconds, daily.

In: what happens (a connection, a refresh, an answer) and the time. Out: when to ask next. A :class:`Timetable` outlasts
connections: what is due daily is not asked again because a gateway was away for a minute. Pure, so every function is
given the time (of one clock, in seconds); ticks of a cron are given to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

# After an answer that is not whole: soon, then less and less often.
AGAIN_S, LONGEST_AGAIN_S = 15.0, 3600.0


class At(Enum):
    """Moments that others bring."""

    CONNECTION = "connection"
    """The gateway has let us in."""
    REFRESH = "refresh"
    """A refresh of its accounts has ended that somebody asked for: the schedule, a request, the gateway itself."""


@dataclass(frozen=True, slots=True)
class Every:
    """So many seconds after it was asked last."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cron:
    """By a cron expression, in UTC."""

    expression: str


@dataclass(frozen=True, slots=True)
class BySetting:
    """By the cron expression that a setting gives; ``name`` is its attribute of the configuration, as ``acct_ref``."""

    name: str


DAILY = Every(86_400.0)

Due = At | Every | Cron | BySetting


class Timetable:
    """Of one collector and one gateway."""

    def __init__(self, due: Sequence[Due]) -> None:
        self._moments = frozenset(each for each in due if isinstance(each, At))
        self._every = min((each.seconds for each in due if isinstance(each, Every)), default=None)
        self._asked_at = float("-inf")
        self._is_due = False
        self._is_owed = False
        self._again_at: float | None = None
        self._wait = AGAIN_S

    def connected(self) -> None:
        """A connection begins. What did not answer on the one before is asked again."""
        self._is_due = At.CONNECTION in self._moments or self._is_owed or self._is_due
        self._again_at, self._wait = None, AGAIN_S

    def refreshed(self) -> None:
        """A refresh has ended."""
        self._is_due = At.REFRESH in self._moments or self._is_due

    def tick(self) -> None:
        """The cron says so."""
        self._is_due = True

    def asked(self, now: float) -> bool:
        """It is asked now; whether all of it is due, or only what was not answered before."""
        is_all = self._is_due or (self._every is not None and now >= self._asked_at + self._every)
        self._asked_at, self._is_due, self._is_owed, self._again_at = now, False, True, None
        return is_all

    def answered(self, now: float, *, is_whole: bool, is_again: bool) -> None:
        """An answer has ended; ``is_again``: whether one that is not whole is asked for again on this connection."""
        self._is_owed = not is_whole
        if is_whole:
            self._wait = AGAIN_S
        elif is_again:
            self._again_at = now + self._wait
            self._wait = min(2 * self._wait, LONGEST_AGAIN_S)

    def due_at(self, now: float) -> float | None:
        """When to ask next, which may be past; None if nothing that is known yet will make it due."""
        if self._is_due:
            return now
        every = [] if self._every is None else [self._asked_at + self._every]
        again = [] if self._again_at is None else [self._again_at]
        return min((*every, *again), default=None)
