"""The demo's two years as events: told again after a cut they are the same, and a world passes again through its runs.

Real Postgres; a history of some months, which is made as that of two years is.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ibconnect.database.pools import connect
from ibconnect.demo import past
from ibconnect.demo.figures import Hours
from ibconnect.demo.kept import Kept, recall, remember
from ibconnect.demo.sessions import Sessions, Shelf
from ibconnect.demo.world import make
from ibconnect.errors import ConfigError
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore

START = datetime(2026, 11, 27, 19, 3, 11, tzinfo=UTC)
DAYS = 60
GATEWAY = "127.0.0.1:4002"


def rows(url: str) -> list[tuple[object, ...]]:
    """Every event: its stream, its version, its topic, its state, in order of positions."""
    with connect(url, name="test") as connection:
        return connection.execute(
            "SELECT originator_id, originator_version, topic, state FROM stored_events ORDER BY notification_id"
        ).fetchall()


class Cut(Exception):
    """What a killed process is spared."""


def record_two_pieces(url: str) -> None:
    """As :func:`past.record` does, until it is cut off."""
    scenario, statements = make(START, DAYS)
    pieces: list[int] = []
    with Datastore(url) as datastore:
        recorder = EventRecorder(datastore)

        def store(data: bytes) -> None:
            if len(pieces) == 2:
                raise Cut
            pieces.append(recorder.append(data).position)

        shelf, days = Shelf(store, 1 << 20), statements.past_days
        sessions = Sessions(shelf, scenario, GATEWAY, days)
        zone = scenario.world.days.zone
        with pytest.raises(Cut):
            statements.witnessed(lambda paths: past.Chronicle(sessions, Hours(paths, days, zone), days, shelf))
        recorder.release()


def test_what_a_cut_left_out_is_recorded_by_the_next_start_and_nothing_twice(database_url: str) -> None:
    assert not past.has_events(database_url)
    record_two_pieces(database_url)
    first = rows(database_url)
    assert first
    told = past.record(database_url, START, GATEWAY, is_doubtful=True, history=DAYS)
    whole = rows(database_url)
    assert whole[: len(first)] == first
    assert len(whole) == told
    keys = Counter((row[0], row[1]) for row in whole)
    assert max(keys.values()) == 1
    assert past.has_events(database_url)


def test_a_world_that_passes_again_through_its_runs_is_the_same() -> None:
    ran, again = make(START, DAYS)[0].world, make(START, DAYS)[0].world
    kept = Kept(START.isoformat())
    kept.pass_again(ran, START)
    for _ in range(900):
        ran.beat()
    kept.note(ran)
    kept.pass_again(ran, START + timedelta(days=1))
    for _ in range(300):
        ran.beat()
    kept.note(ran)
    now = START + timedelta(days=3)
    kept.pass_again(ran, now)
    second = Kept(START.isoformat(), runs=[list(each) for each in kept.runs[:2]])
    second.pass_again(again, now)
    assert second.runs == kept.runs
    assert ran.now == again.now == now
    assert ran.fills == again.fills
    assert ran.accounts == again.accounts
    assert ran.market.prices == again.market.prices


def test_what_is_kept_survives_and_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    kept = recall(tmp_path, START)
    assert (kept.start, kept.has_past) == (START, False)
    kept.gateway, kept.runs = 4711, [[0, 5]]
    remember(tmp_path, kept)
    assert recall(tmp_path, START + timedelta(days=1)) == kept
    remember(tmp_path / "not there", kept)
    (tmp_path / "demo.json").write_text("{", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"demo\.json cannot be read"):
        recall(tmp_path, START)


def test_around_midnight_in_new_york_nothing_happens() -> None:
    world = make(datetime(2026, 11, 27, 4, 56, tzinfo=UTC), DAYS)[0].world
    for _ in range(90):
        world.beat()
    assert world.now == datetime(2026, 11, 27, 4, 57, 30, tzinfo=UTC)
    prices, fills = dict(world.market.prices), world.fills
    for _ in range(299):
        world.beat()
    assert (world.market.prices, world.fills) == (prices, fills)
    for _ in range(120):
        world.beat()
    assert world.market.prices != prices
