"""All accounts at one moment, over HTTP: each figure, what changed, the total and what is not in it, rates, pages."""

import csv
import io
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from ibconnect.times import format_rfc3339, to_micros
from tests.conftest import create_database, drop_database
from tests.holders import PERIODS, Figures, Round, build_holders, parsed
from tests.projecting import Stream, project, record
from tests.serving import DU1, DU2, EMPTY, GATEWAY, Served, serving
from tests.waiting import until

NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FULL, LIMITED = (f"{name}-token-0123456789" for name in ("full", "limited"))

# Of four moments: the year before, the month before, the day before, and the day.
TIMES = (datetime(2023, 12, 31, 12, tzinfo=UTC), datetime(2024, 2, 20, 12, tzinfo=UTC), NOON - DAY, NOON)


def euro(net: str, usd: str = "0.9223306", **more: Any) -> Figures:
    return Figures("EUR", net, "10.50", "500.25", "0.91", {"USD": usd}, **more)


def dollar(net: str, **more: Any) -> Figures:
    return Figures("USD", net, "-0.00", "1.0E7", rates={"JPY": "0.0066040"}, **more)


ROUNDS: list[Round] = [
    (TIMES[0], {"DU1": euro("900.00", "0.9"), "DU2": dollar("100.10"), "DU5": euro("5.00")}),
    (TIMES[1], {"DU1": euro("950.00", "0.95"), "DU2": dollar("200.20"), "DU6": euro("60.00")}),
    (TIMES[2], {"DU1": euro("990.00"), "DU2": dollar("300.30"), "DU3": euro("1.00"), "DU6": dollar("70.00")}),
    (
        TIMES[3],
        {"DU1": euro("1000.00"), "DU2": dollar("1.0E3"), "DU3": euro("7.00", is_ready=False), "DU6": euro("61")},
    ),
]
NAMES = ["DU1", "DU2", "DU3", "DU4", "DU6"]
LISTED = [["DU1", "DU2", "DU5"], ["DU1", "DU2", "DU5", "DU6"], NAMES, NAMES]


async def overview(served: Served, query: str = "", token: str = FULL) -> dict[str, Any]:
    """The document, its figures as decimals with every digit."""
    async with served.get(f"/v1/overview{query}", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status == 200, await response.text()
        return parsed(await response.text())


def by_code(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["AccountCode"]: row for row in document["Accounts"]}


@pytest.fixture(scope="module")
def holders_url(server_url: str, template: str) -> Iterator[str]:
    """A database that holds these rounds; not to be changed."""
    name = f"holders_{os.getpid()}"
    url = create_database(server_url, name, template)
    build_holders(url, ROUNDS, LISTED)
    yield url
    drop_database(server_url, name)


@pytest.fixture
def own_url(database_url: str) -> str:
    """The same for one test alone."""
    build_holders(database_url, ROUNDS, LISTED)
    return database_url


@pytest.fixture
async def held(holders_url: str) -> AsyncIterator[Served]:
    """A server of it."""
    async with serving(holders_url) as served:
        yield served


async def test_rows_have_the_figures_of_the_latest_reports(held: Served) -> None:
    document = await overview(held, f"?currency=EUR&at={format_rfc3339(NOON + timedelta(hours=1))}")
    rows = by_code(document)
    assert list(rows) == ["DU1", "DU2", "DU3", "DU4", "DU5", "DU6"]
    assert document["At"] == "2024-03-05T13:00:00Z"
    closes = ("2024-03-05T00:00:00Z", "2024-03-01T00:00:00Z", "2024-01-01T00:00:00Z")
    assert document["Closes"] == dict(zip(PERIODS, closes, strict=True))
    assert rows["DU1"] == {
        "AccountCode": "DU1",
        "Alias": None,
        "AccountType": "INDIVIDUAL",
        "BaseCurrency": "EUR",
        "NetLiquidation": "1000.00",
        "NetLiquidationIn": "1000.00",
        "ChangeSinceClose": "10.00",
        "ChangeMonthToDate": "50.00",
        "ChangeYearToDate": "100.00",
        **{f"Return{period}": None for period in PERIODS},
        "ReportSinceClose": "2024-03-04T12:00:00Z",
        "ReportMonthToDate": "2024-02-20T12:00:00Z",
        "ReportYearToDate": "2023-12-31T12:00:00Z",
        "Cushion": "0.91",
        "Cash": "10.50",
        "GrossPositionValue": "500.25",
        "Leverage": "0.5002",
        "Latest": "2024-03-05T12:00:00Z",
        "Ready": True,
        "Gateways": [GATEWAY],
        "Why": [],
        "Groups": [],
        "FlowsUntil": None,
    }
    dollars = rows["DU2"]
    assert (dollars["NetLiquidation"], dollars["NetLiquidationIn"]) == ("1000", "922.3306000")
    assert (dollars["Cash"], dollars["GrossPositionValue"], dollars["Leverage"]) == ("-0.00", "10000000", "10000.0000")
    assert (dollars["ChangeSinceClose"], dollars["ChangeYearToDate"]) == ("699.70", "899.90")
    # What is ready is shown, not what is newer; of a gateway that lists it no more there are figures still.
    assert (rows["DU3"]["NetLiquidation"], rows["DU3"]["Latest"]) == ("1.00", "2024-03-04T12:00:00Z")
    assert (rows["DU5"]["NetLiquidation"], rows["DU5"]["Gateways"]) == ("5.00", [])
    assert rows["DU6"]["Why"] == ["ChangeSinceClose=other-base", "ChangeYearToDate=no-report"]
    lists = ("Gateways", "Why", "Groups")
    assert {rows["DU4"][name] for name in rows["DU4"] if name not in ("AccountCode", *lists)} == {None}
    assert {reason.partition("=")[2] for reason in rows["DU4"]["Why"]} == {"no-report"}


async def test_the_total_says_what_is_not_in_it_and_which_rates_were_used(held: Served) -> None:
    document = await overview(held, f"?currency=EUR&ready=any&at={format_rfc3339(NOON + timedelta(hours=1))}")
    total = document["Total"]
    # DU1, DU2 and DU6 count: 1000 + 1000 * 0.9223306 + 61.
    assert (total["Currency"], total["Accounts"], total["Complete"]) == ("EUR", "3", False)
    assert Decimal(total["NetLiquidation"]) == Decimal("1983.3306")
    assert Decimal(total["Cash"]) == Decimal("21.00")
    # 990 + 300.30 * 0.9223306 + 70.00 * 0.9223306 before, with the rates of then.
    assert Decimal(total["ChangeSinceClose"]) == Decimal("1983.3306") - 990 - Decimal("370.30") * Decimal("0.9223306")
    before = 950 + Decimal("200.20") * Decimal("0.95") + 60
    assert Decimal(total["ChangeMonthToDate"]) == Decimal("1983.3306") - before
    year = 900 + Decimal("100.10") * Decimal("0.9")
    assert Decimal(total["ChangeYearToDate"]) == Decimal("1922.3306") - year
    assert total["Excluded"] == [
        {"Figure": "ChangeYearToDate", "Why": "no-report", "AccountCodes": ["DU6"]},
        {"Figure": "NetLiquidation", "Why": "no-report", "AccountCodes": ["DU4"]},
        {"Figure": "NetLiquidation", "Why": "not-listed", "AccountCodes": ["DU5"]},
        {"Figure": "NetLiquidation", "Why": "not-ready", "AccountCodes": ["DU3"]},
    ]
    rates = {(rate["Moment"], rate["From"]): rate for rate in document["Rates"]}
    assert set(rates) == {(moment, "USD") for moment in ("At", *PERIODS)}
    assert rates["MonthToDate", "USD"]["Rate"] == "0.95"
    assert rates["At", "USD"]["Ledgers"] == [
        {
            "Currency": "USD",
            "BaseCurrency": "EUR",
            "ExchangeRate": "0.9223306",
            "AccountCode": "DU1",
            "Timestamp": "2024-03-05T12:00:00Z",
            "Gateway": GATEWAY,
        }
    ]


async def test_an_account_counts_until_its_gateway_walks_without_it(held: Served) -> None:
    """It is listed no more from the third round on."""
    for at, is_excluded in ((TIMES[1], True), (TIMES[0] + DAY, False), (TIMES[2] + DAY, True)):
        document = await overview(held, f"?currency=EUR&at={format_rfc3339(at + timedelta(hours=1))}")
        excluded = [each["Why"] for each in document["Total"]["Excluded"] if "DU5" in each["AccountCodes"]]
        assert ("not-listed" in excluded) is is_excluded, at


async def test_rates_cross_by_a_base_currency(held: Served) -> None:
    document = await overview(held, "?currency=JPY")
    rows = by_code(document)
    rates = {(rate["Moment"], rate["From"]): rate for rate in document["Rates"]}
    crossed = rates["At", "EUR"]
    assert [(each["Currency"], each["BaseCurrency"]) for each in crossed["Ledgers"]] == [
        ("USD", "EUR"),
        ("JPY", "USD"),
    ]
    assert crossed["Rate"] == "164.174732758", "1 / 0.9223306 / 0.0066040, to 12 digits"
    assert Decimal(rows["DU1"]["NetLiquidationIn"]) == 1000 * Decimal(crossed["Rate"])


async def test_without_a_currency_there_is_a_total_only_if_all_have_the_same(holders_url: str) -> None:
    async with serving(holders_url) as served:
        document = await overview(served)
    assert (document["Currency"], document["Total"]["NetLiquidation"], document["Rates"]) == (None, None, [])
    rows = by_code(document)
    assert "NetLiquidationIn=several-currencies" in rows["DU1"]["Why"]
    assert [each["Why"] for each in document["Total"]["Excluded"] if "DU1" in each["AccountCodes"]] == [
        "several-currencies"
    ]
    async with serving(holders_url, API_TOKENS=f"{LIMITED}@DU1,DU6") as served:
        document = await overview(served, token=LIMITED)
    assert (document["Currency"], document["Total"]["NetLiquidation"]) == ("EUR", "1061.00")


async def test_a_currency_of_a_ledger_without_a_rate_is_said_to_have_none(served: Served) -> None:
    document = await overview(served, "?currency=EUR")
    assert document["Total"]["Excluded"] == [
        {"Figure": "NetLiquidation", "Why": "no-rate", "AccountCodes": [DU1, DU2]},
        {"Figure": "NetLiquidation", "Why": "no-report", "AccountCodes": [EMPTY]},
    ]
    assert all("NetLiquidationIn=no-rate" in row["Why"] for row in document["Accounts"][:2])


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("?currency=EUX", "there is EUR, JPY, USD; did you mean EUR?"),
        ("?currency=CHF", "there is EUR, JPY, USD"),
        ("?currency=eur", "is not a currency code"),
        ("?sort=Alias", "is not one of"),
        ("?sort=NetLiquidation", "name one by currency="),
        ("?cursor=a,b", "is not an account code"),
        ("?close=24:00", "is not a time of the day"),
        ("?tz=Mars", "is not a time zone"),
        ("?limit=0", "is not a whole number"),
    ],
)
async def test_what_cannot_be_is_refused(held: Served, query: str, detail: str) -> None:
    async with held.get(f"/v1/overview{query}") as response:
        assert response.status == 400
        assert detail in (await response.json(content_type=None))["detail"]


async def test_a_limited_token_learns_nothing_of_others(server_url: str, template: str, holders_url: str) -> None:
    """Its answer is the one of a database that holds its accounts alone."""
    mine = {"DU2", "DU3"}
    name = f"alone_{os.getpid()}"
    alone = create_database(server_url, name, template)
    try:
        build_holders(
            alone,
            [(at, {code: figures for code, figures in said.items() if code in mine}) for at, said in ROUNDS],
            [[code for code in codes if code in mine] for codes in LISTED],
        )
        queries = [
            "",
            "?currency=EUR",
            "?currency=JPY&sort=-Leverage",
            "?currency=CHF",
            "?limit=1",
            f"?at={TIMES[1]:%F}",
        ]
        answers = []
        for url, tokens in ((holders_url, f"{FULL}@*\n{LIMITED}@DU2,DU3,DU9"), (alone, f"{LIMITED}@*")):
            async with serving(url, API_TOKENS=tokens) as served:
                answers.append([await answer(served, query) for query in queries])
    finally:
        drop_database(server_url, name)
    assert answers[0] == answers[1]


async def answer(served: Served, query: str) -> tuple[int, Any]:
    async with served.get(f"/v1/overview{query}", headers={"Authorization": f"Bearer {LIMITED}"}) as response:
        body = await response.json(content_type=None)
        body.pop("error_id", None)
        return response.status, body


@pytest.mark.parametrize("sort", ["AccountCode", "-AccountCode", "NetLiquidation", "-ChangeSinceClose", "Cushion"])
async def test_pages_hold_each_account_once_and_the_total_of_all(held: Served, sort: str) -> None:
    query = f"?currency=EUR&sort={sort}"
    async with held.get(f"/v1/overview{query}") as response:
        whole = parsed(await response.text())
    pages, url = [], f"{held.url}/v1/overview{query}&limit=4"
    while url:
        async with held.client.get(url) as response:
            pages.append(parsed(await response.text()))
            url = response.links.get("next", {}).get("url")
    assert [row for page in pages for row in page["Accounts"]] == whole["Accounts"]
    assert [len(page["Accounts"]) for page in pages] == [4, 2]
    assert all(page["Total"] == whole["Total"] for page in pages)
    assert pages[1]["At"] is not None, "the pages are of one moment"
    name = sort.removeprefix("-")
    if name != "AccountCode":
        rate = Decimal("0.9223306")
        figures = [
            Decimal(row[name]) * (rate if row["BaseCurrency"] == "USD" and name != "Cushion" else 1)
            for row in whole["Accounts"]
            if row[name] is not None
        ]
        assert figures == sorted(figures, reverse=sort.startswith("-"))
        assert [row[name] is None for row in whole["Accounts"]] == sorted(
            row[name] is None for row in whole["Accounts"]
        )


async def test_each_format_has_the_same_rows(held: Served) -> None:
    document = await overview(held, "?currency=EUR")
    async with held.get("/v1/overview?currency=EUR&format=csv") as response:
        assert response.headers["Content-Disposition"] == 'attachment; filename="overview-EUR.csv"'
        lines = list(csv.DictReader(io.StringIO(await response.text())))
    async with held.get("/v1/overview?currency=EUR&format=arrow") as response:
        rows = pa.ipc.open_stream(await response.read()).read_all().to_pylist()
    for row, cells, typed in zip(document["Accounts"], lines, rows, strict=True):
        assert (cells["Currency"], typed["Currency"]) == ("EUR", "EUR")
        for name, figure in row.items():
            if isinstance(figure, str) and not figure.endswith("Z"):
                assert cells[name] == figure
                assert typed[name] == (Decimal(figure) if isinstance(typed[name], Decimal) else figure)
            elif figure is None:
                assert (cells[name], typed[name]) == ("", None)


async def test_a_poll_is_answered_by_304_until_something_is_recorded(own_url: str) -> None:
    async with serving(own_url) as served:

        async def polled(etag: str = "") -> tuple[int, str, dict[str, Any]]:
            async with served.get("/v1/overview?currency=EUR", headers={"If-None-Match": etag}) as response:
                text = await response.text()
                return response.status, response.headers["ETag"], by_code(parsed(text)) if text else {}

        _, etag, _ = await polled()
        assert (await polled(etag))[0] == 304
        stream = Stream(GATEWAY, at=to_micros(NOON + DAY))
        stream.refresh({"DU1": euro("2000.00").messages("DU1")}, created=to_micros(NOON + DAY))
        record(own_url, stream.events)
        project(own_url)

        async def is_new() -> dict[str, Any]:
            return (await polled(etag))[2]

        assert (await until(is_new, "the overview is another one"))["DU1"]["NetLiquidation"] == "2000.00"


async def test_no_accounts_are_an_overview_too(database_url: str) -> None:
    project(database_url)
    async with serving(database_url) as served:
        for query in ("", "?currency=EUR&sort=-NetLiquidation"):
            document = await overview(served, query)
            assert (document["Accounts"], document["Total"]["Accounts"], document["Total"]["Complete"]) == (
                [],
                "0",
                True,
            )


async def test_figures_are_those_of_the_reports(held: Served) -> None:
    """At any moment: what ``as-of`` leads to, and what history says of the moments that are compared with."""
    moments = [at + timedelta(hours=hours) for at in TIMES for hours in (-1, 0, 1, 30)]
    for at in moments:
        document = await overview(held, f"?currency=EUR&at={format_rfc3339(at)}")
        for row in document["Accounts"]:
            path = f"/v1/accounts/{row['AccountCode']}/as-of/{format_rfc3339(at)}"
            async with held.get(path, allow_redirects=True) as response:
                report = parsed(await response.text())
            if row["Latest"] is None:
                assert response.status == 404
                continue
            balance = report["Balance"]
            assert (report["Timestamp"], report["Ready"]) == (row["Latest"], row["Ready"])
            base = row["BaseCurrency"]
            for name, tag in (("NetLiquidation",) * 2, ("Cash", "TotalCashValue"), ("GrossPositionValue",) * 2):
                assert balance[tag] == f"{base} {row[name]}"
            assert (balance["Cushion"], balance["AccountType"]) == (row["Cushion"], row["AccountType"])
