"""What a recorder asks of a gateway to which accounts are pinned, and what it tells of the gateways that there are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ibconnect.cluster import registry as room
from ibconnect.cluster.registry import Registry
from ibconnect.events.types import AccountsListed, AccountSubscribed, RefreshStarted
from ibconnect.simulator import Gateway, Scenario
from tests.conftest import url_of
from tests.recording import ask_for_refresh, recording
from tests.waiting import until


def sold(accounts: int) -> tuple[Scenario, list[str]]:
    """A login and its accounts."""
    scenario = Scenario(seed=3, accounts=accounts)
    return scenario, scenario.managed_accounts()[2].split(",")


async def test_a_gateway_is_asked_for_the_accounts_that_are_pinned_to_it_alone(
    database_url: str, tmp_path: Path
) -> None:
    login, (first, second, *others) = sold(4)
    async with Gateway(login) as gateway:
        place = f"{gateway.port}@{first},{second},DU404"
        async with recording(database_url, tmp_path, place) as seen:
            (ended,) = await seen.refreshes()
            assert (ended.outcome, list(ended.missing)) == ("partial", ["DU404"])
            assert ended.missing["DU404"].startswith("unlisted: IB_GW pins it")
            # A request for one that is not pinned asks for nothing; one that is pinned is asked for alone.
            ask_for_refresh(database_url, [others[0]])
            ask_for_refresh(database_url, [others[0], second])
            await seen.refreshes(2)
            assert [event.account for event in seen.of(AccountSubscribed)] == [first, second, second]
            assert set(seen.of(AccountsListed)[-1].fields[2].split(",")) >= {first, second, *others}, "as it came"
            started = seen.of(RefreshStarted)
            assert [event.accounts for event in started] == [[first, second], [second]]
            told = {f"127.0.0.1:{gateway.port}": [first, second, "DU404"]}
            assert [(event.gateways, event.others, event.knows_others) for event in started] == [(told, [], True)] * 2


async def test_the_first_refresh_tells_what_other_instances_have(database_url: str, tmp_path: Path) -> None:
    async with Gateway(sold(1)[0]) as gateway, instance(database_url, "elsewhere", "10.0.0.1:4001"):
        async with recording(database_url, tmp_path, gateway.port) as seen:
            (started, *_) = await seen.have(RefreshStarted)
        assert (started.others, started.knows_others) == (["10.0.0.1:4001"], True)


async def test_without_postgres_nothing_is_told_of_other_instances(
    database_url: str,
) -> None:
    registry = Registry(url_of(database_url, "nowhere"), "one", [])
    running = asyncio.ensure_future(registry.run())
    try:
        await registry.heard(0.5)
        assert registry.others is None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def instance(url: str, name: str, *gateways: str) -> AsyncIterator[Registry]:
    """An instance that says what it has configured, and leaves cleanly."""
    registry = Registry(url, name, gateways, 1)
    running = asyncio.ensure_future(registry.run())
    try:
        await registry.heard(10)
        yield registry
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await registry.leave()


async def test_what_an_instance_had_that_is_being_restarted_counts_for_a_while(
    database_url: str, monkeypatch: Any
) -> None:
    """Its accounts must not fall to a gateway that another instance records meanwhile."""
    monkeypatch.setattr(room, "_BEAT_S", 0.05)
    monkeypatch.setattr(room, "_POLL_S", 0.05)
    async with instance(database_url, "one", "a:1") as one:
        async with instance(database_url, "other", "a:1", "b:2"):
            await until(lambda: one.others == ["a:1", "b:2"], "it has heard of the other")
        left = asyncio.get_running_loop().time()
        async with instance(database_url, "new", "c:3") as new:
            assert new.others == ["a:1"], "who begins knows what is configured now"
            await until(lambda: one.others == ["a:1", "b:2", "c:3"], "it has not forgotten")
            monkeypatch.setattr(room, "REMEMBERED_S", asyncio.get_running_loop().time() - left)
            await until(lambda: one.others == ["c:3"], "it has forgotten in time")
