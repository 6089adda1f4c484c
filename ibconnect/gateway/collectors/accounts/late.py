"""What comes of an account after its download has ended: positions that are seconds late, prices in the place of none.

In: the arrivals of downloads that have ended. Out: the accounts that something new has come of, which a snapshot is
due for once more. Kept by a refresher; pure, so every function is given the time (of the event loop, in seconds).
"""

from dataclasses import dataclass

from ibconnect.gateway.collectors.accounts.received import Arrivals, Received

# For how long after its end a download is watched: one that may lack something, and one that IB itself ended.
DOUBTFUL_S, CLEAN_S = 60.0, 5.0
# After so much silence what came late counts as all of it.
SETTLE_S = 1.0
# So often at most: an account that trades opens new positions all the time.
_TIMES = 3
# A flood after a clean end is not looked through.
_FLOOD = 5_000


@dataclass(slots=True)
class _Late:
    arrivals: Arrivals
    ended_at: float
    until: float
    is_clean: bool
    is_owed: bool
    """Whether its end had not come when it ended."""
    times: int = 0


class LateRows:
    """Of one connection."""

    def __init__(self, received: Received) -> None:
        self._received = received
        self._watched: dict[str, _Late] = {}

    def watch(self, account: str, arrivals: Arrivals, now: float, *, is_clean: bool) -> None:
        """A download has ended; ``is_clean``: IB ended it, and nothing about it is doubtful."""
        self.drop(account)
        until = now + (CLEAN_S if is_clean else DOUBTFUL_S)
        self._watched[account] = _Late(arrivals, now, until, is_clean, self._received.owes_end(account))

    def drop(self, account: str) -> None:
        """Watch an account no more: it is asked for again."""
        if (late := self._watched.pop(account, None)) is not None:
            self._received.forget(late.arrivals)

    def clear(self) -> None:
        """Watch none: what comes now is old."""
        for account in tuple(self._watched):
            self.drop(account)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is watched."""
        return not self._watched

    def due(self, now: float) -> list[str]:
        """The accounts that something new has come of since, and nothing more for a moment."""
        is_flood = self._received.settle() > _FLOOD
        for account, late in tuple(self._watched.items()):
            is_pending = late.arrivals.new_at is not None and late.arrivals.new_at > late.ended_at
            is_over = now >= late.until and not is_pending
            if is_over or (is_flood and late.is_clean) or late.arrivals.is_flood:
                self.drop(account)
        return [account for account, late in self._watched.items() if self._is_due(account, late, now)]

    def _is_due(self, account: str, late: _Late, now: float) -> bool:
        new_at = late.arrivals.new_at
        if new_at is None or new_at <= late.ended_at:
            return False
        return now - new_at >= SETTLE_S or (late.is_owed and not self._received.owes_end(account))

    def take(self, account: str, now: float) -> Arrivals:
        """All that has come of an account that is due; from now on only what is newer counts."""
        late = self._watched[account]
        late.ended_at, late.is_owed, late.times = now, self._received.owes_end(account), late.times + 1
        if late.times >= _TIMES:
            self.drop(account)
        return late.arrivals
