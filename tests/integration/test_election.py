"""A leader whose connection broke, and the lease that the broken connection still holds, on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from psycopg import AsyncConnection

from ibconnect.cluster import decision, quorum
from ibconnect.cluster.election import Election
from ibconnect.cluster.lease import Lease
from ibconnect.cluster.registry import Registry
from ibconnect.cluster.states import Mode, State
from tests.waiting import DEADLINE_S, until

GATEWAY = "127.0.0.1:4002"


class Counted(Lease):
    """Counts how often the lease was refused."""

    refused = 0

    async def campaign(self) -> bool:
        is_leader = await super().campaign()
        self.refused += not is_leader
        return is_leader


@asynccontextmanager
async def ending(url: str, peers: dict[str, str | None]) -> AsyncIterator[tuple[Lease, Counted, asyncio.Task[str]]]:
    """The broken connection, which still leads, the new one, and how the election of the new one ends."""
    registry = Registry(url, "one", [GATEWAY])
    registry.peers.known = peers
    async with Lease(url, GATEWAY) as broken, Counted(url, GATEWAY) as lease:
        assert await broken.campaign()
        now = asyncio.get_running_loop().time()
        ours = Election(lease, registry, GATEWAY)
        ours.state = State(Mode.IN_DOUBT, since=now, sure_at=now, has_led=True, is_admitted=True)
        ours.may_record = True
        task = asyncio.create_task(ours.end())
        try:
            yield broken, lease, task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_the_only_instance_is_not_deposed_by_its_own_broken_connection(database_url: str) -> None:
    async with ending(database_url, {}) as (broken, lease, task):
        await until(lambda: lease.refused > 0, "the lease is refused")
        await broken.close()
        await until(lambda: lease.is_leader, "the lease is ours again")
        assert not task.done()


@pytest.mark.parametrize("turns", range(6))
async def test_what_is_cancelled_at_once_ends(turns: int) -> None:
    """In whichever turn of the loop that is: a supervisor that goes on holds up the end of all."""
    registry = Registry("", "one", [GATEWAY])
    registry._has_heard.set()

    async def refresh() -> None:
        await registry.heard(DEADLINE_S)
        await asyncio.Event().wait()

    task = asyncio.create_task(refresh())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    assert await asyncio.wait({task}, timeout=DEADLINE_S) == ({task}, set())
    assert task.cancelled()


async def test_another_that_is_known_is_believed_at_once(database_url: str) -> None:
    async with ending(database_url, {"two": None}) as (_, lease, task):
        async with asyncio.timeout(DEADLINE_S):
            assert await task == "another instance was elected"
        assert not lease.is_leader


async def test_a_lease_that_stays_taken_is_another_instances(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decision, "OWN_LEASE_S", 0.3)
    async with ending(database_url, {}) as (_, lease, task):
        async with asyncio.timeout(DEADLINE_S):
            assert await task == "another instance was elected"
        assert not lease.is_leader


def part(lease: Lease) -> AsyncConnection[Any]:
    """As if the connection broke, and only we knew it."""
    broken, lease._connection = lease._connection, None
    assert broken is not None
    return broken


async def test_a_lease_that_a_connection_of_our_own_still_holds_is_known_as_such(database_url: str) -> None:
    async with Lease(database_url, GATEWAY) as ours, Lease(database_url, GATEWAY) as anothers:
        assert await ours.campaign()
        assert not await anothers.campaign()
        assert not anothers.is_held_by_us
        async with part(ours):
            assert not await ours.campaign()
            assert ours.is_held_by_us
        await until(anothers.campaign, "it is free")
        assert not await ours.campaign()
        assert not ours.is_held_by_us, "it was ours once"


@pytest.mark.parametrize("peers", [{}, {"two": None}], ids=["alone", "of two"])
async def test_nobody_is_deposed_by_a_connection_of_his_own(
    database_url: str, monkeypatch: pytest.MonkeyPatch, peers: dict[str, str | None]
) -> None:
    """However long the server keeps it; of several, for as long as they may record at all."""
    monkeypatch.setattr(decision, "OWN_LEASE_S", 0.0)
    monkeypatch.setattr(quorum, "STEP_DOWN_S", DEADLINE_S)
    registry = Registry(database_url, "one", [GATEWAY])
    registry.peers.known = peers
    async with Counted(database_url, GATEWAY) as lease:
        ours = Election(lease, registry, GATEWAY)
        await ours.begin()
        ours.admitted()
        task = asyncio.create_task(ours.end())
        async with part(lease):
            await until(lambda: lease.refused > 2, "the lease is refused")
            assert ours.is_elected
        await until(lambda: ours.state.mode is Mode.LEADING, "the lease is ours again")
        task.cancel()
        await asyncio.wait({task})
        await ours.left()
