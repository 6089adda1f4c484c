"""Small IB Gateways of which each does one odd thing: what a public report says that a real one did.

A :class:`SmallGateway` speaks the socket protocol as far as our recorder needs it; a case overrides what it does oddly.
:func:`listening` runs some of them in a thread of their own, for tests of a whole service; :func:`listening_here` does
so in the event loop that runs.
"""

import asyncio
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

from ibconnect.simulator.wire.messages import for_version

Fields = Sequence[str]
Message = Fields | bytes


def frame(message: Message) -> bytes:
    """A message with its length before it; bytes are a payload as it is."""
    body = message if isinstance(message, bytes) else "".join(f"{field}\0" for field in message).encode()
    return struct.pack(">I", len(body)) + body


def value(account: str, key: str, text: str, currency: str = "") -> list[str]:
    """updateAccountValue."""
    return ["6", "2", key, text, currency, account]


def values(account: str, worth: str = "100000.00", currency: str = "USD") -> list[list[str]]:
    """The account values of a small account."""
    return [
        value(account, "AccountCode", account),
        value(account, "AccountReady", "true"),
        value(account, "AccountType", "INDIVIDUAL"),
        value(account, "AvailableFunds", "90000.00", currency),
        value(account, "CashBalance", "50000.1234", "BASE"),
        value(account, "CashBalance", "50000.1234", currency),
        value(account, "Cushion", "0.912345"),
        value(account, "ExchangeRate", "1.00", currency),
        value(account, "NetLiquidation", worth, currency),
        value(account, "TotalCashBalance", "50000.1234", "BASE"),
        value(account, "TotalCashValue", "50000.12", currency),
    ]


def position(account: str, contract: int | str, symbol: str, **changed: str) -> list[str]:
    """updatePortfolio."""
    figures = {
        "size": "100",
        "price": "10.5",
        "value": "1050.00",
        "cost": "9.25",
        "unrealized": "125.00",
        "realized": "0",
    }
    figures |= {name: text for name, text in changed.items() if name in figures}
    described = [changed.get("sec_type", "STK"), "", "0", "0", "", "NASDAQ", changed.get("currency", "USD")]
    return ["7", "8", str(contract), symbol, *described, symbol, symbol, *figures.values(), account]


def end(account: str) -> list[str]:
    """accountDownloadEnd."""
    return ["54", "1", account]


def notice(code: int, text: str = "A notice.", request: str = "-1") -> list[str]:
    """An error or notice."""
    return ["4", "2", request, str(code), text, ""]


LOST = notice(1100, "Connectivity between IBKR and Trader Workstation has been lost.")
RESTORED = notice(1102, "Connectivity between IBKR and Trader Workstation has been restored - data maintained.")


class SmallGateway:
    """One gateway; a case overrides :meth:`subscribed`, which is told how often the account was subscribed."""

    accounts: Sequence[str] = ()
    version = "200"
    zone: bytes = b"UTC"
    greeting: Sequence[Message] = ()

    def __init__(self) -> None:
        self.subscriptions: Counter[str] = Counter()
        self.asked: list[list[str]] = []
        self._writer: asyncio.StreamWriter | None = None

    async def subscribed(self, account: str, nth: int) -> None:
        """reqAccountUpdates."""
        await self.say(*values(account), position(account, 265598, "AAPL"), end(account))

    async def asked_for_values(self, request: str, account: str) -> None:
        """reqAccountUpdatesMulti."""
        await self.say(["74", "1", request])

    async def asked_for_positions(self, request: str, account: str) -> None:
        """reqPositionsMulti."""
        await self.say(["72", "1", request])

    async def asked_for_all_positions(self) -> None:
        """reqPositions."""
        await self.say(["62", "1"])

    def listed(self) -> str:
        """The accounts as message 15 has them."""
        return ",".join(self.accounts)

    async def say(self, *messages: Message) -> None:
        """Send messages to the client, notices in the layout of the version."""
        assert self._writer is not None
        ours = [each if isinstance(each, bytes) else for_version(each, int(self.version)) for each in messages]
        data = b"".join(map(frame, ours))
        self.keep(data)
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    def keep(self, data: bytes) -> None:
        """What is sent to the client."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its first byte to its last."""
        self._writer = writer
        working: set[asyncio.Task[None]] = set()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(4)
            await reader.readexactly(*struct.unpack(">I", await reader.readexactly(4)))
            writer.write(frame(self.version.encode() + b"\0" + b"20261126 12:00:00 " + self.zone + b"\0"))
            while True:
                body = await reader.readexactly(*struct.unpack(">I", await reader.readexactly(4)))
                fields = body.decode().split("\0")[:-1]
                self.asked.append(fields)
                task = asyncio.ensure_future(self._answer(fields))
                working.add(task)
                task.add_done_callback(working.discard)
        for task in working:
            task.cancel()
        writer.close()

    async def _answer(self, fields: list[str]) -> None:
        match fields:
            case ["71", *_]:
                await self.say(["15", "1", self.listed()], ["9", "1", "1"], *self.greeting)
                await self.say(notice(2104, "Market data farm connection is OK:usfarm"))
            case ["17", *_]:
                await self.say(["15", "1", self.listed()])
            case ["6", _, "1", account]:
                self.subscriptions[account] += 1
                await self.subscribed(account, self.subscriptions[account])
            case ["49", *_]:
                await self.say(["49", "1", "1700000000"])
            case ["61", *_]:
                await self.asked_for_all_positions()
            case ["76", _, request, account, *_]:
                await self.asked_for_values(request, account)
            case ["74", _, request, account, *_]:
                await self.asked_for_positions(request, account)


def position_of(account: str, contract: int, symbol: str, size: str = "100") -> list[str]:
    """position (61)."""
    return [
        "61",
        "3",
        account,
        str(contract),
        symbol,
        "STK",
        "",
        "0.0",
        "",
        "",
        "",
        "USD",
        symbol,
        symbol,
        size,
        "9.25",
    ]


def position_multi(request: str, account: str, contract: int, symbol: str, size: str, *, model: str = "") -> list[str]:
    """positionMulti (71)."""
    return ["71", "1", request, *position_of(account, contract, symbol, size)[2:], model]


def values_multi(request: str, account: str, worth: str = "100000.00", model: str = "") -> list[list[str]]:
    """accountUpdateMulti (73), of everything that :func:`values` says."""
    return [["73", "1", request, account, model, *row[2:5]] for row in values(account, worth)]


async def _listen(gateways: Sequence[SmallGateway]) -> list[asyncio.Server]:
    return [await asyncio.start_server(gateway.serve, "127.0.0.1", 0) for gateway in gateways]


def _ports(servers: Sequence[asyncio.Server]) -> list[int]:
    return [server.sockets[0].getsockname()[1] for server in servers]


@asynccontextmanager
async def listening_here(*gateways: SmallGateway) -> AsyncIterator[list[int]]:
    """Have them listen in the running event loop; gives their ports on 127.0.0.1."""
    servers = await _listen(gateways)
    try:
        yield _ports(servers)
    finally:
        for server in servers:
            server.close()


@contextmanager
def listening(*gateways: SmallGateway) -> Iterator[list[int]]:
    """Have them listen, in a thread of their own; gives their ports on 127.0.0.1."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="small gateways", daemon=True)
    thread.start()

    async def close(servers: list[asyncio.Server]) -> None:
        for server in servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    servers = asyncio.run_coroutine_threadsafe(_listen(gateways), loop).result()
    try:
        yield _ports(servers)
    finally:
        asyncio.run_coroutine_threadsafe(close(servers), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
