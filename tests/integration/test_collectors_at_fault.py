"""Collectors that raise, hang or do not end: the accounts are recorded as if they were not there."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import MappingProxyType

import pytest

from ibconnect.events.types import SessionClosed, SessionOpened
from ibconnect.gateway.collectors.collector import Collector, Note
from ibconnect.gateway.collectors.due import At
from ibconnect.gateway.collectors.question import Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection
from ibconnect.simulator import Gateway, Scenario
from tests.collecting import Small, Use, lines_of, of_number
from tests.families.collector import Families
from tests.recording import recording
from tests.serving import logged
from tests.small_gateway import listening_here
from tests.waiting import DEADLINE_S, until


class Raises(Scheduled):
    """Asks nothing: a fault of its own comes before."""

    name = "raises"
    due = (At.CONNECTION,)
    messages = MappingProxyType({78: 2})

    def questions(self, connection: Connection) -> Iterable[Question]:
        raise KeyError("nobody foresaw this")


class AsksNothing(Families):
    """Has a question that sends no message."""

    name = "silent"

    def questions(self, connection: Connection) -> Iterable[Question]:
        yield Question(lambda transport, _: None, end=78)


class NeverEnds(Collector):
    """Does not even end when it is cancelled."""

    name = "endless"
    messages = MappingProxyType({})
    going = asyncio.Event()
    begun = 0

    async def run(self, connection: Connection, note: Note) -> None:
        NeverEnds.begun += 1
        with suppress(asyncio.CancelledError):
            await self.going.wait()
        await self.going.wait()


async def test_a_collector_that_is_at_fault_harms_no_other(
    database_url: str, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.collecting.FIRST_S", 0.05)
    monkeypatch.setattr("ibconnect.gateway.collecting._END_S", 0.1)
    NeverEnds.going, NeverEnds.begun = asyncio.Event(), 0
    use(NeverEnds, Raises, AsksNothing, Families)
    with logged() as log:
        async with Gateway(Scenario.demo()) as gateway, recording(database_url, tmp_path, gateway.port) as seen:
            (ended,) = await seen.refreshes()
            assert ended.outcome == "complete"
            await until(lambda: of_number(seen, 78), "the family codes")
            gateway.live[0].close()
            await seen.have(SessionOpened, 2)
            await until(lambda: len(of_number(seen, 78)) == 2, "the family codes, once more")
        NeverEnds.going.set()
    found = [(each["collector"], "exception" in each) for each in lines_of(log, "collector_failed")]
    assert sorted(found) == [("endless", False), ("raises", True), ("silent", False)], "each is logged once"
    assert NeverEnds.begun == 1
    assert lines_of(log, "keeper_failed") == []


async def test_a_collector_that_does_not_end_holds_up_no_end_of_a_connection(
    database_url: str, tmp_path: Path, use: Use, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leader that is deposed stops at once: its successor may have begun before a collector has ended."""
    monkeypatch.setattr("ibconnect.gateway.collecting._END_S", 10 * DEADLINE_S)
    NeverEnds.going, NeverEnds.begun = asyncio.Event(), 0
    use(NeverEnds)
    async with Gateway(Scenario.demo()) as gateway, AsyncExitStack() as stack:
        seen = await stack.enter_async_context(recording(database_url, tmp_path, gateway.port))
        await seen.refreshes()
        ending = asyncio.create_task(stack.aclose())
        try:
            await until(lambda: not gateway.live, "the connection has ended")
        finally:
            NeverEnds.going.set()
            await ending
        assert [each.reason for each in seen.of(SessionClosed)] == ["stopped"]


def working() -> list[str]:
    """The collectors that are at work beside that of the accounts."""
    names = [str(task.get_coro()) for task in asyncio.all_tasks()]
    return [name for name in names if "Collecting._contained" in name]


async def test_a_connection_that_ends_ends_its_questions(database_url: str, tmp_path: Path, use: Use) -> None:
    use(Families)
    async with listening_here(Small()) as ports:
        async with recording(database_url, tmp_path, *ports) as seen:
            await seen.refreshes()
            assert len(working()) == 1
        await until(lambda: [each.reason for each in seen.of(SessionClosed)] == ["stopped"], "the session is closed")
        assert working() == []
