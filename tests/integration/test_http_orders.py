"""Orders as tables: newest first, by state and symbol, page by page, with every state; of nobody else's accounts."""

import csv
import io
from collections.abc import Iterator

import pyarrow.ipc
import pytest

from tests.conftest import create_database, drop_database
from tests.orders import (
    COMBINATION,
    COMPLETED_END,
    LEGS,
    MICROSOFT,
    OPEN_END,
    completed_order,
    open_order,
    order_status,
    order_world,
)
from tests.projecting import Stream, project_all, record, value
from tests.serving import PROBLEM, Served, serving
from tests.tables import pages, rows

LIMITED = {"Authorization": "Bearer sees-the-first-one"}
FULL = {"Authorization": "Bearer sees-all-accounts"}
TOKENS = "sees-all-accounts@* sees-the-first-one@DU1"


def world() -> Stream:
    """Two accounts: three orders in the first, twelve in the other; and one order of which no account was told."""
    stream = Stream()
    stream.message("15", "1", "DU1,DU2", timed=True)
    stream.refresh({code: [value("NetLiquidation", "1.00", "USD", code)] for code in ("DU1", "DU2")})
    messages = [
        *(open_order(status="PreSubmitted"), order_status("PreSubmitted")),
        *(open_order(), order_status("Submitted", "4", "6", "189.4")),
        open_order(permId="73", orderId="9", contract=COMBINATION, legs=LEGS, lmtPrice="-0.00", tif="GTC"),
        order_status(perm="73", order="9"),
        OPEN_END,
        completed_order(filledQuantity="10", totalQuantity="0", completedStatus="Filled Size: 10"),
        completed_order(permId="72", status="Cancelled", contract=MICROSOFT, filledQuantity="0", lmtPrice="x"),
        COMPLETED_END,
        *(completed_order(permId=str(100 + number), account="DU2") for number in range(12)),
        completed_order(permId="98", account="F1A"),
        order_status(perm="99", order="0", client="0"),
    ]
    for fields in messages:
        stream.at += 1_000_000
        stream.message(*fields, timed=True)
    return stream


@pytest.fixture(scope="module")
def orders_url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, "http_orders", template)
    record(url, world().events)
    project_all(url)
    yield url
    drop_database(server_url, "http_orders")


async def perm_ids(served: Served, path: str, **headers: str) -> list[int]:
    return [int(row["PermId"]) for row in await rows(served, path, **headers)]


OTHERS = list(range(111, 99, -1))


async def test_newest_first_with_every_state(orders_url: str) -> None:
    async with serving(orders_url) as served:
        cancelled, combination, filled = await rows(served, "/v1/accounts/DU1/orders")
        assert [order["PermId"] for order in (cancelled, combination, filled)] == ["72", "73", "71"]
        states = [(each["Ordinal"], each["Status"], each["Filled"], each["Remaining"]) for each in filled["States"]]
        assert states == [("1", "PreSubmitted", "0", "10"), ("2", "Submitted", "4", "6"), ("3", "Filled", "10", None)]
        latest = {name: cell for name, cell in filled["States"][-1].items() if name not in ("Ordinal", *TIMES)}
        assert {name: filled[name] for name in latest} == latest
        assert (filled["StateCount"], filled["CompletedStatus"], filled["IsOpen"]) == ("3", "Filled Size: 10", False)
        assert (combination["LmtPrice"], combination["Inexact"]) == ("-0.00", {"LmtPrice": "-0.00"})
        assert [(leg["ConId"], leg["Ratio"], leg["Action"]) for leg in combination["ComboLegs"]] == [
            ("265598", "1", "BUY"),
            ("272093", "2", "SELL"),
        ]
        assert (cancelled["LmtPrice"], cancelled["Inexact"], cancelled["ClientId"]) == (None, {"LmtPrice": "x"}, None)


TIMES = ("FirstSeen", "LastSeen", "Gateway", "Position")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("status=open", [99, 73]),
        ("status=filled", [98, *OTHERS, 71]),
        ("status=cancelled", [72]),
        ("status=Cancelled", [72]),
        ("status=gone", []),
        ("status=Submitted", [99, 73]),
        ("symbol=msft", [72]),
        ("symbol=AAPL", [98, *OTHERS, 71]),
        ("symbol=28812380", [73]),
        ("symbol=AAPL&status=open", []),
        ("symbol=AAPL,MSFT&status=open", [73]),
        ("account=DU1&status=filled", [71]),
        ("account=DU1,DU2", [*OTHERS, 72, 73, 71]),
        ("to=2023-11-13", []),
        ("from=2023-11-15", []),
        ("", [99, 98, *OTHERS, 72, 73, 71]),
    ],
)
async def test_which_are_asked_for_whatever_the_pages(orders_url: str, query: str, wanted: list[int]) -> None:
    async with serving(orders_url) as served:
        assert await perm_ids(served, f"/v1/orders?{query}") == wanted
        assert await perm_ids(served, f"/v1/orders?{query}&limit=1") == wanted
        found = await pages(served, f"/v1/orders?{query}&limit=2")
        assert [len(page) for page in found[:-1]] == [2] * (len(found) - 1)


async def test_a_span_is_of_when_an_order_was_seen_first(orders_url: str) -> None:
    async with serving(orders_url) as served:
        newest, middle, oldest = await rows(served, "/v1/accounts/DU1/orders")
        for begin, end, wanted in ((middle, middle, [73]), (oldest, middle, [73, 71]), (middle, newest, [72, 73])):
            span = f"from={begin['FirstSeen']}&to={end['FirstSeen']}"
            assert await perm_ids(served, f"/v1/accounts/DU1/orders?{span}") == wanted


async def test_states_as_a_table(orders_url: str) -> None:
    async with serving(orders_url) as served:
        path = "/v1/accounts/DU1/orders/states"
        found = await rows(served, f"{path}?limit=2")
        assert [(row["PermId"], row["Ordinal"]) for row in found] == [
            ("72", "1"),
            ("71", "3"),
            ("73", "1"),
            ("71", "2"),
            ("71", "1"),
        ]
        assert found == await rows(served, path)
        assert await rows(served, f"{path}?permid=71&limit=1") == [row for row in found if row["PermId"] == "71"]
        assert await rows(served, "/v1/orders/states?account=DU1") == found
        assert len(await rows(served, "/v1/orders/states")) == len(found) + 14
        assert await rows(served, f"{path}?permid=100") == []


async def test_the_same_table_in_every_format(orders_url: str) -> None:
    async with serving(orders_url) as served:
        wanted = await rows(served, "/v1/accounts/DU1/orders")
        async with served.get("/v1/accounts/DU1/orders?format=csv") as response:
            lines = list(csv.DictReader(io.StringIO(await response.text())))
        assert [line["LmtPrice"] for line in lines] == ["", "-0.00", "189.50"]
        assert "States" not in lines[0]
        assert [line["PermId"] for line in lines] == [row["PermId"] for row in wanted]
        assert '"ConId":265598' in lines[1]["ComboLegs"]
        async with served.get("/v1/accounts/DU1/orders?format=arrow") as response:
            table = pyarrow.ipc.open_stream(await response.read()).read_all()
        assert table.column("PermId").to_pylist() == [72, 73, 71]
        assert str(table.schema.field("LmtPrice").type) == "decimal128(38, 18)"
        async with served.get("/v1/accounts/DU1/orders/states?format=parquet") as response:
            assert response.status == 200


async def test_a_token_sees_its_own_accounts_orders(orders_url: str) -> None:
    async with serving(orders_url, API_TOKENS=TOKENS) as served:
        assert await perm_ids(served, "/v1/orders", **LIMITED) == [72, 73, 71]
        assert await perm_ids(served, "/v1/orders?symbol=AAPL", **LIMITED) == [71]
        assert await perm_ids(served, "/v1/orders?status=filled", **LIMITED) == [71]
        assert {row["AccountCode"] for row in await rows(served, "/v1/orders/states", **LIMITED)} == {"DU1"}
        assert await rows(served, "/v1/orders/states?permid=100", **LIMITED) == []
        assert len(await rows(served, "/v1/orders", **FULL)) == 17
        assert await perm_ids(served, "/v1/accounts/F1A/orders", **FULL) == [98], "no gateway lists it"
        for path in ("/v1/accounts/DU2/orders", "/v1/accounts/DU2/orders/states", "/v1/orders?account=DU2"):
            answers = []
            for asked in (path, path.replace("DU2", "DU9")):
                async with served.get(asked, headers=LIMITED) as response:
                    assert (response.status, response.content_type) == (404, PROBLEM)
                    answers.append((await response.json())["detail"])
            assert answers[0].replace("DU2", "DU9") == answers[1], "as if it were not there"


async def test_a_limited_token_is_told_of_no_other_account_by_the_texts_of_its_own_orders(database_url: str) -> None:
    stream = Stream(server_version="200")
    stream.message("15", "1", "DU1,DU2,DU-3", timed=True)
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD", "DU1")]})
    given = {
        "orderRef": "hedge of DU2",
        "ocaGroup": "DU1",
        "customerAccount": "DU-3",
        "submitter": "me",
        "rejectReason": "DU22",
    }
    shares = [(code, "0", "4.50", "0", "4.50", "4.50", "0") for code in ("DU1", "DU2")]
    stream.message(*open_order(200, shares=shares, **given), timed=True)
    stream.message(*order_status(), timed=True)
    record(database_url, stream.events)
    project_all(database_url)
    async with serving(database_url, API_TOKENS=TOKENS) as served:
        found = {}
        for name, token in (("limited", LIMITED), ("full", FULL)):
            (found[name],) = await rows(served, "/v1/accounts/DU1/orders", **token)
        differing = {name: cell for name, cell in found["limited"].items() if cell != found["full"][name]}
        assert set(differing) == {"OrderRef", "Allocations", "Others"}
        assert differing["OrderRef"] is None
        assert [(each["Account"], each["PositionDesired"]) for each in differing["Allocations"]] == [("DU1", "4.50")]
        assert "CustomerAccount" not in differing["Others"]
        assert differing["Others"]["Submitter"] == "me"
        async with served.get("/v1/accounts/DU1/orders?format=csv", headers=LIMITED) as response:
            text = await response.text()
            assert "DU2," not in text
            assert "DU-3" not in text


async def test_it_is_a_304_until_something_comes(database_url: str) -> None:
    stream = world()
    record(database_url, stream.events)
    project_all(database_url)
    async with serving(database_url) as served:
        path = "/v1/accounts/DU1/orders"
        async with served.get(path) as response:
            tag = response.headers["ETag"]
        async with served.get(path, headers={"If-None-Match": tag}) as response:
            assert response.status == 304
        record(database_url, order_world("DU1", "other:4002").events)
        project_all(database_url)
        async with served.get(path, headers={"If-None-Match": tag}) as response:
            assert response.status == 200
            assert (await response.json())[0]["PermId"] == 1234567890


async def test_of_many_states_an_order_has_the_newest(database_url: str) -> None:
    stream = world()
    for number in range(150):
        stream.message(*order_status("Submitted", str(number + 5), perm="73", order="9"), timed=True)
    record(database_url, stream.events)
    project_all(database_url)
    async with serving(database_url) as served:
        (order,) = await rows(served, "/v1/accounts/DU1/orders?status=open")
        assert (order["StateCount"], len(order["States"])) == ("151", 100)
        assert [order["States"][at]["Ordinal"] for at in (0, -1)] == ["52", "151"]
        assert len(await rows(served, "/v1/accounts/DU1/orders/states?permid=73&limit=40")) == 151
