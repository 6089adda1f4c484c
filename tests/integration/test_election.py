"""A leader whose connection broke, and the lock that the broken connection still holds, on a real Postgres."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ibconnect.cluster import election as reign
from ibconnect.cluster.election import Reign
from ibconnect.cluster.lease import Leadership
from ibconnect.cluster.registry import Coordination
from tests.waiting import DEADLINE_S, until

GATEWAY = "127.0.0.1:4002"


class Counted(Leadership):
    """Counts how often the lock was refused."""

    refused = 0

    async def campaign(self, patience_s: float = 4.0) -> bool:
        is_leader = await super().campaign(patience_s)
        self.refused += not is_leader
        return is_leader


@asynccontextmanager
async def ending(
    url: str, peers: dict[str, str | None]
) -> AsyncIterator[tuple[Leadership, Counted, asyncio.Task[str]]]:
    """The broken connection, which still leads, the new one, and how the reign of the new one ends."""
    coordination = Coordination(url, "one", [GATEWAY])
    coordination.peers.known = peers
    async with Leadership(url, GATEWAY) as broken, Counted(url, GATEWAY) as leadership:
        assert await broken.campaign()
        leadership.sure_at = asyncio.get_running_loop().time()
        ours = Reign(leadership, coordination, GATEWAY)
        ours.is_elected = ours.permission.is_recording = True
        task = asyncio.create_task(ours.end())
        try:
            yield broken, leadership, task
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_the_only_instance_is_not_deposed_by_its_own_broken_connection(database_url: str) -> None:
    async with ending(database_url, {}) as (broken, leadership, task):
        await until(lambda: leadership.refused > 0, "the lock is refused")
        await broken.close()
        await until(lambda: leadership.is_leader, "the lock is ours again")
        assert not task.done()


@pytest.mark.parametrize("turns", range(6))
async def test_what_is_cancelled_at_once_ends(turns: int) -> None:
    """In whichever turn of the loop it is told so: a keeper that goes on holds up the end of all."""
    coordination = Coordination("", "one", [GATEWAY])
    coordination._has_heard.set()

    async def refresh() -> None:
        await coordination.heard(DEADLINE_S)
        await asyncio.Event().wait()

    task = asyncio.create_task(refresh())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    assert await asyncio.wait({task}, timeout=DEADLINE_S) == ({task}, set())
    assert task.cancelled()


async def test_another_that_is_known_is_believed_at_once(database_url: str) -> None:
    async with ending(database_url, {"two": None}) as (_, leadership, task):
        assert await asyncio.wait_for(task, 30) == "another instance was elected"
        assert not leadership.is_leader


async def test_a_lock_that_stays_taken_is_another_instances(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reign, "OWN_LOCK_S", 0.3)
    async with ending(database_url, {}) as (_, leadership, task):
        assert await asyncio.wait_for(task, 30) == "another instance was elected"
        assert not leadership.is_leader
