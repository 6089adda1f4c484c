"""The access log: a line for each request, whose token is named and never shown; nothing that is sent can forge one."""

import asyncio
import re
import secrets
import socket
from collections.abc import AsyncIterator
from hashlib import sha256
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.http.server.asked import shown
from tests.serving import DU1, PROBLEM, Logged, Served, logged, serving, until

TOKEN = secrets.token_urlsafe(24)
NAME = sha256(TOKEN.encode()).hexdigest()[:8]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
COMBINED = re.compile(
    r'(\S+) - (\S+) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\] "(\S+) (\S+) HTTP/1\.1" (\d{3}) (\d+) '
    r'"([^"]*)" "([^"]*)" (\d+\.\d{6}) ([0-9a-f]{16}|-)'
)


@pytest.fixture
async def served(world_url: str) -> AsyncIterator[Served]:
    async with serving(world_url, API_TOKENS=TOKEN, LOG_FORMAT="json", ACCESS_LOG="true") as served:
        yield served


async def requests(lines: Logged, count: int) -> list[dict[str, Any]]:
    """So many lines of the access log, once they are there."""

    def found() -> list[dict[str, Any]]:
        return [line for line in lines() if line["kind"] == "http_request"]

    await until(lambda: len(found()) >= count, lambda: f"{count} lines, but {found()}")
    return found()


async def test_each_request_is_a_line_with_the_name_of_its_token(served: Served) -> None:
    with logged() as lines:
        for path in ("/v1/accounts", f"/v1/accounts/{DU1}", "/healthz", "/nowhere"):
            async with served.get(path, headers={**BEARER, "User-Agent": "tested/1"}) as response:
                body = await response.read()
        async with served.get("/v1/accounts") as response:
            refused = await response.json(content_type=PROBLEM)
        one, two, three, four = await requests(lines, 4)
    assert {key: one[key] for key in ("client", "token", "method", "path", "status", "agent", "level")} == {
        "client": "127.0.0.1",
        "token": NAME,
        "method": "GET",
        "path": "/v1/accounts",
        "status": 200,
        "agent": "tested/1",
        "level": "info",
    }
    assert one["bytes"] > 100
    assert 0 < one["seconds"] < 60
    assert (two["path"], two["status"]) == (f"/v1/accounts/{DU1}", 303)
    assert (three["path"], three["status"], three["error_id"]) == ("/nowhere", 404, orjson.loads(body)["error_id"])
    assert (four["token"], four["status"], four["error_id"]) == ("-", 401, refused["error_id"])
    assert TOKEN not in str(lines())


async def test_what_the_query_may_hold_in_secret_is_not_shown(served: Served) -> None:
    with logged() as lines:
        async with served.get(f"/v1/events?type=Nothing&token={TOKEN}&{TOKEN}&limit=3", headers=BEARER):
            pass
        (line,) = await requests(lines, 1)
        assert line["path"] == "/v1/events?type=Nothing&...&...&limit=3"
        for query in (TOKEN, f"{TOKEN}=", f"{TOKEN}=1&limit=3", f"token={TOKEN}", f"x&{TOKEN}"):
            async with served.get(f"/v1/events?{query}", headers=BEARER) as response:
                assert response.status == 400
        assert {line["status"] for line in await requests(lines, 6)} == {400}
        assert not any(TOKEN[place : place + 4] in lines.text() for place in range(len(TOKEN) - 3))


async def test_a_kept_report_and_a_live_stream_are_lines_too(served: Served) -> None:
    with logged() as lines:
        async with served.get(f"/v1/accounts/{DU1}", headers=BEARER) as response:
            report = response.headers["Location"].removeprefix(served.url)
        for _ in range(2):
            async with served.get(report, headers={**BEARER, "Accept-Encoding": "identity"}) as response:
                size = len(await response.read())
        async with served.get("/v1/events?after=0", headers={**BEARER, "Accept": "text/event-stream"}) as response:
            await response.content.readany()
            assert len(await requests(lines, 3)) == 3, "a stream is logged when it has ended"
        *_, first, second, stream = await requests(lines, 4)
    assert first["path"] == second["path"] == report
    assert second["bytes"] > size
    assert second["token"] == NAME
    assert (stream["path"], stream["status"]) == ("/v1/events?after=0", 200)
    assert stream["bytes"] > 0


async def test_the_line_of_an_error_says_what_the_response_says_and_who_asked(served: Served) -> None:
    reported: list[dict[str, Any]] = []
    with logged() as lines:
        for path in (
            "/nowhere",
            "/v1/events?from=never",
            "/v1/accounts/DU9/history?tag=NetLiquidation",
            "/v1/events?x=1",
        ):
            async with served.get(path, headers=BEARER) as response:
                reported.append(await response.json(content_type=PROBLEM))
        refused = {line["error_id"]: line for line in lines() if line["kind"] == "http_refused"}
    assert len(reported) == 4
    for problem in reported:
        line = refused[problem["error_id"]]
        assert problem["type"].endswith(f":{line['code']}")
        assert (line["detail"], line["status"]) == (problem["detail"], problem["status"])
        assert problem["status"] in (400, 404)
        assert (line["client"], line["method"], line["token"]) == ("127.0.0.1", "GET", NAME)
        assert line["path"].partition("?")[0] in ("/nowhere", "/v1/events", "/v1/accounts/DU9/history")


async def test_it_can_be_switched_off(world_url: str) -> None:
    async with serving(world_url, ACCESS_LOG="false", LOG_FORMAT="json") as served:
        with logged("debug") as lines:
            async with served.get("/v1/accounts"):
                pass
            await asyncio.sleep(0)
            assert [line for line in lines() if line["kind"] == "http_request"] == []


def raw(port: int, data: bytes) -> bytes:
    """What comes back for bytes, whatever they are."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := link.recv(65536):
            answer += chunk
    return answer


def odd(random: Random) -> bytes:
    """Something between a request and noise."""
    noise = bytes(random.choices(b'\r\n\x00\x07\x1b"\\ %\x85\xff/\xe2\x80\xa8abc', k=random.randrange(1, 40)))
    line = random.choice([b"GET /%b HTTP/1.1", b"%b / HTTP/1.1", b"GET / HTTP/%b", b"%b", b"GET http://%b/ HTTP/1.1"])
    head = random.choice([b"User-Agent: %b", b"Authorization: Bearer %b", b"Host: %b", b"%b: x", b"Referer: %b", b"%b"])
    return b"%b\r\nHost: localhost\r\n%b\r\n\r\n" % (line % noise, head % noise)


@pytest.mark.parametrize("form", ["json", "console"])
async def test_nothing_that_is_sent_forges_a_line_or_ends_in_a_traceback(
    world_url: str, form: str, capfd: pytest.CaptureFixture[str]
) -> None:
    random = Random(7)
    async with serving(world_url, LOG_FORMAT=form, ACCESS_LOG="true") as served:
        port = int(served.url.rpartition(":")[2])
        with logged(log_format=form) as lines:
            for _ in range(300):
                await asyncio.to_thread(raw, port, odd(random))
            text = lines.text()
    assert "Traceback" not in text + capfd.readouterr().err
    if form == "json":
        reported = [orjson.loads(line) for line in text.splitlines()]
        assert sum(line["kind"] == "http_request" for line in reported) > 100
        assert all(line["level"] == "info" for line in reported)
    else:
        ours = [line for line in text.split("\n") if line and not line.startswith("20")]
        assert len(ours) > 100
        assert [line for line in ours if not COMBINED.fullmatch(line)] == []
        assert text.isascii() or all(line.isprintable() for line in text.split("\n"))


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_whatever_a_client_says_breaks_no_field(text: str) -> None:
    safe = shown(text)
    assert safe.isascii()
    assert safe == "" or safe.isprintable()
    assert not {'"', "\\", "\n"}.intersection(safe)
    assert len(safe) < 13_000
