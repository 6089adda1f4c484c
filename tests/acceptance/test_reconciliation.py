"""Two witnesses of simulated accounts, the gateway over its socket and the Flex service over HTTP, are compared.

Nothing differs between them; each of ten differences that are put into what the service says is found, and no other.
"""

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import orjson
import pytest

from ibconnect.service.process import Service
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.flex import FlexService, ScenarioBooks
from ibconnect.statements.recording import Origin, record
from tests.acceptance.conftest import Start
from tests.waiting import until

pytestmark = pytest.mark.with_tables

SECONDS = 900
Seed = Callable[[ET.Element], None]


async def fetched(service: FlexService) -> ET.Element:
    """The statements of the day that runs."""
    async with aiohttp.ClientSession() as session:

        async def ask(url: str, query: str) -> ET.Element:
            given = {"t": service.options.token, "v": "3", "q": query}
            async with session.get(url, params=given) as response:
                return ET.fromstring(await response.text())

        ordered = await ask(f"{service.url}/SendRequest", "910001")
        return await ask(ordered.findtext("Url") or "", ordered.findtext("ReferenceCode") or "")


def changed(path: str, attribute: str, by: str) -> Seed:
    """An attribute of the first such element is another number."""

    def change(statement: ET.Element) -> None:
        element = statement.findall(path)[-1]
        element.set(attribute, str(Decimal(element.attrib[attribute]) + Decimal(by)))

    return change


def without(section: str, name: str) -> Seed:
    """The last such element of a section is not there."""

    def change(statement: ET.Element) -> None:
        found = statement.find(section)
        assert found is not None
        found.remove(found.findall(name)[-1])

    return change


SEEDS: dict[tuple[str, str, str], Seed] = {
    ("nav", "NetLiquidation", "differs"): changed("EquitySummaryInBase/*", "total", "0.02"),
    ("cash", "TotalCashBalance", "differs"): changed("CashReport/CashReportCurrency", "endingCash", "-0.02"),
    ("position", "Position", "differs"): changed("OpenPositions/OpenPosition", "position", "0.5"),
    ("position", "MarketPrice", "differs"): changed("OpenPositions/OpenPosition", "markPrice", "0.01"),
    ("position", "MarketValue", "differs"): changed("OpenPositions/OpenPosition", "positionValue", "1"),
    ("position", "Position", "missing-in-statement"): without("OpenPositions", "OpenPosition"),
    ("fill", "Shares", "differs"): changed("Trades/Trade", "quantity", "1"),
    ("fill", "Price", "differs"): changed("Trades/Trade", "tradePrice", "0.01"),
    ("fill", "Commission", "differs"): changed("Trades/Trade", "ibCommission", "-0.01"),
    ("fill", "Shares", "missing-in-statement"): without("Trades", "Trade"),
}
"""Ten differences: kind, figure and reason."""


class Served:
    """The reconciliation of accounts, as a service says it."""

    def __init__(self, service: Service, client: aiohttp.ClientSession) -> None:
        self._url, self._client = service.urls[0], client

    async def of(self, account: str) -> Any:
        url = f"{self._url}/v1/accounts/{account}/reconciliation?within=2d"
        async with self._client.get(url) as response:
            return orjson.loads(await response.read()) if response.status == 200 else None

    async def statement(self, account: str) -> int:
        """The statement that holds."""
        found = await self.of(account)
        return max((row["Statement"] or 0 for row in found["Rows"]), default=0) if found else 0


def summary(found: Any) -> dict[str, int]:
    return {name: found["Summary"][name] for name in ("Differ", "NotCompared")}


async def test_two_witnesses_agree_and_every_seeded_difference_is_found(start: Start, database_url: str) -> None:
    scenario = Scenario(
        seed=17, accounts=3, activity=150, orders=0, start=datetime.now(UTC) - timedelta(seconds=SECONDS)
    )
    books = ScenarioBooks(scenario.world, 0, every_day=True, today=True)
    async with (
        Gateway(scenario, speed=1e-6) as gateway,
        FlexService(books, pacing=False) as flex,
        aiohttp.ClientSession() as client,
    ):
        gateway.advance(SECONDS)
        served = Served(await start(gateway.port, COLLECT="executions"), client)
        # Of one that holds nothing a statement does not say that it looked: the one that holds most.
        held = {
            code: sum(1 for each in account.positions.values() if each.quantity)
            for code, account in scenario.world.accounts.items()
        }
        accounts = sorted(held, key=lambda code: -held[code])
        assert held[accounts[0]] > 1

        async def imported(document: ET.Element) -> None:
            before = await served.statement(accounts[0])
            await asyncio.to_thread(record, database_url, [ET.tostring(document)], Origin(source="file"))

            async def is_there() -> bool:
                return await served.statement(accounts[0]) > before

            await until(is_there, "the statement holds")

        await imported(await fetched(flex))

        async def agree() -> bool:
            return all([summary(await served.of(each)) == {"Differ": 0, "NotCompared": 0} for each in accounts])

        await until(agree, "all is recorded, and nothing differs")
        kinds = (await served.of(accounts[0]))["Summary"]["Kinds"]
        assert all(kinds[kind]["Agree"] for kind in ("nav", "cash", "position", "fill"))
        for expected, seed in SEEDS.items():
            document = await fetched(flex)
            (statement,) = [each for each in document.iter("FlexStatement") if each.get("accountId") == accounts[0]]
            seed(statement)
            await imported(document)
            found = await served.of(accounts[0])
            assert {(row["Kind"], row["Figure"], row["Why"]) for row in found["Rows"] if not row["Agrees"]} == {
                expected
            }
            assert found["Summary"]["Differ"] == 1
            assert summary(await served.of(accounts[1])) == {"Differ": 0, "NotCompared": 0}
