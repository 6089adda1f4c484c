"""A token that is removed, limited further or at its end loses what is being sent to it, within about two seconds."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import aiohttp
import pytest

from ibconnect.http.app import SERVICES
from ibconnect.http.server.binding import bind
from ibconnect.times import format_rfc3339, utc_now
from tests.serving import DU1, DU2, Served, logged, serving
from tests.waiting import until

LIVE = {"Accept": "text/event-stream"}
ONE, OTHER = "one-token-0123456789", "other-token-0123456789"
BOTH = f"{ONE}@{DU1},{DU2};name=one"
# About two seconds are promised; whoever waits for a slow reader, or for a heartbeat, takes longer than this.
SOON_S = 10.0
# A line for each second of some hours: much more than fits into any buffer, and quickly made.
LONG = f"/v1/accounts/{DU1}/history?from=2024-01-01T00:00:00Z&to=2024-01-01T06:00:00Z&step=1s&tag=Cushion"


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def put(path: Path, *entries: str) -> None:
    """Write a file at once."""
    new = path.with_suffix(".new")
    new.write_text("".join(f"{entry}\n" for entry in entries))
    new.replace(path)


@pytest.fixture
def buffers_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps little of what a client has not taken yet, so that an answer has to wait for its client."""

    async def bind_so(hosts: Sequence[str], port: int) -> list[socket.socket]:
        sockets = await bind(hosts, port)
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
        return sockets

    monkeypatch.setattr("ibconnect.http.app.bind", bind_so)


@pytest.fixture
async def guarded(world_url: str, tmp_path: Path) -> AsyncIterator[tuple[Served, Path]]:
    path = tmp_path / "tokens"
    put(path, BOTH, f"{OTHER}@{DU1}")
    async with serving(world_url, API_TOKENS_FILE=str(path), ACCESS_LOG="true", LOG_FORMAT="json") as server:
        yield server, path


@asynccontextmanager
async def tail(served: Served, token: str, query: str = "?after=0") -> AsyncIterator[aiohttp.ClientResponse]:
    """A live stream of events that has begun."""
    async with served.get(f"/v1/events{query}", headers={**LIVE, **bearer(token)}) as response:
        assert response.status == 200
        await response.content.readuntil(b"retry: 1000\n\n")
        yield response


async def ends(response: aiohttp.ClientResponse, seconds: float = SOON_S) -> bool:
    """Whether a stream ends within so many seconds, which it does not do by itself."""
    try:
        async with asyncio.timeout(seconds):
            while _ := await response.content.readany():
                pass
    except aiohttp.ClientError:
        pass
    except TimeoutError:
        return False
    return True


FATES = {
    # By the beginning of the token: what stood in the file, what stands there then, whether its streams end.
    "removed": (f"@{DU1},{DU2}", None, True),
    "one-account-less": (f"@{DU1},{DU2}", f"@{DU1}", True),
    "not-all-accounts": ("@*,read,events", f"@{DU1}", True),
    "one-right-less": (f"@{DU1}", f"@{DU1},read,refresh", True),
    "no-events": ("@*", "@*,read,refresh,import,metrics", True),
    "ended": (f"@{DU1}", f"@{DU1};until=2024-01-01", True),
    "renamed": (f"@{DU1};name=first", f"@{DU1};name=second", False),
    "more-of-all": (f"@{DU1},events", "@*", False),
    "ends-one-day": (f"@{DU1}", f"@{DU1};until=2090-01-01", False),
    "the-same": (f"@{DU1}", f"@{DU1}", False),
}


def token_of(fate: str) -> str:
    return f"{fate}-0123456789"


async def test_live_streams_end_with_what_they_were_admitted_for_and_no_others(
    guarded: tuple[Served, Path],
) -> None:
    served, path = guarded
    before = {fate: f"{token_of(fate)}{entry}" for fate, (entry, _, _) in FATES.items()}
    guard = served.app[SERVICES].guard
    put(path, *before.values())
    await until(lambda: guard.tokens is not None and len(guard.tokens) == len(FATES), "the file is read")
    with logged() as lines:
        async with AsyncExitStack() as stack:
            streams = {fate: await stack.enter_async_context(tail(served, token_of(fate))) for fate in FATES}
            put(path, *(f"{token_of(fate)}{entry}" for fate, (_, entry, _) in FATES.items() if entry is not None))
            gone = [fate for fate, (_, _, is_gone) in FATES.items() if is_gone]
            assert all(await asyncio.gather(*(ends(streams.pop(fate)) for fate in gone)))
            assert not any(await asyncio.gather(*(ends(stream, 1.0) for stream in streams.values())))
        reported = {line["token"]: line["answers"] for line in lines() if line["kind"] == "http_token_ended"}
        names = {sha256(token_of(fate).encode()).hexdigest()[:8] for fate in gone}
        assert reported == dict.fromkeys(names, 1)

        def logged_streams() -> set[str]:
            return {line["token"] for line in lines() if line["kind"] == "http_request"}

        await until(lambda: names <= logged_streams(), "their lines in the log name tokens that are gone")


async def test_a_live_stream_ends_at_the_end_of_its_token(world_url: str) -> None:
    """Without a file, too."""
    end = utc_now() + timedelta(seconds=1)
    tokens = f"{ONE}@*;until={format_rfc3339(end)} {OTHER}@{DU1}"
    async with serving(world_url, API_TOKENS=tokens) as served, tail(served, ONE) as stream, tail(served, OTHER) as on:
        assert await ends(stream)
        assert utc_now() >= end
        assert not await ends(on, 0.2)


def begun(port: int, target: str, accept: str, token: str) -> socket.socket:
    """A client that has asked for much, and taken the beginning of it."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.settimeout(30)
    link.connect(("127.0.0.1", port))
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nAccept-Encoding: identity\r\n"
    link.sendall(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
    assert link.recv(12) == b"HTTP/1.1 200"
    return link


def rest_of(link: socket.socket) -> bytes:
    """What else comes, however it ends."""
    found = bytearray()
    try:
        while data := link.recv(1 << 16):
            found += data
            if found.endswith(b"\r\n0\r\n\r\n"):
                break
    except ConnectionResetError:
        pass
    return bytes(found)


async def test_a_long_table_is_cut_off_while_its_client_takes_its_time(
    buffers_little: None, guarded: tuple[Served, Path]
) -> None:
    """A client that reads nothing holds up the answer: its end must not wait for it."""
    served, path = guarded
    port = int(served.url.rpartition(":")[2])
    async with served.get(LONG, headers={**bearer(ONE), "Accept": "text/csv"}) as response:
        assert len(await response.read()) > 500_000, "without a reason it is sent"
    links = [
        await asyncio.to_thread(begun, port, target, accept, ONE)
        for target, accept in ((LONG, "text/csv"), ("/v1/events", "text/event-stream"))
    ]
    with logged() as lines:
        put(path, f"{OTHER}@{DU1}")
        reported = await until(
            lambda: [line for line in lines() if line["kind"] == "http_token_ended"], "the answers are cut off", SOON_S
        )
        assert (reported[0]["token"], reported[0]["answers"]) == ("one", len(links))
    for link in links:
        with link:
            assert not (await asyncio.to_thread(rest_of, link)).endswith(b"\r\n0\r\n\r\n"), "it is not whole"
