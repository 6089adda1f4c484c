"""What a refresh of all accounts has done so far: which of them need not be asked for again if it is cut off.

In: refreshes as they begin, the accounts whose figures can be relied on, ends. Out: what the next connection goes on
with, and which accounts go first. Of one gateway, kept by the collector over all connections; pure, so every function
is given the time (microseconds since the epoch).

A refresh is gone on with if the end of the connection cut it off, or the end of the instance that led the gateway, and
no tick of the schedule has come since. An account need not be asked for again if its figures could be relied on, are
at most :data:`FRESH_S` old, and serve every request that has come until now. After the loss of IB (1100) everything is
asked for: what came before it may be old.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

FRESH_S = 300.0
"""For so long what a refresh that was cut off has found is as good as new."""

_S = 1_000_000


class Done(NamedTuple):
    """When an account was asked for, and the highest refresh request that its figures serve."""

    at: int
    request: int | None


class Unfinished:
    """Of one gateway. ``created`` is that of the refresh; None if none is unfinished."""

    def __init__(self) -> None:
        self.created: int | None = None
        self.is_known = False
        """Whether anything has been noted: else another instance may know more."""
        self._done: dict[str, Done] = {}
        # Since the last refresh that came to its end.
        self._last: dict[str, int] = {}

    def begin(self, created: int, done: Mapping[str, Done] | None = None) -> None:
        """A refresh of all accounts begins, or is gone on with, where some are ``done``."""
        self.is_known = True
        self.created, self._done = created, dict(done or {})
        self._last |= {account: each.at for account, each in self._done.items()}

    def note(self, account: str, done: Done) -> None:
        """An account has figures that can be relied on."""
        if self.created is not None:
            self._done[account], self._last[account] = done, done.at

    def end(self, *, is_cut_short: bool) -> None:
        """It has ended; ``is_cut_short``: because the gateway lost IB, so that some were not asked for."""
        self.created = None
        self._done.clear()
        if not is_cut_short:
            self._last.clear()

    def done(self, now: int, request: int | None) -> dict[str, Done]:
        """The accounts that need not be asked for again; ``request``: the highest one known."""
        if self.created is None:
            return {}
        return {
            account: done
            for account, done in self._done.items()
            if 0 <= now - done.at <= FRESH_S * _S and (done.request or 0) >= (request or 0)
        }

    def in_order(self, accounts: Sequence[str], troubled: frozenset[str]) -> list[str]:
        """The accounts in the order in which to ask for them.

        Those come first that refreshes which were cut off have not come to, or longest ago: or they would never be
        asked for where that happens again and again. Last come those that were in trouble the last time: what does not
        answer holds up nobody, then.
        """
        return sorted(accounts, key=lambda code: (code in troubled, self._last.get(code, -1)))
