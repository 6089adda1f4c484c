"""The cron schedule of refreshes, in UTC, robust against a clock that jumps.

In: ``ACCT_REF``, or the cron of a collector. Out: ticks, the same instants on every instance. Called by the supervisor
of each gateway, and by collectors.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from ibconnect.setting_values import parse_schedule
from ibconnect.times import from_micros, utc_now

# Sleeping in slices, the schedule follows a clock that was set; further back than this, the clock is believed.
_SLICE_S = 5.0
_BACKWARD = timedelta(minutes=2)
# A tick that is found later than this (the clock jumped over it, or the machine slept) is no time to give to data
# that arrives now.
LATE = timedelta(minutes=1)


def has_tick(cron: str, after: int, until: int) -> bool:
    """Whether a schedule has a tick after one time and not after the other, both microseconds since the epoch."""
    due = parse_schedule(cron).next(now=from_micros(after), default_utc=True, return_datetime=True)
    return due is not None and due <= from_micros(until)


class Schedule:
    """When the next refresh is due. ``clock`` gives the wall clock in UTC."""

    def __init__(self, cron: str, clock: Callable[[], datetime] = utc_now) -> None:
        self._cron = parse_schedule(cron)
        self._clock = clock
        self._last: datetime | None = None

    def next_due(self) -> datetime | None:
        """The next tick after the last one (None if the schedule has no more).

        A clock set back a little does not repeat a tick; set forward over several, they count as one.
        """
        now = self._clock()
        if self._last is not None and self._last - _BACKWARD < now < self._last:
            now = self._last
        due: datetime | None = self._cron.next(now=now, default_utc=True, return_datetime=True)
        return due

    def take(self, due: datetime) -> bool:
        """Whether the clock has reached ``due``; if so, it is taken and will not come again."""
        if self._clock() < due:
            return False
        self._last = due
        return True

    async def ticks(self) -> AsyncIterator[datetime | None]:
        """Yield each tick when it is due; None for one that was found too late to be the time of a snapshot."""
        while (due := self.next_due()) is not None:
            remaining = (due - self._clock()).total_seconds()
            if remaining > 0:
                await asyncio.sleep(min(remaining, _SLICE_S))
            if self.take(due):
                yield due if self._clock() - due < LATE else None
