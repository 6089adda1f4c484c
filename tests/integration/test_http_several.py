"""Series of what is sent more than once: by two gateways, in two base currencies, with prices and without."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import rebuild
from tests.projecting import START, Stream, position, project, record, value
from tests.serving import Served, serving

pytestmark = pytest.mark.with_tables

ONE, OTHER = "127.0.0.1:4001", "127.0.0.1:4002"
HOUR = 3_600_000_000
HISTORY = "/v1/accounts/DU1/history?tag=NetLiquidation"


def figures(amount: str, currency: str = "USD", *, ready: str = "true") -> list[tuple[str, ...]]:
    """What IB sends of an account that holds nothing."""
    return [value("AccountCode", "DU1"), value("AccountReady", ready), value("NetLiquidation", amount, currency)]


async def points(served: Served, query: str = "") -> list[dict[str, Any]]:
    """The points of the account's net liquidation, without their times."""
    async with served.get(HISTORY + query) as response:
        assert response.status == 200, await response.text()
        found = (await response.json())["Points"]
    return [{name: member for name, member in point.items() if name != "Timestamp"} for point in found]


@pytest.fixture
async def two_gateways(database_url: str) -> AsyncIterator[tuple[Served, str]]:
    """Four refreshes at the same times by two gateways: both are ready; one; the other; none."""
    ready = (("true", "true"), ("true", "false"), ("false", "true"), ("false", "false"))
    for number, each in enumerate(ready):
        for gateway, is_ready in zip((ONE, OTHER), each, strict=True):
            stream = Stream(gateway, START + number * HOUR)
            amount = f"{number}.{'1' if gateway == ONE else '2'}0"
            stream.refresh({"DU1": figures(amount, ready=is_ready)}, created=START + number * HOUR)
            record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        yield served, database_url


async def test_of_two_gateways_one_point_is_taken_for_each_refresh(two_gateways: tuple[Served, str]) -> None:
    served, url = two_gateways
    wanted = [{"NetLiquidation": amount} for amount in (0.10, 1.10, 2.20)]
    assert await points(served) == wanted
    rebuild(url)
    assert await points(served) == wanted


async def test_a_gateway_can_be_chosen(two_gateways: tuple[Served, str]) -> None:
    served, _ = two_gateways
    assert await points(served, f"&gateway={ONE}") == [{"NetLiquidation": 0.10}, {"NetLiquidation": 1.10}]
    assert await points(served, f"&gateway={OTHER}") == [{"NetLiquidation": 0.20}, {"NetLiquidation": 2.20}]
    assert await points(served, f"&gateway={OTHER}&ready=any") == [
        {"NetLiquidation": number + 0.20, "Ready": number in (0, 2)} for number in range(4)
    ]


async def test_a_base_currency_that_changes_is_told_at_each_point(database_url: str) -> None:
    stream = Stream()
    for number, currency in enumerate(("USD", "USD", "EUR")):
        stream.refresh({"DU1": figures(f"{number}.50", currency)}, created=START + number * HOUR)
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        assert await points(served) == [
            {"NetLiquidation": 0.5, "Currency": "USD"},
            {"NetLiquidation": 1.5, "Currency": "USD"},
            {"NetLiquidation": 2.5},
        ]
        async with served.get(HISTORY, headers={"Accept": "text/csv"}) as response:
            lines = (await response.text()).splitlines()
        assert lines[0] == "Timestamp,NetLiquidation,Currency,AccountCode"
        rows = [line.split(",")[1:] for line in lines[1:]]
        assert rows == [["0.50", "USD", "DU1"], ["1.50", "USD", "DU1"], ["2.50", "EUR", "DU1"]]
        async with served.get(f"{HISTORY}&currency=USD") as response:
            answer = await response.json()
        assert answer["Currency"] == "USD"
        assert [point["NetLiquidation"] for point in answer["Points"]] == [0.5, 1.5, None]


async def test_a_snapshot_without_prices_makes_no_hole_and_no_second_contract(database_url: str) -> None:
    """Positions asked for by themselves describe the same contract in other words: no exchange, another strike."""
    stream = Stream()
    for number in range(2):
        created = START + 2 * number * HOUR
        stream.refresh({"DU1": [*figures("1.00"), position(265598, price="187.25")]}, created=created)
        stream.own("rs", created=created + HOUR, trigger="test", accounts=["DU1"])
        stream.own("as", account="DU1", source="multi", values_request=7, positions_request=8)
        for _, _, key, text, currency, _ in figures("1.00"):
            stream.message("73", "1", "7", "DU1", "", key, text, currency)
        contract = ["265598", "AAPL", "STK", "", "0.0", "", "", "", "USD", "AAPL", "NMS"]
        stream.message("71", "1", "8", "DU1", *contract, "110", "201.8829709", "")
        stream.own("ac", account="DU1", ended="download-end")
        stream.own("re", created=created + HOUR, outcome="complete")
    record(database_url, stream.events)
    project(database_url)
    path = "/v1/accounts/DU1/positions/265598/history?ready=any"
    async with serving(database_url) as served:
        async with served.get(path) as response:
            found = [(point["Position"], point["MarketPrice"]) for point in (await response.json())["Points"]]
        assert found == [(100, 187.25), (110, None)] * 2
        async with served.get(f"{path}&step=4h&from=2023-11-14T20:00:00Z&to=2023-11-15T04:00:00Z") as response:
            stepped = [point["MarketPrice"] for point in (await response.json())["Points"]]
        assert stepped == [None, 187.25, 187.25]
    with connect(database_url, name="test") as connection:
        query = "SELECT count(*) FROM v_contract WHERE ib_contract_id = 265598"
        assert connection.execute(query).fetchone() == (1,)
