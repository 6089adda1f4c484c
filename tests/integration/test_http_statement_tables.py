"""What statements say over HTTP: each table in every format, page by page, chosen by day and kind; who sees whose."""

import io
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from psycopg.types.json import Jsonb

from ibconnect.http.resources.statement_tables.kinds import CASH_FLOWS, SERVED, Served
from ibconnect.http.server.columns import Type
from ibconnect.projections.upkeep import ensure
from tests.conftest import create_database, drop_database
from tests.serving import PROBLEM, serving
from tests.serving import Served as Server
from tests.stated import Stated
from tests.tables import pages, rows

MINE, THEIRS, QUIET = "U0000001", "U0000002", "U0000003"
FULL, LIMITED = "reads-everything-there-is", "reads-one-account-alone"
DAYS = [f"2025-{month:02}-{day:02}" for month in (1, 6, 12) for day in (1, 15, 28)]
AT = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
CELLS: dict[Type, Any] = {
    Type.TEXT: "=text",
    Type.FIGURE: Decimal("-1234567.123456789"),
    Type.DATE: date(2024, 2, 29),
    Type.TIME: AT,
    Type.INTEGER: 265598,
    Type.BOOLEAN: True,
    Type.JSON: Jsonb({"aNewAttribute": "1.50"}),
}


def cells_of(served: Served, **changed: Any) -> dict[str, Any]:
    """A cell for each column, which no two rows of a table have to have in common."""
    usual = {field.of: CELLS[field.column.type] for field in served.fields[2:]}
    return {**usual, "statement": 7, "origin": "Section", "current": True, **changed}


@pytest.fixture(scope="module")
def stated_url(server_url: str, template: str) -> Iterator[str]:
    """Of each table some rows a day of two accounts, every third by an older statement; and what holds no longer."""
    url = create_database(server_url, name := f"stated_{os.getpid()}", template)
    ensure(url)
    stated = Stated(url)
    stated.know(MINE, THEIRS, QUIET)
    for served in SERVED:
        for (number, day), account in itertools.product(enumerate(DAYS), (MINE, THEIRS)):
            for line in range(3):
                changed = {served.chosen_by[1]: ("First", "Second / Half")[line % 2]} if served.chosen_by else {}
                if account == THEIRS and line == 0:
                    changed["more"] = None
                stated.add(served.table, account, day, **cells_of(served, **changed, statement=9 - number % 3))
        stated.add(served.table, MINE, DAYS[0], **cells_of(served, current=False))
    yield url
    drop_database(server_url, name)


@pytest.fixture
async def server(stated_url: str) -> AsyncIterator[Server]:
    async with serving(stated_url, API_TOKENS=f"{FULL}@* {LIMITED}@{THEIRS},{QUIET},read") as served:
        served.client.headers["Authorization"] = f"Bearer {FULL}"
        yield served


def path(served: Served, account: str = MINE) -> str:
    return f"/v1/accounts/{account}/{served.noun}"


EACH = pytest.mark.parametrize("served", SERVED, ids=lambda served: served.noun)


@EACH
async def test_each_row_that_holds_newest_first_with_every_cell(server: Server, served: Served) -> None:
    found = await rows(server, path(served))
    assert [row["Day"] for row in found] == [day for day in reversed(DAYS) for _ in range(3)]
    assert all(list(row) == [column.name for column in served.columns] for row in found)
    shown = {
        Type.TEXT: "=text",
        Type.FIGURE: "-1234567.123456789",
        Type.DATE: "2024-02-29",
        Type.TIME: "2025-01-02T03:04:05Z",
        Type.INTEGER: "265598",
        Type.BOOLEAN: True,
        Type.JSON: {"aNewAttribute": "1.50"},
    }
    chosen = served.chosen_by and served.chosen_by[1]
    for field in served.fields[2:]:
        if field.of not in ("statement", "origin", chosen):
            assert {repr(row[field.column.name]) for row in found} == {repr(shown[field.column.type])}


@EACH
async def test_pages_are_the_list(server: Server, served: Served) -> None:
    every = await rows(server, path(served))
    for limit in (1, 2, 4, 27):
        found = await pages(server, f"{path(served)}?limit={limit}")
        assert [row for page in found for row in page] == every
        assert {len(page) for page in found[:-1]} <= {limit}


@EACH
async def test_days_are_those_of_a_zone(server: Server, served: Served) -> None:
    for query, wanted in {
        "from=2025-06-01&to=2025-06-15": {"2025-06-01", "2025-06-15"},
        "from=2025-06-15T01:00:00Z&to=2025-06-15T02:00:00Z": {"2025-06-15"},
        "from=2025-06-15T01:00:00Z&to=2025-06-15T02:00:00Z&tz=America/New_York": set(),
        "from=2025-06-15&to=2025-06-15&tz=Asia/Tokyo": {"2025-06-15"},
        "to=2024-12-31": set(),
        "from=2025-12-29": set(),
    }.items():
        assert {row["Day"] for row in await rows(server, f"{path(served)}?{query}")} == wanted, query


@pytest.mark.parametrize(
    "served", [served for served in SERVED if served.chosen_by], ids=lambda served: str(served.noun)
)
async def test_rows_are_chosen(server: Server, served: Served) -> None:
    assert served.chosen_by is not None
    name, column = served.chosen_by
    shown = next(field.column.name for field in served.fields if field.of == column)
    for query, wanted in {"FIRST": {"First"}, "second / half,first": {"First", "Second / Half"}, "x": set()}.items():
        found = await rows(server, f"{path(served)}?{name}={query}&limit=5")
        assert {row[shown] for row in found} == wanted
    assert len(await rows(server, f"{path(served)}?{name}=first")) == 2 * len(DAYS)


@EACH
async def test_all_formats_have_the_same_rows(server: Server, served: Served) -> None:
    async with server.get(f"{path(served)}?format=csv") as response:
        lines = (await response.text()).splitlines()
        assert f'filename="{MINE}-{served.noun}.csv"' in response.headers["Content-Disposition"]
    assert lines[0] == ",".join(column.name for column in served.columns)
    assert len(lines) == 1 + 3 * len(DAYS)
    assert "'=text" in lines[1]
    async with server.get(f"{path(served)}?format=parquet") as response:
        table = pyarrow.parquet.read_table(io.BytesIO(await response.read()))
    assert table.num_rows == 3 * len(DAYS)
    assert table.schema.field("Day").type == pa.date32()
    assert not any(pa.types.is_floating(field.type) for field in table.schema)
    async with server.get(path(served)) as response:
        tag = response.headers["ETag"]
    async with server.get(path(served), headers={"If-None-Match": tag}) as response:
        assert response.status == 304


async def test_flows_of_all_accounts_that_a_token_may_see(server: Server) -> None:
    every = await rows(server, "/v1/cash-flows?limit=5")
    of = {account: await rows(server, path(CASH_FLOWS, account)) for account in (MINE, THEIRS, QUIET)}
    assert (len(every), of[QUIET]) == (6 * len(DAYS), [])
    for account, own in of.items():
        assert [row for row in every if row["AccountCode"] == account] == own
        assert await rows(server, f"/v1/cash-flows?account={account}") == own
    assert [row["Day"] for row in every] == [day for day in reversed(DAYS) for _ in range(6)]
    seen = {"Authorization": f"Bearer {LIMITED}"}
    assert await rows(server, "/v1/cash-flows?limit=4", **seen) == of[THEIRS]
    assert await rows(server, "/v1/cash-flows?type=first&to=2025-06-30", **seen) == [
        row for row in of[THEIRS] if row["Type"] == "First" and row["Day"] < "2025-07"
    ]
    async with server.get(f"/v1/cash-flows?account={MINE},{THEIRS}", headers=seen) as response:
        assert (response.status, response.content_type) == (404, PROBLEM)


@EACH
async def test_an_account_of_others_is_none(server: Server, served: Served) -> None:
    answers = []
    for account, token in ((MINE, LIMITED), ("U9999999", LIMITED), ("U9999999", FULL)):
        async with server.get(path(served, account), headers={"Authorization": f"Bearer {token}"}) as response:
            answers.append((response.status, (await response.json())["type"].rpartition(":")[2]))
    assert answers == [(404, "unknown-account")] * 3


@pytest.mark.parametrize(
    "query",
    ["cursor=2025-06-31-1-1", "cursor=1", "limit=0", "limit=10001", "from=2025-02-02&to=2025-02-01", "symbol=AAPL"],
)
async def test_what_makes_no_sense_is_refused(server: Server, query: str) -> None:
    async with server.get(f"{path(CASH_FLOWS)}?{query}") as response:
        assert (response.status, response.content_type) == (400, PROBLEM)


async def test_assets_and_cash_of_one_transfer_are_two_flows(database_url: str) -> None:
    """Both are of one element: a page that ends between them loses neither."""
    ensure(database_url)
    stated = Stated(database_url)
    stated.know(MINE)
    for is_asset, amount in ((True, "100"), (False, "7")):
        cells = {"line": 5, "is_asset": is_asset, "amount": Decimal(amount), "type": "ACATS"}
        stated.add("cash_flow", MINE, "2025-01-02", **cells)
    async with serving(database_url) as server:
        for path_of, query in itertools.product((path(CASH_FLOWS), "/v1/cash-flows"), ("", "&type=acats")):
            found = await pages(server, f"{path_of}?limit=1{query}")
            assert [row["Amount"] for page in found for row in page] == ["100", "7"]


async def test_a_limited_token_is_told_of_no_other_account_by_the_texts_of_its_own_statements(
    database_url: str,
) -> None:
    """Where a transfer comes from is another account: its code is left out, whichever column it stands in."""
    ensure(database_url)
    stated = Stated(database_url)
    stated.know(MINE, THEIRS, QUIET)
    told = {"dealingParty": f"of {MINE}", "deliveringBroker": MINE, "quantity": "1.50", "own": THEIRS}
    for served in SERVED:
        texts = {field.of: f"to {MINE}." for field in served.fields[2:] if field.column.type is Type.TEXT}
        texts |= {"counterparty_name": "Keller & Sons"} if "counterparty_name" in texts else {}
        stated.add(served.table, THEIRS, DAYS[0], **cells_of(served, **texts, more=Jsonb(told)))
    async with serving(database_url, API_TOKENS=f"{FULL}@* {LIMITED}@{THEIRS},read") as served_here:
        for served in SERVED:
            found = {}
            for token in (FULL, LIMITED):
                headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
                async with served_here.get(path(served, THEIRS), headers=headers) as response:
                    assert response.status == 200
                    found[token] = await response.text()
            assert MINE in found[FULL]
            assert MINE not in found[LIMITED], served.noun
            assert "Keller" not in found[LIMITED], served.noun
            assert '"own":"U0000002"' in found[LIMITED]
