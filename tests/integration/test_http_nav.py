"""Value per day over HTTP: the statement's, else the recorder's last one; never one for the other."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from ibconnect.times import format_rfc3339, to_micros
from tests.conftest import create_database, drop_database
from tests.projecting import Stream, project, record, value
from tests.serving import PROBLEM, Served, serving
from tests.stated import Stated
from tests.tables import pages, rows, rows_of

MINE, OLD, NEW = "U0000001", "U0000002", "U0000003"
LIMITED = "reads-one-account-alone"
NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2026, 3, 6, 2, tzinfo=UTC)
"""In New York it is the evening of the day before; two days later clocks are put forward there."""
TIMES = [START + timedelta(hours=7 * number) for number in range(30)]
STATED = {date(2026, 3, day): Decimal(f"1000{day}.123456789") for day in (4, 6, 7, 12)}


def download(account: str, number: int) -> list[tuple[str, ...]]:
    ready = "false" if number % 5 == 4 else "true"
    return [
        value("AccountCode", account, account=account),
        value("AccountReady", ready, account=account),
        value("NetLiquidation", "1.0E2" if number == 7 else f"{number}.50", "EUR", account),
        value("TotalCashBalance", f"-{number}.25", "BASE", account),
        value("StockMarketValue", "7.00", "BASE", account),
        value("OptionMarketValue", "-0.50", "BASE", account),
        value("NetDividend", "1.10", "BASE", account),
        value("AccruedCash", "0.01", "BASE", account),
    ]


def is_ready(number: int) -> bool:
    return number % 5 != 4


@pytest.fixture(scope="module")
def nav_url(server_url: str, template: str) -> Iterator[str]:
    """One account that both know, one that only statements do, one that only the recorder does."""
    url = create_database(server_url, name := f"nav_{os.getpid()}", template)
    stream = Stream(at=to_micros(START) - 10_000_000)
    stream.message("15", "1", f"{MINE},{NEW}", timed=True)
    for number, at in enumerate(TIMES):
        stream.at = to_micros(at)
        stream.refresh({code: download(code, number) for code in (MINE, NEW)}, created=to_micros(at))
    record(url, stream.events)
    project(url)
    stated = Stated(url)
    stated.know(OLD)
    for account, (day, total) in itertools.product((MINE, OLD), STATED.items()):
        stated.add("nav", account, str(day), origin="EquitySummaryInBase", total=total, cash=total, currency="USD")
    stated.add("nav", OLD, "2010-01-01", total=Decimal("5"), currency="USD", origin="ChangeInNAV")
    stated.add("nav", MINE, "2026-03-05", total=Decimal("5"), currency="USD", current=False)
    yield url
    drop_database(server_url, name)


@pytest.fixture
async def server(nav_url: str) -> AsyncIterator[Served]:
    async with serving(nav_url, API_TOKENS=f"{LIMITED}@{MINE},{OLD},read") as served:
        served.client.headers["Authorization"] = f"Bearer {LIMITED}"
        yield served


def recorded(zone: ZoneInfo | None = NEW_YORK) -> dict[str, int]:
    """The last report of each day that can be relied on, by its number."""
    return {str(at.astimezone(zone or UTC).date()): number for number, at in enumerate(TIMES) if is_ready(number)}


def expected(zone: ZoneInfo | None = NEW_YORK) -> list[tuple[str, str, str]]:
    """Day, source and value."""
    of_statements = {str(day): ("statement", str(total)) for day, total in STATED.items()}
    of_recorder = {
        day: ("recorder", "100" if number == 7 else f"{number}.50") for day, number in recorded(zone).items()
    }
    return sorted((day, *found) for day, found in {**of_recorder, **of_statements}.items())


def shown(found: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    return [(row["Day"], row["Source"], row["NetLiquidation"]) for row in found]


@pytest.mark.parametrize("zone", [None, "Asia/Tokyo", "UTC", "America/New_York"])
async def test_each_day_has_one_value_which_says_whose_it_is(server: Served, zone: str | None) -> None:
    found = await rows(server, f"/v1/accounts/{MINE}/nav" + (f"?tz={zone}" if zone else ""))
    assert shown(found) == expected(ZoneInfo(zone or "America/New_York"))
    assert {row["Source"] for row in found} == {"statement", "recorder"}


async def test_what_a_row_says(server: Served) -> None:
    found = {row["Day"]: row for row in await rows_of(server, f"/v1/accounts/{MINE}/nav")}
    stated, seen = found["2026-03-06"], found["2026-03-08"]
    number = recorded()["2026-03-08"]
    assert [seen[name] for name in ("Timestamp", "CurrencyCode", "Cash", "Stock", "Options", "DividendAccruals")] == [
        f"{TIMES[number]:%Y-%m-%dT%H:%M:%S.%fZ}", "EUR", f"-{number}.25", "7.00", "-0.50", "1.10",
    ]  # fmt: skip
    assert (seen["InterestAccruals"], seen["Bonds"], seen["Statement"], seen["Section"]) == ("0.01", "", "", "")
    assert [stated[name] for name in ("Timestamp", "CurrencyCode", "Cash", "Stock", "Statement", "Section")] == [
        "", "USD", "10006.123456789", "", "1", "EquitySummaryInBase",
    ]  # fmt: skip


async def test_one_source_alone(server: Served) -> None:
    found = await rows(server, f"/v1/accounts/{MINE}/nav?source=statement")
    assert shown(found) == [(str(day), "statement", str(total)) for day, total in STATED.items()]
    found = await rows(server, f"/v1/accounts/{MINE}/nav?source=recorder")
    assert [row["Day"] for row in found] == list(recorded())
    assert {row["Source"] for row in found} == {"recorder"}


async def test_pages_are_the_list_and_pass_over_years_of_nothing(server: Served) -> None:
    for account, query in itertools.product((MINE, OLD), ("", "&from=2026-03-05&to=2026-03-11", "&source=statement")):
        every = await rows(server, f"/v1/accounts/{account}/nav?limit=4000{query}")
        for limit in (1, 2, 5):
            found = await pages(server, f"/v1/accounts/{account}/nav?limit={limit}{query}")
            assert [row for page in found for row in page] == every
            assert all(found) or not every
    assert len(await pages(server, f"/v1/accounts/{OLD}/nav?limit=3")) == 4


async def test_a_span_of_days(server: Served) -> None:
    found = await rows(server, f"/v1/accounts/{MINE}/nav?from=2026-03-05&to=2026-03-07")
    assert shown(found) == [row for row in expected() if "2026-03-05" <= row[0] <= "2026-03-07"]
    for query in ("from=2026-03-13&to=2026-04-01&source=statement", "to=2026-03-03"):
        assert await rows(server, f"/v1/accounts/{MINE}/nav?{query}") == []
    first = format_rfc3339(datetime(2026, 3, 6, 3, tzinfo=UTC))
    found = await rows(server, f"/v1/accounts/{MINE}/nav?from={first}&to={first}&tz=America/New_York")
    assert [row["Day"] for row in found] == ["2026-03-05"]


async def test_an_account_of_others_is_none(server: Served) -> None:
    for account in (NEW, "U9999999"):
        async with server.get(f"/v1/accounts/{account}/nav") as response:
            assert (response.status, response.content_type) == (404, PROBLEM)
            assert (await response.json())["type"].endswith("unknown-account")
    async with server.get(f"/v1/accounts/{MINE}/nav?source=both") as response:
        assert response.status == 400
