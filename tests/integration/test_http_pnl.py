"""Profit and loss over HTTP: samples and steps to the letter, the day that ends at the reset, pages, who may see it."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.ipc
import pytest

from ibconnect.times import format_rfc3339, from_micros, to_micros
from tests import profits
from tests.conftest import create_database, drop_database
from tests.profits import UNSET
from tests.projecting import Stream, project, record, value
from tests.serving import PROBLEM, Served, serving
from tests.tables import pages_of, rows_of

MINE, THEIRS, NOBODYS = "DU0000001", "DU0000002", "DU0000003"
PNL = f"/v1/accounts/{MINE}/pnl"
LIMITED = "reads-one-account-alone"
FULL = "reads-everything-there-is"
START = datetime(2026, 3, 4, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
FIRST_GATEWAY, SECOND_GATEWAY = "127.0.0.1:4001", "127.0.0.1:4002"
DAYS = 10
"""Of samples every five hours, over the night in which New York puts its clocks forward."""
TIMES = [START + timedelta(hours=5 * number) for number in range(DAYS * 24 // 5)]


def downloads(*accounts: str) -> dict[str, list[tuple[str, ...]]]:
    return {
        account: [value("AccountCode", account, account=account), value("NetLiquidation", "1.00", "EUR", account)]
        for account in accounts
    }


def sample(stream: Stream, number: int, account: str, at: datetime, *figures: str, contract: int = 0) -> None:
    """One sample, which arrives at that time."""
    stream.at = to_micros(at) - 1010
    profits.ask(stream, number, account, contract)
    profits.answer(stream, number, *figures)
    assert stream.at == to_micros(at)


def daily(number: int) -> str:
    """The daily figure of the sample with this number."""
    return "-0.00" if number == 3 else f"{number}.50"


@pytest.fixture(scope="module")
def pnl_url(server_url: str, template: str) -> Iterator[str]:
    """Two gateways that list the same account; it is the first one's. A position now and then, and what is odd."""
    first, second = (Stream(gateway, at=to_micros(START) - 10_000_000) for gateway in (FIRST_GATEWAY, SECOND_GATEWAY))
    first.message("15", "1", f"{MINE},{THEIRS},{NOBODYS}", timed=True)
    second.message("15", "1", MINE, timed=True)
    for stream, accounts in ((first, (MINE, THEIRS)), (second, (MINE,))):
        stream.refresh(downloads(*accounts), created=to_micros(START) - 5_000_000)
    for number, at in enumerate(TIMES):
        sample(first, 10 * number, MINE, at, daily(number), "1234567.123456789012345678", UNSET)
        sample(second, number, MINE, at + timedelta(seconds=1), "777.77", "777.77", "777.77")
        sample(first, 10 * number + 1, THEIRS, at + timedelta(seconds=2), "3.00", "4.00", "5.00")
        for contract in (265598, 4391)[: number % 3]:
            figures = ("-0.5", f"{number}.25", "1.0E7", "odd", "18725.00")
            sample(first, 10 * number + 2 + contract % 2, MINE, at + timedelta(seconds=3), *figures, contract=contract)
    url = create_database(server_url, name := f"pnl_{os.getpid()}", template)
    record(url, [*first.events, *second.events])
    project(url)
    profits.project(url)
    assert profits.refused(url) == []
    yield url
    drop_database(server_url, name)


@pytest.fixture
async def pnl(pnl_url: str) -> AsyncIterator[Served]:
    """A server of that, asked with a token for one account."""
    tokens = f"{LIMITED}@{MINE},read,events {FULL}@*"
    async with serving(pnl_url, API_TOKENS=tokens) as served:
        served.client.headers["Authorization"] = f"Bearer {LIMITED}"
        yield served


def wide(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%fZ}"


async def test_each_sample_of_the_gateway_whose_the_account_is(pnl: Served) -> None:
    rows = await rows_of(pnl, PNL)
    assert [(row["Timestamp"], row["DailyPnL"]) for row in rows] == [
        (wide(at), daily(number)) for number, at in enumerate(TIMES)
    ]
    assert rows[0] == {
        "AccountCode": MINE,
        "Timestamp": wide(START),
        "IbContractId": "",
        "DailyPnL": "0.50",
        "UnrealizedPnL": "1234567.123456789012345678",
        "RealizedPnL": "",
        "Position": "",
        "MarketValue": "",
        "Currency": "EUR",
        "Gateway": FIRST_GATEWAY,
        "Partial": "",
    }


async def test_another_gateway_is_shown_to_who_names_it(pnl: Served) -> None:
    rows = await rows_of(pnl, f"{PNL}?gateway={SECOND_GATEWAY}")
    assert {(row["Gateway"], row["DailyPnL"]) for row in rows} == {(SECOND_GATEWAY, "777.77")}
    assert len(rows) == len(TIMES)
    async with pnl.get(f"{PNL}?gateway=127.0.0.1:9") as response:
        assert (response.status, response.content_type) == (404, PROBLEM)
        assert (await response.json())["type"].endswith("unknown-gateway")


@pytest.mark.parametrize(
    "query", ["positions=true", "positions=true&step=1h", "contract=4391", "contract=4391&step=1h"]
)
async def test_positions(pnl: Served, query: str) -> None:
    rows = await rows_of(pnl, f"{PNL}?{query}")
    found = [(row["IbContractId"], row["DailyPnL"]) for row in rows]
    expected = [
        row
        for number in range(len(TIMES))
        for row in [("", daily(number)), *((str(each), f"{number}.25") for each in (265598, 4391)[: number % 3])]
        if "positions" in query or row[0] == "4391"
    ]
    assert sorted(found) == sorted(expected)
    row = next(row for row in rows if row["IbContractId"] == "4391")
    figures = [row[name] for name in ("UnrealizedPnL", "RealizedPnL", "Position", "MarketValue", "Currency")]
    assert figures == ["10000000", "", "-0.5", "18725.00", ""]


def days_of(clock: tuple[int, int], zone: Any) -> dict[str, str]:
    """By the end of each day that ends at this time of the clock: the last figure before it."""
    found: dict[str, str] = {}
    for number, at in enumerate(TIMES):
        local = at.astimezone(zone)
        close = datetime(local.year, local.month, local.day, *clock, tzinfo=zone)
        if close.astimezone(UTC) < at:
            day = (local + timedelta(days=1)).date()
            close = datetime(day.year, day.month, day.day, *clock, tzinfo=zone)
        found[wide(close.astimezone(UTC))] = daily(number)
    return found


@pytest.mark.parametrize(
    ("query", "settings", "clock", "zone"),
    [
        ("step=1d", {}, (23, 55), NEW_YORK),
        ("step=1d", {"PNL_RESET": "09:30 Asia/Hong_Kong"}, (9, 30), ZoneInfo("Asia/Hong_Kong")),
        ("step=1d&tz=America/New_York&at=17:00", {}, (17, 0), NEW_YORK),
        ("step=1d&at=06:00", {"PNL_RESET": "09:30 Asia/Hong_Kong"}, (6, 0), UTC),
    ],
)
async def test_the_point_of_a_day_is_the_last_sample_before_the_reset(
    pnl_url: str, query: str, settings: dict[str, str], clock: tuple[int, int], zone: Any
) -> None:
    """Over the night in which clocks are put forward, too."""
    async with serving(pnl_url, **settings) as served:
        found = {row["Timestamp"]: row["DailyPnL"] for row in await rows_of(served, f"{PNL}?{query}")}
    assert found == days_of(clock, zone)


async def test_the_running_step_is_partial(pnl: Served) -> None:
    to = format_rfc3339(TIMES[-1])
    async with pnl.get(f"{PNL}?step=1d&to={to}") as response:
        rows = await response.json()
    assert [row.get("Partial") for row in rows[-2:]] == [None, True]
    assert rows[-1]["Timestamp"] == to


@pytest.mark.parametrize("query", ["", "positions=true", "step=1d", "step=3h&positions=true", "step=7h", "step=1w"])
@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_pages_are_the_whole_in_pieces(pnl: Served, query: str, limit: int) -> None:
    (whole,) = await pages_of(pnl, f"{PNL}?{query}&limit=10000".replace("?&", "?"))
    pages = await pages_of(pnl, f"{PNL}?{query}&limit={limit}".replace("?&", "?"))
    assert [row for page in pages for row in page] == whole
    assert all(pages[:-1]), "only the last one may be empty, where all that is left is another gateway's"


async def test_what_does_not_change_is_not_sent_again(pnl: Served) -> None:
    for path in (PNL, f"{PNL}?step=1d&to={format_rfc3339(TIMES[-1])}", f"/v1/pnl?at={format_rfc3339(TIMES[-1])}"):
        async with pnl.get(path) as response:
            etag = response.headers["ETag"]
        async with pnl.get(path, headers={"If-None-Match": etag}) as response:
            assert response.status == 304


async def test_arrow_has_decimals(pnl: Served) -> None:
    async with pnl.get(f"{PNL}?format=arrow") as response:
        table = pyarrow.ipc.open_stream(await response.read()).read_all()
    assert str(table.schema.field("UnrealizedPnL").type).startswith("decimal")
    assert str(table["UnrealizedPnL"][0].as_py()) == "1234567.123456789012345678"
    assert len(table) == len(TIMES)


async def test_a_token_for_one_account_learns_nothing_of_others(pnl: Served) -> None:
    async with pnl.get(f"/v1/accounts/{THEIRS}/pnl") as response:
        theirs = response.status, (await response.json())["type"]
    async with pnl.get("/v1/accounts/DU9999999/pnl") as response:
        assert theirs == (404, (await response.json())["type"])
    async with pnl.get("/v1/pnl") as response:
        assert [row["AccountCode"] for row in await response.json()] == [MINE]
    async with pnl.get("/v1/events?type=QuestionAsked&limit=1000") as response:
        assert response.status == 200
        text = await response.text()
    assert MINE in text
    assert THEIRS not in text


async def test_all_accounts_at_a_moment(pnl: Served) -> None:
    pnl.client.headers["Authorization"] = f"Bearer {FULL}"
    (whole,) = await pages_of(pnl, f"/v1/pnl?at={format_rfc3339(TIMES[2] + timedelta(seconds=30))}")
    assert [(row["AccountCode"], row["DailyPnL"], row["Gateway"]) for row in whole] == [
        (MINE, 2.5, FIRST_GATEWAY),
        (THEIRS, 3.0, FIRST_GATEWAY),
    ]
    pages = await pages_of(pnl, f"/v1/pnl?limit=1&at={format_rfc3339(TIMES[2] + timedelta(seconds=30))}")
    assert pages == [[row] for row in whole]
    assert await pages_of(pnl, f"/v1/pnl?at={format_rfc3339(START - timedelta(hours=1))}") == [[]]


async def test_an_account_without_samples_has_none(pnl: Served) -> None:
    pnl.client.headers["Authorization"] = f"Bearer {FULL}"
    for query in ("", "?step=1d", "?positions=true&step=1d", "?contract=12"):
        assert await pages_of(pnl, f"/v1/accounts/{NOBODYS}/pnl{query}") == [[]]


def test_the_samples_are_those_that_were_recorded(pnl_url: str) -> None:
    (count,) = profits.fetched(pnl_url, "SELECT count(*), min(at), max(at) FROM v_pnl WHERE contract = 0")
    assert count[0] == 3 * len(TIMES)
    assert from_micros(to_micros(count[1])) == START
