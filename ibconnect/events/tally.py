"""What has been handed to the journal and is not committed yet: since when, and how many events of which kind.

In: each chunk as it is appended, on the event loop. Out: what a commit stored, for the metrics, on the writer thread.
An outage may last for days, so what waits is summed up beyond a bound: then it counts a little later, never earlier
than it is stored.
"""

import time
from collections import Counter, deque
from collections.abc import Mapping
from typing import NamedTuple

from ibconnect import observe as o
from ibconnect.events.copy_format import decode_rows
from ibconnect.events.segments import Mark
from ibconnect.events.types import class_of

_MOST = 512


class Chunk(NamedTuple):
    """What one chunk of rows is: of which session (16 bytes) with which gateway, and how many of each topic."""

    session: bytes
    gateway: str
    topics: Mapping[str, int]


class _Waiting(NamedTuple):
    entered: float
    end: Mark
    counts: Counter[tuple[bytes, str, str]]


class Tally:
    """Not safe by itself: its owner calls it under a lock."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()

    def enter(self, end: Mark, chunk: Chunk | None) -> None:
        """Something was appended that ends there; ``chunk`` None: it is not counted."""
        counts = Counter[tuple[bytes, str, str]]()
        if chunk is not None:
            counts.update({(chunk.session, chunk.gateway, topic): count for topic, count in chunk.topics.items()})
        entered = time.monotonic()
        if len(self._waiting) >= _MOST:
            last = self._waiting.pop()
            entered, counts = last.entered, last.counts + counts
        self._waiting.append(_Waiting(entered, end, counts))

    @property
    def oldest(self) -> float | None:
        """When (``time.monotonic()``) the oldest of what waits was appended; None if nothing waits."""
        try:
            return self._waiting[0].entered
        except IndexError:
            return None

    def stored(self, end: Mark, quarantined: bytes) -> None:
        """Everything up to there is committed, but for the rows that no stream took: count it."""
        oldest, counts = self.oldest, Counter[tuple[bytes, str, str]]()
        if not self._waiting or self._waiting[0].end > end:
            return
        while self._waiting and self._waiting[0].end <= end:
            counts.update(self._waiting.popleft().counts)
        if oldest is not None:
            o.COMMIT_SECONDS.observe(time.monotonic() - oldest)
        lost = Counter((row.stream, row.topic.decode()) for row in decode_rows(quarantined)) if quarantined else {}
        for (session, gateway, topic), count in counts.items():
            stored = count - lost.get((session, topic), 0)
            if stored > 0:
                o.EVENTS_RECORDED.labels(gateway, class_of(topic).__name__).inc(stored)
