"""Postgres killed, restarted, hung, cut off, full, read-only: what arrives meanwhile is stored afterwards, once."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all, chance, rounds, row
from tests.faults.processes import Server, Spawner, running_server
from tests.faults.proxy import Proxy

GATEWAYS = 2

Outage = Callable[[Server, Proxy], AbstractContextManager[None]]


@contextmanager
def killed(server: Server, _: Proxy) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@contextmanager
def restarted(server: Server, _: Proxy) -> Iterator[None]:
    server.stop()
    yield
    server.start()


@contextmanager
def hung(server: Server, _: Proxy) -> Iterator[None]:
    server.send(signal.SIGSTOP)
    yield
    server.send(signal.SIGCONT)


@contextmanager
def connections_cut(_: Server, proxy: Proxy) -> Iterator[None]:
    proxy.cut(refuse=True)
    yield
    proxy.mend()


@contextmanager
def packets_swallowed(_: Server, proxy: Proxy) -> Iterator[None]:
    proxy.hold()
    yield
    proxy.mend()


@contextmanager
def read_only(server: Server, _: Proxy) -> Iterator[None]:
    server.do("ALTER DATABASE ibconnect SET default_transaction_read_only = on")
    cut_off(server)
    yield
    with psycopg.connect(server.url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute("ALTER DATABASE ibconnect RESET default_transaction_read_only")
    cut_off(server)


@contextmanager
def rights_taken(server: Server, _: Proxy) -> Iterator[None]:
    server.do("ALTER TABLE stored_events RENAME TO elsewhere")
    yield
    server.do("ALTER TABLE elsewhere RENAME TO stored_events")


def cut_off(server: Server) -> None:
    server.do(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'ibconnect'"
    )


OUTAGES: dict[str, Outage] = {
    "Postgres killed (-9)": killed,
    "Postgres restarted": restarted,
    "Postgres hung (SIGSTOP)": hung,
    "connections to Postgres cut": connections_cut,
    "packets to Postgres swallowed": packets_swallowed,
    "Postgres read-only": read_only,
    "Postgres without the table": rights_taken,
}


@contextmanager
def recorded(server: Server, directory: Path) -> Iterator[tuple[Simulators, Store, Spawner, Proxy]]:
    """A recorder at work by way of a proxy; at the end everything that was sent must be stored."""
    with (
        Proxy(server.url) as proxy,
        Simulators(GATEWAYS, rate=300) as simulators,
        Spawner(directory) as spawner,
    ):
        store, judge = Store(server.url), Judge(server.url, simulators.gateways)
        position = store.position()
        spawner.start("one", DB_URL=proxy.url, IB_GW=simulators.addresses)
        store.wait_for_sessions(position, GATEWAYS)
        yield simulators, store, spawner, proxy
        store.wait_for_marks(simulators)
        spawner.recorders[-1].stop()
        assert_all(judge, store)


def campaign(server: Server, directory: Path, faults: Iterable[str], times: int, longest: float) -> None:
    """Each fault so many times, one after the other, all beside one recorder."""
    with recorded(server, directory) as (simulators, store, _, proxy):
        for fault in faults:
            random, line = chance(fault), row(fault)
            for _ in range(times):
                time.sleep(random.uniform(0.0, 0.2))
                with OUTAGES[fault](server, proxy):
                    time.sleep(random.uniform(0.0, longest))
                line.note(store.wait_for_marks(simulators))
    found = sessions(server.url)[-GATEWAYS:]
    assert [session.reason for session in found] == ["stopped"] * GATEWAYS
    assert all(len(gateway.connections) == 1 for gateway in simulators.gateways)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as server:
        yield server


def test_an_outage_interrupts_nothing(server: Server, tmp_path: Path) -> None:
    campaign(server, tmp_path, OUTAGES, 1, 0.5)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("fault", "usual", "longest"),
    [(fault, 100 if fault == "Postgres killed (-9)" else 15, 0.8) for fault in OUTAGES],
)
def test_many_outages(server: Server, tmp_path: Path, fault: str, usual: int, longest: float) -> None:
    campaign(server, tmp_path, [fault], rounds(usual), longest)
