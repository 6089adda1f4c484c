"""Messages about orders, whole ones in the layout of a server version, and the tables of orders read back.

In: the terms of an order, its state. Out: fields; rows. For the tests of the orders report.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ibconnect.database.pools import connect
from ibconnect.projections.engine.live import LiveTables, Step
from ibconnect.projections.engine.schema import ensure
from ibconnect.projections.engine.tracking import path_of
from ibconnect.projections.orders.layout import COMPLETED_ORDER, CONTRACT, OPEN_ORDER
from ibconnect.projections.orders.projection import ORDERS
from ibconnect.projections.orders.walk import Fields, If, Layout, Repeated
from ibconnect.times import to_micros
from tests.projecting import Stream

Items = Sequence[tuple[str, ...]]
NIGHT = datetime(2024, 1, 1, 3, tzinfo=UTC)
COMBINATION = ("28812380", "AAPL,MSFT", "BAG", "", "0.0", "", "", "SMART", "USD", "28812380", "COMB")
LEGS = (("265598", "1", "BUY", "SMART", "0", "0", "", "-1"), ("272093", "2", "SELL", "SMART", "0", "0", "", "-1"))
MICROSOFT = ("272093", "MSFT", "STK", "", "0.0", "", "", "SMART", "USD", "MSFT", "NMS")
APPLE = ("265598", "AAPL", "STK", "", "0.0", "", "", "SMART", "USD", "AAPL", "NMS")
_TERMS = {
    "action": "BUY",
    "totalQuantity": "10",
    "orderType": "LMT",
    "lmtPrice": "189.50",
    "auxPrice": "0.0",
    "tif": "DAY",
    "account": "DU1",
    "permId": "71",
    "status": "Submitted",
}


def set_of(words: str) -> frozenset[str]:
    """Names that stand apart."""
    return frozenset(words.split())


# What a real gateway sends where nothing is said: most figures are unset, the rest is 0.
_UNSET = set_of(
    """
    percentOffset trailStopPrice trailingPercent minQty commissionAndFees minCommissionAndFees maxCommissionAndFees
    cashQty lmtPriceOffset initMarginBefore initMarginChange initMarginAfter maintMarginBefore maintMarginChange
    maintMarginAfter
    """
)
_TEXTS = set_of(
    """
    ocaGroup orderRef goodAfterTime sharesAllocation faGroup faMethod faPercentage faProfile modelCode goodTillDate
    rule80A settlingFirm designatedLocation deltaNeutralOrderType comboLegsDescrip hedgeType clearingAccount
    clearingIntent algoStrategy commissionAndFeesCurrency warningText adjustedOrderType softDollarTierName
    softDollarTierValue softDollarTierShown customerAccount bondAccruedInterest extOperator submitter autoCancelDate
    shareholder completedTime completedStatus marginCurrency rejectReason scalePriceIncrement openClose
    """
)


def of_layout(layout: Layout, version: int, given: Mapping[str, str], lists: Mapping[str, Items]) -> list[str]:
    """Fields by a layout: what is given by name, and 0, empty or unset else."""
    found: list[str] = []
    for step in layout:
        if isinstance(step, Fields) and step.since <= version < step.until:
            found += [given.get(name, _default(name)) for name in step.names]
        elif isinstance(step, Repeated) and step.since <= version:
            items = lists.get(step.name, ())
            found += [str(len(items)), *(text for item in items for text in item)]
            found += of_layout(step.steps, version, given, {}) if items else []
        elif isinstance(step, If) and step.holds(given.get(step.name, "")):
            found += of_layout(step.steps, version, given, lists)
    return found


def _default(name: str) -> str:
    return "1.7976931348623157E308" if name in _UNSET else "" if name in _TEXTS else "0"


def open_order(
    version: int = 178, contract: tuple[str, ...] = APPLE, legs: Items = (), shares: Items = (), **given: str
) -> list[str]:
    """openOrder."""
    told = {**dict(zip(CONTRACT, contract, strict=True)), "orderId": "7", "clientId": "3", **_TERMS, **given}
    return ["5", *of_layout(OPEN_ORDER, version, told, {"comboLegs": legs, "orderAllocations": shares})]


def completed_order(version: int = 178, contract: tuple[str, ...] = APPLE, **given: str) -> list[str]:
    """completedOrder."""
    told = {**dict(zip(CONTRACT, contract, strict=True)), **_TERMS, "status": "Filled", **given}
    return ["101", *of_layout(COMPLETED_ORDER, version, told, {})]


def order_status(
    status: str = "Submitted",
    filled: str = "0",
    remaining: str = "10",
    price: str = "0",
    *,
    perm: str = "71",
    order: str = "7",
    client: str = "3",
    held: str = "",
) -> list[str]:
    """orderStatus."""
    return ["3", order, status, filled, remaining, price, perm, "0", price, client, held, "0"]


def order_world(account: str, gateway: str = "127.0.0.1:4002", at: datetime = NIGHT) -> Stream:
    """A session in which an account has an order that was filled, one with legs that is open, a cancelled one."""
    stream = Stream(gateway, at=to_micros(at))
    combination = {"account": account, "permId": "1234567892", "orderId": "9", "tif": "GTC", "lmtPrice": "-1.25"}
    own = {"account": account, "permId": "1234567891"}
    done = {"filledQuantity": "10", "totalQuantity": "0", "completedStatus": "Filled Size: 10"}
    other = {"account": account, "permId": "1234567890", "status": "Cancelled", "orderRef": "hedge"}
    script = (
        (open_order(**own, status="PreSubmitted"), order_status("PreSubmitted", perm=own["permId"])),
        (open_order(**own), order_status("Submitted", "4", "6", "189.4", perm=own["permId"])),
        (open_order(**combination, contract=COMBINATION, legs=LEGS), order_status(perm="1234567892", order="9")),
        (OPEN_END,),
        (completed_order(**own, **done, completedTime="20231231 22:00:06 US/Eastern"),),
        (completed_order(**other, contract=MICROSOFT, completedStatus="Cancelled by Trader"), COMPLETED_END),
    )
    for messages in script:
        stream.at += 1_000_000
        for fields in messages:
            stream.message(*fields, timed=True)
    return stream


OPEN_END, COMPLETED_END = ["53", "1"], ["102"]


def project(url: str, limit: int = 20_000) -> list[Step]:
    """Make the tables if need be and apply everything that is recorded."""
    ensure(url, [ORDERS])
    with connect(url, name="test", search_path=path_of(ORDERS.name)) as connection:
        live = LiveTables(connection, ORDERS, limit)
        steps = [live.step()]
        while steps[-1].is_behind:
            steps.append(live.step())
        return steps


TABLES = ("gateway", "placed_order", "order_state", "order_gateway", "order_name", "poison_event", "projection")
_CLOCKS = frozenset(("updated", "noted"))


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds."""
    with connect(url, name="test", search_path="orders, public") as connection:
        return connection.execute(query.encode()).fetchall()


def read_tables(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, sorted, without the columns that hold a clock's time."""
    with connect(url, name="test", search_path="orders") as connection:
        found = {}
        for table in TABLES:
            columns = connection.execute(f"SELECT * FROM {table} LIMIT 0").description or []
            wanted = ", ".join(f"{column.name}::text" for column in columns if column.name not in _CLOCKS)
            found[table] = sorted(connection.execute(f"SELECT {wanted} FROM {table}").fetchall(), key=repr)
        return found
