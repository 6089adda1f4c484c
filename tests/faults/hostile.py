"""A gateway that attacks by chance, beside a healthy one, on one recorder and one Postgres; what is watched meanwhile.

In: for how long, and the seed. Out: a failed test if memory, disk, series, the neighbour's recording, how soon that is
stored, or the end of the process are not within bounds. Used by ``make test-slow`` for half a minute with seeds of its
own, and by ``make test-long`` for as long as LONG_SECONDS says.
"""

import asyncio
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.faults.judge import Judge
from tests.faults.lab import Simulators, Store, row
from tests.faults.processes import Recorder, Server, Spawner, running_server
from tests.hostile import FLOODS, HostileGateway, claiming
from tests.processes import STOPS_S
from tests.small_gateway import frame, notice
from tests.waiting import DEADLINE_S, wait_for

RATE = 200
"""Messages a second of the healthy neighbour."""

ATTACK_BYTES = 2 << 20
QUICK = {
    "gateway.flood.FIRST_S": 0.5,
    "gateway.flood.LONGEST_S": 2.0,
    "gateway.connection.HANDSHAKE_S": 1.0,
    "gateway.supervisor.UNFINISHED_S": 0.2,
    "gateway.supervisor.LONGEST_UNFINISHED_S": 1.0,
}
"""A gateway that was left alone comes again soon, to attack once more."""

SETTINGS = {"GATEWAY_MAX_BYTES": "1MiB", "GATEWAY_MAX_EVENTS": "5000"}

GROWTH_BYTES = 320 << 20
"""What the memory may be above that before the first attack, however long it lasts: all accounts that are kept, a few
downloads of the most that is looked at, and what the allocator keeps of them."""

LATER_BYTES = 96 << 20
"""What of it may come in the second half, when all is full that is kept of what a gateway names."""

FILLS_S = 600
"""By then all that is full: the second half of a shorter attack says nothing."""

DISK_FOR_BYTE = 12
"""Bytes in Postgres for each that was sent, indexes and snapshots included; of the shortest messages that steer."""

COMMITS_S = 2.0
"""How soon what the neighbour says is stored, half of the times."""

_LONGEST_S = 30.0
_SERIES = 300


class Attacker(HostileGateway):
    """Each connection, and each step of one, is whatever chance says."""

    def __init__(self, random: Random) -> None:
        super().__init__(*(f"DU66600{number:02}" for number in range(3)))
        self.random = random
        self.attacks: dict[str, int] = {}
        self.bytes_sent = 0
        self.is_over = False

    def keep(self, data: bytes) -> None:
        """What is sent is counted, not kept: half an hour has gigabytes."""
        self.bytes_sent += len(data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client: a greeting that is none, or a login and then attacks."""
        if self.random.random() < 0.2:
            await self._greet(writer)
            return
        attacking = asyncio.ensure_future(self._attack())
        try:
            await super().serve(reader, writer)
        finally:
            attacking.cancel()

    async def _greet(self, writer: asyncio.StreamWriter) -> None:
        name = self.random.choice(list(GREETINGS))
        self.attacks[name] = self.attacks.get(name, 0) + 1
        piece = GREETINGS[name](self.random)
        self.keep(piece)
        with suppress(ConnectionError):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(self.random.uniform(0.0, 1.5))
        writer.close()

    async def _attack(self) -> None:
        await asyncio.sleep(self.random.uniform(0.0, 0.5))
        while not self.is_over and self._writer is not None and not self._writer.is_closing():
            name = self.random.choice([*FLOODS, "all accounts others", "a frame without end", "flapping"])
            self.attacks[name] = self.attacks.get(name, 0) + 1
            await self.push(self._piece(name))
            if self.random.random() < 0.1:
                self._writer.transport.abort()
            await asyncio.sleep(self.random.uniform(0.0, 0.5))

    def _piece(self, name: str) -> bytes:
        if name == "all accounts others":
            most = self.random.choice((10, 1000, 100_000))
            return frame(["15", "1", ",".join(f"U{self.random.randrange(10**7)}" for _ in range(most))])
        if name == "a frame without end":
            return claiming(self.random.choice((0xFFFFFF, 0xFFFFFFFF, 70_000)), b"x" * self.random.randrange(1 << 20))
        if name == "flapping":
            return b"".join(frame(notice(self.random.choice((1100, 1101, 1102, 2110, 2104)))) for _ in range(500))
        return FLOODS[name](self.random.randrange(1, ATTACK_BYTES), self.random)


GREETINGS: Mapping[str, Callable[[Random], bytes]] = {
    "greets with garbage": lambda random: random.randbytes(random.randrange(1 << 17)),
    "greets with empty frames": lambda _: frame(b"") * 100_000,
    "greets with a frame of 4 GiB": lambda _: claiming(0xFFFFFFFF, b"x"),
    "greets with a frame without end": lambda _: claiming(0xFFFFFF, b"x" * (1 << 20)),
    "greets with no version": lambda random: frame([str(random.randbytes(9)), "now"]),
    "greets with a long version": lambda _: frame(["9" * 5000, "now"]),
    "greets with nothing": lambda _: b"",
    "greets with notices alone": lambda _: frame(["178", "now"]) + frame(notice(2104, "x" * 1000)) * 9000,
}


@contextmanager
def attacking(attacker: Attacker) -> Iterator[int]:
    """Have it listen in a thread of its own; gives its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="attacker", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(attacker.serve, "127.0.0.1", 0), loop).result()

    async def close() -> None:
        attacker.is_over = True
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class Watched:
    """What was seen of the process, look by look."""

    memory: list[int] = field(default_factory=list)
    spool: list[int] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    series: list[int] = field(default_factory=list)


def memory_of(recorder: Recorder) -> int:
    pages = int((Path("/proc") / str(recorder.pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def spool_of(directory: Path) -> int:
    sizes = []
    for path in directory.rglob("*.segment"):
        with suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return sum(sizes)


def series_of(url: str, gateway: str) -> int:
    """How many series of the metrics name a gateway."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=DEADLINE_S) as response:
        return response.read().decode().count(f'gateway="{gateway}"')


def stored(server: Server) -> int:
    """Bytes of the events and of the snapshots, with their indexes."""
    query = """
        SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
        WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('public', 'accounts')
    """
    return int(server.do(query)[0][0])


def campaign(directory: Path, seconds: float, seed: int) -> None:
    """Attack for so long, and judge."""
    attacker, line, watched = Attacker(Random(seed)), row(f"hostile gateway: {seconds:.0f} s"), Watched()
    print(f"hostile gateway: seed {seed}, {seconds:.0f} s")
    with (
        running_server() as server,
        attacking(attacker) as port,
        Simulators(1, rate=RATE) as simulators,
        Spawner(directory) as spawner,
    ):
        store, judge = Store(server.url), Judge(server.url, simulators.gateways, has_others=True)
        gateways = f"{simulators.addresses},127.0.0.1:{port}"
        recorder = spawner.start(
            "one", QUICK, DB_URL=server.url, IB_GW=gateways, PORT="0", HOST="127.0.0.1", **SETTINGS
        )
        store.wait_for_sessions(0, 1, "re")
        wait_for(lambda: server.do("SELECT address FROM coordination.instance"), "it says where it serves")
        url = f"http://{server.do('SELECT address FROM coordination.instance')[0][0]}"
        before, disk, sent = memory_of(recorder), stored(server), attacker.bytes_sent
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            took = store.wait_for_marks(simulators)
            line.note(took)
            watched.commits.append(took)
            watched.memory.append(memory_of(recorder))
            watched.spool.append(spool_of(directory / "one"))
            watched.series.append(series_of(url, f"127.0.0.1:{port}"))
            time.sleep(max(0.0, 0.5 - time.time() % 0.5))
        took_disk, sent = stored(server) - disk, attacker.bytes_sent - sent
        began = time.monotonic()
        recorder.stop()
        stopped = time.monotonic() - began
        assert recorder.told("keeper_failed") == recorder.told("writer_failed") == recorder.told("part_restarted") == []
        verdict = judge.check()
    _judge(watched, before, took_disk, sent, stopped)
    if seconds / 2 >= FILLS_S:
        half = len(watched.memory) // 2
        assert max(watched.memory[half:]) - max(watched.memory[:half]) < LATER_BYTES
    assert verdict.sessions == 1, "the neighbour's connection ended"
    assert verdict.messages > RATE * seconds / 4
    assert len(attacker.attacks) > min(10, seconds / 10), attacker.attacks


def _judge(watched: Watched, before: int, disk: int, sent: int, stopped: float) -> None:
    commits = sorted(watched.commits)
    print(
        f"sent {sent / 1e6:.0f} MB; stored {disk / sent:.1f} bytes for each; memory {before / 1e6:.0f} MB, then "
        f"{max(watched.memory) / 1e6:.0f} MB at most, {watched.memory[-1] / 1e6:.0f} MB at last; spool "
        f"{max(watched.spool) / 1e6:.1f} MB; series {max(watched.series)}; the neighbour's marks stored after "
        f"{commits[len(commits) // 2]:.3f} s, {commits[-1]:.3f} s at most; stopped in {stopped:.1f} s"
    )
    assert max(watched.memory) - before < GROWTH_BYTES
    assert disk < DISK_FOR_BYTE * sent + (16 << 20)
    assert max(watched.series) < _SERIES
    assert commits[len(commits) // 2] < COMMITS_S
    assert commits[-1] < _LONGEST_S
    assert stopped < STOPS_S
