"""When a day of profit and loss begins: the setting ``PNL_RESET`` as a value.

In: its text, a time of the day and a zone. Out: both. Read by :mod:`ibconnect.config`; answers about profit and loss
go by it where a request says neither.
"""

import re
from dataclasses import dataclass
from datetime import time
from zoneinfo import ZoneInfo, available_timezones

_CLOCK = re.compile("(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class DailyReset:
    """A time of the day in a zone."""

    clock: time
    zone: ZoneInfo

    def __str__(self) -> str:
        """As it may be set."""
        return f"{self.clock:%H:%M} {self.zone.key}"


def daily_reset(text: str) -> DailyReset:
    """``23:55 America/New_York``.

    :raises ValueError: it is none
    """
    clock, _, zone = text.strip().partition(" ")
    if _CLOCK.fullmatch(clock) is None or zone.strip() not in available_timezones() - {"Factory", "localtime"}:
        raise ValueError("use a time of the day and a time zone, such as 23:55 America/New_York")
    return DailyReset(time.fromisoformat(clock), ZoneInfo(zone.strip()))
