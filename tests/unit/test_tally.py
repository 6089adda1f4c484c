"""What waits and what is committed is counted event by event: never before it is stored, and in the end all of it."""

from collections import Counter
from typing import Self
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client import Counter as Metric

from ibconnect import observe
from ibconnect.events import tally
from ibconnect.events.copy_format import encode_row
from ibconnect.events.segments import Mark
from ibconnect.events.tally import Chunk, Tally
from ibconnect.events.types import class_of

TOPICS = ("v", "p", "n", "so")


class Counted:
    """The metric of events recorded, for as long as the context lasts."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        metric = Metric("recorded", "A copy for this test.", ["gateway", "kind"], registry=self._registry)
        self._patch.setattr(observe, "EVENTS_RECORDED", metric)
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    @property
    def now(self) -> Counter[str]:
        """How many events of each topic count as recorded."""
        labels = [(topic, {"gateway": "g", "kind": class_of(topic).__name__}) for topic in TOPICS]
        found = {topic: self._registry.get_sample_value("recorded_total", each) for topic, each in labels}
        return Counter({topic: int(value) for topic, value in found.items() if value})


@settings(deadline=None)
@given(
    st.lists(st.dictionaries(st.sampled_from(TOPICS), st.integers(1, 50), min_size=1), max_size=30),
    st.lists(st.integers(0, 5), min_size=1, max_size=40),
    st.integers(2, 6),
)
def test_everything_is_counted_once_and_nothing_too_early(
    chunks: list[dict[str, int]], lags: list[int], bound: int
) -> None:
    """``lags``: how many chunks behind each commit is; beyond the bound, chunks are summed up."""
    waiting, stored = Tally(), 0
    with pytest.MonkeyPatch.context() as patch, Counted() as counted:
        patch.setattr(tally, "_MOST", bound)
        for number, topics in enumerate(chunks, 1):
            waiting.enter(Mark(1, number), Chunk(b"s" * 16, "g", topics))
            stored = max(stored, number - lags[number % len(lags)])
            waiting.stored(Mark(1, stored), b"")
            assert counted.now <= total(chunks[:stored])
            assert (waiting.oldest is None) == (stored == number)
            if stored == number:
                assert counted.now == total(chunks[:number])
        waiting.stored(Mark(1, len(chunks)), b"")
        assert counted.now == total(chunks)


def total(chunks: list[dict[str, int]]) -> Counter[str]:
    return sum(map(Counter, chunks), Counter[str]())


def test_what_no_stream_takes_is_not_counted() -> None:
    one, two, waiting = UUID(int=1).bytes, UUID(int=2).bytes, Tally()
    waiting.enter(Mark(1, 1), Chunk(one, "g", {"v": 3}))
    waiting.enter(Mark(1, 2), Chunk(two, "g", {"v": 2, "n": 1}))
    refused = encode_row(one, 3, b"v", b"[]") + encode_row(two, 1, b"v", b"[]") + encode_row(two, 2, b"n", b"[]")
    with Counted() as counted:
        waiting.stored(Mark(1, 2), refused)
        assert counted.now == {"v": 3}


def test_what_is_not_to_be_counted_is_still_waited_for() -> None:
    waiting = Tally()
    waiting.enter(Mark(1, 1), None)
    assert waiting.oldest is not None
    waiting.stored(Mark(1, 1), b"")
    assert waiting.oldest is None
