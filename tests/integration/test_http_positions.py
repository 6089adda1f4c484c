"""Positions as tables: at a moment and over time they are those of the reports, in their order, page by page."""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.ipc
import pytest

from ibconnect.http.server.moments import parse_length
from ibconnect.http.server.steps import Steps
from ibconnect.projections.upkeep import rebuild
from ibconnect.times import format_rfc3339, parse_rfc3339, to_micros
from tests.conftest import create_database, drop_database
from tests.holdings import ACCOUNTS, build_holdings
from tests.projecting import Stream, position, project, record, value
from tests.serving import FIRST, HOUR, PROBLEM, Served, at, serving
from tests.tables import exact, rows


@pytest.fixture(scope="module")
def holdings_url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, "holdings", template)
    build_holdings(url, 1)
    yield url
    drop_database(server_url, "holdings")


async def report(served: Served, account: str, moment: str, query: str = "") -> dict[str, Any] | None:
    """The report as of a time, read by itself."""
    return await read(served, f"/v1/accounts/{account}/as-of/{moment}{query}")


async def read(served: Served, path: str) -> dict[str, Any] | None:
    """A report."""
    async with served.client.get(served.url + path) as response:
        if response.status == 404:
            return None
        found: dict[str, Any] = exact(await response.text())
        return found


def of_report(found: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What a report holds, as rows."""
    if found is None:
        return []
    whose = {"AccountCode": found["AccountCode"], "Timestamp": found["Timestamp"], "Ready": found["Ready"]}
    # Nobody has asked IB for these contracts.
    unnamed = {"ISIN": None, "LongName": None}
    return [{**whose, **held, **unnamed} for held in found["Positions"]]


def without_base(row: dict[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in row.items() if name != "BaseCurrency"}


def in_order(row: dict[str, Any]) -> tuple[Any, ...]:
    """As the contract has it: the largest in base currency first, then in its own, then by account and contract."""
    base, own = (row[name] and -abs(Decimal(row[name])) for name in ("MarketValueBase", "MarketValue"))
    worth = (base is None, base or 0, own is None, own or 0)
    return row["ModelCode"] is not None, *worth, row["AccountCode"], int(row["IbContractId"])


async def expected(served: Served, moment: str, query: str = "", accounts: tuple[str, ...] = ACCOUNTS) -> list[Any]:
    reports = [await report(served, account, moment, query) for account in accounts]
    return sorted((row for found in reports for row in of_report(found)), key=in_order)


@pytest.mark.parametrize("query", ["", "&ready=any"])
async def test_at_any_moment_they_are_those_of_the_reports(holdings_url: str, query: str) -> None:
    async with serving(holdings_url) as served:
        seen = 0
        for number in (-1, 0, 0.5, 2, 3.7, 4.6, 7, 9):
            moment = at(number)
            wanted = await expected(served, moment, query.replace("&", "?"))
            found = await rows(served, f"/v1/positions?at={moment}{query}")
            assert [without_base(row) for row in found] == wanted
            assert found == await rows(served, f"/v1/positions?at={moment}{query}&limit=3")
            seen += len(found)
            for account in ACCOUNTS:
                own = [row for row in found if row["AccountCode"] == account]
                if await report(served, account, moment):
                    path = f"/v1/accounts/{account}/positions?at={moment}{query}&limit=4"
                    assert await rows(served, path) == own
        assert seen > 50


async def test_a_base_currency_is_that_of_the_report(holdings_url: str) -> None:
    bases = set()
    async with serving(holdings_url) as served:
        for row in await rows(served, f"/v1/positions?at={at(7)}&ready=any"):
            found = await read(served, f"/v1/accounts/{row['AccountCode']}/{row['Timestamp']}")
            assert found is not None
            assert found["Balance"]["NetLiquidation"].split()[0] == row["BaseCurrency"]
            bases.add(row["BaseCurrency"])
    assert bases


async def test_a_symbol_and_a_contract_find_those_who_hold_it(holdings_url: str) -> None:
    async with serving(holdings_url) as served:
        everything = await rows(served, f"/v1/positions?at={at(9)}")
        for query, wanted in {
            "symbol=S2": lambda row: row["Symbol"] == "S2",
            "symbol=s2": lambda row: row["Symbol"] == "S2",
            "symbol=L3": lambda row: row["LocalSymbol"] == "L3",
            "contract=1001": lambda row: row["IbContractId"] == "1001",
            "contract=1001&symbol=AAPL.OLD": lambda row: row["Symbol"] == "AAPL.OLD",
            "contract=1002&symbol=S3": lambda row: False,
            "account=DU2,DU3": lambda row: row["AccountCode"] in ("DU2", "DU3"),
            "account=DU3&contract=1003": lambda row: (row["AccountCode"], row["IbContractId"]) == ("DU3", "1003"),
            "symbol=NOBODY": lambda row: False,
        }.items():
            found = await rows(served, f"/v1/positions?at={at(9)}&{query}")
            assert found == [row for row in everything if wanted(row)], query
        own = await rows(served, f"/v1/accounts/DU1/positions?at={at(9)}&contract=1002")
        assert own == [row for row in everything if (row["AccountCode"], row["IbContractId"]) == ("DU1", "1002")]


async def test_over_time_they_are_those_of_each_report(holdings_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(holdings_url) as served:
        for account in ACCOUNTS:
            for query in ("", "&ready=any"):
                async with served.get(f"/v1/accounts/{account}/snapshots") as response:
                    times = sorted(await response.json())
                reports = [await read(served, f"/v1/accounts/{account}/{moment}") for moment in times]
                points = [each for each in reports if each and (each["Ready"] or query)]
                wanted = [row for each in points for row in sorted(of_report(each), key=in_order)]
                path = f"/v1/accounts/{account}/positions/history?limit="
                for limit in (1, 7, 10_000):
                    found = await rows(served, f"{path}{limit}{query}")
                    assert [without_base(row) for row in found] == wanted
                with monkeypatch.context() as few:
                    few.setattr("ibconnect.http.resources.positions.history.HOLDINGS_LOOKED_THROUGH", 2)
                    few.setattr("ibconnect.http.resources.positions.history.HOLDINGS_REPORTS_FIRST", 1)
                    found = await rows(served, f"{path}10000{query}")
                    assert [without_base(row) for row in found] == wanted


STEPS = {
    "step=2h": ("2h", None, None),
    "step=1d": ("1d", None, None),
    "step=1mo&tz=Asia/Tokyo": ("1mo", "Asia/Tokyo", None),
    "step=1d&at=04:30&tz=Europe/Paris": ("1d", "Europe/Paris", time(4, 30)),
}


def first_step(steps: Steps, beginning: datetime) -> datetime:
    """The end of the step before the first report, or of the one that it is in, where a calendar has them."""
    return beginning if steps.elapsed is None else steps.first(beginning) - steps.elapsed


@pytest.mark.parametrize("query", STEPS)
@pytest.mark.parametrize("end", [2.5, 6.7])
async def test_steps_have_the_last_report_in_each(
    holdings_url: str, query: str, end: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    length, zone, clock = STEPS[query]
    steps = Steps(parse_length(length), ZoneInfo(zone) if zone else None, clock)
    async with serving(holdings_url) as served:
        async with served.get("/v1/accounts/DU1/snapshots") as response:
            times = sorted(await response.json())
        reports = [await read(served, f"/v1/accounts/DU1/{moment}") for moment in times]
        ready = [each for each in reports if each and each["Ready"]]
        for begin in (None, 0.5, -1000.5):
            start = first_step(steps, FIRST) if begin is None else FIRST + begin * HOUR
            wanted, last = [], parse_rfc3339(at(end))
            for step in steps.bounds(start, last):
                of_step = [each for each in ready if step.begin < parse_rfc3339(each["Timestamp"]) <= step.end]
                if not of_step:
                    continue
                found = max(of_step, key=lambda each: (each["Source"] == "updates", each["Timestamp"]))
                stands = found["Timestamp"] if step.is_partial else format_rfc3339(step.end)
                partial = {"Partial": True} if step.is_partial else {}
                held = sorted(of_report(found), key=in_order)
                wanted += [{**row, "Timestamp": stands, **partial} for row in held]
            path = f"/v1/accounts/DU1/positions/history?{query}&to={at(end)}&limit="
            path = path if begin is None else path.replace("?", f"?from={at(begin)}&")
            assert wanted
            for limit in (1, 12, 1000):
                assert [without_base(row) for row in await rows(served, f"{path}{limit}")] == wanted
            with monkeypatch.context() as few:
                few.setattr("ibconnect.http.resources.positions.history.HOLDINGS_LOOKED_THROUGH", 2)
                few.setattr("ibconnect.http.resources.positions.history.HOLDINGS_REPORTS_FIRST", 1)
                assert [without_base(row) for row in await rows(served, f"{path}1000")] == wanted


async def test_a_page_is_of_the_moment_of_the_first(database_url: str) -> None:
    """Reports that come between two pages do not move what stands on the later ones."""
    stream = Stream(at=to_micros(FIRST))
    held = [value("AccountCode", "DU1"), value("NetLiquidation", "1", "USD"), value("ExchangeRate", "1.00", "USD")]
    for number in range(4):
        each = position(100 + number, price="1")
        each[15] = f"{1000 - number}.00"
        held.append(each)
    stream.refresh({"DU1": held}, created=to_micros(FIRST))
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url) as served:
        async with served.get("/v1/accounts/DU1/positions?limit=2") as response:
            first = exact(await response.text())
            link = str(response.links["next"]["url"])
        known = len(stream.events)
        held[3][15] = "1.00"
        stream.refresh({"DU1": held}, created=to_micros(FIRST) + 1_000_000)
        record(database_url, stream.events[known:])
        project(database_url)
        # Nor does a rebuild, whose tables are others.
        rebuild(database_url)
        assert "at=" in link
        async with served.client.get(link) as response:
            second = exact(await response.text())
        assert [row["IbContractId"] for row in first + second] == ["100", "101", "102", "103"]
        now = await rows(served, "/v1/accounts/DU1/positions")
        assert [row["IbContractId"] for row in now] == ["101", "102", "103", "100"]


async def test_the_same_rows_in_csv_and_a_validator(holdings_url: str) -> None:
    for path in (f"/v1/positions?at={at(5)}", "/v1/accounts/DU1/positions/history?step=1h"):
        async with serving(holdings_url) as served:
            async with served.get(path) as response:
                found, tag = exact(await response.text()), response.headers["ETag"]
            async with served.get(path, headers={"If-None-Match": tag}) as response:
                assert response.status == 304
            async with served.get(f"{path}&format=csv") as response:
                assert response.headers["Content-Disposition"].startswith("attachment; filename=")
                table = list(csv.DictReader(io.StringIO(await response.text(), newline="")))
            async with served.get(f"{path}&format=arrow") as response:
                frame = pyarrow.ipc.open_stream(await response.read()).read_all().to_pylist()
        for row, cells in zip(found, table, strict=True):
            for name in ("Position", "MarketValue", "MarketValueBase", "ExchangeRate", "AverageCost"):
                assert cells[name] == (row[name] or "")
        for row, cells in zip(found, frame, strict=True):
            for name in ("Position", "MarketValueBase"):
                assert cells[name] == (row[name] and Decimal(row[name]))


async def test_what_a_token_may_not_see_is_not_there(holdings_url: str) -> None:
    tokens = "one-token-0123456789@DU2 all-token-0123456789@*"
    limited, full = ({"Authorization": f"Bearer {name}-token-0123456789"} for name in ("one", "all"))
    async with serving(holdings_url, API_TOKENS=tokens) as served:
        everything = await rows(served, f"/v1/positions?at={at(9)}", **full)
        own = await rows(served, f"/v1/positions?at={at(9)}", **limited)
        assert own == [row for row in everything if row["AccountCode"] == "DU2"] != []
        for path in ("/v1/positions?account=DU1", "/v1/positions?account=DU2,DU9", "/v1/accounts/DU1/positions"):
            async with served.get(path, headers=limited) as response:
                assert (response.status, response.content_type) == (404, PROBLEM)
        only_others = {row["Symbol"] for row in everything} - {row["Symbol"] for row in own}
        for symbol in {*only_others, "NEVER"}:
            assert await rows(served, f"/v1/positions?symbol={symbol}", **limited) == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/accounts/DU9/positions", 404, "unknown-account"),
        ("/v1/accounts/DU9/positions/history", 404, "unknown-account"),
        ("/v1/positions?account=DU9", 404, "unknown-account"),
        ("/v1/accounts/DU4/positions", 404, "unknown-snapshot"),
        (f"/v1/accounts/DU1/positions?at={at(-1)}", 404, "unknown-snapshot"),
        ("/v1/accounts/DU1/positions?gateway=nowhere:4002", 404, "unknown-gateway"),
        ("/v1/accounts/DU1/positions/history?gateway=nowhere:4002", 404, "unknown-gateway"),
        ("/v1/positions?symbol=", 400, "invalid-parameter"),
        ("/v1/positions?symbol=%00", 400, "invalid-parameter"),
        ("/v1/positions?contract=x", 400, "invalid-parameter"),
        ("/v1/positions?cursor=x", 400, "invalid-parameter"),
        ("/v1/positions?limit=0", 400, "invalid-parameter"),
        ("/v1/positions?sym=AAPL", 400, "unknown-parameter"),
        (f"/v1/accounts/DU1/positions/history?from={at(2)}&to={at(1)}", 400, "invalid-parameter"),
    ],
)
async def test_what_is_wrong_is_refused(holdings_url: str, path: str, status: int, code: str) -> None:
    async with serving(holdings_url) as served, served.get(path) as response:
        problem = await response.json(content_type=PROBLEM)
        assert (response.status, problem["type"]) == (status, f"urn:ibconnect:problem:{code}")
