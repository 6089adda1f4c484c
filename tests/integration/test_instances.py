"""Which gateways and instances are listed: those that somebody alive has configured, and no others."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psycopg
import pytest

from ibconnect import __version__
from ibconnect.cluster.registry import Registry
from ibconnect.database.presence import present
from ibconnect.http.server.limits import GATEWAY_WATCHED_SECONDS
from ibconnect.projections.upkeep import ensure
from ibconnect.roles import ALL
from tests.faults.lab import Simulators
from tests.processes import accounts, get, process
from tests.serving import DU1, GATEWAY, Served, admin, build_world, serving, tell_gateway
from tests.waiting import DEADLINE_S, until, wait_for

OTHER = "127.0.0.1:4001"
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    ensure(database_url)
    with admin(database_url) as found:
        yield found


async def listed(served: Served, path: str, **options: Any) -> list[dict[str, Any]]:
    async with served.get(path, **options) as response:
        assert response.status == 200
        found: list[dict[str, Any]] = await response.json()
        return found


async def names(served: Served) -> list[str]:
    return [row["Gateway"] for row in await listed(served, "/v1/gateways")]


def age(connection: Connection, seconds: float) -> None:
    """As if everybody had said what he said so long before."""
    for table in ("gateway", "instance"):
        connection.execute(
            f"UPDATE coordination.{table} SET heartbeat = heartbeat - make_interval(secs => %s)".encode(), (seconds,)
        )


@asynccontextmanager
async def instance(url: str, name: str, *gateways: str) -> AsyncIterator[Registry]:
    """An instance that talks to the others and records nothing."""
    registry = Registry(url, name, gateways, 1)
    running = asyncio.create_task(registry.run())
    try:
        yield registry
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await registry.leave()


async def test_what_is_configured_here_is_listed_before_anybody_tells_of_it(
    database_url: str, connection: Connection
) -> None:
    async with serving(database_url, IB_GW=f"{OTHER},{GATEWAY}") as served:
        found = await listed(served, "/v1/gateways")
    assert [(row["Gateway"], row["Connected"], row["State"]) for row in found] == [
        (OTHER, False, "unknown"),
        (GATEWAY, False, "unknown"),
    ]
    assert {row["Detail"] for row in found} == {"no instance has told of it yet"}


async def test_a_gateway_is_listed_as_long_as_an_instance_that_has_it_lives(
    database_url: str, connection: Connection
) -> None:
    build_world(database_url, 1)
    async with serving(database_url, IB_GW=OTHER) as served:
        assert await names(served) == [OTHER], "what has a history alone is not watched"
        tell_gateway(connection, GATEWAY)
        assert await names(served) == [OTHER, GATEWAY]
        age(connection, GATEWAY_WATCHED_SECONDS - 60)
        assert await names(served) == [OTHER, GATEWAY], "Postgres may have been away for all"
        age(connection, 120)
        assert await names(served) == [OTHER]
        assert DU1 in {row["AccountCode"] for row in await listed(served, "/v1/accounts")}, "history stays"


async def test_a_leader_that_has_fallen_silent_is_not_believed(database_url: str, connection: Connection) -> None:
    tell_gateway(connection, GATEWAY)
    async with serving(database_url, IB_GW=GATEWAY) as served:
        (row,) = await listed(served, "/v1/gateways")
        assert (row["Connected"], row["State"]) == (True, "recording")
        age(connection, 60)
        (row,) = await listed(served, "/v1/gateways")
    assert (row["Connected"], row["State"], row["Since"]) == (False, "unknown", row["Heartbeat"])
    assert row["Detail"] == "the instance that told of it has fallen silent; it last said: recording"


async def test_instances_say_who_they_are(database_url: str, connection: Connection) -> None:
    connection.execute("INSERT INTO coordination.instance (name) VALUES ('of an earlier version')")
    async with serving(database_url) as served, instance(database_url, "anna", GATEWAY, OTHER) as anna:
        anna.report(GATEWAY, "connected", connected=True)
        await anna.say(GATEWAY)

        async def told() -> dict[str, Any] | None:
            found = {row["Instance"]: row for row in await listed(served, "/v1/instances")}
            return found if "anna" in found else None

        found = await until(told, "she has said that she lives")
        row = found["anna"]
        assert (row["Version"], row["Gateways"], row["Records"]) == (__version__, [GATEWAY, OTHER], [GATEWAY])
        assert (row["Alive"], row["Address"]) == (True, None)
        assert row["Since"] <= row["Heartbeat"]
        assert found["of an earlier version"]["Version"] is None
        age(connection, 60)
        dead = {row["Instance"]: row["Alive"] for row in await listed(served, "/v1/instances")}
        assert dead["of an earlier version"] is False
        age(connection, 24 * 3600)
        assert "of an earlier version" not in {row["Instance"] for row in await listed(served, "/v1/instances")}


async def test_an_instance_that_is_started_again_under_its_name_began_later(
    database_url: str, connection: Connection
) -> None:
    connection.execute("INSERT INTO coordination.instance (name, started) VALUES ('anna', now() - INTERVAL '1 hour')")
    query = "SELECT started > now() - INTERVAL '30 minutes' FROM coordination.instance WHERE name = 'anna'"
    async with instance(database_url, "anna", GATEWAY):
        await until(lambda: connection.execute(query).fetchone() == (True,), "it began now")
        connection.execute(
            "UPDATE coordination.instance SET started = started - INTERVAL '1 hour', heartbeat = started"
        )
        beaten = "SELECT heartbeat > now() - INTERVAL '30 minutes' FROM coordination.instance"
        await until(lambda: connection.execute(beaten).fetchone() == (True,), "it has said again that it lives")
        assert connection.execute(query).fetchone() == (False,), "it does not begin with each beat"


async def test_a_limited_token_sees_no_instance(database_url: str, connection: Connection) -> None:
    tell_gateway(connection, GATEWAY)
    tokens = f"limited-token-00001@{DU1},metrics full-token-000000001"
    async with serving(database_url, API_TOKENS=tokens) as served:
        for token, count in (("limited-token-00001", 0), ("full-token-000000001", 1)):
            header = {"Authorization": f"Bearer {token}"}
            assert len(await listed(served, "/v1/instances", headers=header)) == count


async def test_a_clean_end_takes_back_what_was_said(database_url: str, connection: Connection) -> None:
    async with instance(database_url, "anna", GATEWAY, OTHER) as anna:
        for gateway in (GATEWAY, OTHER):
            anna.report(gateway, "connected", connected=True)
            await anna.say(gateway)
        connection.execute("UPDATE coordination.gateway SET instance = 'bert' WHERE name = %s", (OTHER,))
        anna.no_longer_leads(OTHER)
    found = connection.execute("SELECT name, state, connected FROM coordination.gateway ORDER BY name").fetchall()
    assert found == [(OTHER, "connected", True), (GATEWAY, "disconnected", False)], "another one records it by now"
    assert connection.execute("SELECT count(*) FROM coordination.instance").fetchone() == (0,)


async def leave_in_a_beat(connection: Connection, table: str, here: AbstractAsyncContextManager[object]) -> int:
    """Leave while Postgres is slow with a beat; how many rows are there when it is through with it."""
    slowly = "BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END"
    connection.execute(f"CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS '{slowly}'".encode())
    connection.execute(f"CREATE TRIGGER slowly BEFORE INSERT ON {table} EXECUTE FUNCTION slowly()".encode())
    beats = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"

    def is_beating() -> bool:
        return connection.execute(beats).fetchone() == (1,)

    async with here:
        await until(is_beating, "its first beat is under way")
    await until(lambda: not is_beating(), "it is over")
    (count,) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (-1,)
    return int(str(count))


async def test_an_instance_that_leaves_in_the_middle_of_a_beat_is_gone(
    database_url: str, connection: Connection
) -> None:
    assert await leave_in_a_beat(connection, "coordination.instance", instance(database_url, "anna", GATEWAY)) == 0


async def test_a_process_that_leaves_in_the_middle_of_a_beat_is_gone(database_url: str, connection: Connection) -> None:
    here = present(database_url, "anna", ALL, lambda _: None)
    assert await leave_in_a_beat(connection, "coordination.process", here) == 0


@pytest.mark.parametrize(
    ("others", "stays"),
    [
        ([], False),
        ([("bert", [OTHER], 0)], False),
        ([("bert", [GATEWAY], 2)], False),
        ([("bert", [OTHER, GATEWAY], 0)], True),
        ([("bert", [], 0)], True),
        ([("bert", [], 2)], False),
    ],
    ids=["nobody", "has others", "is long gone", "has it", "does not say", "does not say and is gone"],
)
async def test_the_row_of_a_gateway_goes_when_nobody_has_had_it_for_a_day(
    database_url: str, connection: Connection, others: Sequence[tuple[str, list[str], int]], stays: bool
) -> None:
    tell_gateway(connection, GATEWAY)
    age(connection, 25 * 3600)
    for name, gateways, days in others:
        insert = "INSERT INTO coordination.instance (name, gateways, heartbeat) VALUES (%s, %s, now() - %s::interval)"
        connection.execute(insert, (name, gateways, f"{days} days"))
    gone = "SELECT count(*) FROM coordination.instance WHERE name = 'leader'"
    async with instance(database_url, "anna", OTHER):
        await until(lambda: connection.execute(gone).fetchone() == (0,), "who is long gone is forgotten")
        left = connection.execute("SELECT count(*) FROM coordination.gateway").fetchone()
    assert left == (int(stays),)


def test_another_gateway_each_time_leaves_only_the_newest(database_url: str, tmp_path: Path) -> None:
    """As ``make demo`` does, which has a new port each time: what was stopped is gone, what was killed is lost."""
    settings = {"DB_URL": database_url, "PORT": "0", "QUIET_TIME": "1", "HOST": "127.0.0.1"}
    stopped: set[str] = set()
    killed: set[str] = set()
    for number, (end, ended) in enumerate(
        ((signal.SIGTERM, stopped), (signal.SIGKILL, killed), (signal.SIGTERM, stopped))
    ):
        with Simulators(1) as simulators:
            mine, data = simulators.addresses, str(tmp_path / f"data-{number}")
            with process(tmp_path / f"log-{number}", "serve", IB_GW=mine, DATA_DIR=data, **settings) as service:
                url = service.url()
                accounts(url, 2)
                found = states(url, mine)
                assert found.pop(mine) == (True, "connected")
                assert set(found) == killed
                assert (False, "connected") not in found.values()
                with urlopen(f"{url}/metrics", timeout=DEADLINE_S) as response:
                    series = response.read().decode()
                assert f'ibconnect_gateway_connected{{gateway="{mine}"}} 1.0' in series
                assert [each for each in stopped | killed if each in series] == []
                service.stop(end)
        ended.add(mine)


def states(url: str, gateway: str) -> dict[str, tuple[bool, str]]:
    """Whether each gateway is connected, and its state, once one of them is."""

    def told() -> dict[str, tuple[bool, str]] | None:
        found = {row["Gateway"]: (row["Connected"], row["State"]) for row in get(f"{url}/v1/gateways")[1]}
        return found if found.get(gateway) == (True, "connected") else None

    found: dict[str, tuple[bool, str]] = wait_for(told, f"{gateway} is connected")
    return found
