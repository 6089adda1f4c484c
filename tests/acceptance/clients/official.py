"""IB's own Python client, unmodified, told to look at everything on a gateway."""

import threading
from typing import Any

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.wrapper import EWrapper

from tests.waiting import DEADLINE_S


class Official(EWrapper, EClient):  # type: ignore[misc]
    """Collects what the callbacks say; ``wait`` blocks until the end message of a request."""

    def __init__(self) -> None:
        EWrapper.__init__(self)
        EClient.__init__(self, self)
        self.accounts: list[str] = []
        self.values: list[tuple[Any, ...]] = []
        self.rows: list[tuple[Any, ...]] = []
        self.held: list[tuple[Any, ...]] = []
        self.summary: list[tuple[Any, ...]] = []
        self.profits: dict[int, tuple[float, float, float]] = {}
        self.errors: list[tuple[int, int, str]] = []
        self._ends = threading.Semaphore(0)

    def wait(self) -> None:
        assert self._ends.acquire(timeout=DEADLINE_S), f"no answer; errors: {self.errors}"

    def error(self, reqId: int, errorTime: int, errorCode: int, errorString: str, advanced: str = "") -> None:  # noqa: N803
        if not 2100 <= errorCode <= 2199:
            self.errors.append((reqId, errorCode, errorString))

    def managedAccounts(self, accountsList: str) -> None:  # noqa: N802, N803
        self.accounts = [code for code in accountsList.split(",") if code]

    def nextValidId(self, orderId: int) -> None:  # noqa: N802, N803
        self._ends.release()

    def updateAccountValue(self, key: str, val: str, currency: str, accountName: str) -> None:  # noqa: N802, N803
        self.values.append((accountName, key, currency, val))

    def updatePortfolio(self, contract: Contract, *figures: Any) -> None:  # noqa: N802
        *numbers, account = figures
        self.rows.append((account, contract.conId, contract.secType, *numbers))

    def accountDownloadEnd(self, accountName: str) -> None:  # noqa: N802, N803
        self._ends.release()

    def position(self, account: str, contract: Contract, position: Any, avgCost: float) -> None:  # noqa: N803
        self.held.append((account, contract.conId, contract.secType, position, avgCost))

    def positionEnd(self) -> None:  # noqa: N802
        self._ends.release()

    def accountSummary(self, reqId: int, account: str, tag: str, value: str, currency: str) -> None:  # noqa: N802, N803
        self.summary.append((account, tag, currency, value))

    def accountSummaryEnd(self, reqId: int) -> None:  # noqa: N802, N803
        self._ends.release()

    def pnl(self, reqId: int, dailyPnL: float, unrealizedPnL: float, realizedPnL: float) -> None:  # noqa: N803
        self.profits[reqId] = (dailyPnL, unrealizedPnL, realizedPnL)
        self._ends.release()


def look(port: int, tags: str) -> Official:
    """Connect, ask for everything, disconnect; run it in a thread of its own."""
    app = Official()
    app.connect("127.0.0.1", port, 21)
    reader = threading.Thread(target=app.run, daemon=True)
    reader.start()
    app.wait()
    assert app.serverVersion() == 200
    for account in list(app.accounts):
        app.reqAccountUpdates(True, account)
        app.wait()
    app.reqPositions()
    app.wait()
    app.reqAccountSummary(1, "All", tags)
    app.wait()
    for number, account in enumerate(app.accounts):
        app.reqPnL(100 + number, account, "")
        app.wait()
    app.disconnect()
    reader.join(DEADLINE_S)
    return app
