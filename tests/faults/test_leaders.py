"""Several instances on one database: one leader for each gateway, another one soon after its end, never two at once."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ibconnect.database.pools import connect
from tests.faults.judge import Judge
from tests.faults.lab import Simulators, Store, assert_all, chance, rounds, row
from tests.faults.processes import Nursery, Recorder, wait_for
from tests.faults.proxy import Proxy

NAMES = ("anna", "bert", "carl")
GATEWAYS = 2
TAKEN_OVER_S = 5.0


class Instances:
    """Three recorders, each behind a proxy of its own."""

    def __init__(self, url: str, nursery: Nursery, simulators: Simulators, proxies: Mapping[str, Proxy]) -> None:
        self.store = Store(url)
        self.proxies = proxies
        self.simulators = simulators
        self._nursery = nursery
        self.running: dict[str, Recorder] = {}
        for name in proxies:
            self.start(name)

    def start(self, name: str) -> None:
        self.running[name] = self._nursery.start(
            name, DB_URL=self.proxies[name].url, IB_GW=self.simulators.addresses, INSTANCE=name
        )

    def leaders(self) -> dict[str, str]:
        """Which instance says that it records each gateway."""
        with connect(self.store.url, name="test") as connection:
            return dict(
                connection.execute("SELECT name, instance FROM coordination.gateway WHERE connected").fetchall()
            )

    def spread(self) -> dict[str, str]:
        """Wait until every gateway is recorded, by as many instances as possible."""

        def is_spread() -> dict[str, str] | None:
            found = self.leaders()
            return found if len(found) == len(set(found.values())) == GATEWAYS else None

        found: dict[str, str] = wait_for(is_spread, "the gateways are spread over the instances")
        return found

    def taken_over(self, position: int, gateways: list[str], victim: str) -> float:
        """Wait until others record these gateways and refresh them; the seconds since the call.

        One that the victim had just given up may have begun its new session before ``position``.
        """
        began = time.monotonic()

        def is_taken_over() -> bool:
            begun = set(self.store.sessions_since(position))
            return all(gateway in begun or self.leaders().get(gateway, victim) != victim for gateway in gateways)

        wait_for(is_taken_over, f"{gateways} are taken over")
        return time.monotonic() - began


@contextmanager
def instances(url: str, directory: Path) -> Iterator[tuple[Instances, Judge]]:
    with Simulators(GATEWAYS, rate=100) as simulators, Nursery(directory) as nursery, ExitStack() as stack:
        judge = Judge(url, simulators.gateways)
        proxies = {name: stack.enter_context(Proxy(url)) for name in NAMES}
        found = Instances(url, nursery, simulators, proxies)
        found.spread()
        yield found, judge
        found.spread()
        found.store.wait_for_marks(simulators)
        for recorder in found.running.values():
            recorder.stop()
        assert_all(judge, found.store)
        assert all(recorder.told("keeper_failed") == [] for recorder in found.running.values())
        assert list(directory.glob("**/refused-*.rows")) == [], "everything that arrived is stored"


def kill_leaders(url: str, directory: Path, times: int) -> None:
    random, line = chance("leaders"), row("leader killed (-9), 3 instances, 2 gateways")
    with instances(url, directory) as (three, judge):
        for _ in range(times):
            time.sleep(random.uniform(0.0, 0.6))
            victim = random.choice(sorted(wait_for(three.leaders, "somebody leads").values()))
            led = [gateway for gateway, name in three.leaders().items() if name == victim]
            expected = three.simulators.sent()
            time.sleep(0.1)
            position = three.store.position()
            three.running[victim].kill()
            took = three.taken_over(position, led, victim)
            judge.check()
            line.note(took, judge.lost({key: count for key, count in expected.items() if key in judge.held}))
            three.start(victim)
    assert line.longest <= TAKEN_OVER_S
    assert line.lost == 0


def cut_leaders_off(url: str, directory: Path, fault: str, times: int) -> None:
    """Part leaders from the database, for longer than it takes to replace them, and for less."""
    random, line = chance(fault), row(f"leader's {fault}")
    expected = dict[tuple[str, int], int]()
    with instances(url, directory) as (three, judge):
        for number in range(times):
            victim = random.choice(sorted(three.spread().values()))
            led = [gateway for gateway, name in three.leaders().items() if name == victim]
            position, began = three.store.position(), time.monotonic()
            part(three.proxies[victim], fault)
            time.sleep(random.uniform(0.0, 0.5))
            expected.update(three.simulators.sent())
            if number % 3 == 2:
                time.sleep(random.uniform(0.0, 3.0))
            else:
                three.taken_over(position, led, victim)
                line.note(time.monotonic() - began)
                time.sleep(max(0.0, random.uniform(0.0, 9.0) - (time.monotonic() - began)))
            three.proxies[victim].mend()
    line.lost += judge.lost(expected)
    assert line.lost == 0
    assert line.longest <= TAKEN_OVER_S


def part(proxy: Proxy, fault: str) -> None:
    if fault == "packets to Postgres swallowed":
        proxy.hold()
    else:
        proxy.cut(refuse=True)


def test_another_instance_takes_over_from_a_killed_leader(database_url: str, tmp_path: Path) -> None:
    kill_leaders(database_url, tmp_path, 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_many_leaders_killed(database_url: str, tmp_path: Path) -> None:
    kill_leaders(database_url, tmp_path, rounds(50))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", ["connections to Postgres cut", "packets to Postgres swallowed"])
def test_many_leaders_cut_off(database_url: str, tmp_path: Path, fault: str) -> None:
    cut_leaders_off(database_url, tmp_path, fault, rounds(8))
