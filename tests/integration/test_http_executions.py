"""Executions over HTTP: newest first, page by page, by symbol and contract; gaps; who sees whose."""

import csv
import io
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow.ipc
import pytest

from tests.conftest import create_database, drop_database
from tests.executions import BAG, STOCK, History, commission, fill, told
from tests.projecting import project
from tests.serving import DU1, DU2, EMPTY, PROBLEM, Served, build_world, serving
from tests.tables import pages, rows

FULL, LIMITED, NOBODY = "sees-all-accounts", "sees-one-account", "sees-an-empty-one"
TOKENS = f"{FULL}@* {LIMITED}@{DU2} {NOBODY}@{EMPTY}"
OTHER = ("4391", "aMd", *STOCK[2:9], "AAPL", "NMS")
NAMESAKE = ("7", "ES", "FUT", "20240315", "0", "", "50", "CME", "USD", "ESH4", "ES")


@pytest.fixture(scope="module")
def executions_url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, "executions", template)
    build_world(url, 1)
    told(url, world())
    yield url
    drop_database(server_url, "executions")


def world() -> History:
    """Two days of a gateway with a day without a question between them; some fills share their second."""
    history = History(now=datetime(2026, 1, 5, 20, tzinfo=UTC))
    session = history.session(told="20260105 15:00:00 EST")
    contracts = itertools.cycle((STOCK, OTHER, NAMESAKE))
    first = [
        fill(f"a.{n}.01.01", DU1 if n % 3 else DU2, time=f"20260105  09:{n // 2:02}:00", contract=next(contracts))
        for n in range(40)
    ]
    corrected = [fill("a.5.01.02", DU1, time="20260105  09:02:00", price="188", contract=NAMESAKE)]
    history.answer(session, 1, [*first, *corrected, commission("a.1.01.01", "1.25", "USD", "-0.00")])
    history.now = datetime(2026, 1, 7, 15, tzinfo=UTC)
    odd = fill("odd", DU1, time="at noon", price="much", shares="1.0E2", contract=("x", *STOCK[1:]))
    leg = fill("c.1.02.01", DU1, time="20260107  09:31:00", side="SLD")
    combo = fill("c.1.01.01", DU1, time="20260107  09:31:00", contract=BAG)
    history.answer(session, 2, [odd, leg, combo])
    return history


async def expected(served: Served, query: str = "") -> list[dict[str, Any]]:
    """Everything, by the first page of all."""
    return await rows(served, f"/v1/executions?limit=10000{query}")


async def test_what_is_asked_for_is_what_is_among_all_of_them(executions_url: str) -> None:
    async with serving(executions_url) as served:
        every = await expected(served, "&corrections=all")
        assert [row["Time"] or row["Received"] for row in every] == sorted(
            (row["Time"] or row["Received"] for row in every), reverse=True
        )
        assert len({(row["AccountCode"], row["ExecutionId"]) for row in every}) == len(every) == 44
        assert await expected(served) == [row for row in every if "CorrectedBy" not in row]
        filters = itertools.product(
            ("", "AAPL", "amd", "ESH4"),
            ("", "7"),
            ("", "&corrections=all"),
            ("", "&from=2026-01-05T14:02:00Z&to=2026-01-05T14:10:00Z", "&from=2026-01-06"),
        )
        for symbol, contract, corrections, span in filters:
            wanted = [row for row in every if is_wanted(row, symbol, contract, corrections, span)]
            query = f"{symbol and f'&symbol={symbol}'}{contract and f'&contract={contract}'}{corrections}{span}"
            assert await rows(served, f"/v1/executions?limit=7{query}") == wanted, query
            own = [row for row in wanted if row["AccountCode"] == DU1]
            assert await rows(served, f"/v1/accounts/{DU1}/executions?limit=7{query}") == own, query
            assert await rows(served, f"/v1/executions?account={DU1}{query}") == own, query


def is_wanted(row: dict[str, Any], symbol: str, contract: str, corrections: str, span: str) -> bool:
    moment = row["Time"] or row["Received"]
    begin, end = {"": ("", "3"), "&from=2026-01-06": ("2026-01-06", "3")}.get(
        span, ("2026-01-05T14:02:00Z", "2026-01-05T14:10:00Z")
    )
    return (
        (not symbol or bool({symbol, symbol.upper()} & {row["Symbol"], row["LocalSymbol"]}))
        and (not contract or row["IbContractId"] == contract)
        and (bool(corrections) or "CorrectedBy" not in row)
        and begin <= moment <= end
    )


async def test_a_page_has_as_many_rows_as_it_may(executions_url: str) -> None:
    async with serving(executions_url) as served:
        found = await pages(served, f"/v1/accounts/{DU1}/executions?limit=4")
        assert {len(page) for page in found[:-1]} == {4}
        assert found[-1]


async def test_corrections_legs_commissions_and_what_is_odd(executions_url: str) -> None:
    async with serving(executions_url) as served:
        found = {row["ExecutionId"]: row for row in await expected(served, "&corrections=all")}
    assert (found["a.5.01.02"]["Corrects"], found["a.5.01.02"]["Price"]) == (["a.5.01.01"], "188")
    assert (found["a.5.01.01"]["CorrectedBy"], found["a.5.01.01"]["Price"]) == ("a.5.01.02", "189.50")
    assert (found["c.1.02.01"]["Combo"], found["c.1.01.01"]["Combo"]) == ("c.1.01.01", None)
    reported = found["a.1.01.01"]
    assert [reported[name] for name in ("Commission", "CommissionCurrency", "RealizedPNL")] == ["1.25", "USD", "-0.00"]
    odd = found["odd"]
    assert [odd[name] for name in ("Time", "TimeAsSent", "Price", "Shares", "IbContractId")] == [
        None,
        "at noon",
        None,
        "100",
        None,
    ]
    assert odd["Remarks"] == ["unknown-time", "unreadable-figure"]


async def test_each_row_names_the_events_that_it_comes_from(executions_url: str) -> None:
    async with serving(executions_url) as served:
        found = await expected(served, "&corrections=all")
        for row in found:
            event = await _event(served, row["Position"])
            assert row["ExecutionId"] in event["Message"]
            if row["CommissionPosition"] is not None:
                report = await _event(served, row["CommissionPosition"])
                assert report["Message"][0] == "59"
            assert (row["Commission"] is None) or row["CommissionPosition"] is not None


async def _event(served: Served, position: str) -> dict[str, Any]:
    async with served.get(f"/v1/events?after={int(position) - 1}&limit=1") as response:
        event: dict[str, Any] = json.loads(await response.text())
    assert event["Position"] == int(position)
    return event


async def test_a_token_sees_its_accounts_alone(executions_url: str) -> None:
    async with serving(executions_url, API_TOKENS=TOKENS) as served:
        of = {token: {"Authorization": f"Bearer {token}"} for token in (FULL, LIMITED, NOBODY)}
        every = await rows(served, "/v1/executions", **of[FULL])
        own = [row for row in every if row["AccountCode"] == DU2]
        assert own
        assert await rows(served, "/v1/executions", **of[LIMITED]) == own
        assert await rows(served, "/v1/executions?symbol=AAPL", **of[NOBODY]) == []
        for path in (f"/v1/accounts/{DU1}/executions", f"/v1/accounts/{DU1}/executions/gaps"):
            async with served.get(path, headers=of[LIMITED]) as hidden, served.get(path, headers=of[FULL]) as shown:
                assert (hidden.status, hidden.content_type, shown.status) == (404, PROBLEM, 200)
        async with served.get(f"/v1/executions?account={DU1}", headers=of[LIMITED]) as response:
            assert response.status == 404


async def test_gaps(executions_url: str) -> None:
    begin = {"AccountCode": DU1, "Since": None, "Until": "2026-01-05T05:00:00Z"}
    between = {"AccountCode": DU1, "Since": "2026-01-05T20:00:00.02Z", "Until": "2026-01-07T05:00:00Z"}
    last = {"AccountCode": DU1, "Since": "2026-01-07T15:00:00.01Z", "Until": None}
    async with serving(executions_url) as served:
        for span, wanted in (
            ("", [begin, between, last]),
            ("?from=2026-01-06&to=2026-01-06", [between]),
            ("?from=2026-01-07T06:00:00Z&to=2026-01-07T15:00:00Z", []),
            ("?from=2026-01-08", [last]),
        ):
            path = f"/v1/accounts/{DU1}/executions"
            assert await rows(served, f"{path}/gaps{span}") == wanted
            async with served.get(path + span) as response:
                assert response.headers["Gaps"] == str(len(wanted))
                etag = response.headers["ETag"]
            async with served.get(path + span, headers={"If-None-Match": etag}) as response:
                assert response.status == 304


async def test_another_gateway_that_lists_the_account_fills_a_gap(database_url: str) -> None:
    build_world(database_url, 1)
    history = world()
    history.now = datetime(2026, 1, 6, 14, tzinfo=UTC)
    session = history.session("127.0.0.1:4003", "20260106 22:00:00 HKT")
    history.message(session, ("15", "1", DU1))
    history.answer(session, 1)
    told(database_url, history)
    project(database_url)
    async with serving(database_url) as served:
        gaps = await rows(served, f"/v1/accounts/{DU1}/executions/gaps")
    # It tells of all since its own midnight, which was before the first gap.
    (gap,) = gaps[1:-1]
    assert (gap["Since"], gap["Until"]) == ("2026-01-06T14:00:00.03Z", "2026-01-07T05:00:00Z")


async def test_as_csv_and_arrow(executions_url: str) -> None:
    path = f"/v1/accounts/{DU1}/executions"
    async with serving(executions_url) as served:
        found = await rows(served, path)
        async with served.get(f"{path}?format=csv") as response:
            lines = list(csv.DictReader(io.StringIO(await response.text())))
            assert "executions.csv" in response.headers["Content-Disposition"]
        async with served.get(f"{path}?format=arrow") as response:
            table = pyarrow.ipc.open_stream(await response.read()).read_all().to_pylist()
    for row, line, cells in zip(found, lines, table, strict=True):
        assert line["ExecutionId"] == cells["ExecutionId"] == row["ExecutionId"]
        assert line["Price"] == (row["Price"] or "")
        assert cells["Price"] == (None if row["Price"] is None else Decimal(row["Price"]))
