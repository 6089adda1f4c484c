"""Profit and loss from a gateway's socket to HTTP: what is served adds up to the account values, and to the books."""

import csv
import io
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from ibconnect.database.pools import connect
from ibconnect.service.process import Service
from ibconnect.simulator import Gateway, Scenario
from tests.acceptance.conftest import Start
from tests.waiting import until

pytestmark = pytest.mark.with_tables

ADDS_UP = """
    SELECT account_code, profit.unrealized_pnl, profit.realized_pnl, ledger.unrealized_pnl, ledger.realized_pnl
    FROM v_pnl AS profit
    JOIN v_account_snapshot_latest USING (account_code)
    JOIN v_account_ledger AS ledger USING (account_code, account_snapshot_id)
    WHERE contract = 0 AND ledger.currency = 'BASE'
"""


def market() -> Scenario:
    """An advisor's accounts after some trading, in which nothing moves any more."""
    scenario = Scenario(seed=5, accounts=2, positions=2, advisor=True, activity=60.0)
    for _ in range(20):
        scenario.advance()
    return scenario


async def rows_of(service: Service, path: str) -> list[dict[str, str]]:
    """The rows of a table, figures as text."""
    async with (
        aiohttp.ClientSession() as client,
        client.get(service.urls[0] + path, headers={"Accept": "text/csv"}) as answer,
    ):
        return list(csv.DictReader(io.StringIO(await answer.text()))) if answer.status == 200 else []


@pytest.mark.parametrize("version", [157, 200])
async def test_what_is_served_is_what_the_books_say(start: Start, database_url: str, version: int) -> None:
    scenario = market()
    expected = {
        (profit.account, str(profit.con_id or "")): tuple(
            None if each is None else f"{each:f}"
            for each in (profit.daily, profit.unrealized, profit.realized, profit.value)
        )
        for profit in scenario.world.profits
    }
    assert any(contract and Decimal(figures[2] or 0) for (_, contract), figures in expected.items()), (
        "something was closed"
    )
    async with Gateway(scenario, speed=1e-6, server_version=version) as gateway:
        service = await start(gateway.port, COLLECT="pnl", PNL_POSITIONS="true", PNL_REF="0 0 1 1 *")
        accounts = sorted({account for account, _ in expected})

        async def served() -> dict[tuple[str, str], Any]:
            found: dict[tuple[str, str], Any] = {}
            for account in accounts:
                for row in await rows_of(service, f"/v1/accounts/{account}/pnl?positions=true"):
                    figures = (row["DailyPnL"], row["UnrealizedPnL"], row["RealizedPnL"], row["MarketValue"] or None)
                    found[account, row["IbContractId"]] = figures
            return found

        await until(lambda: complete(served, expected), "every account and position is served")
        found = await served()
        assert {key: tuple(map(number, figures)) for key, figures in found.items()} == {
            key: tuple(map(number, figures)) for key, figures in expected.items()
        }
        overview = await rows_of(service, "/v1/pnl")
        assert [(row["AccountCode"], row["DailyPnL"]) for row in overview] == [
            (account, found[account, ""][0]) for account in accounts
        ]
        with connect(database_url, name="test", search_path="public") as connection:
            sums = connection.execute(ADDS_UP).fetchall()
    assert len({row[0] for row in sums}) == len(accounts)
    for account, unrealized, realized, of_ledger, realized_of_ledger in sums:
        assert (unrealized, realized) == (round(of_ledger, 2), round(realized_of_ledger, 2)), account


async def complete(served: Any, expected: dict[tuple[str, str], Any]) -> bool:
    return (await served()).keys() == expected.keys()


def number(text: str | None) -> Decimal | None:
    """Cents: books have more digits than are printed."""
    return None if text is None else round(Decimal(text), 2)
