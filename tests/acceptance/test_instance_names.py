"""Two processes with one INSTANCE: the second refuses, unless the first one ends; Postgres away refuses nobody."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from ibconnect.cluster import registry as module
from ibconnect.cluster.registry import Registry
from ibconnect.config import load
from ibconnect.database.pools import connect
from ibconnect.errors import ConfigError
from ibconnect.service.process import Service, serve_until
from ibconnect.simulator import Gateway, Scenario
from tests.acceptance.conftest import Start
from tests.serving import logged
from tests.waiting import DEADLINE_S, until

pytestmark = pytest.mark.with_tables


def settings(url: str, directory: Path, port: int) -> dict[str, str]:
    ours = {"DB_URL": url, "DATA_DIR": str(directory), "PORT": "0", "HOST": "127.0.0.1", "INSTANCE": "one"}
    return {**ours, "IB_GW": f"127.0.0.1:{port}", "QUIET_TIME": "0.3"}


def instances(url: str) -> list[str]:
    with connect(url, name="test") as connection:
        return [name for (name,) in connection.execute("SELECT name FROM coordination.instance ORDER BY name")]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_WITH_NAMESAKE_S", 1.0)


@pytest.mark.usefixtures("impatient")
async def test_the_second_of_one_name_is_refused_and_the_first_goes_on(
    start: Start, database_url: str, tmp_path: Path
) -> None:
    async with Gateway(Scenario.demo()) as gateway, aiohttp.ClientSession() as client:
        first = await start(gateway.port, INSTANCE="one")
        await until(lambda: instances(database_url) == ["one"], "the first has its name")
        with logged() as lines:
            config = load(settings(database_url, tmp_path / "second", gateway.port))
            with pytest.raises(ConfigError, match=r"INSTANCE='one' is .* at 127\.0\.0\.1:\d+: stop that one") as caught:
                async with asyncio.timeout(DEADLINE_S):
                    await serve_until(asyncio.Event(), config)
            assert first.urls[0].removeprefix("http://") in str(caught.value)
            assert [line["instance"] for line in lines() if line["kind"] == "instance_taken"] == ["one"]
            assert "Traceback" not in str(lines())
        assert instances(database_url) == ["one"], "what the first has said of itself stays"
        async with client.get(f"{first.urls[0]}/v1/gateways") as response:
            assert [row["Leader"] for row in await response.json()] == ["one"]


async def test_a_restart_of_one_name_waits_for_the_old_process(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_WITH_NAMESAKE_S", DEADLINE_S)
    started: list[Service] = []
    async with Gateway(Scenario.demo()) as gateway, AsyncExitStack() as stack:
        stops = [asyncio.Event(), asyncio.Event()]
        runs = []
        with logged() as lines:
            for number, stop in enumerate(stops):
                config = load(settings(database_url, tmp_path / str(number), gateway.port))
                runs.append(asyncio.create_task(serve_until(stop, config, started.append)))
                stack.callback(stop.set)
                await until(lambda wanted=number: len(started) > wanted, "it serves")  # type: ignore[misc]
                await until(lambda: instances(database_url) == ["one"], "the first has its name")
            await until(lambda: "instance_taken" in str(lines()), "the second knows of the first")
            stops[0].set()
            await runs[0]
            elected = lambda: sum(line["kind"] == "leader_elected" for line in lines())  # noqa: E731
            await until(lambda: elected() == 2 and instances(database_url) == ["one"], "the second takes over")
        stops[1].set()
        await runs[1]
    assert instances(database_url) == []


@pytest.mark.usefixtures("impatient")
async def test_a_name_that_something_dead_holds_is_waited_for_without_end(database_url: str) -> None:
    """A backend behind a lock holds the name of a process that was killed: the one that takes its place goes on."""
    with connect(database_url, name="test") as held:
        held.execute("SELECT pg_advisory_lock(7107, hashtext('one'))")
        waiting = Registry(database_url, "one", ["gateway"])
        running = asyncio.create_task(waiting.run())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), 5 * module.PATIENCE_WITH_NAMESAKE_S)
        assert instances(database_url) == [], "nothing is announced under a name that is not ours"
    await until(lambda: waiting.own_name == "one", "it has its name")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await waiting.leave()
    assert instances(database_url) == []
