"""Anything may arrive over TCP: every answer is HTTP, none is a 5xx, and the server goes on."""

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from itertools import product
from operator import attrgetter
from urllib.parse import quote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.http.resources.registry import ROUTES
from ibconnect.http.server.resource import Route
from tests.routes import values_of
from tests.serving import DU1, PROBLEM, at, serving

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


@pytest.fixture(scope="module")
def port(world_url: str) -> Iterator[int]:
    """The port of a server that runs in a thread of its own, since hypothesis drives plain functions."""
    ports: list[int] = []
    started, stop = threading.Event(), threading.Event()

    async def run() -> None:
        async with serving(world_url) as served:
            ports.append(int(served.url.rsplit(":", 1)[1]))
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert started.wait(30)
    yield ports[0]
    stop.set()
    thread.join()


def ask(port: int, request: bytes) -> tuple[int, bytes, bytes]:
    """Send a request; status, head and body of the answer. Every problem must have its form."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    match = _STATUS.match(head)
    assert match is not None, answer[:200]
    status = int(match[1])
    assert status < 500, answer[:2000]
    if status >= 400:
        assert PROBLEM.encode() in head
        assert orjson.loads(body)["status"] == status
    return status, head, body


def get(port: int, path: str, headers: bytes = b"") -> tuple[int, bytes, bytes]:
    """GET a path."""
    return ask(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n".encode() + headers + b"Connection: close\r\n\r\n")


NAMES = sorted({parameter.name for route in ROUTES for parameter in route.parameters if parameter.place == "query"})
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
TIME_LIKE = st.from_regex(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,12})?([Zz]|[+-]\d{2}:\d{2})?", fullmatch=True
)
MOMENT_LIKE = st.one_of(TIME_LIKE, st.from_regex(r"-\d{1,7}[smhdwy]", fullmatch=True), ANY)
CODE_LIKE = st.one_of(st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True), ANY.filter(len))


@FUZZ
@given(time=st.one_of(TIME_LIKE, ANY.filter(len)))
def test_timestamps(port: int, time: str) -> None:
    for path in (f"/v1/accounts/{DU1}/{quote(time, safe='')}", f"/v1/accounts/{DU1}/as-of/{quote(time, safe='')}"):
        assert get(port, path)[0] in (200, 303, 308, 400, 404)


@FUZZ
@given(code=CODE_LIKE)
def test_account_codes(port: int, code: str) -> None:
    safe = quote(code, safe="")
    for path in (f"/v1/accounts/{safe}", f"/v1/accounts/{safe}/{at(1)}", f"/v1/accounts/{safe}/snapshots"):
        assert get(port, path)[0] in (303, 308, 400, 404)


@FUZZ
@given(
    query=st.lists(
        st.one_of(
            st.tuples(st.sampled_from(["from", "to"]), MOMENT_LIKE),
            st.tuples(st.sampled_from(["limit", "after"]), st.integers().map(str) | ANY),
            st.tuples(st.just("cursor"), st.from_regex(r"[A-Za-z0-9_=-]{0,14}", fullmatch=True) | ANY),
            st.tuples(st.just("step"), st.from_regex(r"\d{1,7}[smhdwy]", fullmatch=True) | ANY),
            st.tuples(st.just("tag"), st.sampled_from(["NetLiquidation", "CashBalance", "A,B"]) | ANY),
            st.tuples(st.just("currency"), st.sampled_from(["USD", "BASE"]) | ANY),
            st.tuples(st.just("segment"), st.sampled_from(["S"]) | ANY),
            st.tuples(st.just("type"), st.sampled_from(["RefreshEnded"]) | ANY),
            st.tuples(st.sampled_from(NAMES), ANY),
            st.tuples(ANY, ANY),
        ),
        max_size=5,
    ),
    path=st.sampled_from(
        [
            "/v1/accounts",
            "/v1/events",
            f"/v1/accounts/{DU1}/snapshots",
            f"/v1/accounts/{DU1}/history",
            f"/v1/accounts/{DU1}/positions/265598/history",
        ]
    ),
)
def test_queries(port: int, path: str, query: list[tuple[str, str]]) -> None:
    text = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
    assert get(port, f"{path}?{text}")[0] in (200, 400, 404)


NO_TEXT = [b"\xff", b"%FF", b"\xed\xa0\x80", b"%ED%A0%80", b"%00", b"%0a", b"%", b"%F0%9F%98%80"]
FORMS = [b"%b", b"DU1%b", b"127.0.0.1:4002%b", b"%b:4002", b"2024-01-02T00:00:00Z%b"]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.path.startswith("/v1/")], ids=attrgetter("path"))
def test_bytes_that_are_no_text(port: int, route: Route) -> None:
    """In the place of each parameter, the others being right. Postgres takes neither NUL nor half a letter."""
    for part, form, odd in product(NO_TEXT, FORMS, route.parameters):
        if odd.place == "header":
            continue
        values = {name: value.encode() for name, value in values_of(route).items()} | {odd.name: form % part}
        path = re.sub(rb"\{(\w+)\}", lambda name, values=values: values[name[1].decode()], route.path.encode())
        named = [one.name for one in route.parameters if one.place == "query" and (one.required or one is odd)]
        query = b"&".join(name.encode() + b"=" + values[name] for name in named)
        end = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert ask(port, b"GET " + path + b"?" + query + end)[0] in (200, 303, 308, 400, 404)


HEADER = st.sampled_from(
    ["Accept", "Accept-Encoding", "Authorization", "Cache-Control", "If-None-Match", "Last-Event-ID", "Origin", "Range"]
)
VALUE = st.binary(max_size=40).map(lambda value: re.sub(rb"[\0-\x1f\x7f]", b"", value))


@FUZZ
@given(headers=st.lists(st.tuples(HEADER, VALUE), max_size=6))
def test_headers(port: int, headers: list[tuple[str, bytes]]) -> None:
    lines = b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in headers)
    assert get(port, f"/v1/accounts/{DU1}/{at(1)}", lines)[0] in (200, 304, 400, 406)
    assert get(port, "/v1/events?limit=1", lines)[0] in (200, 400, 406)


@FUZZ
@given(method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X"]), body=st.binary(max_size=5000))
def test_bodies(port: int, method: str, body: bytes) -> None:
    head = (
        f"{method} /v1/accounts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    assert ask(port, head.encode() + body)[0] in (200, 400, 405)


@FUZZ
@given(noise=st.binary(min_size=1, max_size=300))
def test_noise(port: int, noise: bytes) -> None:
    assert ask(port, b"x" + noise.replace(b"\n", b"") + b"\r\n\r\n")[0] == 400


@FUZZ
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60))
def test_paths(port: int, path: str) -> None:
    assert get(port, f"/{path}")[0] in (200, 303, 308, 400, 404)
