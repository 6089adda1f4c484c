"""Cash and values per currency over time: figures to the letter, steps, pages, who may see them."""

import os
import re
from collections.abc import AsyncIterator, Iterator

import pytest

from ibconnect.database.sql import queries
from ibconnect.tags import LEDGER_TAGS, TWICE_SENT_TAGS, column
from ibconnect.times import parse_rfc3339, to_micros, wide_rfc3339
from tests.conftest import create_database, drop_database
from tests.paths import CAPTURES
from tests.projecting import Stream, capture, project, record, value
from tests.serving import DU1, EMPTY, FIRST, PROBLEM, Served, at, serving
from tests.tables import pages_of, rows_of

LEDGER = f"/v1/accounts/{DU1}/ledger"
BOOKS = "DU0000001"
BOOK = f"/v1/accounts/{BOOKS}/ledger"
HOUR_US = 3_600_000_000
LIMITED = "reads-one-account-alone"


@pytest.fixture(scope="module")
def books_url(server_url: str, template: str) -> Iterator[str]:
    """An account with the ledgers of all captures, an hour each, and what no column holds exactly; one not ready."""
    stream = Stream(at=to_micros(FIRST))
    taken = [capture(path) for path in sorted(CAPTURES.glob("*.jsonl"))]
    taken = [[message for message in messages if message[0] == "6"] for messages in taken]
    odd = [
        value("AccountCode", BOOKS, account=BOOKS),
        value("NetLiquidation", "1", "CHF", BOOKS),
        value("$LEDGER-CashBalance", "-0.00", "CHF", BOOKS),
        value("$LEDGER-ExchangeRate", "1.0E7", "JPY", BOOKS),
        value("$LEDGER-AccruedCash", "+5.50", "CHF", BOOKS),
        value("AccruedCash", "7", "CHF", BOOKS),
        value("$LEDGER-FundValue", "1.7976931348623157E308", "USD", BOOKS),
        value("$LEDGER-NewFigure", "3", "SEK", BOOKS),
    ]
    unready = [*odd, value("AccountReady", "false", "", BOOKS)]
    for number, messages in enumerate([*[each for each in taken if each], odd, unready]):
        stream.refresh({BOOKS: messages}, created=to_micros(FIRST) + number * HOUR_US)
    record_all(url := create_database(server_url, name := f"ledger_{os.getpid()}", template), stream)
    yield url
    drop_database(server_url, name)


def record_all(url: str, *streams: Stream) -> None:
    record(url, [event for stream in streams for event in stream.events])
    project(url)


@pytest.fixture
async def books(books_url: str) -> AsyncIterator[Served]:
    """A server of that account."""
    async with serving(books_url, API_TOKENS=f"{LIMITED}@{BOOKS},read") as served:
        served.client.headers["Authorization"] = f"Bearer {LIMITED}"
        yield served


def test_the_figures_stand_in_the_order_of_the_tags() -> None:
    query = queries("http/ledger")["of_reports"]
    found = re.findall(r"coalesce\(figure\.(\w+)::text, inexact\.figures ->> '(\w+)'\)", query)
    assert found == [(column(tag), tag) for tag in LEDGER_TAGS]


async def test_each_report_has_a_row_for_each_currency(served: Served) -> None:
    async with served.get(f"{LEDGER}?from={at(1)}&to={at(2)}") as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "private, no-cache")
        rows = await response.json()
    assert [(row["Timestamp"], row["Currency"]) for row in rows] == [
        (time, code) for time in (at(1), at(2)) for code in ("BASE", "EUR", "USD")
    ]
    assert list(rows[0]) == ["AccountCode", "Timestamp", "Currency", *LEDGER_TAGS, "BaseCurrency", "Ready"]
    assert {row["BaseCurrency"] for row in rows} == {"USD"}
    figures = await rows_of(served, f"{LEDGER}?from={at(1)}&to={at(1)}")
    assert [row["CashBalance"] for row in figures] == ["7421167.7441", "1001.5", "-0.50"]
    assert [row["TotalCashBalance"] for row in figures] == ["-12.3400", "", ""]
    assert [row["AccruedCash"] for row in figures] == ["0", "", "0.00"]


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("currency=*", ["BASE", "EUR", "USD"]),
        ("currency=EUR", ["EUR"]),
        ("currency=eur,base", ["BASE", "EUR"]),
        ("currency=USD&currency=Eur", ["EUR", "USD"]),
        ("currency=EUR,*", ["BASE", "EUR", "USD"]),
    ],
)
async def test_of_all_currencies_or_of_some(served: Served, query: str, codes: list[str]) -> None:
    assert [row["Currency"] for row in await rows_of(served, f"{LEDGER}?{query}&to={at(0)}")] == codes


async def test_every_figure_is_the_one_of_the_report_and_of_the_history(books: Served) -> None:
    rows = await rows_of(books, f"{BOOK}?ready=any")
    assert len(rows) > 20
    by_place = {(row["Timestamp"], row["Currency"], tag): row[tag] for row in rows for tag in LEDGER_TAGS}
    codes = sorted({row["Currency"] for row in rows})
    assert {"BASE", "EUR", "USD", "GBP", "JPY", "CHF"} <= set(codes)
    tags = [f"$LEDGER-{tag}" for tag in LEDGER_TAGS]
    for code in codes:
        for some in (tags[:15], tags[15:]):
            path = f"/v1/accounts/{BOOKS}/history?tag={','.join(some)}&currency={code}&ready=any"
            for point in await rows_of(books, path):
                time = wide_rfc3339(parse_rfc3339(point["Timestamp"]))
                for tag in some:
                    assert point[tag] == by_place.get((time, code, tag.removeprefix("$LEDGER-")), ""), (time, code, tag)
    for time in {row["Timestamp"] for row in rows}:
        async with books.get(f"/v1/accounts/{BOOKS}/{time}") as response:
            values = (await response.json())["Values"]
        plain = {
            (each["Tag"], each["Currency"]): each["Value"]
            for each in values
            if each["Tag"] in set(LEDGER_TAGS) - TWICE_SENT_TAGS and re.fullmatch(r"-?\d+(\.\d+)?", each["Value"])
        }
        for (tag, code), text in plain.items():
            assert by_place[time, code, tag] == text
    assert by_place["2024-01-01T00:00:00.000000Z", "BASE", "CashBalance"] != ""


async def test_what_no_column_holds_exactly_is_there_with_all_its_digits(books: Served) -> None:
    newest = {row["Currency"]: row for row in await rows_of(books, f"{BOOK}?step=1d") if row["Ready"] == "true"}
    assert (newest["CHF"]["CashBalance"], newest["CHF"]["AccruedCash"]) == ("-0.00", "5.50")
    assert newest["JPY"]["ExchangeRate"] == "10000000"
    assert newest["USD"]["FundValue"] == "", "unset"
    assert "SEK" not in newest, "a figure that has no column here"


async def test_only_reports_that_can_be_relied_on_unless_any_will_do(books: Served) -> None:
    ready, every = [await rows_of(books, f"{BOOK}{query}") for query in ("", "?ready=any")]
    assert {row["Ready"] for row in ready} == {"true"}
    unready = [row for row in every if row["Ready"] == "false"]
    assert [row for row in every if row not in unready] == ready
    assert max(row["Timestamp"] for row in every) in {row["Timestamp"] for row in unready}


@pytest.mark.parametrize(
    "query", ["", "step=2h", "step=1d", "step=1d&tz=Asia/Tokyo&at=02:00", "step=1mo", "currency=EUR"]
)
@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_join_without_a_seam(books: Served, query: str, limit: int) -> None:
    (whole,) = await pages_of(books, f"{BOOK}?{query}&limit=10000&to={at(30)}")
    pages = await pages_of(books, f"{BOOK}?{query}&limit={limit}&to={at(30)}")
    assert [row for page in pages for row in page] == whole
    assert whole
    for page in pages:
        full = [row for row in page if not row.get("Partial")]
        assert full or len(pages) == 1
        assert len([row for row in full if row["Timestamp"] != full[-1]["Timestamp"]]) < limit


async def test_a_currency_that_is_seldom_is_found_page_by_page(books: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer looks through a bounded number of reports, and says where to go on although it found nothing."""
    (whole,) = await pages_of(books, f"{BOOK}?currency=CHF")
    monkeypatch.setattr("ibconnect.http.resources.points.LONG_REPORTS_FIRST", 2)
    monkeypatch.setattr("ibconnect.http.resources.points.LONG_REPORTS_MAX", 2)
    monkeypatch.setattr("ibconnect.http.resources.points.LONG_POINTS", 2)
    for step in ("", "&step=1h"):
        pages = await pages_of(books, f"{BOOK}?currency=CHF{step}&from={at(0)}&to={at(40)}")
        assert len(pages) > 2
        assert pages[0] == []
        assert [row for page in pages for row in page] == whole


async def test_steps_take_the_last_report_and_mark_the_running_one(served: Served) -> None:
    rows = await rows_of(served, f"{LEDGER}?step=2h&currency=EUR&from={at(0)}&to={at(3)}")
    assert [(row["Timestamp"][11:16], row["CashBalance"], row["Partial"]) for row in rows] == [
        ("00:00", "1000.5", ""),
        ("02:00", "1002.5", ""),
        ("03:00", "1003.5", "true"),
    ]
    assert await rows_of(served, f"{LEDGER}?step=1h&from={at(10)}&to={at(12)}") == [], (
        "nothing of steps without a report"
    )


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{LEDGER}?currency=CHF", 400, "unknown-currency"),
        (f"{LEDGER}?currency=EUR,CHF", 400, "unknown-currency"),
        (f"{LEDGER}?currency=us", 400, "invalid-parameter"),
        (f"{LEDGER}?limit=0", 400, "invalid-parameter"),
        (f"{LEDGER}?from={at(2)}&to={at(1)}", 400, "invalid-parameter"),
        (f"{LEDGER}?at=16:00", 400, "invalid-parameter"),
        (f"{LEDGER}?tag=CashBalance", 400, "unknown-parameter"),
        (f"{LEDGER}?gateway=nowhere:4002", 404, "unknown-gateway"),
        ("/v1/accounts/DU9/ledger", 404, "unknown-account"),
        ("/v1/accounts/DU9/ledger?currency=CHF", 404, "unknown-account"),
    ],
)
async def test_what_is_wrong_is_refused(served: Served, path: str, status: int, code: str) -> None:
    async with served.get(path) as response:
        problem = await response.json(content_type=PROBLEM)
    assert (response.status, problem["type"]) == (status, f"urn:ibconnect:problem:{code}")
    if code == "unknown-currency":
        assert problem["known"] == ["BASE", "EUR", "USD"]


async def test_an_account_without_snapshots_has_no_rows(served: Served) -> None:
    for query in ("", "?step=1d&from=-3d", "?currency=EUR"):
        async with served.get(f"/v1/accounts/{EMPTY}/ledger{query}") as response:
            assert (response.status, await response.json()) == (200, [])


async def test_a_poll_of_what_has_not_changed_is_a_304(served: Served) -> None:
    """Also where the running step moves on: its row stands at the time of the report."""
    for query in ("", "?step=1y", "?step=1d&from=2024-01-01"):
        async with served.get(LEDGER + query) as response:
            etag = response.headers["ETag"]
        async with served.get(LEDGER + query, headers={"If-None-Match": etag}) as response:
            assert response.status == 304, query


async def test_the_same_as_a_file(served: Served) -> None:
    for name, kind in (("csv", "text/csv"), ("arrow", "application/vnd.apache.arrow.stream")):
        async with served.get(f"{LEDGER}?format={name}") as response:
            assert response.content_type == kind
            assert f'filename="{DU1}-ledger.' in response.headers["Content-Disposition"]
