"""More connections than there is room for: recording goes on, others are answered, nothing floods the log."""

import asyncio
import json
import re
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from ibconnect.descriptors import raise_limit
from ibconnect.errors import ConfigError
from ibconnect.http.app import SERVICES
from ibconnect.http.server.crowd import address_of, bounds_of
from ibconnect.http.server.limits import GRACE_SECONDS
from tests.faults.family import family
from tests.processes import Process, accounts, get, process
from tests.recording import ask_for_refresh
from tests.serving import Served, admin, logged, serving, settings
from tests.waiting import DEADLINE_S, until, wait_for

CROWD = 1_150
ASK = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def port_of(url: str) -> int:
    """The port of a URL."""
    return int(url.rpartition(":")[2])


def idle(port: int) -> socket.socket:
    """A connection that has been answered once, if it was let in, and is kept open."""
    line = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
    try:
        line.sendall(ASK)
        line.recv(4096)
    except ConnectionError:
        pass
    return line


def is_open(line: socket.socket) -> bool:
    """Whether the other side has kept a connection open."""
    line.setblocking(False)
    try:
        return line.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.fixture
def serve(database_url: str, tmp_path: Path, files: int) -> Iterator[Process]:
    """A service with few descriptors, which records a simulated gateway."""
    with process(tmp_path / "gateway", "simulate", "--port", "0") as gateway:
        port = gateway.said(r"127\.0\.0\.1:(\d+)")[1]
        settings = {"DB_URL": database_url, "DATA_DIR": str(tmp_path / "data"), "IB_GW": f"127.0.0.1:{port}"}
        hosts = {"HOST": "127.0.0.1,127.0.0.2", "PORT": "0", "LOG_FORMAT": "json"}
        with process(tmp_path / "serve", "serve", files=files, **settings, **hosts) as serve:
            serve.said('"kind": ?"service_started"')
            yield serve


@pytest.mark.parametrize("files", [pytest.param(1024, marks=pytest.mark.slow), 256])
def test_idle_connections_end_neither_recording_nor_answers(serve: Process, database_url: str) -> None:
    raise_limit()
    url = serve.url()
    before = accounts(url, 1)
    with ExitStack() as stack:
        crowd = [stack.enter_context(idle(port_of(url))) for _ in range(CROWD)]
        kept = sum(map(is_open, crowd))
        assert 16 < kept < CROWD, "it keeps some, and not all"
        assert is_open(crowd[-1]), "the newest takes the place of the oldest"
        assert not is_open(crowd[0])
        status, found = get(f"http://127.0.0.2:{port_of(url)}/healthz")
        assert (status, found["Alive"]) == (200, True)
        position = newest(database_url)
        assert get(f"http://127.0.0.2:{port_of(url)}/v1/accounts", Cache_Control="max-age=0")[0] == 200
        accounts(url, len(before), before)
        wait_for(lambda: newest(database_url) > position, "recording goes on")
        cut_off(database_url)
        before = accounts(url, len(before))
        ask_for_refresh(database_url)
        accounts(f"http://127.0.0.2:{port_of(url)}", len(before), before)
    check_log(serve)


@pytest.mark.parametrize("files", [256])
def test_no_descriptor_left_is_told_once_and_over_when_there_are_some(serve: Process) -> None:
    """Something else in the process may have taken what was kept in reserve."""
    url, process_id = serve.url(), family(serve)["api"].pid
    soft, hard = resource.prlimit(process_id, resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        crowd = [stack.enter_context(idle(port_of(url))) for _ in range(20)]
        resource.prlimit(
            process_id, resource.RLIMIT_NOFILE, (len(list(Path(f"/proc/{process_id}/fd").iterdir())), hard)
        )

        def has_made_room() -> bool:
            """Another client is answered, for whom it may take a descriptor that was let go a moment ago."""
            line = stack.enter_context(socket.create_connection(("127.0.0.2", port_of(url)), timeout=DEADLINE_S))
            line.sendall(ASK)
            assert line.recv(4096).startswith(b"HTTP/1.1 200")
            return not all(map(is_open, crowd))

        wait_for(has_made_room, "idle ones make room")
        resource.prlimit(process_id, resource.RLIMIT_NOFILE, (soft, hard))
        assert get(f"{url}/healthz")[0] == 200
    check_log(serve)


@pytest.fixture
async def small(world_url: str) -> AsyncIterator[Served]:
    """A server with room for sixteen connections, ten of one address."""
    async with serving(
        world_url, MAX_CONNECTIONS="16", MAX_CONNECTIONS_PER_ADDRESS="10", HOST="0.0.0.0", ALLOW_ANONYMOUS="true"
    ) as served:
        yield served


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def lines(served: Served, count: int, source: str, said: bytes = ASK) -> AsyncIterator[list[Streams]]:
    """So many connections from an address, each of which has said something and been answered."""
    found: list[Streams] = []
    port = port_of(served.url)
    try:
        for _ in range(count):
            found.append(await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))
            found[-1][1].write(said)
            if said:
                await asyncio.wait_for(found[-1][0].readuntil(b"\r\n\r\n"), DEADLINE_S)
        yield found
    finally:
        for _, writer in found:
            writer.close()


async def is_cut(line: Streams) -> bool:
    """Whether the server closes a connection on which there is nothing to come any more."""
    with suppress(ConnectionError, TimeoutError):
        while await asyncio.wait_for(line[0].read(4096), 0.05):
            pass
    return line[0].at_eof() or line[0].exception() is not None


LISTENING = b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n"


async def test_the_oldest_idle_connection_of_who_has_most_makes_room(small: Served) -> None:
    async with lines(small, 10, "127.0.0.3") as many, lines(small, 6, "127.0.0.4") as few:
        assert small.app[SERVICES].crowd.open == 16
        async with lines(small, 3, "127.0.0.5"):
            assert [await is_cut(line) for line in many] == [True] * 3 + [False] * 7
            assert [await is_cut(line) for line in few] == [False] * 6


async def test_of_one_address_there_are_so_many_and_the_others_have_room(small: Served) -> None:
    async with lines(small, 12, "127.0.0.3") as many, lines(small, 6, "127.0.0.4") as few:
        assert [await is_cut(line) for line in many] == [True] * 2 + [False] * 10
        assert not any([await is_cut(line) for line in few])


async def test_what_is_at_work_is_left_alone_and_a_new_one_is_refused(small: Served) -> None:
    async with lines(small, 10, "127.0.0.3", LISTENING) as streams:
        with logged() as reported:
            for _ in range(5):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", port_of(small.url), local_addr=("127.0.0.3", 0)
                )
                assert await is_cut((reader, writer))
                writer.close()
            (line,) = [line for line in reported() if line["kind"] == "http_connections_crowded"]
        assert (line["who"], line["closed"], line["level"]) == ("127.0.0.3", "new connections", "warning")
        assert not any([await is_cut(stream) for stream in streams])
        async with lines(small, 1, "127.0.0.4"), small.get("/metrics") as response:
            text = await response.text()
        refused = re.search(r'connections_closed_total\{why="refused"\} (\d+)', text)
        assert refused is not None
        assert int(refused[1]) >= 5


async def test_who_says_nothing_makes_room_after_a_moment(small: Served) -> None:
    async with lines(small, 10, "127.0.0.3", b"") as mute:
        await until(lambda: small.app[SERVICES].crowd.open == 10, "all are let in")
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(small.url), local_addr=("127.0.0.3", 0))
        assert await is_cut((reader, writer)), "their first request may be on its way"
        writer.close()
        await asyncio.sleep(GRACE_SECONDS)  # for so long it may: nothing else can show that it does not come
        async with lines(small, 1, "127.0.0.3"):
            assert [await is_cut(line) for line in mute] == [True] + [False] * 9


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::1", "::2", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, are_one: bool) -> None:
    assert (address_of(one) == address_of(other)) == are_one


@pytest.fixture
def limit() -> Iterator[Callable[[int], None]]:
    """Sets the soft limit of descriptors of this process for a test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda number: resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_bounds_follow_from_the_settings_and_the_limit(limit: Callable[[int], None]) -> None:
    def bounds(files: int, **changed: str) -> tuple[int, int]:
        limit(files)
        found = bounds_of(settings("postgresql://h/d", IB_GW="a:1,b:1", **changed))
        return found.most, found.most_each

    assert bounds(4096) == (1000, 500)
    assert bounds(1024) == (1024 - 144, 440)
    assert bounds(4096, MAX_CONNECTIONS="3000") == (3000, 1500)
    assert bounds(4096, MAX_CONNECTIONS="50", MAX_CONNECTIONS_PER_ADDRESS="50") == (50, 50)
    assert bounds(160) == (16, 8)
    for files, changed, says in (
        (159, {}, "needs 160"),
        (
            1024,
            {"MAX_CONNECTIONS": "1000"},
            "MAX_CONNECTIONS=1000: .* 1024 descriptors and needs 1144",
        ),
        (4096, {"MAX_CONNECTIONS_PER_ADDRESS": "1001"}, "more than there may be in all, 1000"),
    ):
        with pytest.raises(ConfigError, match=says):
            bounds(files, **changed)


def test_the_soft_limit_is_raised_to_the_hard_one(limit: Callable[[int], None]) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit(1000)
    assert raise_limit() == min(hard, 65_536)


def newest(url: str) -> int:
    """The position of the newest event."""
    with admin(url) as connection:
        row = connection.execute("SELECT coalesce(max(notification_id), 0) FROM stored_events").fetchone()
    assert row is not None
    return int(str(row[0]))


def cut_off(url: str) -> None:
    """End all connections of the service to Postgres: it needs descriptors for new ones."""
    with admin(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def check_log(serve: Process) -> None:
    """No traceback, no word of asyncio's, few lines about the crowd."""
    lines = serve.output.splitlines()
    assert not re.search(r"Traceback|out of system resource|Too many open files", serve.output), serve.output
    reported = [json.loads(line) for line in lines if '"http_connections_crowded"' in line]
    assert 1 <= len(reported) <= 3, reported
