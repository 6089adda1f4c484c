"""What a client can cause any number of times is logged at once, and then once a minute with how often it was.

In: each time that it happens, and by whom. Out: few lines of the log. Called wherever requests or connections are
refused in numbers.
"""

import asyncio
from typing import Any

from ibconnect.http.server.limits import FLOOD_LOG_SECONDS, FLOODS_MAX
from ibconnect.observe import Kind, observe


class Floods:
    """Logs one kind of thing, apart for each who causes it."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._counts: dict[str, int] = {}
        self._facts: dict[str, dict[str, Any]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, who: str, **facts: Any) -> None:
        """It happened once more. Of very many who cause it, the rest are logged as one."""
        if who not in self._counts and len(self._counts) >= FLOODS_MAX:
            who = "others"
        if who not in self._counts:
            self._counts[who] = 0
            self._log(who, 1, facts)
        else:
            self._counts[who] += 1
            self._facts[who] = facts
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLOOD_LOG_SECONDS, self._log_all)

    def close(self) -> None:
        """Log what has not been logged, and no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._log_counted()

    def _log_all(self) -> None:
        self._timer = None
        self._log_counted()
        if self._counts:
            self._timer = asyncio.get_running_loop().call_later(FLOOD_LOG_SECONDS, self._log_all)

    def _log_counted(self) -> None:
        for who, count in self._counts.items():
            if count:
                self._log(who, count, self._facts[who])
        # Who has caused it within the last minute is logged in a minute, not at once.
        self._counts = {who: 0 for who, count in self._counts.items() if count}
        self._facts.clear()

    def _log(self, who: str, count: int, facts: dict[str, Any]) -> None:
        observe(self._kind, who=who, times=count, **facts)
