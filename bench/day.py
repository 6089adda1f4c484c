"""A gateway whose day has many executions: it says all of them, with their commissions, whenever it is asked.

In: how many. Out: a port that speaks the API at server version 200, in a thread of this process, until the end of the
context. One account, nothing else to say of it.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from ibconnect.simulator.wire.frames import Fields, frame, payload
from ibconnect.simulator.wire.layouts import EXECUTION

ACCOUNT = "DU1000001"
_VERSION = 200
_MARK = b"REQUEST"
_SHARE = {"conId": "265598", "symbol": "AAPL", "secType": "STK", "exchange": "SMART", "currency": "USD"}
_FILL = {"acctNumber": ACCOUNT, "execExchange": "IBKRATS", "side": "BOT", "shares": "1", "orderId": "7"}


class Day:
    """What it says: frames made once, but for the number of the request."""

    def __init__(self, executions: int) -> None:
        self.answered = 0
        self._rows = self._made(executions)

    @staticmethod
    def _made(executions: int) -> bytes:
        today = datetime.now(UTC).strftime("%Y%m%d 00:00:01 UTC")
        rows = []
        for number in range(executions):
            said = {"execId": f"0000e0d5.{number:08x}.01.01", "time": today, "price": f"189.{number % 100:02d}"}
            filled = {"permId": str(number + 1), "cumQty": "1", "avgPrice": said["price"]}
            # The number of the request has seven digits, so that it fits the place of the mark.
            rows.append(
                frame(payload(EXECUTION.encode(_VERSION, {"reqId": "REQUEST", **_SHARE, **_FILL, **said, **filled})))
            )
            rows.append(frame(payload(("59", "1", said["execId"], "1.0", "USD", "0.0", "0.0", ""))))
        return b"".join(rows)

    def of(self, request: str) -> bytes:
        """The answer to one request."""
        return self._rows.replace(_MARK, request.encode().rjust(len(_MARK), b"0")) + frame(
            payload(("55", "1", request))
        )

    def has_answered(self, times: int) -> bool:
        """Whether it was asked for its executions so often."""
        return self.answered >= times

    def answer(self, fields: list[str]) -> bytes:
        """What is said to a request."""
        said: list[Fields] = []
        match fields:
            case ["71", *_]:
                said = [("15", "1", ACCOUNT), ("9", "1", "1000001")]
            case ["17", *_]:
                said = [("15", "1", ACCOUNT)]
            case ["6", _, "1", account]:
                said = [
                    ("6", "2", "AccountCode", account, "", account),
                    ("6", "2", "NetLiquidation", "100000.00", "USD", account),
                    ("54", "1", account),
                ]
            case ["49", *_]:
                said = [("49", "1", "1700000000")]
            case ["61", *_]:
                said = [("62", "1")]
            case ["7", _, request, *_]:
                self.answered += 1
                return self.of(request)
        return b"".join(frame(payload(each)) for each in said)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Server)
        self.rfile.read(4)
        if self._read():
            self.wfile.write(frame(payload((str(_VERSION), datetime.now(UTC).strftime("%Y%m%d %H:%M:%S UTC")))))
        while body := self._read():
            self.wfile.write(self.server.day.answer(body.decode().split("\0")[:-1]))

    def _read(self) -> bytes:
        head = self.rfile.read(4)
        return self.rfile.read(int.from_bytes(head)) if len(head) == 4 else b""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    day: Day


@contextmanager
def gateway(executions: int) -> Iterator[tuple[Day, int]]:
    """The day, and the port on which it is asked for."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.day = Day(executions)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.day, server.server_address[1]
        finally:
            server.shutdown()
