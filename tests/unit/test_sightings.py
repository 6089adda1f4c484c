"""Who is taken for alive, whatever the clock of the server does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.cluster.sightings import ALIVE_S, CONNECTED_S, Sighting, Sightings

BEGAN = datetime(2026, 11, 27, tzinfo=UTC)
STEPS = st.lists(st.floats(-1e7, 1e7) | st.just(0.0), min_size=20, max_size=20)


def sighting(beat_at: float, server: float, *, is_connected: bool = False) -> Sighting:
    """One that has beaten at a time of the server's clock, which shows another one now."""
    return Sighting("bert", BEGAN + timedelta(seconds=beat_at), server - beat_at, is_connected)


@given(STEPS)
def test_one_that_beats_is_alive_whatever_the_clock_does(steps: list[float]) -> None:
    sightings, server, beat = Sightings(), 0.0, 0.0
    for now, step in enumerate(steps):
        server += 1.0 + step
        if now % 2 == 0:
            beat = server - step / 2 + now / 1000
        alive = sightings.see([sighting(beat, server)], float(now))
        assert now < 2 or alive == {"bert"}, "but for the first sighting, whose beat says nothing"
        assert now < 2 or sightings.recent(now + 1.0) == ["bert"]


@given(STEPS, st.booleans())
def test_one_that_beats_no_more_is_dead_in_time_whatever_the_clock_does(steps: list[float], is_connected: bool) -> None:
    sightings, server = Sightings(), 0.0
    for now, step in enumerate(steps):
        alive = sightings.see([sighting(0.0, server, is_connected=is_connected)], float(now))
        assert sightings.recent(now) == (["bert"] if now < CONNECTED_S else [])
        assert alive == ({"bert"} if now < (CONNECTED_S if is_connected else ALIVE_S) else set())
        server += 1.0 + step


@pytest.mark.parametrize(
    ("silent", "is_connected", "is_alive"),
    [(4.0, False, True), (6.0, False, False), (6.0, True, True), (16.0, True, False), (-3600.0, False, True)],
)
def test_at_first_the_servers_clock_is_believed(silent: float, is_connected: bool, is_alive: bool) -> None:
    found = Sightings().see([sighting(0.0, silent, is_connected=is_connected)], 100.0)
    assert found == ({"bert"} if is_alive else set())


def test_one_that_has_left_is_gone_at_once() -> None:
    sightings = Sightings()
    assert sightings.see([sighting(0.0, 0.0)], 0.0) == {"bert"}
    assert sightings.see([], 1.0) == set()
