"""What each gateway holds of the spool: a part of it is kept for each, so that one cannot fill it for the others.

In: who appended how many bytes to which segment, which segments are gone. Out: how much room there is for whom. Kept by
the journal, under its guard.
"""

from collections import Counter
from collections.abc import Sequence

# A quarter of the spool is kept, in equal parts; whoever needs more than its part takes of the rest.
_KEPT = 4


class Shares:
    """Of one journal. What is of no gateway (ends of sessions, say) may take all there is.

    :param owners: the gateways; with fewer than two nothing is kept for anybody
    """

    def __init__(self, max_bytes: int, owners: Sequence[str] = ()) -> None:
        self.max_bytes = max_bytes
        self._owners = tuple(owners) if len(owners) > 1 else ()
        self._part = max_bytes // (_KEPT * len(self._owners)) if self._owners else 0
        self._used: Counter[str] = Counter()
        self._of_segment: dict[int, Counter[str]] = {}

    def add(self, owner: str, size: int, segment: int) -> None:
        """Somebody has appended bytes to a segment."""
        if owner in self._owners:
            self._used[owner] += size
            self._of_segment.setdefault(segment, Counter())[owner] += size

    def forget(self, segment: int) -> None:
        """A segment is gone."""
        self._used -= self._of_segment.pop(segment, Counter())

    def room(self, owner: str) -> int:
        """How large the spool may be with what is appended for this owner."""
        if owner not in self._owners:
            return self.max_bytes
        kept = sum(max(0, self._part - self._used[other]) for other in self._owners if other != owner)
        return self.max_bytes - kept
