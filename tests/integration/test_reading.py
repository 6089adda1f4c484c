"""Where the events of a span of time lie: found without reading all, in whatever order sessions were stored."""

from collections.abc import Iterator
from itertools import zip_longest

import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.events.reader import Reader
from ibconnect.events.selection import Wanted
from tests.projecting import START, Stream, record

MINUTE = 60_000_000
GATEWAYS = ("one:4002", "two:4002")
# When a session begins, and how long after the one before each of its messages comes, in minutes; each with a time or
# without.
SESSION = st.tuples(
    st.integers(0, 300), st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=30), st.booleans()
)
TIMES = st.none() | st.integers(-10, 900)


@pytest.fixture
def reader(database_url: str) -> Iterator[Reader]:
    with Reader(database_url) as reader:
        yield reader


def session(number: int, began: int, gaps: list[tuple[int, bool]], is_closed: bool) -> list[tuple[StoredEvent, int]]:
    """Its events, each with its time of arrival."""
    stream = Stream(GATEWAYS[number % 2], at=START + began * MINUTE)
    times = [stream.at]
    for gap, timed in gaps:
        stream.at += gap * MINUTE if timed else 0
        stream.message("8", "1", "10:00", timed=timed)
        times.append(stream.at if timed else times[-1])
    if is_closed:
        stream.own("sc", reason="stopped")
        times.append(stream.at)
    return list(zip(stream.events, times, strict=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    said=st.lists(SESSION, min_size=1, max_size=5),
    is_mixed=st.booleans(),
    asked=st.tuples(TIMES, TIMES, st.none() | st.sampled_from(GATEWAYS)),
)
def test_just_what_arrived_between_two_times_is_found(
    database_url: str,
    reader: Reader,
    said: list[tuple[int, list[tuple[int, bool]], bool]],
    is_mixed: bool,
    asked: tuple[int | None, int | None, str | None],
) -> None:
    sessions = [session(number, *each) for number, each in enumerate(said)]
    added = (
        [each for row in zip_longest(*sessions) for each in row if each is not None]
        if is_mixed
        else [each for events in sessions for each in events]
    )
    before = reader.head()
    record(database_url, [event for event, _ in added])
    low, high = (None if each is None else START + each * MINUTE for each in asked[:2])
    gateway = asked[2]
    wanted = Wanted(gateway=gateway, since=low, until=high, after=before)
    found = [(each.position, each.arrived) for page in reader.pages(wanted) for each in page.events]
    of_gateway = {
        event.originator_id
        for number, events in enumerate(sessions)
        for event, _ in events
        if gateway in (None, GATEWAYS[number % 2])
    }
    assert found == [
        (before + place, at)
        for place, (event, at) in enumerate(added, 1)
        if event.originator_id in of_gateway and (low is None or at >= low) and (high is None or at <= high)
    ]


def test_a_short_span_of_a_long_session_is_found_without_reading_all_of_it(database_url: str, reader: Reader) -> None:
    stream = Stream(GATEWAYS[0])
    for _ in range(30_000):
        stream.at += 1_000_000
        stream.message("8", "1", "10:00", timed=True)
    record(database_url, stream.events)
    wanted = Wanted(gateway=GATEWAYS[0], since=stream.at - 5_000_000_000, until=stream.at - 4_990_000_000)
    pages = list(reader.pages(wanted))
    assert 10 <= sum(len(page.events) for page in pages) <= 11
    # A minute on either side, for clocks that were set back.
    assert pages[-1].total <= 11 + 2 * 60 + 1
    with connect(database_url, name="test") as connection:
        assert connection.execute("SELECT count(*) > 30000 FROM stored_events").fetchone() == (True,)
