"""What the books of a simulated market say, in the form in which real clients are asked for it; and those clients.

In: a scenario, or a port. Out: rows by key, with numbers as floats where a client has floats. Called by the tests of
the simulated market and of replays.
"""

import asyncio
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ib_async import IB, Contract

from ibconnect.simulator import Scenario
from ibconnect.simulator.scenario.advisor import ADVISOR_DATA
from ibconnect.simulator.scenario.blotter import Fill, Order
from ibconnect.simulator.scenario.reference import isin_of, long_name
from tests.acceptance.clients.official_market import look_at_market
from tests.npm import NODE, environment
from tests.waiting import DEADLINE_S

CLIENTS = Path(__file__).parent / "clients"
Rows = dict[str, list[Any]]
Books = dict[str, Rows]


@lru_cache
def busy() -> Scenario:
    """An advisor's market in which everything has happened once; not to be changed."""
    scenario = Scenario(seed=11, accounts=3, positions=9, advisor=True, activity=60.0)
    for _ in range(300):
        scenario.advance()
    return scenario


def contracts_of(scenario: Scenario) -> list[int]:
    """One contract of each kind that there are details of."""
    pools = scenario.world.pools
    return [pools[kind][0].con_id for kind in ("STK", "OPT", "FUT", "CASH", "FOP", "CRYPTO")]


def books(scenario: Scenario, contracts: Sequence[int]) -> Books:
    """What every client must see, with numbers as floats."""
    world = scenario.world
    fills = [f for fill in world.fills if fill.account in world.accounts for f in (*fill.earlier, fill)]
    orders = [o for o in world.orders if o.account in world.accounts or o.allocations]
    working = [order for order in orders if order.is_open]
    found: Books = {
        "fills": {fill.exec_id: _fill(fill) for fill in fills},
        "commissions": {f.exec_id: _commission(f) for f in fills if f.commission},
        "orders": {_key(order): _order(order) for order in working},
        "statuses": {_key(order): _status(order) for order in working},
        "completed": {str(order.perm_id): _completed(order) for order in orders if not order.is_open},
        "contracts": {},
        "advisor": {str(kind): [_unescaped(scenario.answer(ADVISOR_DATA, kind)[3])] for kind in (1, 3)},
    }
    for con_id in contracts:
        instrument = world.instruments[con_id]
        found["contracts"][str(con_id)] = [instrument.symbol, long_name(instrument), isin_of(instrument)]
    return found


def _key(order: Order) -> str:
    perm_id = 0 if order.client_id and order.state.status == "PendingSubmit" else order.perm_id
    return f"{order.client_id}/{order.order_id}/{perm_id}"


def _fill(fill: Fill) -> list[Any]:
    sizes = [float(number) for number in (fill.shares, fill.price, fill.cumulative, fill.average_price)]
    ids = [fill.perm_id, fill.order_id, fill.client_id]
    return [fill.account, fill.instrument.con_id, fill.side, *sizes, *ids]


def _commission(fill: Fill) -> list[Any]:
    report = fill.commission
    assert report is not None
    return [float(report.amount), report.currency, float(report.realized or 0) or None]


def _terms(order: Order) -> list[Any]:
    return [order.account, order.instrument.con_id, order.action, float(order.quantity)]


def _order(order: Order) -> list[Any]:
    return [*_terms(order), order.order_type, float(order.limit or 0), order.state.status, len(order.legs)]


def _status(order: Order) -> list[Any]:
    s = order.state
    return [s.status, float(s.filled), float(s.remaining), float(s.average_price), float(s.last_price)]


def _completed(order: Order) -> list[Any]:
    return [*_terms(order), float(order.state.filled), order.state.status]


def as_numbers(seen: Books) -> Books:
    """Sizes that a client gives as text, as numbers."""
    found: Books = {}
    for table, rows in seen.items():
        read = _number if table in _SIZED else _unescaped
        found[table] = {key: [read(value) for value in row] for key, row in rows.items()}
    for report in found["commissions"].values():
        # ib_async takes a profit that is not set for 0, so that nobody tells them apart here.
        report[2] = report[2] or None
    return found


def _unescaped(text: str) -> str:
    r"""Text as it is meant: some clients leave ``\u00fc`` as it comes."""
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)


_SIZED = ("fills", "commissions", "orders", "statuses", "completed")


def _number(value: Any) -> Any:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


async def official(port: int, contracts: Sequence[int]) -> tuple[int, Books]:
    """IB's own client."""
    version, seen = await asyncio.to_thread(look_at_market, port, contracts)
    return version, as_numbers(seen)


async def stoqey(port: int, contracts: Sequence[int], node_modules: Path) -> tuple[int, Books]:
    """The client for Node."""
    process = await asyncio.create_subprocess_exec(
        str(NODE),
        str(CLIENTS / "stoqey_market.cjs"),
        str(port),
        ",".join(map(str, contracts)),
        env=environment(NODE_PATH=str(node_modules)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert process.returncode == 0, err.decode()
    told = json.loads(out)
    assert told["errors"] == []
    return told["version"], as_numbers(told["seen"])


async def ib_async(port: int, contracts: Sequence[int]) -> tuple[int, Books]:
    """ib_async's high-level client."""
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, clientId=33, raiseSyncErrors=True, timeout=DEADLINE_S)
    try:
        async with asyncio.timeout(DEADLINE_S):
            trades = await ib.reqAllOpenOrdersAsync()
            completed = await ib.reqCompletedOrdersAsync(False)
            await ib.reqExecutionsAsync()
            details = [(await ib.reqContractDetailsAsync(Contract(conId=con_id)))[0] for con_id in contracts]
            advisor = {str(kind): [_unescaped(await ib.requestFAAsync(kind))] for kind in (1, 3)}
        return ib.client.serverVersion(), {
            "fills": {f.execution.execId: _ib_fill(f) for f in ib.fills()},
            "commissions": {f.execution.execId: _ib_commission(f) for f in ib.fills() if f.commissionReport.execId},
            "orders": {_ib_key(t): _ib_order(t) for t in trades},
            "statuses": {_ib_key(t): _ib_status(t) for t in trades},
            "completed": {
                str(t.order.permId): [*_ib_terms(t), t.order.filledQuantity, _ib_state(t)] for t in completed
            },
            "contracts": {str(d.contract.conId): [d.contract.symbol, d.longName, _ib_isin(d)] for d in details},
            "advisor": advisor,
        }
    finally:
        ib.disconnect()


def _ib_fill(fill: Any) -> list[Any]:
    e = fill.execution
    sizes = [e.shares, e.price, e.cumQty, e.avgPrice]
    return [e.acctNumber, fill.contract.conId, e.side, *sizes, e.permId, e.orderId, e.clientId]


def _ib_commission(fill: Any) -> list[Any]:
    report = fill.commissionReport
    return [report.commission, report.currency, report.realizedPNL or None]


def _ib_key(trade: Any) -> str:
    return f"{trade.order.clientId}/{trade.order.orderId}/{trade.order.permId}"


def _ib_terms(trade: Any) -> list[Any]:
    order = trade.order
    return [order.account, trade.contract.conId, order.action, order.totalQuantity]


def _ib_order(trade: Any) -> list[Any]:
    order, legs = trade.order, trade.contract.comboLegs
    return [*_ib_terms(trade), order.orderType, order.lmtPrice, trade.orderStatus.status, len(legs or ())]


def _ib_status(trade: Any) -> list[Any]:
    s = trade.orderStatus
    return [s.status, s.filled, s.remaining, s.avgFillPrice, s.lastFillPrice]


def _ib_state(trade: Any) -> str:
    return str(trade.orderStatus.status)


def _ib_isin(details: Any) -> str:
    return next((tag.value for tag in details.secIdList if tag.tag == "ISIN"), "")
