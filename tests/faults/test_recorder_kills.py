"""kill -9 of the recorder: what was stored is a prefix, at most the last 100 ms are lost, the next start goes on."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.judge import Judge, sessions
from tests.faults.lab import Counts, Simulators, Store, assert_all, chance, kill, rounds, row, surely_read
from tests.faults.processes import Server, Spawner, running_server

GATEWAYS = 4


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


def campaign(url: str, directory: Path, kills: int) -> None:
    """Kill a recorder again and again, now at work, now while it starts."""
    random, store, line = chance("recorder kills"), Store(url), row("recorder killed (-9)")
    with Simulators(GATEWAYS, rate=300) as simulators, Spawner(directory) as spawner:
        judge = Judge(url, simulators.gateways)
        expected: Counts = {}
        position = 0
        for _ in range(kills):
            recorder = spawner.start("one", DB_URL=url, IB_GW=simulators.addresses)
            if random.random() < 0.2:
                time.sleep(random.uniform(0.0, 0.3))
                line.note(0.0)
            else:
                took = store.wait_for_sessions(position, GATEWAYS)
                line.note(took, judge.lost(expected))
                time.sleep(random.uniform(0.0, 0.3))
            # A connection that is known already was the former process's.
            expected = kill(recorder, simulators) | expected
            position = store.position()
        last = spawner.start("one", DB_URL=url, IB_GW=simulators.addresses)
        store.wait_for_sessions(position, GATEWAYS)
        sent = surely_read(simulators, lambda: last.send(signal.SIGTERM))
        last.stop()
        assert judge.lost(sent | expected) == 0
        assert line.lost == 0
        assert all(session.reason in ("orphaned", "stopped") for session in sessions(url))
        assert_all(judge, store)


def test_a_killed_recorder_loses_nothing_older_than_a_moment(database_url: str, tmp_path: Path) -> None:
    campaign(database_url, tmp_path, 2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_kills_of_the_recorder(server: Server, tmp_path: Path) -> None:
    campaign(server.url, tmp_path, rounds(200))
