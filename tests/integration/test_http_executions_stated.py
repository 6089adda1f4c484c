"""One fill, two witnesses: executions of gateways and trades of Flex statements in one list, each fill once."""

import itertools
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests import statements as made
from tests.conftest import create_database, drop_database
from tests.executions import History, commission, fill, told
from tests.projecting import project_all
from tests.serving import DU1, DU2, Served, build_world, serving
from tests.tables import pages, rows, rows_of

OLD = "U7654321"
FULL, LIMITED = "sees-all-accounts", "sees-one-account"


def trade(exec_id: str | None, time: str, **changed: object) -> str:
    given: dict[str, object] = {
        "symbol": "AAPL",
        "conid": "265598",
        "assetCategory": "STK",
        "currency": "USD",
        "description": "APPLE INC",
        "isin": "US0378331005",
        "quantity": "10",
        "tradePrice": "189.5",
        "ibCommission": "-1",
        "ibCommissionCurrency": "USD",
        "buySell": "BUY",
        "openCloseIndicator": "O",
        "fifoPnlRealized": "0",
        "exchange": "IBKRATS",
        "tradeID": f"T{time}",
        "dateTime": time,
        "levelOfDetail": "EXECUTION",
    }
    known = {} if exec_id is None else {"ibExecID": exec_id}
    return made.element("Trade", **{**given, **known, **changed})


def stated(account: str, *trades: str, days: tuple[str, str] = ("20250101", "20260131")) -> str:
    return made.statement(made.section("Trades", *trades), account=account, days=days, generated="20260201;010203")


def document() -> bytes:
    """What was before the recorder; the same fills; one that differs, one corrected later; what no gateway told of."""
    before = [trade(f"z.{n}.01.01", f"20251{n % 3:01}05;09{n:02}00") for n in range(20)]
    same = [trade(f"a.{n}.01.01", f"20260105;0931{n:02}") for n in range(6)]
    odd = [
        trade("a.6.01.01", "20260105;093106", tradePrice="189.51", quantity="11", ibCommission="-1.25"),
        trade("a.7.01.02", "20260105;093107", tradePrice="188", ibCommission="-1.5"),
        trade(
            "m.1.01.01",
            "20260105;093130",
            buySell="SELL",
            quantity="-3",
            fifoPnlRealized="12.5",
            openCloseIndicator="C",
        ),
        # Without ids: the first is what the gateway told of as well.
        trade(None, "20260105;093108"),
        trade(None, "20260105;093109", tradePrice="1"),
        trade(None, "20260106", tradePrice="5"),
        trade(None, "20260107;162000", transactionType="BookTrade", tradePrice="0"),
        trade("s.1.01.01", "20260105;093131", levelOfDetail="ORDER"),
    ]
    return made.document(stated(DU1, *before, *same, *odd), stated(OLD, trade("o.1.01.01", "20250303;120000")))


@pytest.fixture(scope="module")
def url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, name := f"executions_stated_{os.getpid()}", template)
    build_world(url, 1)
    history = History(now=datetime(2026, 1, 5, 20, tzinfo=UTC))
    fills = [fill(f"a.{n}.01.01", DU1, time=f"20260105  09:31:{n:02}") for n in range(9)]
    fills.append(fill("b.1.01.01", DU2, time="20260105  09:31:00"))
    reports = [commission(f"a.{n}.01.01", "1.000049999") for n in range(7)]
    history.answer(history.session(told="20260105 15:00:00 EST"), 1, [*fills, *reports])
    told(url, history)
    made.take(url, document())
    project_all(url)
    yield url
    drop_database(server_url, name)


@pytest.fixture
async def server(url: str) -> AsyncIterator[Served]:
    async with serving(url, API_TOKENS=f"{FULL}@* {LIMITED}@{DU2},read") as served:
        served.client.headers["Authorization"] = f"Bearer {FULL}"
        yield served


PATH = f"/v1/accounts/{DU1}/executions"


async def found(server: Served, query: str = "") -> dict[str, dict[str, Any]]:
    every = await rows(server, f"{PATH}?limit=10000{query}")
    assert len({row["ExecutionId"] for row in every}) == len(every)
    return {row["ExecutionId"]: row for row in every}


async def test_each_fill_once_with_who_tells_of_it(server: Served) -> None:
    sources = {code: row["Source"] for code, row in (await found(server)).items()}
    assert sources == {
        **{f"z.{n}.01.01": "statement" for n in range(20)},
        **{f"a.{n}.01.01": "both" for n in range(7)},
        "a.8.01.01": "gateway",
        "a.7.01.02": "statement",
        "m.1.01.01": "statement",
        "T20260105;093109": "statement",
        "T20260106": "statement",
    }


async def test_what_both_say_differently_is_shown(server: Served) -> None:
    every = await found(server)
    assert {code: row["Differences"] for code, row in every.items() if row["Differences"] is not None} == {
        "a.6.01.01": {"Shares": "11", "Price": "189.51", "Commission": "1.25"}
    }
    assert (every["a.6.01.01"]["Shares"], every["a.6.01.01"]["Price"]) == ("10", "189.50")
    assert {row["Statement"] for row in every.values()} == {"1", None}
    assert every["a.8.01.01"]["Statement"] is None


async def test_a_correction_of_a_statement_stands_in_the_place_of_what_it_corrects(server: Served) -> None:
    row = (await found(server))["a.7.01.02"]
    assert [row[name] for name in ("Corrects", "Price", "Commission", "Gateway", "Shares")] == [
        ["a.7.01.01"], "188", "1.5", "127.0.0.1:4002", "10",
    ]  # fmt: skip
    every = await found(server, "&corrections=all")
    assert (every["a.7.01.01"]["CorrectedBy"], every["a.7.01.01"]["Price"]) == ("a.7.01.02", "189.50")
    assert "CorrectedBy" not in every["a.7.01.02"]


async def test_days_that_a_statement_tells_of_are_no_gap(server: Served) -> None:
    gaps = await rows(server, f"{PATH}/gaps")
    assert [(gap["Since"], gap["Until"]) for gap in gaps] == [
        (None, "2025-01-01T05:00:00Z"),
        # What was traded later that day may be of the next one.
        ("2026-01-31T22:00:00Z", None),
    ]
    async with server.get(PATH, headers=server.client.headers) as response:
        assert response.headers["Gaps"] == "2"


async def test_what_a_statement_says_of_a_fill(server: Served) -> None:
    every = await found(server)
    sold = every["m.1.01.01"]
    shown = ("Time", "Side", "Shares", "RealizedPNL", "Commission", "ISIN", "LongName", "Gateway", "TimeAsSent")
    assert [sold[name] for name in shown] == [
        "2026-01-05T14:31:30Z", "SLD", "3", "12.5", "1", "US0378331005", "APPLE INC", None, None,
    ]  # fmt: skip
    assert every["z.1.01.01"]["RealizedPNL"] is None
    undated = every["T20260106"]
    assert (undated["Time"], undated["Remarks"]) == (None, ["unknown-time"])
    (line,) = [row for row in await rows_of(server, PATH) if row["ExecutionId"] == "a.6.01.01"]
    assert line["Differences"] == '{"Shares":11,"Price":189.51,"Commission":1.25}'


@pytest.mark.parametrize("corrections", ["", "&corrections=all"])
async def test_pages_are_the_list(server: Served, corrections: str) -> None:
    spans = ("", "&from=2026-01-01", "&from=2026-01-05T14:31:05Z&to=2026-01-05T14:31:30Z", "&to=2025-12-31")
    chosen = ("", "&symbol=aapl", "&contract=265598", "&symbol=AAPL&contract=265598", "&symbol=MSFT")
    every = await rows(server, f"{PATH}?limit=10000{corrections}")
    assert [row["Time"] or "2026-01-07T05" for row in every] == sorted(
        (row["Time"] or "2026-01-07T05" for row in every), reverse=True
    )
    for path, span, which in itertools.product((PATH, "/v1/executions"), spans, chosen):
        query = f"{span}{which}{corrections}"
        wanted = await rows(server, f"{path}?limit=10000{query}")
        if path == PATH and "MSFT" not in which and span == "&from=2026-01-01":
            assert wanted == [row for row in every if (row["Time"] or "2026-01-07") > "2026"]
        assert (not wanted) == ("MSFT" in which)
        for limit in (1, 2, 7):
            paged = await pages(server, f"{path}?limit={limit}{query}")
            assert [row for page in paged for row in page] == wanted, query
            assert all(paged) or not wanted


async def test_a_token_sees_its_accounts_alone(server: Served) -> None:
    every = await rows(server, "/v1/executions")
    assert {row["AccountCode"] for row in every} == {DU1, DU2, OLD}
    assert [row["Source"] for row in every if row["AccountCode"] == OLD] == ["statement"]
    seen = {"Authorization": f"Bearer {LIMITED}"}
    assert {row["AccountCode"] for row in await rows(server, "/v1/executions", **seen)} == {DU2}
    assert {row["AccountCode"] for row in await rows(server, f"/v1/executions?account={OLD}")} == {OLD}
    for account in (DU1, OLD):
        async with server.get(f"/v1/accounts/{account}/executions", headers=seen) as response:
            assert response.status == 404
