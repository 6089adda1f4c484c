"""What the demo's world does while it is recorded is one story too: its statement of the day agrees.

With all that its traders do: orders filled in parts, executions and commissions that are corrected, payments.
"""

import asyncio
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from ibconnect.demo.world import make
from ibconnect.simulator import Gateway
from ibconnect.simulator.flex import FlexService, ScenarioBooks
from ibconnect.statements.recording import Origin, record
from tests.acceptance.conftest import Start
from tests.acceptance.test_reconciliation import Served, fetched, summary
from tests.waiting import until

pytestmark = pytest.mark.with_tables

SECONDS = 7200


async def test_a_day_of_the_demo_agrees_with_its_statement(start: Start, database_url: str) -> None:
    scenario, _ = make(datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=SECONDS), 30)
    books = ScenarioBooks(scenario.world, 0, every_day=True, today=True)
    async with (
        Gateway(scenario, speed=1e-6) as gateway,
        FlexService(books, pacing=False) as flex,
        aiohttp.ClientSession() as client,
    ):
        gateway.advance(SECONDS)
        served = Served(await start(gateway.port, COLLECT="executions"), client)
        document = await fetched(flex)
        await asyncio.to_thread(record, database_url, [ET.tostring(document)], Origin(source="file"))
        accounts = [account.code for account in scenario.world.clients()]

        async def agree() -> bool:
            found = [await served.of(each) for each in accounts]
            return all(each and summary(each) == {"Differ": 0, "NotCompared": 0} for each in found)

        await until(agree, "all is recorded, and nothing differs")
