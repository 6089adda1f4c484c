"""Several instances on one database: one leader for each gateway, another one soon after its end, never two at once."""

import time
from pathlib import Path

import pytest

from tests.faults.instances import instances
from tests.faults.judge import Judge
from tests.faults.lab import chance, kill, rounds, row
from tests.faults.proxy import Proxy
from tests.waiting import wait_for

TAKEN_OVER_S = 5.0
KILLED = "leader killed (-9), 3 instances, 2 gateways"
SWALLOWED = "packets to Postgres swallowed"


def kill_leaders(url: str, directory: Path, times: int) -> None:
    random, line = chance("leaders"), row(KILLED)
    expected = dict[tuple[str, int], int]()
    with instances(url, directory) as (three, judge):
        for _ in range(times):
            time.sleep(random.uniform(0.0, 0.6))
            victim = random.choice(sorted(wait_for(three.leaders, "somebody leads").values()))
            led = [gateway for gateway, name in three.leaders().items() if name == victim]
            expected |= kill(three.running[victim], three.simulators)
            position = three.store.position()
            took = three.taken_over(position, led, victim)
            judge.check()
            line.note(took)
            three.start(victim)
        # What was in a journal and not yet in Postgres comes when its instance is back.
        wait_for(lambda: lost(judge, expected) == 0, lambda: f"{lost(judge, expected)} messages are missing")


def lost(judge: Judge, expected: dict[tuple[str, int], int]) -> int:
    judge.check()
    return judge.lost({key: count for key, count in expected.items() if key in judge.held})


def cut_leaders_off(url: str, directory: Path, fault: str, times: int) -> None:
    """Part leaders from the database, for longer than it takes to replace them, and for less."""
    random, line = chance(fault), row(f"leader's {fault}")
    expected = dict[tuple[str, int], tuple[int, int]]()
    with instances(url, directory) as (three, judge):
        for number in range(times):
            victim = random.choice(sorted(three.spread().values()))
            led = [gateway for gateway, name in three.leaders().items() if name == victim]
            led_by = three.simulators.admitted(led)
            position, began = three.store.position(), time.monotonic()
            part(three.proxies[victim], fault)
            # A cut is noticed at once, silence after seconds only.
            time.sleep(random.uniform(0.0, 0.5) if fault == SWALLOWED else 0.0)
            read, now = three.simulators.read(), time.time_ns() // 1000
            expected.update({key: (read[key], now) for key in led_by if key in read})
            if number % 3 == 2:
                time.sleep(random.uniform(0.2, 3.0))
            else:
                three.taken_over(position, led, victim)
                line.note(time.monotonic() - began)
                time.sleep(max(0.0, random.uniform(0.0, 9.0) - (time.monotonic() - began)))
            three.proxies[victim].mend()
    judge.check()
    # What the gateway sends to a leader that has just hung up reaches nobody.
    there = {key: count for key, (count, now) in expected.items() if judge.left.get(key, now + 1) > now}
    assert any(there.values()), "no leader was there to be parted"
    line.lost += judge.lost(there)
    assert line.lost == 0, {key: (count, judge.held.get(key), judge.left.get(key)) for key, count in there.items()}


def part(proxy: Proxy, fault: str) -> None:
    if fault == SWALLOWED:
        proxy.hold()
    else:
        proxy.cut(refuse=True)


def test_another_instance_takes_over_from_a_killed_leader(database_url: str, tmp_path: Path) -> None:
    kill_leaders(database_url, tmp_path, 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_leaders_killed(database_url: str, tmp_path: Path) -> None:
    kill_leaders(database_url, tmp_path, rounds(50))
    assert row(KILLED).typical <= TAKEN_OVER_S


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["connections to Postgres cut", SWALLOWED])
def test_many_leaders_cut_off(database_url: str, tmp_path: Path, fault: str) -> None:
    cut_leaders_off(database_url, tmp_path, fault, rounds(8))
    assert row(f"leader's {fault}").typical <= TAKEN_OVER_S
