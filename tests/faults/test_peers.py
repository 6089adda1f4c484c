"""A leader that has lost Postgres asks the others: it goes on if nobody has it, and makes room for whoever has it."""

import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import sql

from ibconnect.database.pools import connect
from tests.faults.instances import UNHURRIED, Instances, instances
from tests.faults.judge import sessions
from tests.faults.lab import Counts, Row, chance, rounds, row
from tests.faults.processes import Server, running_server
from tests.waiting import wait_for

FAULTS = ("cut off", "swallowed")


def part_all(three: Instances, fault: str, source: random.Random) -> None:
    """Part all instances from Postgres, one just after the other; the server hears nothing before all are parted."""
    proxies = source.sample(list(three.proxies.values()), len(three.proxies))
    for proxy in proxies:
        proxy.hold()
        time.sleep(source.uniform(0.0, 0.1))
    for proxy in proxies if fault == "cut off" else ():
        proxy.cut(refuse=True)


def mend_all(three: Instances, but: str = "") -> None:
    for name, proxy in three.proxies.items():
        if name != but:
            proxy.mend()


def outages_for_all(url: str, directory: Path, plan: Iterable[tuple[str, float]], source: random.Random) -> None:
    """While nobody has Postgres the sessions go on as if nothing had happened."""
    with instances(url, directory, UNHURRIED) as (three, judge):
        three.acquainted()
        led, connections = three.leaders(), [gateway.connections[-1] for gateway in three.simulators.gateways]
        for fault, seconds in plan:
            part_all(three, fault, source)
            time.sleep(seconds)
            sent = [len(connection.sent) for connection in connections]
            mend_all(three)
            row(f"Postgres {fault} for all, 3 instances").note(three.store.wait_for_marks(three.simulators))
            three.acquainted()
            assert three.leaders() == led
        assert not any(connection.closed for connection in connections)
    # Who stops last may for a moment have taken over from who stops first: on another connection.
    kept = {each.gateway: each for each in sessions(url) if judge.connection(each) in connections}
    assert {gateway: (each.instance, each.reason) for gateway, each in kept.items()} == {
        gateway: (name, "stopped") for gateway, name in led.items()
    }
    assert [judge.connection(kept[gateway]) for gateway in judge.gateways] == connections
    assert all(len(kept[gateway].inbound) >= count for gateway, count in zip(judge.gateways, sent, strict=True))


@pytest.mark.slow
def test_nothing_is_missed_while_nobody_has_postgres(database_url: str, tmp_path: Path) -> None:
    outages_for_all(database_url, tmp_path, [("swallowed", 8.0)], chance("nobody has Postgres"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_missed_however_often_nobody_has_postgres(database_url: str, tmp_path: Path) -> None:
    source = chance("nobody has Postgres, again and again")
    plan = [(fault, source.uniform(2.0, 12.0)) for fault in (*FAULTS, *source.choices(FAULTS, k=rounds(1)))]
    outages_for_all(database_url, tmp_path, plan, source)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", ["stopped", "swallowed"])
def test_a_leader_that_alone_stays_cut_off_makes_room(tmp_path: Path, fault: str) -> None:
    """It went on because the server said that it goes down, or all had lost it; the others have it back, it has not."""
    line = row(f"Postgres {fault}, then one leader cut off")
    with running_server() as server:
        with instances(server.url, tmp_path) as (three, judge):
            sent = leave_one_cut_off(three, server, line, fault)
        line.lost = judge.lost(sent)
    assert line.lost == 0


def leave_one_cut_off(three: Instances, server: Server, line: Row, fault: str) -> Counts:
    """How many messages the connection of a leader that records to the spool had been sent when others took over."""
    three.acquainted()
    source, (gateway, victim) = chance(f"makes room, {fault}"), next(iter(three.leaders().items()))
    (connection,) = [each.connections[-1] for each in three.simulators.gateways if gateway.endswith(f":{each.port}")]
    if fault == "stopped":
        server.stop()
    else:
        part_all(three, fault, source)
    wait_for(lambda: three.running[victim].told("leader_stands_in"), "the leader goes on")
    time.sleep(source.uniform(1.0, 5.0))
    three.proxies[victim].cut(refuse=True)
    if fault == "stopped":
        server.start()
    mend_all(three, but=victim)
    assert not connection.closed
    sent, began = {(gateway, connection.number): len(connection.sent)}, time.monotonic()
    three.taken_over(three.store.position(), [gateway], victim)
    line.note(time.monotonic() - began)
    three.proxies[victim].mend()
    return sent


@contextmanager
def nobody(_: Instances) -> Iterator[str]:
    """An address behind which all is silent."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as silent:
        yield f"127.0.0.1:{silent.getsockname()[1]}"


@contextmanager
def somebody_else(three: Instances) -> Iterator[str]:
    """The address of one of them, as if each were on a machine of its own and said that it is on loopback."""
    with connect(three.store.url, name="test") as connection:
        row = connection.execute("SELECT address FROM coordination.instance WHERE name = 'anna'").fetchone()
    assert row is not None
    yield row[0]


@pytest.mark.slow
@pytest.mark.parametrize("answering", [nobody, somebody_else])
def test_a_leader_steps_down_if_others_cannot_be_asked(
    database_url: str, tmp_path: Path, answering: Callable[[Instances], Iterator[str]]
) -> None:
    line = row(f"Postgres swallowed for all, {answering.__name__.replace('_', ' ')} answers")
    with instances(database_url, tmp_path) as (three, _):
        three.acquainted()
        with answering(three) as address:
            announce(database_url, address)
            three.acquainted(address)
            leaders = set(three.leaders().values())
            part_all(three, "swallowed", chance("cannot be asked"))
            began = time.monotonic()
            wait_for(lambda: all(three.running[each].told("leader_deposed") for each in leaders), "they step down", 5.0)
            line.note(time.monotonic() - began)
            mend_all(three)


def announce(url: str, address: str) -> None:
    """Whatever instances say from now on of where they can be asked, they say this."""
    body = sql.SQL("CREATE FUNCTION coordination.say() RETURNS trigger LANGUAGE plpgsql AS {}").format(
        sql.Literal(f"BEGIN NEW.address := '{address}'; RETURN NEW; END")
    )
    with connect(url, name="test") as connection:
        connection.execute(body)
        connection.execute(
            """
            CREATE TRIGGER say BEFORE INSERT OR UPDATE ON coordination.instance
            FOR EACH ROW EXECUTE FUNCTION coordination.say()
            """
        )
