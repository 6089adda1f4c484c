"""Server versions 157 to 200: what is agreed upon, that each is asked in its own form, and its notices are heeded."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from ib_async.contract import Contract as OurContract
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.wrapper import EWrapper

from ibconnect.events.types import SessionClosed, SessionOpened
from ibconnect.gateway.requests import request_executions
from ibconnect.gateway.transport import NOTICE, Transport
from ibconnect.setting_values import GatewayAddress
from ibconnect.simulator.options import Options
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.server import Gateway
from tests.recording import recording
from tests.small_gateway import SmallGateway, frame, listening_here
from tests.waiting import until

VERSIONS = range(157, 201)


class Small(SmallGateway):
    """One account."""

    accounts = ("DU1",)


class _Official(EClient):  # type: ignore[misc]
    """The official client, connected to nothing: what it would send."""

    def __init__(self, version: int) -> None:
        super().__init__(EWrapper())
        self.serverVersion_ = version
        self.connState = EClient.CONNECTED
        self.sent: list[list[str]] = []

    def serverVersion(self) -> int:  # noqa: N802
        return self.serverVersion_

    def isConnected(self) -> bool:  # noqa: N802
        return True

    def sendMsg(self, msgId: int, msg: str) -> None:  # noqa: N802, N803
        self.sent.append([str(msgId), *msg.split("\0")[:-1]])


def _by_id(made: Any, number: int) -> Any:
    made.conId = number
    return made


def _filter(days: int | None, account: str) -> ExecutionFilter:
    wanted = ExecutionFilter()
    wanted.acctCode = account
    if days is not None:
        wanted.lastNDays = days
    return wanted


Ask = Callable[[Any], object]
# What collectors ask, by ib_async and by the official client.
SAME: dict[str, tuple[Ask, Ask]] = {
    "positions": (lambda ours: ours.reqPositions(), lambda official: official.reqPositions()),
    "no positions": (lambda ours: ours.cancelPositions(), lambda official: official.cancelPositions()),
    "accounts": (lambda ours: ours.reqManagedAccts(), lambda official: official.reqManagedAccts()),
    "updates": (
        lambda ours: ours.reqAccountUpdates(True, "DU1"),
        lambda official: official.reqAccountUpdates(True, "DU1"),
    ),
    "no updates": (
        lambda ours: ours.reqAccountUpdates(False, "DU1"),
        lambda official: official.reqAccountUpdates(False, "DU1"),
    ),
    "updates multi": (
        lambda ours: ours.reqAccountUpdatesMulti(7, "DU1", "", False),
        lambda official: official.reqAccountUpdatesMulti(7, "DU1", "", False),
    ),
    "no updates multi": (
        lambda ours: ours.cancelAccountUpdatesMulti(7),
        lambda official: official.cancelAccountUpdatesMulti(7),
    ),
    "positions multi": (
        lambda ours: ours.reqPositionsMulti(7, "DU1", ""),
        lambda official: official.reqPositionsMulti(7, "DU1", ""),
    ),
    "no positions multi": (
        lambda ours: ours.cancelPositionsMulti(7),
        lambda official: official.cancelPositionsMulti(7),
    ),
    "time": (lambda ours: ours.reqCurrentTime(), lambda official: official.reqCurrentTime()),
    "symbols": (
        lambda ours: ours.reqMatchingSymbols(7, "IBKR"),
        lambda official: official.reqMatchingSymbols(7, "IBKR"),
    ),
    "open orders": (lambda ours: ours.reqAllOpenOrders(), lambda official: official.reqAllOpenOrders()),
    "completed orders": (
        lambda ours: ours.reqCompletedOrders(False),
        lambda official: official.reqCompletedOrders(False),
    ),
    "executions": (
        lambda ours: request_executions(ours, 7),
        lambda official: official.reqExecutions(7, _filter(None, "")),
    ),
    "executions of an account": (
        lambda ours: request_executions(ours, 7, account="DU1"),
        lambda official: official.reqExecutions(7, _filter(None, "DU1")),
    ),
    "profit": (lambda ours: ours.reqPnL(7, "DU1", ""), lambda official: official.reqPnL(7, "DU1", "")),
    "no profit": (lambda ours: ours.cancelPnL(7), lambda official: official.cancelPnL(7)),
    "profit of a position": (
        lambda ours: ours.reqPnLSingle(7, "DU1", "", 8314),
        lambda official: official.reqPnLSingle(7, "DU1", "", 8314),
    ),
    "no profit of a position": (
        lambda ours: ours.cancelPnLSingle(7),
        lambda official: official.cancelPnLSingle(7),
    ),
    "details of a contract": (
        lambda ours: ours.reqContractDetails(7, _by_id(OurContract(), 8314)),
        lambda official: official.reqContractDetails(7, _by_id(Contract(), 8314)),
    ),
    "aliases": (lambda ours: ours.requestFA(3), lambda official: official.requestFA(3)),
    "family codes": (lambda ours: ours.reqFamilyCodes(), lambda official: official.reqFamilyCodes()),
    "user": (lambda ours: ours.reqUserInfo(7), lambda official: official.reqUserInfo(7)),
}


SINCE = {"user": 167}


class _Ours(Transport):
    """Our transport, connected to nothing."""

    def __init__(self, version: int) -> None:
        silent = dict.fromkeys(
            ("handshake", "read", "frame", "run", "undecodable", "message", "read_end", "lost"), lambda *_: None
        )
        super().__init__(**{f"on_{name}": heard for name, heard in silent.items()})  # type: ignore[arg-type]
        self._serverVersion = version
        self.connState = self.CONNECTED
        self.sent: list[list[str]] = []

    def sendMsg(self, msg: str) -> None:  # noqa: N802
        self.sent.append(msg.split("\0")[:-1])


# Fields that a gateway takes for the same: IB's clients differ in them at every server version.
_ALIKE = {"": "0.0", "0": "0.0"}


def _alike(request: list[str]) -> list[str]:
    return [_ALIKE.get(field, field) for field in request]


@pytest.mark.parametrize("name", SAME)
async def test_a_request_is_the_official_client_s_at_every_server_version(name: str) -> None:
    ask, ask_officially = SAME[name]
    for version in VERSIONS:
        ours, official = _Ours(version), _Official(version)
        ask(ours)
        ask_officially(official)
        assert len(ours.sent) == 1
        # The official client asks a gateway for nothing that it does not know yet.
        assert len(official.sent) == (0 if version < SINCE.get(name, 0) else 1), version
        assert all(_alike(ours.sent[0]) == _alike(request) for request in official.sent), version


async def test_days_of_executions_are_asked_for_where_a_gateway_knows_them() -> None:
    for version in VERSIONS:
        ours, official = _Ours(version), _Official(version)
        request_executions(ours, 7, 5, account="DU1")
        official.reqExecutions(7, _filter(5 if version >= 200 else None, "DU1"))
        assert ours.sent == official.sent, version
    assert ours.sent[0][10:] == ["5", "0"]


@asynccontextmanager
async def _talking(version: int, **options: Any) -> AsyncIterator[tuple[Transport, Gateway, list[list[str]]]]:
    """A transport that has opened a connection to a gateway of that version; what it was told."""
    told: list[list[str]] = []
    scenario = Scenario(seed=1, accounts=2, positions=1, frozen=True)
    async with Gateway(scenario, server_version=version, **options) as gateway:
        transport = Transport(
            on_handshake=lambda found, time: told.append(["handshake", found, time]),
            on_read=lambda _: None,
            on_frame=lambda _: None,
            on_run=lambda _: None,
            on_undecodable=lambda error: told.append(["undecodable", str(error)]),
            on_message=lambda number, fields: told.append(fields),
            on_read_end=lambda: None,
            on_lost=lambda *_: None,
            steering={55: 3},
        )
        try:
            await transport.open(GatewayAddress("127.0.0.1", gateway.port), 5555, 10)
            yield transport, gateway, told
        finally:
            transport.close()


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_is_spoken_and_its_notices_have_one_layout(version: int) -> None:
    async with _talking(version) as (transport, _, told):
        request_executions(transport, 7, 2)
        transport.send(7, 3, "seven", *[""] * 7)
        await until(lambda: any(fields[3:4] == ["320"] for fields in told), "a refusal")
        await until(lambda: ["55", "1", "7"] in told, "the end of the executions")
        assert told[0][:2] == ["handshake", str(version)]
        assert transport.serverVersion() == version
        notices = [fields for fields in told if fields[0] == str(NOTICE)]
        assert {fields[1] for fields in notices} == {"2"}
        assert {"2104", "320"} <= {fields[3] for fields in notices}
        assert all("OK" in fields[4] for fields in notices if fields[3] == "2104")
        assert not [fields for fields in told if fields[0] == "undecodable"]


async def test_what_is_offered_is_what_the_docs_say() -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readexactly(4))
        heard.append(await reader.readexactly(*struct.unpack(">I", await reader.readexactly(4))))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    ours = _Ours(0)
    try:
        opening = asyncio.ensure_future(
            ours.open(GatewayAddress("127.0.0.1", server.sockets[0].getsockname()[1]), 5555, 10)
        )
        await until(lambda: len(heard) == 2, "a handshake")
        await asyncio.gather(opening, return_exceptions=True)
    finally:
        ours.close()
        server.close()
    assert heard == [b"API\0", b"v157..200"]
    assert Options().server_version == 200


class TooNew(Small):
    """Answers with a version that nobody offered, and goes on in its own language."""

    version = "213"
    said = (b"\0\0\0\xd7\x08\x01", b"\0\0\0\xd1\n\x09DU0000001\0")

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[float] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.begun.append(asyncio.get_running_loop().time())
        await reader.readexactly(4)
        await reader.readexactly(*struct.unpack(">I", await reader.readexactly(4)))
        hello = f"{self.version}\x0020261126 12:00:00 UTC\0".encode()
        writer.write(b"".join(map(frame, (hello, *self.said))))
        self.asked.append((await reader.read()).decode("latin-1").split("\0"))
        writer.close()


async def test_a_gateway_that_insists_on_protobuf_is_refused_in_words_and_recorded(
    database_url: str, tmp_path: Path
) -> None:
    gateway = TooNew()
    async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        (closed,) = await seen.have(SessionClosed)
        assert (closed.reason, closed.unfinished) == ("refused", "")
        assert "it insists on server version 213" in closed.detail
        assert "up to 200" in closed.detail
        (opened,) = seen.of(SessionOpened)
        assert (opened.server_version, opened.connection_time) == ("213", "20261126 12:00:00 UTC")
        assert seen.payloads() == [list(gateway.said)]
        await until(lambda: gateway.asked == [[""]], "it is left without a word")


class Mute(Small):
    """Accepts a connection, and does not answer the handshake the first time, or lists no account."""

    def __init__(self, has_version: bool) -> None:
        super().__init__()
        self.has_version = has_version
        self.begun: list[float] = []
        self.ended: list[float] = []
        self.open = self.most_open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        self.begun.append(loop.time())
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            if len(self.begun) > 2:
                await super().serve(reader, writer)
                return
            if self.has_version:
                writer.write(frame(b"200\x0020261126 12:00:00 UTC\0"))
            with suppress(ConnectionError):
                await reader.read(-1)
        finally:
            self.ended.append(loop.time())
            self.open -= 1
            writer.close()


@pytest.mark.parametrize("has_version", [False, True])
async def test_a_handshake_that_does_not_end_is_closed_and_the_next_one_is_not_begun_soon(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_version: bool
) -> None:
    monkeypatch.setattr("ibconnect.gateway.connection.HANDSHAKE_S", 0.3)
    monkeypatch.setattr("ibconnect.gateway.supervisor.UNFINISHED_S", 1.0)
    gateway = Mute(has_version)
    async with listening_here(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        assert gateway.most_open == 1, "one handshake at a time"
        (_, second, third), ended = gateway.begun, gateway.ended
        # Half of the wait is chance; the second one is twice as long.
        assert second - ended[0] >= 0.45
        assert third - ended[1] >= 0.95
