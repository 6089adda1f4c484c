"""IB's own Python client, unmodified, told to look at orders, executions, contracts and an advisor's data."""

import threading
from collections.abc import Sequence
from typing import Any

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.wrapper import EWrapper

from tests.waiting import DEADLINE_S

Rows = dict[str, list[Any]]


class Market(EWrapper, EClient):  # type: ignore[misc]
    """Collects what the callbacks say; ``wait`` blocks until the end message of a request."""

    def __init__(self) -> None:
        EWrapper.__init__(self)
        EClient.__init__(self, self)
        self.seen: dict[str, Rows] = {
            name: {} for name in ("fills", "commissions", "orders", "statuses", "completed", "contracts", "advisor")
        }
        self.errors: list[tuple[int, int, str]] = []
        self._ends = threading.Semaphore(0)

    def wait(self) -> None:
        assert self._ends.acquire(timeout=DEADLINE_S), f"no answer; errors: {self.errors}"

    def error(self, reqId: int, errorTime: int, errorCode: int, errorString: str, advanced: str = "") -> None:  # noqa: N803
        if not 2100 <= errorCode <= 2199:
            self.errors.append((reqId, errorCode, errorString))

    def nextValidId(self, orderId: int) -> None:  # noqa: N802, N803
        self._ends.release()

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:  # noqa: N802, N803
        key = f"{order.clientId}/{orderId}/{order.permId}"
        terms = [order.account, contract.conId, order.action, str(order.totalQuantity), order.orderType]
        self.seen["orders"][key] = [*terms, order.lmtPrice, orderState.status, len(contract.comboLegs or [])]

    def orderStatus(self, orderId: int, status: str, filled: Any, remaining: Any, *rest: Any) -> None:  # noqa: N802, N803
        price, perm_id, _, last, client_id, *_ = rest
        self.seen["statuses"][f"{client_id}/{orderId}/{perm_id}"] = [status, str(filled), str(remaining), price, last]

    def openOrderEnd(self) -> None:  # noqa: N802
        self._ends.release()

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:  # noqa: N802, N803
        terms = [order.account, contract.conId, order.action, str(order.totalQuantity), str(order.filledQuantity)]
        self.seen["completed"][str(order.permId)] = [*terms, orderState.status]

    def completedOrdersEnd(self) -> None:  # noqa: N802
        self._ends.release()

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:  # noqa: N802, N803
        e = execution
        sizes = [str(e.shares), e.price, str(e.cumQty), e.avgPrice]
        self.seen["fills"][e.execId] = [e.acctNumber, contract.conId, e.side, *sizes, e.permId, e.orderId, e.clientId]

    def execDetailsEnd(self, reqId: int) -> None:  # noqa: N802, N803
        self._ends.release()

    def commissionAndFeesReport(self, commissionAndFeesReport: Any) -> None:  # noqa: N802, N803
        report = commissionAndFeesReport
        realized = None if report.realizedPNL > 1e300 else report.realizedPNL
        self.seen["commissions"][report.execId] = [report.commissionAndFees, report.currency, realized]

    def contractDetails(self, reqId: int, contractDetails: Any) -> None:  # noqa: N802, N803
        isin = next((tag.value for tag in contractDetails.secIdList or () if tag.tag == "ISIN"), "")
        contract = contractDetails.contract
        self.seen["contracts"][str(contract.conId)] = [contract.symbol, contractDetails.longName, isin]

    bondContractDetails = contractDetails  # noqa: N815

    def contractDetailsEnd(self, reqId: int) -> None:  # noqa: N802, N803
        self._ends.release()

    def receiveFA(self, faData: int, cxml: str) -> None:  # noqa: N802, N803
        self.seen["advisor"][str(faData)] = [cxml]
        self._ends.release()


def look_at_market(port: int, contracts: Sequence[int]) -> tuple[int, dict[str, Rows]]:
    """Connect, ask for everything, disconnect; the server version and what was seen. In a thread of its own."""
    app = Market()
    app.connect("127.0.0.1", port, 22)
    reader = threading.Thread(target=app.run, daemon=True)
    reader.start()
    app.wait()
    version = app.serverVersion()
    app.reqAllOpenOrders()
    app.wait()
    app.reqCompletedOrders(False)
    app.wait()
    app.reqExecutions(1, ExecutionFilter())
    app.wait()
    for number, con_id in enumerate(contracts):
        contract = Contract()
        contract.conId = con_id
        app.reqContractDetails(100 + number, contract)
        app.wait()
    for kind in (1, 3):
        app.requestFA(kind)
        app.wait()
    app.disconnect()
    reader.join(DEADLINE_S)
    assert app.errors == []
    return version, app.seen
