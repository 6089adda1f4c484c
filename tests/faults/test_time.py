"""A clock that jumps: no refresh is missed or doubled beyond what the jump implies, and no event goes back in time."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ibconnect.events import stream as stream_module
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.events.writer import Writer
from ibconnect.gateway import schedule as schedule_module
from ibconnect.gateway.schedule import Schedule
from ibconnect.projections.upkeep import rebuild
from ibconnect.times import to_micros
from tests.projecting import START, Stream, project, read_columns, read_tables, record, value

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that a test moves; sleeping moves it too."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.jumps: dict[datetime, timedelta] = {}

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        for at in [at for at in self.jumps if at <= self.now]:
            self.now += self.jumps.pop(at)


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[datetime, datetime | None]]]:
    """The first ticks of a schedule: when each came on its clock, and the time that it gives to its snapshots."""

    def collect(cron: str, clock: Clock, count: int) -> list[tuple[datetime, datetime | None]]:
        async def run() -> list[tuple[datetime, datetime | None]]:
            found = []
            async for tick in Schedule(cron, clock).ticks():
                found.append((clock.now, tick))
                if len(found) == count:
                    break
            return found

        monkeypatch.setattr(schedule_module.asyncio, "sleep", clock.sleep)
        return asyncio.run(run())

    return collect


Ticks = Callable[..., list[tuple[datetime, datetime | None]]]


def minutes(*numbers: int) -> list[datetime]:
    return [NOON + timedelta(minutes=number) for number in numbers]


def test_a_steady_clock_ticks_on_time(ticks: Ticks) -> None:
    found = ticks("*/10 * * * *", Clock(), 3)
    assert found == [(at, at) for at in minutes(10, 20, 30)]


def test_ticks_that_a_clock_jumps_over_are_one_and_give_no_time(ticks: Ticks) -> None:
    clock = Clock()
    clock.jumps[NOON + timedelta(minutes=15)] = timedelta(minutes=40)
    came = ticks("*/10 * * * *", clock, 4)
    assert [tick for _, tick in came] == [NOON + timedelta(minutes=10), None, *minutes(60, 70)]
    assert came[1][0] == NOON + timedelta(minutes=55)


def test_a_clock_set_back_a_little_repeats_no_tick(ticks: Ticks) -> None:
    clock = Clock()
    clock.jumps[NOON + timedelta(minutes=10, seconds=5)] = timedelta(seconds=-90)
    assert [tick for _, tick in ticks("*/10 * * * *", clock, 3)] == minutes(10, 20, 30)


def test_a_clock_set_back_far_is_believed(ticks: Ticks) -> None:
    clock = Clock()
    clock.jumps[NOON + timedelta(minutes=12)] = timedelta(days=-1)
    came = [tick for _, tick in ticks("*/10 * * * *", clock, 2)]
    assert came == [NOON + timedelta(minutes=10), NOON - timedelta(days=1) + timedelta(minutes=20)]


async def test_events_of_a_session_never_go_back_in_time(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(stream_module, "utc_now", clock)
    with Datastore(database_url) as datastore:
        writer = Writer(EventRecorder(datastore), tmp_path, 1 << 20)
        session = stream_module.Stream(writer, "127.0.0.1:4002")
        before = session.now()
        clock.now -= timedelta(hours=1)
        assert session.now() == before
        clock.now += timedelta(hours=2)
        assert session.now() == to_micros(clock.now) > before


def test_snapshots_of_an_account_have_times_of_their_own_that_grow(database_url: str) -> None:
    """A clock that stands still or is set back a little: the next snapshot is a moment after the newest."""
    stream = Stream()
    for created in (START + 1000, START + 1000, START - 60_000_000, START + 2000):
        stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]}, created=created)
    record(database_url, stream.events)
    project(database_url)
    times = [row[2] for row in sorted(read_tables(database_url)["account_snapshot"], key=lambda row: int(row[0]))]
    assert len(set(times)) == 4
    assert times == sorted(times)


def test_snapshots_of_a_clock_that_was_years_ahead_do_not_hold_up_the_right_ones(database_url: str) -> None:
    ahead, hour = START + 75 * 365 * 86_400_000_000, 3_600_000_000
    told = (START, ahead, START + hour, ahead, START + hour, START + 2 * hour)
    stream = Stream()
    for created in told:
        stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]}, created=created)
    record(database_url, stream.events)
    project(database_url)
    # The same moment twice: the later one has the next that is free.
    wanted = [START, ahead, START + hour, ahead + 1, START + hour + 1, START + 2 * hour]
    assert created_times(database_url) == wanted
    rebuild(database_url)
    assert created_times(database_url) == wanted


def created_times(url: str) -> list[int]:
    """When each snapshot was created, µs since the epoch, in the order in which they were recorded."""
    rows = read_columns(url, "account_snapshot", "id", "created")
    return [to_micros(datetime.fromisoformat(created)) for _, created in sorted(rows, key=lambda row: int(row[0]))]
