"""A simulated gateway and the statements of its books, both recorded: reconciliation finds no difference."""

import io
import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from ibconnect.service.process import Service
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.flex import FlexService, Query, ScenarioBooks
from ibconnect.times import utc_now
from tests.acceptance.conftest import Start
from tests.acceptance.test_flex_service import Client
from tests.waiting import until

pytestmark = pytest.mark.with_tables

NEW_YORK = ZoneInfo("US/Eastern")
QUERY = Query("7", times="HH:mm:ss", dates="yyyy-MM-dd")


def busy() -> Scenario:
    """Accounts that have traded for some minutes of this day, in which nothing moves any more."""
    now = utc_now().replace(microsecond=0)
    midnight = datetime.combine(now.astimezone(NEW_YORK).date(), datetime.min.time(), NEW_YORK)
    start = max(now - timedelta(minutes=8), midnight.astimezone(now.tzinfo))
    return Scenario(seed=31, accounts=2, positions=7, activity=15.0, orders=0, start=start)


async def reconciled(service: Service, account: str, client: aiohttp.ClientSession, now: datetime) -> Any:
    """Of the running day, whose statement is of this moment."""
    local = now.astimezone(NEW_YORK)
    query = {"from": f"{local:%Y-%m-%d}", "tz": "America/New_York", "close": f"{local:%H:%M}"}
    async with client.get(f"{service.urls[0]}/v1/accounts/{account}/reconciliation", params=query) as answer:
        return await answer.json(loads=_exact) if answer.status == 200 else None


def _exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


async def test_what_the_gateway_told_and_what_statements_tell_agree(start: Start) -> None:
    scenario = busy()
    books = ScenarioBooks(scenario.world, 20, every_day=True, today=True)
    for _ in range(420):
        scenario.advance()
    accounts = list(scenario.world.accounts)
    async with (
        Gateway(scenario, speed=1e-6) as gateway,
        FlexService(books, queries=[QUERY], pacing=False) as flex,
        aiohttp.ClientSession() as client,
    ):
        service, now = await start(gateway.port), scenario.world.now

        async def state() -> None:
            document = await Client(flex, client).text(q=QUERY.id)
            body = io.BytesIO(document.encode())
            async with client.post(f"{service.urls[0]}/v1/statements", data=body) as answer:
                assert answer.status in (200, 201), await answer.text()

        async def differing() -> dict[str, list[tuple[str, str]]] | None:
            """Of each account the kinds and reasons of rows that do not agree, once everything can be compared."""
            found = {account: await reconciled(service, account, client, now) for account in accounts}
            if not all(each and _is_whole(each) for each in found.values()):
                return None
            rows = {account: [row for row in each["Rows"] if not row["Agrees"]] for account, each in found.items()}
            return {account: [(row["Kind"], row["Why"]) for row in each] for account, each in rows.items()}

        async def is_told(expected: dict[str, list[tuple[str, str]]]) -> bool:
            return await differing() == expected

        none: dict[str, list[tuple[str, str]]] = {account: [] for account in accounts}
        await state()
        await until(lambda: is_told(none), "gateway and statement agree on everything")
        today = now.astimezone(NEW_YORK).date()
        books.mistake(accounts[0], today, Decimal("12.50"))
        await state()
        wrong = {**none, accounts[0]: [("nav", "differs")]}
        await until(lambda: is_told(wrong), "a statement with a mistake differs, and nothing else")
        books.correct(accounts[0], today)
        await state()
        await until(lambda: is_told(none), "the corrected one agrees")


def _is_whole(found: Any) -> bool:
    """Whether all four kinds are there, with a report to compare with, and nothing is on its way."""
    rows = found["Rows"]
    kinds = {row["Kind"] for row in rows} == {"nav", "cash", "position", "fill"}
    return kinds and all(row["Why"] not in ("no-report", "execution-gap", "missing-in-recorder") for row in rows)
