"""Where the REST server listens: every address of HOST on one port, or none; what answers say of the server."""

import asyncio
import errno
import socket
from collections.abc import Sequence
from contextlib import closing
from http import HTTPStatus

import aiohttp
import pytest

from ibconnect.errors import ConfigError
from ibconnect.http.app import Site, create_app, serve
from ibconnect.http.server import binding
from tests.serving import Served, serving, settings

NOWHERE = "postgresql://127.0.0.1:1/x"


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="needs IPv6 on loopback")


async def is_alive(host: str, port: int) -> bool:
    shown = f"[{host}]" if ":" in host else host
    async with aiohttp.ClientSession() as client:
        try:
            async with client.get(f"http://{shown}:{port}/healthz") as response:
                return response.status == HTTPStatus.OK
        except aiohttp.ClientConnectionError:
            return False


def hosts_of(site: Site) -> set[str]:
    assert len({port for _, port in site.bound}) == 1, "one port"
    return {host for host, _ in site.bound}


async def served_at(*hosts: str) -> tuple[set[str], list[bool], Sequence[str]]:
    """Serve there: the addresses that are bound, whether both loopback addresses answer, the URLs."""
    app = create_app(settings(NOWHERE, HOST=",".join(hosts), ALLOW_ANONYMOUS="true"))
    async with serve(app, hosts, 0) as site:
        port = site.bound[0][1]
        answers = [await is_alive(address, port) for address in ("127.0.0.1", "::1")]
        return hosts_of(site), answers, [url.replace(str(port), "PORT") for url in site.urls]


@needs_ipv6
@pytest.mark.parametrize(
    ("hosts", "bound", "answers"),
    [
        (["localhost"], {"127.0.0.1", "::1"}, [True, True]),
        (["127.0.0.1"], {"127.0.0.1"}, [True, False]),
        (["::1"], {"::1"}, [False, True]),
        (["127.0.0.1", "::1"], {"127.0.0.1", "::1"}, [True, True]),
        (["0.0.0.0", "::"], {"0.0.0.0", "::"}, [True, True]),
        (["0.0.0.0"], {"0.0.0.0"}, [True, False]),
        (["::"], {"::"}, [False, True]),
        (["0.0.0.0", "localhost"], {"0.0.0.0", "::1"}, [True, True]),
        (["localhost", "127.0.0.1", "127.0.0.2"], {"127.0.0.1", "::1", "127.0.0.2"}, [True, True]),
    ],
)
async def test_every_address_is_served_on_one_port(hosts: list[str], bound: set[str], answers: list[bool]) -> None:
    assert (await served_at(*hosts))[:2] == (bound, answers)


@needs_ipv6
async def test_the_urls_are_for_people() -> None:
    assert (await served_at("localhost", "127.0.0.2", "::1"))[2] == [
        "http://localhost:PORT",
        "http://127.0.0.2:PORT",
        "http://[::1]:PORT",
    ]


async def test_a_name_of_several_addresses_is_served_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a resolver says is set here; everything else is real."""
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def resolve(name: str, *rest: object, **options: object) -> object:
        names = ["127.0.0.3", "127.0.0.4", "127.0.0.3"] if name == "two.example" else [name]
        return [found for each in names for found in await real(each, *rest, **options)]  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    assert (await served_at("two.example"))[0] == {"127.0.0.3", "127.0.0.4"}
    assert (await served_at("two.example", "127.0.0.4", "127.0.0.1"))[0] == {"127.0.0.3", "127.0.0.4", "127.0.0.1"}


async def test_localhost_is_this_machine_whatever_a_resolver_says(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def resolve(name: str, *rest: object, **options: object) -> object:
        assert name != "localhost"
        return await real(name, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "getaddrinfo", resolve)
    assert (await served_at("localhost"))[0] <= {"127.0.0.1", "::1"}


async def test_a_machine_without_ipv6_serves_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def without(family: int = -1, *rest: object, **options: object) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(binding.socket, "socket", without)
    assert (await served_at("localhost"))[0] == {"127.0.0.1"}
    with pytest.raises(ConfigError, match="cannot listen at ::1: Address family"):
        await served_at("127.0.0.1", "::1")


@pytest.mark.parametrize("taken", ["127.0.0.1", "127.0.0.5"])
async def test_a_port_in_use_is_named_with_its_address_and_nothing_is_bound(taken: str) -> None:
    app = create_app(settings(NOWHERE))
    with socket.create_server((taken, 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            async with serve(app, ["127.0.0.6", "127.0.0.1", "127.0.0.5"], port):
                pass
        assert str(caught.value) == (
            f"HOST='127.0.0.6,127.0.0.1,127.0.0.5', PORT={port}: cannot listen at {taken}: Address already in use"
        )
        for free in {"127.0.0.6", "127.0.0.1", "127.0.0.5"} - {taken}:
            socket.create_server((free, port)).close()


async def test_any_free_port_is_one_that_is_free_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    real = binding._bind

    def taken_at_first(sockets: list[socket.socket], place: binding._Place, port: int) -> None:
        if sockets and len(tries) < 3:
            tries.append(port)
            with closing(socket.create_server((place.address[0], port))):
                return real(sockets, place, port)
        return real(sockets, place, port)

    monkeypatch.setattr(binding, "_bind", taken_at_first)
    assert (await served_at("127.0.0.1", "127.0.0.2"))[0] == {"127.0.0.1", "127.0.0.2"}
    assert len(tries) == 3


@pytest.mark.parametrize(
    ("host", "says"),
    [
        ("203.0.113.77", "cannot listen at 203.0.113.77: Cannot assign requested address"),
        ("no-such-name.invalid", "HOST='no-such-name.invalid' is no address of this machine"),
    ],
)
async def test_an_address_of_another_machine_is_named(host: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        await served_at("127.0.0.1", host)


async def raw(served: Served, request: bytes) -> list[bytes]:
    """The lines of the head of whatever is answered."""
    host, port = served.url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    async with asyncio.timeout(30):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.lower().split(b"\r\n")


ORIGIN = "https://good.example"
PREFLIGHT = f"Origin: {ORIGIN}\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: authorization"


@pytest.mark.parametrize(
    ("request_line", "headers", "status"),
    [
        ("OPTIONS /v1/accounts HTTP/1.1", PREFLIGHT, 200),
        ("OPTIONS /v1/accounts HTTP/1.1", PREFLIGHT.replace("good", "evil"), 403),
        ("OPTIONS /v1/accounts HTTP/1.1", f"Origin: {ORIGIN}", 403),
        ("OPTIONS /nothing HTTP/1.1", PREFLIGHT, 404),
        ("OPTIONS * HTTP/1.1", "", 404),
        ("GET /v1/accounts HTTP/1.1", f"Origin: {ORIGIN}", 200),
        ("HEAD /healthz HTTP/1.1", "", 200),
        ("GET /nothing HTTP/1.1", "", 404),
        ("GET /v1/accounts/ HTTP/1.1", "", 308),
        ("POST /v1/accounts HTTP/1.1", "Content-Length: 0", 405),
        ("BREW /v1/accounts HTTP/1.1", "", 400),
        ("GET /v1/accounts?nonsense=1 HTTP/1.1", "", 400),
        ("GET /v1/accounts HTTP/1.1", "Expect: tea", 400),
        ("GET /v1/accounts HTTP/1.1", "No colon here", 400),
        ("GET /v1/accounts HTTP/9.9", "", 400),
        ("nonsense", "", 400),
        ("GET /" + "x" * 20_000 + " HTTP/1.1", "", 431),
        ("GET /v1/accounts HTTP/1.1", "Transfer-Encoding: nonsense", 400),
        ("POST /v1/accounts HTTP/1.1", "Content-Length: x", 400),
        ("GET /v1/events?limit=1 HTTP/1.1", "Accept: text/event-stream", 200),
        ("GET /v1/events?limit=1 HTTP/1.1", "", 200),
        ("GET /v1/accounts HTTP/1.1", "Accept: image/png", 406),
    ],
)
async def test_no_answer_tells_what_it_was_made_with(
    world_url: str, request_line: str, headers: str, status: int
) -> None:
    async with serving(world_url, CORS_ORIGINS=ORIGIN) as served:
        lines = "\r\n".join([request_line, "Host: localhost", *([headers] if headers else []), "", ""])
        head = await raw(served, lines.encode())
    assert head[0].split()[1] == str(status).encode()
    assert [line for line in head if line.startswith(b"server:")] == [b"server: ibconnect"]
    assert b"x-content-type-options: nosniff" in head
