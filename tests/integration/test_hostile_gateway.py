"""Gateways that mean harm: what they send costs what its bytes cost, ends in time, and disturbs no neighbour."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import pytest
from prometheus_client import REGISTRY

from ibconnect import troubles
from ibconnect.codes import MOST_LISTED
from ibconnect.database.pools import connect
from ibconnect.events.types import (
    AccountConcluded,
    AccountsListed,
    DecodeFailed,
    RecordingInterrupted,
    RefreshEnded,
    RefreshStarted,
    SessionClosed,
    SessionOpened,
)
from ibconnect.observe import Trouble
from tests.hostile import FLOODS, HostileGateway, claiming
from tests.projecting import project
from tests.recording import Recording, ask_for_refresh, recording
from tests.serving import serving
from tests.small_gateway import SmallGateway, frame, notice, value
from tests.waiting import until

SIZE = 60_000
SMALL = [
    "empty frames",
    "frames of a byte",
    "frames of a NUL",
    "one short field",
    "ids alone",
    "short unknown messages",
    "account times",
    "values without fields",
    "small frames of all lengths",
]


_ends = count(1)


class Neighbour(SmallGateway):
    """A gateway like any other."""

    accounts = ("DU1",)


@asynccontextmanager
async def listening(*gateways: SmallGateway) -> AsyncIterator[list[int]]:
    """Their ports on 127.0.0.1."""
    servers = [await asyncio.start_server(gateway.serve, "127.0.0.1", 0) for gateway in gateways]
    try:
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        for server in servers:
            server.close()


def of_gateway(port: int) -> int:
    """How many series name a gateway."""
    return sum(
        sample.labels.get("gateway") == f"127.0.0.1:{port}"
        for family in REGISTRY.collect()
        for sample in family.samples
    )


def said(seen: Recording, port: int) -> str:
    """The state and the detail of a gateway in /v1/gateways."""
    with connect(seen.url, name="test") as connection:
        query = "SELECT state, coalesce(detail, '') FROM coordination.gateway WHERE name = %s"
        return ": ".join(connection.execute(query, (f"127.0.0.1:{port}",)).fetchone() or ("", ""))


def is_said(seen: Recording, port: int, text: str) -> bool:
    """Whether that says this."""
    return text in said(seen, port)


def stored_bytes(seen: Recording) -> int:
    """What the events take: with their two indexes about 115 bytes each, and their states."""
    with connect(seen.url, name="test") as connection:
        row = connection.execute("SELECT coalesce(sum(115 + length(state)), 0) FROM stored_events").fetchone()
        assert row is not None
        return int(row[0])


async def all_is_stored(seen: Recording, gateway: HostileGateway) -> None:
    """Wait until everything is that a gateway has sent on its one connection; exactly that, frame by frame."""
    await gateway.say(notice(2137, f"the end {next(_ends)}"))
    await until(lambda: seen.payloads()[-1][-1:] == gateway.sent[-1][-1:], "what was sent last is stored")
    assert seen.payloads() == gateway.sent


async def test_small_frames_cost_what_their_bytes_cost(database_url: str, tmp_path: Path) -> None:
    gateway = HostileGateway()
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        for flood in SMALL:
            before, events = stored_bytes(seen), len(seen.events())
            await gateway.push(FLOODS[flood](SIZE, Random(1)))
            await all_is_stored(seen, gateway)
            # A value of an account takes four times its bytes.
            assert stored_bytes(seen) - before < 2 * SIZE, flood
            assert len(seen.events()) - events < SIZE / 1000, flood


async def test_of_many_messages_that_cannot_be_understood_one_in_a_read_is_named(
    database_url: str, tmp_path: Path
) -> None:
    gateway = HostileGateway()
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        await gateway.push(frame(["6", "2", "x" * 40]) * 5000)
        await all_is_stored(seen, gateway)
        failed = seen.of(DecodeFailed)
        assert sum(1 + (event.more or 0) for event in failed) == 5000
        assert len(failed) < 500
        named = [event for event in seen.events() if event.originator_version == failed[0].version]
        assert getattr(named[0], "fields", None) == ("6", "2", "x" * 40)


async def test_what_a_gateway_names_makes_no_series(database_url: str, tmp_path: Path) -> None:
    gateway = HostileGateway()
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        await gateway.say(*(notice(code) for code in range(2000)))
        for flood in ("other codes of notices", "notices of any text", "other lists of accounts"):
            await gateway.push(FLOODS[flood](20_000, Random(2)))
        await all_is_stored(seen, gateway)
        assert of_gateway(ports[0]) < 150


class Endless(HostileGateway):
    """Sends the same piece over and over instead of a greeting, or after it."""

    def __init__(self, piece: bytes, *, pause: float = 0.0, version: str | None = None) -> None:
        super().__init__()
        self.piece, self.pause = piece, pause
        self.claimed = version
        self.sent_bytes = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client."""
        self.connections += 1
        if self.claimed is not None:
            writer.write(frame([self.claimed, "20261126 12:00:00 UTC"]))
        try:
            while self.piece and not writer.is_closing():
                writer.write(self.piece)
                self.sent_bytes += len(self.piece)
                await writer.drain()
                await asyncio.sleep(self.pause)
            await reader.read()
        except ConnectionError:
            pass
        writer.close()


GREETINGS: dict[str, tuple[Callable[[], Endless], str]] = {
    "bytes without a frame's end": (
        lambda: Endless(claiming(0xFFFFFF) + b"x" * 65536),
        "before it said its server ver",
    ),
    "a frame of 4 GiB": (lambda: Endless(claiming(0xFFFFFFFF)), "a frame claims 4294967295 bytes"),
    "empty frames": (lambda: Endless(frame(b"") * 9999), "before it said its server version"),
    "notices": (lambda: Endless(frame(notice(2104, "x" * 900)) * 9), "before it said its server version"),
    "a byte now and then": (lambda: Endless(b"\0", pause=0.02), "no whole message"),
    "silence": (lambda: Endless(b""), "did not answer the API handshake"),
    "a version that is too old": (lambda: Endless(b"", version="99"), "older than 157"),
    "a version that is too new": (lambda: Endless(b"", version="99999"), "insists on server version 99999"),
    "a version that is text": (lambda: Endless(b"", version="latest"), "'latest', which is no number"),
    "a version of 5,000 digits": (lambda: Endless(b"", version="1" * 5000), "which is no number"),
    "a version below zero": (lambda: Endless(b"", version="-178"), "which is no number"),
    "notices after the handshake": (
        lambda: Endless(frame(notice(2104, "x" * 60_000)), version="178"),
        "before its login was over",
    ),
    "lists of accounts without an id": (
        lambda: Endless(frame(["15", "1", "DU1," * 250_000]), version="178"),
        "before its login was over",
    ),
    "a list that does not end": (
        lambda: Endless(claiming(0xFFFFFF) + b"15\x001\0" + b"DU1," * 9000, version="178"),
        "before its login was over",
    ),
    "nothing after the handshake": (lambda: Endless(b"", version="178"), "did not list an account"),
    "a web page": (lambda: Endless(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "an HTTP server answers there"),
}


async def test_whatever_greets_is_left_again_and_named(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.connection.HANDSHAKE_S", 1.0)
    gateways = [make() for make, _ in GREETINGS.values()]
    neighbour = Neighbour()
    async with listening(neighbour, *gateways) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        for (greeting, (_, named)), port in zip(GREETINGS.items(), ports[1:], strict=True):
            await until(partial(is_said, seen, port, named), lambda: f"{greeting}: {said(seen, port)}")  # noqa: B023
        for gateway in gateways:
            # What the kernels of both sides hold besides is not ours.
            assert gateway.sent_bytes < gateway.connections * (16 << 20)
        connections, size = (sum(getattr(each, what) for each in gateways) for what in ("connections", "sent_bytes"))
        assert stored_bytes(seen) < 9 * size + connections * 2000 + 50_000


@pytest.mark.parametrize("what", ["bytes", "events"])
async def test_a_flood_is_interrupted_and_told_and_the_neighbour_is_recorded(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr("ibconnect.gateway.flood.FIRST_S", 0.5)
    monkeypatch.setattr("ibconnect.gateway.allowance.OVER_S", 2.0)
    monkeypatch.setattr("ibconnect.gateway.flood.OVER_S", 2.0)
    bound = {"bytes": {"GATEWAY_MAX_BYTES": "64KiB"}, "events": {"GATEWAY_MAX_EVENTS": "1000"}}[what]
    gateway, neighbour = HostileGateway(), Neighbour()
    async with listening(gateway, neighbour) as ports, recording(database_url, tmp_path, *ports, **bound) as seen:
        await seen.refreshes(2)
        await gateway.push(FLOODS["values"](1_000_000, Random(3)))
        (closed,) = await seen.have(SessionClosed)
        assert (closed.reason, f"GATEWAY_MAX_{what.upper()} allows" in closed.detail) == ("flood", True)
        assert troubles.lasts(Trouble.GATEWAY_FLOODS)
        assert any(f"127.0.0.1:{ports[0]}: it sent more than" in reason for reason in troubles.lasting())
        series = {"gateway": f"127.0.0.1:{ports[0]}"}
        assert REGISTRY.get_sample_value("ibconnect_gateway_floods_total", series) == 1
        (told,) = await seen.have(RecordingInterrupted)
        assert told.why == closed.detail
        assert told.since >= (closed.arrived or 0)
        assert told.until - told.since >= 0.2 * 1e6
        # What was recorded of it is a prefix of what it sent.
        (stored, *_), (sent, *_) = [each for each in seen.payloads() if b"EVIL" in b"".join(each)], gateway.sent
        assert stored == sent[: len(stored)] != sent
        await until(lambda: not troubles.lasts(Trouble.GATEWAY_FLOODS), "it is over")
        ask_for_refresh(database_url)
        await until(lambda: len(seen.of(RefreshEnded)) >= 4, "both are refreshed again")
        assert len([event for event in seen.of(SessionOpened) if event.gateway.endswith(f":{ports[1]}")]) == 1


async def test_a_flood_is_left_alone_for_longer_each_time(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.flood.FIRST_S", 0.2)

    class Again(HostileGateway):
        async def subscribed(self, account: str, nth: int) -> None:
            await super().subscribed(account, nth)
            await self.push(FLOODS["values"](400_000, Random(4)))

    gateway = Again()
    async with (
        listening(gateway) as ports,
        recording(database_url, tmp_path, *ports, GATEWAY_MAX_EVENTS="100") as seen,
    ):
        told = await seen.have(RecordingInterrupted, 3)
        waits = [event.until - event.since for event in told]
        assert waits[0] < 0.9e6
        assert waits[2] >= 0.4e6
        await until(lambda: "left alone for" in said(seen, ports[0]), lambda: said(seen, ports[0]))
        assert {event.reason for event in seen.of(SessionClosed)} == {"flood"}


async def test_a_message_that_comes_a_byte_at_a_time_is_silence(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.gateway.connection.ASK_AFTER_S", 0.2)
    monkeypatch.setattr("ibconnect.gateway.connection.GIVE_UP_AFTER_S", 1.0)

    class Dribbling(HostileGateway):
        async def subscribed(self, account: str, nth: int) -> None:
            await super().subscribed(account, nth)
            assert self._writer is not None
            self._writer.write(claiming(0xFFFFFF))
            while not self._writer.is_closing():
                self._writer.write(b"x")
                await asyncio.sleep(0.05)

    async with listening(Dribbling()) as ports, recording(database_url, tmp_path, *ports) as seen:
        closed = await seen.have(SessionClosed)
        assert closed[0].reason == "silent"
        assert "no whole message" in closed[0].detail


LONG_S = 30
"""Far beyond what it takes; looked for one by one among the others, the accounts alone took minutes."""
HUNDRED_THOUSAND = [f"DU{number:07}" for number in range(100_000)]


async def test_a_hundred_thousand_accounts_hold_up_no_other_gateway(database_url: str, tmp_path: Path) -> None:
    gateway, neighbour = HostileGateway(*HUNDRED_THOUSAND), Neighbour()
    async with listening(gateway, neighbour) as ports, recording(database_url, tmp_path, *ports) as seen:
        (started,) = [event for event in await seen.have(RefreshStarted, 2) if len(event.accounts) > 1]
        assert started.accounts == HUNDRED_THOUSAND[:MOST_LISTED]
        assert max(len(event.fields[2]) for event in seen.of(AccountsListed)) > 900_000
        await until(lambda: troubles.lasts(Trouble.ACCOUNTS_LEFT_OUT), "it is told")
        request = ask_for_refresh(database_url, gateways=[f"127.0.0.1:{ports[1]}"])
        await until(
            lambda: [each for each in seen.of(RefreshEnded) if each.request == request], "it is refreshed", LONG_S
        )
        await asyncio.wait_for(asyncio.to_thread(project, database_url), LONG_S)
    async with serving(database_url) as server, asyncio.timeout(LONG_S), server.get("/v1/accounts") as response:
        assert len(await response.json()) == MOST_LISTED + 1


async def test_what_has_not_the_form_of_a_code_is_recorded_and_listed_nowhere(
    database_url: str, tmp_path: Path
) -> None:
    odd = ["", " ", "..", "X" * 65, "a\x1bb", "a\u202eb", "\u200b", "a\nb", "\x7f", "\ufeff", "A" * 1_000_000]
    gateway = HostileGateway("DU6660001", *odd)
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        assert {event.fields[2] for event in seen.of(AccountsListed)} == {",".join(("DU6660001", *odd))}
        assert [event.accounts for event in seen.of(RefreshStarted)] == [["DU6660001"]]
    project(database_url)
    async with serving(database_url) as server, server.get("/v1/accounts") as response:
        assert [row["AccountCode"] for row in await response.json()] == ["DU6660001"]


async def test_other_lists_all_the_time_are_not_a_refresh_each(database_url: str, tmp_path: Path) -> None:
    gateway = HostileGateway()
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        for number in range(300):
            gateway.accounts = [f"DU{number}"]
            await gateway.say(["15", "1", gateway.listed()])
            await asyncio.sleep(0.003)
        await gateway.say(notice(2137, "the end"))
        await until(lambda: seen.payloads()[-1][-1:] == gateway.sent[-1][-1:], "all is stored")
        assert len(seen.of(RefreshStarted)) <= 3


async def test_ever_other_accounts_are_a_flood(database_url: str, tmp_path: Path) -> None:
    gateway = HostileGateway()
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        await gateway.push(FLOODS["other lists of accounts"](500_000, Random(5)))
        (closed,) = await seen.have(SessionClosed)
        assert closed.reason == "flood"
        assert "new accounts" in closed.detail


@pytest.mark.parametrize("bound", ["_MOST_KEYS", "_MOST_MESSAGES"])
async def test_a_download_without_end_becomes_no_snapshot(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(f"ibconnect.gateway.collectors.accounts.received.{bound}", 1000)

    class Downloading(HostileGateway):
        async def subscribed(self, account: str, nth: int) -> None:
            await super().subscribed("another", nth)
            await self.push(FLOODS["other keys"](60_000, Random(6)))

    async with listening(Downloading()) as ports, recording(database_url, tmp_path, *ports) as seen:
        concluded = await seen.have(AccountConcluded)
        assert (concluded[0].ended, concluded[0].detail) == ("rejected", "more came than any account has")
    project(database_url)
    with connect(database_url, name="test") as connection:
        assert connection.execute("SELECT count(*) FROM accounts.account_snapshot").fetchone() == (0,)


async def test_no_gateway_takes_the_loop_for_long(database_url: str, tmp_path: Path) -> None:
    """The reading of one has turns: whoever else is due comes between them."""
    gateway = HostileGateway()
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        (task,) = [task for task in asyncio.all_tasks() if "keep_alive" in str(task)]
        transport = task.get_coro().cr_frame.f_locals["self"].transport  # type: ignore[union-attr]
        data = frame(value("DU6660001", "Key", "caf\u00e9")) * 40_000
        turns = 0

        def turn() -> None:
            nonlocal turns
            turns += 1
            asyncio.get_running_loop().call_soon(turn)

        turn()
        transport._onSocketHasData(data)
        await until(lambda: transport._turn is None, "all is taken")
        assert turns >= 4


async def test_a_gateway_that_fills_the_spool_leaves_its_neighbour_a_part(database_url: str, tmp_path: Path) -> None:
    gateway, neighbour = HostileGateway(), Neighbour()
    async with (
        listening(gateway, neighbour) as ports,
        recording(database_url, tmp_path, *ports, SPOOL_MAX_BYTES="1MiB") as seen,
    ):
        await seen.refreshes(2)
        with connect(database_url, name="test") as connection, connection.transaction():
            connection.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            await gateway.push(FLOODS["values"](1_000_000, Random(7)))
            lost = {"gateway": f"127.0.0.1:{ports[0]}"}
            await until(
                lambda: REGISTRY.get_sample_value("ibconnect_messages_lost_total", lost), "the spool is full for one"
            )
            for number in range(300):
                await neighbour.say(notice(2137, f"kept {number}"))
        await until(lambda: "kept 299" in str(seen.payloads()), "the neighbour's notices are stored")
        opened = [event.originator_id for event in seen.of(SessionOpened) if event.gateway.endswith(f":{ports[1]}")]
        closed = await seen.have(SessionClosed)
        assert [event.reason for event in closed] == ["spool-full"]
        assert closed[0].originator_id not in opened
        assert len(opened) == 1


async def test_the_same_list_over_and_over_is_a_flood(database_url: str, tmp_path: Path) -> None:
    gateway = HostileGateway()
    async with listening(gateway) as ports, recording(database_url, tmp_path, *ports) as seen:
        await seen.refreshes()
        await gateway.push(frame(["15", "1", gateway.listed()]) * 30_000)
        (closed,) = await seen.have(SessionClosed)
        assert (closed.reason, "lists of accounts" in closed.detail) == ("flood", True)
        # What steers is recorded up to there; all of it would hold up the snapshots of others.
        assert len(seen.of(AccountsListed)) < 20_000
