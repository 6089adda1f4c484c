"""Hours in minutes: a steady stream with random faults; memory and open files stay flat, nothing is lost.

SOAK gives the seconds (``make soak``: ten minutes).
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.faults.judge import Judge
from tests.faults.lab import Simulators, Store, assert_all, chance, row
from tests.faults.processes import Recorder, Server, Spawner, running_server
from tests.faults.proxy import Proxy

SECONDS = float(os.environ.get("SOAK") or 60)
GATEWAYS = 4
RATE = 2000
FAULTS_EVERY_S = 4.0
GROWTH_BYTES = 16 << 20
"""What the median of the last third may be above that of the second: a few batches at work. The first third warms up;
in ten minutes a leak of fifty bytes a message would be more."""


class Meter:
    """Memory and open files of a process, second by second."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.memory: list[int] = []
        self.files: list[int] = []

    def read(self) -> None:
        process = Path("/proc", str(self._recorder.pid))
        pages = int((process / "statm").read_text().split()[1])
        self.memory.append(pages * os.sysconf("SC_PAGESIZE"))
        self.files.append(len(list((process / "fd").iterdir())))

    def third(self, values: list[int], number: int) -> list[int]:
        size = len(values) // 3
        return values[number * size : (number + 1) * size]


def do_harm(random: Random, server: Server, proxy: Proxy, simulators: Simulators) -> None:
    """Something that recorders must survive."""
    number = random.randrange(GATEWAYS)

    def killed() -> None:
        server.kill()
        time.sleep(random.uniform(0.0, 1.0))
        server.start()

    def cut() -> None:
        proxy.cut(refuse=True)
        time.sleep(random.uniform(0.0, 1.0))
        proxy.mend()

    harms: list[Callable[[], object]] = [
        killed,
        cut,
        lambda: proxy.cut(refuse=False),
        lambda: simulators.do(number, "drop"),
        lambda: simulators.do(number, "reset-mid-message", skip=random.randrange(100)),
        lambda: simulators.do(number, "random-bytes"),
        lambda: simulators.do(number, "connectivity", seconds=0.5, data_lost=True),
        lambda: simulators.do(number, "restart", seconds=0.3),
    ]
    random.choice(harms)()


@pytest.mark.slow
@pytest.mark.timeout(SECONDS * 3 + 120)
def test_memory_and_files_stay_flat(tmp_path: Path) -> None:
    random, line = chance("soak"), row(f"soak: {SECONDS:.0f} s, {RATE} messages a second")
    with (
        running_server() as server,
        Proxy(server.url) as proxy,
        Simulators(GATEWAYS, rate=RATE / GATEWAYS) as simulators,
        Spawner(tmp_path) as spawner,
    ):
        store, judge = Store(server.url), Judge(server.url, simulators.gateways)
        recorder = spawner.start("one", DB_URL=proxy.url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, GATEWAYS)
        meter, end = Meter(recorder), time.monotonic() + SECONDS
        due = time.monotonic() + FAULTS_EVERY_S
        while time.monotonic() < end:
            meter.read()
            time.sleep(max(0.0, 1.0 - time.time() % 1.0))
            if time.monotonic() >= due:
                due += FAULTS_EVERY_S
                do_harm(random, server, proxy, simulators)
                line.note(store.wait_for_marks(simulators))
        recorder.stop()
        assert_all(judge, store)
        sent = sum(len(connection.sent) for gateway in simulators.gateways for connection in gateway.connections)
        assert sent > 0.5 * RATE * SECONDS
    second, last = (statistics.median(meter.third(meter.memory, number)) for number in (1, 2))
    print(f"{sent:,} messages; memory {second / 1e6:.1f} MB, then {last / 1e6:.1f} MB; files {max(meter.files)}")
    assert last <= second + GROWTH_BYTES
    assert max(meter.third(meter.files, 2)) <= max(meter.third(meter.files, 1)) + 2
