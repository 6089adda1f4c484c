"""When an account whose figures could not be had is asked for again: soon, then less and less often.

In: what became of each account of a refresh. Out: which accounts are due, when the next one is, which may take long.
Kept for as long as the gateway is, with one timer for all of them; pure, so every function is given the time (of one
clock, in seconds).
"""

from collections.abc import Iterable
from dataclasses import dataclass

FIRST_S, LONGEST_S = 15.0, 3600.0


@dataclass(frozen=True, slots=True)
class _Retry:
    due: float
    wait: float


class Retries:
    """Of one gateway."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Retry] = {}
        self._slow: set[str] = set()

    def note(self, account: str, now: float, *, is_whole: bool) -> None:
        """An account was asked for."""
        if is_whole:
            self.forget(account)
            return
        known = self._waiting.get(account)
        wait = FIRST_S if known is None else min(2 * known.wait, LONGEST_S)
        self._waiting[account] = _Retry(now + wait, wait)

    def note_pace(self, account: str, *, is_slow: bool) -> None:
        """An account was asked for; ``is_slow``: some answer did not come in time."""
        if is_slow:
            self._slow.add(account)
        else:
            self._slow.discard(account)

    @property
    def troubled(self) -> frozenset[str]:
        """Those that wait to be asked for again, and those that were slow."""
        return frozenset(self._waiting) | self._slow

    def forget(self, account: str) -> None:
        """It need not be asked for again."""
        self._waiting.pop(account, None)

    def keep(self, accounts: Iterable[str]) -> None:
        """Forget all other accounts: they are not listed any more."""
        kept = set(accounts)
        self._waiting = {account: retry for account, retry in self._waiting.items() if account in kept}
        self._slow &= kept

    def due(self, now: float) -> list[str]:
        """The accounts to ask for again now."""
        return [account for account, retry in self._waiting.items() if retry.due <= now]

    @property
    def next_at(self) -> float | None:
        """When the next one is due; None if none waits."""
        return min((retry.due for retry in self._waiting.values()), default=None)
