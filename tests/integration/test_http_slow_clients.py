"""Clients that send, or take what they are sent, byte by byte or not at all: each ends in its time, nobody waits."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from ibconnect.http.app import SERVICES
from tests.serving import DU1, FIRST, Served, at, logged
from tests.waiting import PAUSE_S, until

# Of each kind so many at once.
CROWD, CROWD_OF_LARGE = 12, 3
# About ten megabytes, far more than sockets hold.
LARGE = f"/v1/accounts/{DU1}/history?tag=NetLiquidation,CashBalance,AccruedCash,Cushion,BuyingPower,TotalCashValue"
LARGE += f"&step=1m&from={at(0)}&to={FIRST.replace(month=4).isoformat().replace('+00:00', 'Z')}"
Client = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def times_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test need not wait for those of a service."""
    for name in ("HEAD_SECONDS", "SEND_SECONDS", "LINGER_SECONDS", "KEEPALIVE_SECONDS"):
        monkeypatch.setattr(f"ibconnect.http.server.connections.{name}", 0.5)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Says nothing at all."""
    await reader.read()


def dripping(beginning: bytes) -> Client:
    """Sends this, and then a byte now and then, for ever."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)

        async def is_cut() -> bool:
            writer.write(b"x")
            await writer.drain()
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(4096), 5 * PAUSE_S)
            return reader.at_eof()

        await until(is_cut, "the connection is ended")

    return client


def taking_nothing(path: str, accept: str) -> Client:
    """Asks for much and takes the first line of it."""

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        transport = writer.transport
        transport.pause_reading()  # type: ignore[attr-defined]

        async def is_cut() -> bool:
            # Seen by writing, since nothing is read.
            writer.write(b"x")
            with suppress(ConnectionError):
                await writer.drain()
            return transport.is_closing()

        await until(is_cut, "the connection is reset")

    return client


HEAD = b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/accounts HTTP/1.1\r\nHost: localhost\r\n"
SLOW: dict[str, Client] = {
    "nothing": silent,
    "a first line": dripping(b"GET /v1/acc"),
    "a header": dripping(HEAD + b"X: "),
    "headers without end": dripping(HEAD + b"A: a\r\nB: b\r\n"),
    "a body": dripping(POST + b"Content-Length: 100000\r\n\r\n"),
    "a body of chunks": dripping(POST + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n"),
    "a body of a GET": dripping(HEAD + b"Content-Length: 100000\r\n\r\n"),
    "a large table": taking_nothing(LARGE, "text/csv"),
    "a large history": taking_nothing(LARGE, "application/json"),
}


async def one(served: Served, client: Client) -> None:
    """One such client, until the server ends its connection."""
    host, port = served.url.removeprefix("http://").split(":")
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setblocking(False)
    await asyncio.get_running_loop().sock_connect(link, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=link, limit=4096)
    try:
        with suppress(ConnectionError):
            await client(reader, writer)
    finally:
        writer.close()


@pytest.mark.parametrize("what", SLOW)
async def test_it_ends_in_its_time_and_holds_nobody_up(served: Served, what: str) -> None:
    size, answered = CROWD_OF_LARGE if "large" in what else CROWD, 0
    with logged() as lines:
        crowd = [asyncio.create_task(one(served, SLOW[what])) for _ in range(size)]

        async def are_ended() -> bool:
            nonlocal answered
            for path in ("/healthz", f"/v1/accounts/{DU1}/{at(1)}", f"/v1/accounts/{DU1}/history?tag=Cushion"):
                async with served.get(path) as response:
                    assert response.status == 200
                    await response.read()
            answered += 1
            return all(task.done() for task in crowd)

        await until(are_ended, "all are ended")
        await asyncio.gather(*crowd)
        cut_off = [line for line in lines() if line["kind"] == "http_slow_reader"]
    assert len(cut_off) == (size if "large" in what else 0)
    assert answered > 1, "others were answered while some were not ended"
    assert served.app[SERVICES].pool.get_stats().get("requests_waiting", 0) == 0
