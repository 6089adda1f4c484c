"""The accounts that a gateway lists, and those that it listed a moment ago.

In: lists as they come, over all sessions with the gateway. Out: which accounts are missing although they were just
there: a gateway that starts, or resets, lists none or only some for a while. Kept by the collector of accounts; pure.
"""

from ibconnect.codes import MOST_LISTED

# An account that was not listed for so long is believed to be gone.
BELIEVED_S = 60.0
_MOST = 2 * MOST_LISTED


class Roster:
    """Of one gateway."""

    def __init__(self) -> None:
        self._vanished: dict[str, float | None] = {}

    def note(self, codes: list[str], now: float) -> None:
        """The gateway lists these accounts (``now``: seconds of one clock)."""
        for code in self._vanished.keys() - set(codes):
            self._vanished[code] = now if self._vanished[code] is None else self._vanished[code]
        self._vanished.update(dict.fromkeys(codes))
        # A gateway may list others each time: the oldest are believed to be gone, then.
        for code in list(self._vanished)[: max(0, len(self._vanished) - _MOST)]:
            del self._vanished[code]

    def missing(self, now: float) -> list[str]:
        """The accounts that were listed and are not, in their order; forgets those that are gone for good."""
        gone = [code for code, since in self._vanished.items() if since is not None and now - since >= BELIEVED_S]
        for code in gone:
            del self._vanished[code]
        return [code for code, since in self._vanished.items() if since is not None]
