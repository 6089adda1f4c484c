"""Simulated gateways in a thread of their own, driven through their control ports, and what a campaign is made of."""

import asyncio
import itertools
import json
import os
import random
import signal
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from ibconnect.codes import listed_codes
from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import rebuild
from ibconnect.simulator import Gateway
from ibconnect.simulator.connection import Connection
from ibconnect.simulator.control import ControlPort
from tests.faults.judge import Judge, Marked
from tests.faults.processes import Recorder
from tests.projecting import project, read_tables
from tests.recording import ask_for_refresh
from tests.waiting import DEADLINE_S, wait_for

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(1_000_000))
_ROUNDS = int(os.environ.get("ROUNDS") or 0)


def rounds(usual: int) -> int:
    """How often a fault is injected: as ROUNDS says, or as usual."""
    return _ROUNDS or usual


def chance(name: str) -> random.Random:
    """The source of a test's random timing."""
    return random.Random(f"{SEED} {name}")


Counts = dict[tuple[str, int], int]
"""Messages, by a gateway's address and the number of a connection to it."""


@dataclass
class Row:
    """A line of the table of results."""

    fault: str
    times: int = 0
    lost: int = 0
    doubled: int = 0
    took: list[float] = field(default_factory=list)
    """Seconds until everything was well again, each time."""

    @property
    def longest(self) -> float:
        return max(self.took, default=0.0)

    @property
    def typical(self) -> float:
        """The median: what a promise in seconds is held against, since a busy machine may be late once."""
        return statistics.median(self.took)

    def note(self, seconds: float, lost: int = 0) -> None:
        self.times += 1
        self.lost += lost
        self.took.append(seconds)


TABLE: dict[str, Row] = {}

LATEST_S = 0.1
"""What arrived in the last moments before a kill may be lost."""


def row(fault: str) -> Row:
    """The line of a fault."""
    return TABLE.setdefault(fault, Row(fault))


class Simulators:
    """Gateways, each with a control port; they run for as long as the context lasts.

    :param first: the seed of the first one; gateways of one seed have the same accounts
    """

    def __init__(self, count: int, *, first: int = 0, accounts: int = 2, positions: int = 4, **options: Any) -> None:
        self.gateways: list[Gateway] = []
        self._controls: list[ControlPort] = []
        self._plan = {"accounts": accounts, "positions": positions}
        self._seeds = range(first, first + count)
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._run()), daemon=True)

    async def _run(self) -> None:
        async with AsyncExitStack() as stack:
            for seed in self._seeds:
                gateway = await stack.enter_async_context(Gateway(Marked(seed=seed, **self._plan), **self._options))
                self._controls.append(await stack.enter_async_context(ControlPort(gateway)))
                self.gateways.append(gateway)
            self._ready.set()
            await self._stop.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(DEADLINE_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    @property
    def accounts(self) -> list[str]:
        """The accounts of all of them."""
        return [code for gateway in self.gateways for code in listed_codes(gateway.source.managed_accounts()[2])]

    @property
    def addresses(self) -> str:
        """The setting IB_GW."""
        return ",".join(f"127.0.0.1:{gateway.port}" for gateway in self.gateways)

    def do(self, number: int, action: str, **parameters: Any) -> dict[str, Any]:
        """Have a gateway's control port do something."""
        with socket.create_connection(("127.0.0.1", self._controls[number].port), timeout=DEADLINE_S) as link:
            link.sendall(json.dumps({"do": action, **parameters}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(link.makefile().readline())
        assert answer["ok"], answer
        return answer

    def listen(self, number: int) -> None:
        """Open a gateway's port again, whatever closed it and for how long."""
        asyncio.run_coroutine_threadsafe(self.gateways[number].listen(), self._loop).result(DEADLINE_S)

    def sent(self) -> Counts:
        """How many messages each gateway's latest connection has been sent."""
        return {key: len(connection.sent) for key, connection in self._latest().items()}

    def go_on(self, messages: int) -> None:
        """Wait until every gateway has sent so many messages more to its latest client."""
        before = self.sent()
        wait_for(
            lambda: all(count >= before.get(key, 0) + messages for key, count in self.sent().items()),
            f"{messages} messages more",
        )

    def read(self) -> Counts:
        """How many of them its client has read from its socket; on a busy machine some wait there for it.

        A client that has hung up counts as one that has read all.
        """
        return asyncio.run_coroutine_threadsafe(self._count_read(), self._loop).result(DEADLINE_S)

    def admitted(self, gateways: Sequence[str]) -> set[tuple[str, int]]:
        """The latest connections to these gateways, as far as they were let in."""
        return {key for key, each in self._latest().items() if key[0] in gateways and each.client_id is not None}

    async def _count_read(self) -> Counts:
        # Where the gateways run: there, what is said to be sent is in the socket.
        return {key: _read(connection, int(key[0].rpartition(":")[2])) for key, connection in self._latest().items()}

    def _latest(self) -> dict[tuple[str, int], Connection]:
        found = [(gateway, gateway.connections[-1]) for gateway in self.gateways if gateway.connections]
        return {(f"127.0.0.1:{gateway.port}", last.number): last for gateway, last in found}


def _read(connection: Connection, port: int) -> int:
    transport = connection._transport
    if transport is None:
        return 0
    sizes = [len(body) + 4 for body in connection.sent]
    waiting = transport.get_write_buffer_size() + sum(_queued(port))
    while sizes and waiting > 0:
        waiting -= sizes.pop()
    return len(sizes)


def _queued(port: int) -> Iterator[int]:
    """Bytes of each connection to a port of this machine that were sent and are not read."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        unsent, unread = (int(size, 16) for size in queues.split(":"))
        if int(remote.partition(":")[2], 16) == port:
            yield unread
        elif int(local.partition(":")[2], 16) == port:
            yield unsent


def surely_read(simulators: Simulators, freeze: Callable[[], object]) -> Counts:
    """Freeze a process; what of each connection that it could have it must have written down.

    That is what was sent 100 ms before. On a busy machine some of it still waits in the sockets, and what was read last
    may not be written down yet: all is that was read before something else.
    """
    sent = simulators.sent()
    time.sleep(LATEST_S * 0.8)
    read = simulators.read()
    time.sleep(LATEST_S * 0.2)
    freeze()
    went_on = {key for key, count in simulators.read().items() if count > read.get(key, 0)}
    return {key: min(sent.get(key, 0), count) if key in went_on else 0 for key, count in read.items()}


def kill(recorder: Recorder, simulators: Simulators) -> Counts:
    """Kill a recorder; what of its connections it must have left."""
    read = surely_read(simulators, lambda: recorder.send(signal.SIGSTOP))
    recorder.kill()
    return read


_marks = itertools.count(1)
_SAY_AGAIN_S = 1.0


class Store:
    """Looks into a database from outside."""

    def __init__(self, url: str) -> None:
        self.url = url

    def position(self) -> int:
        with connect(self.url, name="test") as connection:
            row = connection.execute("SELECT coalesce(max(notification_id), 0) FROM public.stored_events").fetchone()
            assert row is not None
            return int(row[0])

    def sessions_since(self, position: int, topic: str = "rs") -> list[str]:
        """The gateways of which sessions have stored an event of a topic since a position."""
        query = """
            SELECT convert_from(opened.state, 'UTF8')::json ->> 'gateway'
            FROM public.stored_events AS event
            JOIN public.stored_events AS opened
                ON opened.originator_id = event.originator_id AND opened.originator_version = 1
            WHERE event.notification_id > %s AND event.topic = %s
        """
        with connect(self.url, name="test") as connection:
            return [name for (name,) in connection.execute(query, (position, topic))]

    def wait_for_sessions(self, position: int, count: int, topic: str = "rs") -> float:
        """Wait until so many gateways have stored such an event since a position; the seconds that it took."""
        began = time.monotonic()
        wait_for(
            lambda: len(set(self.sessions_since(position, topic))) >= count,
            f"{topic!r} of {count} gateways after {position}",
        )
        return time.monotonic() - began

    def ask_for_refresh(self) -> int:
        """Ask all gateways' leaders for a refresh; the request's id."""
        return ask_for_refresh(self.url)

    def wait_for_refreshes(self, request: int, count: int) -> float:
        """Wait until so many gateways have completed a refresh that serves a request; the seconds that it took."""
        began = time.monotonic()
        query = """
            SELECT count(DISTINCT convert_from(opened.state, 'UTF8')::json ->> 'gateway')
            FROM public.stored_events AS event
            JOIN public.stored_events AS opened
                ON opened.originator_id = event.originator_id AND opened.originator_version = 1
            WHERE event.notification_id > %s
              AND event.topic = 're'
              AND convert_from(event.state, 'UTF8')::json ->> 'outcome' = 'complete'
              AND (convert_from(event.state, 'UTF8')::json ->> 'request')::bigint >= %s
        """
        since = self.position() - 50_000
        what = f"refreshes of {count} gateways that serve request {request}"
        wait_for(lambda: self._count(query, since, request) >= count, what, pause=0.03)
        return time.monotonic() - began

    def wait_for_marks(self, simulators: Simulators) -> float:
        """Have every gateway say something, and wait until it is stored with all before it; the seconds it took."""
        began, mark = time.monotonic(), f"mark {next(_marks)}"
        said = began - _SAY_AGAIN_S
        query = """
            SELECT count(DISTINCT convert_from(opened.state, 'UTF8')::json ->> 'gateway')
            FROM public.stored_events AS event
            JOIN public.stored_events AS opened
                ON opened.originator_id = event.originator_id AND opened.originator_version = 1
            WHERE event.notification_id > %s AND event.topic = 'n' AND event.state LIKE %s
        """
        since = self.position()

        def is_stored() -> bool:
            nonlocal said
            if time.monotonic() - said >= _SAY_AGAIN_S:
                # A gateway whose client is just logging in says it to nobody.
                said = time.monotonic()
                for number in range(len(simulators.gateways)):
                    simulators.do(number, "notice", code=2137, text=mark)
            return self._count(query, since, f'%{mark}"%'.encode()) >= len(simulators.gateways)

        wait_for(is_stored, f"{mark} is stored", pause=0.03)
        return time.monotonic() - began

    def _count(self, query: str, *values: object) -> int:
        with connect(self.url, name="test") as connection:
            row = connection.execute(query, values).fetchone()
        assert row is not None
        return int(row[0])

    def check_snapshots(self) -> int:
        """The snapshot tables are what a rebuild from the first event makes of the events; how many there are."""
        project(self.url)
        live = read_tables(self.url)
        rebuild(self.url)
        assert read_tables(self.url) == live
        assert live["poison_event"] == []
        return len(live["account_snapshot"])


def assert_all(judge: Judge, store: Store) -> None:
    """The promises that hold whatever was injected, once everything has stopped."""
    verdict = judge.check()
    assert verdict.sessions
    assert verdict.messages
    assert store.check_snapshots()
