"""Orders as tables: newest first, by state and symbol, page by page, with every state; of nobody else's accounts."""

from collections.abc import Iterator

import pytest

from tests.conftest import create_database, drop_database
from tests.orders import COMPLETED_END, OPEN_END, completed_order, open_order, order_status, project
from tests.projecting import Stream, record, value
from tests.projecting import project as project_accounts
from tests.serving import Served, serving
from tests.tables import rows

BAG = ("28812380", "AAPL,MSFT", "BAG", "", "0.0", "", "", "SMART", "USD", "28812380", "COMB")
LEGS = [("265598", "1", "BUY", "SMART", "0", "0", "", "-1"), ("272093", "2", "SELL", "SMART", "0", "0", "", "-1")]
MICROSOFT = ("272093", "MSFT", "STK", "", "0.0", "", "", "SMART", "USD", "MSFT", "NMS")
TOKENS = "all-accounts-of-it@* one-account-of-it@DU1"


def world() -> Stream:
    """Two accounts; in the first an order that was filled, one that is open, one with legs; in the other ten."""
    stream = Stream()
    stream.message("15", "1", "DU1,DU2", timed=True)
    stream.refresh({code: [value("NetLiquidation", "1.00", "USD", code)] for code in ("DU1", "DU2")})
    messages = [
        *(open_order(status="PreSubmitted"), order_status("PreSubmitted")),
        *(open_order(), order_status("Submitted", "4", "6", "189.4")),
        *(open_order(permId="73", orderId="9", contract=BAG, legs=LEGS, lmtPrice="-0.00", tif="GTC"),),
        order_status(perm="73", order="9"),
        OPEN_END,
        completed_order(filledQuantity="10", totalQuantity="0", completedTime="20231114 17:13:20 US/Eastern"),
        completed_order(permId="72", status="Cancelled", contract=MICROSOFT, filledQuantity="0", lmtPrice="x"),
        COMPLETED_END,
        *(completed_order(permId=str(100 + number), account="DU2") for number in range(10)),
    ]
    for fields in messages:
        stream.at += 1_000_000
        stream.message(*fields, timed=True)
    return stream


@pytest.fixture(scope="module")
def orders_url(server_url: str, template: str) -> Iterator[str]:
    url = create_database(server_url, "http_orders", template)
    record(url, world().events)
    project_accounts(url)
    project(url)
    yield url
    drop_database(server_url, "http_orders")


async def perm_ids(served: Served, path: str) -> list[int]:
    return [int(row["PermId"]) for row in await rows(served, path)]


async def test_newest_first_with_every_state(orders_url: str) -> None:
    async with serving(orders_url) as served:
        found = await rows(served, "/v1/accounts/DU1/orders")
        assert [row["PermId"] for row in found] == ["72", "73", "71"]
        cancelled, combination, filled = found
        assert filled["Status"] == "Filled"
        print(filled, combination, cancelled)
