"""A report is answered the short way: nobody can tell, but by the time that it takes, kept or not, there or not."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import orjson
import pytest

from ibconnect.observe import HTTP_SECONDS
from tests.serving import DU1, DU2, Served, at, serving
from tests.waiting import DEADLINE_S

REPORT = f"/v1/accounts/{DU1}/{at(1)}"
TOKEN = "a" * 32


async def answer(server: Served, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    async with server.client.request(
        method, server.url + path, headers=headers, allow_redirects=False, auto_decompress=False
    ) as response:
        named = {name: value for name, value in response.headers.items() if name != "Date"}
        return response.status, named, await response.read()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Accept": "application/json"},
        {"Accept": "text/html, */*;q=0.1"},
        {"Accept": "text/csv"},
        {"Accept-Encoding": "gzip"},
        {"Accept-Encoding": "br;q=0.5, zstd"},
        {"Accept-Encoding": "identity"},
        {"If-None-Match": "*"},
        {"If-None-Match": '"other"'},
        {"Origin": "https://example.org"},
        {"Host": "elsewhere.example"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_the_short_way_answers_as_the_long_one(served: Served, method: str, headers: dict[str, str]) -> None:
    long = await answer(served, REPORT, method, **headers)
    assert (await answer(served, REPORT))[0] == 200
    short = await answer(served, REPORT, method, **headers)
    unkept = await answer(served, REPORT + "?", method, **headers)
    for other in (short, unkept):
        assert other[0] == long[0]
        if long[0] < 400:
            assert other == long


async def sent(server: Served, lines: str) -> bytes:
    """Everything that the server sends for these bytes until it closes the connection."""
    parts = urlsplit(server.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(lines.replace("\n", "\r\n").encode())
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("version", "fields", "is_open"),
    [
        ("1.1", "Connection: close\n", False),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive\n", True),
        ("1.1", "Connection: keep-alive\n", True),
        ("1.1", "", True),
    ],
)
async def test_a_connection_stays_open_as_its_client_says(
    served: Served, version: str, fields: str, is_open: bool
) -> None:
    body = (await answer(served, REPORT, **{"Accept-Encoding": "identity"}))[2]
    asked = f"GET {REPORT} HTTP/{version}\nHost: localhost\n"
    again = f"{asked}Connection: close\n\n" if is_open else ""
    got = await sent(served, f"{asked}{fields}\n{again}")
    head, _, rest = got.partition(b"\r\n\r\n")
    status, *named = head.decode().split("\r\n")
    reported = dict(line.lower().split(": ", 1) for line in named)
    assert status == f"HTTP/{version} 200 OK"
    assert reported.get("connection", "keep-alive" if version == "1.1" else "close") == (
        "keep-alive" if is_open else "close"
    )
    assert rest.startswith(body)
    assert rest.endswith(body)
    assert got.count(body) == (2 if is_open else 1)


@pytest.mark.parametrize("path", [REPORT, "/v1/accounts", "/docs"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_ready_head_says_what_aiohttp_would(served: Served, path: str, encoding: str) -> None:
    """One that closes its connection is made by aiohttp."""
    asked = f"GET {path} HTTP/1.1\nHost: localhost\nAccept-Encoding: {encoding}\n"
    both = await sent(served, f"{asked}\n{asked}Connection: close\n\n")
    ready, made = [part.partition(b"\r\n\r\n") for part in both.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    heads = [{line for line in head.split(b"\r\n") if not line.startswith(b"Date:")} for head, _, _ in (ready, made)]
    assert heads[1] - heads[0] == {b"Connection: close"}
    assert heads[0] < heads[1]
    assert ready[2] == made[2] != b""


async def test_a_ready_head_has_the_date_of_now(served: Served) -> None:
    before = datetime.now(UTC)
    async with served.get(REPORT) as response:
        reported = parsedate_to_datetime(response.headers["Date"])
    # Whole seconds are reported, and each of them for a second.
    assert before - timedelta(seconds=2) < reported <= datetime.now(UTC)


@pytest.mark.parametrize("path", [REPORT.replace("2024", "1999"), REPORT.replace(DU1, "DU999")])
async def test_a_report_that_is_not_there_is_told_as_on_the_long_way(served: Served, path: str) -> None:
    reported = []
    for query in ("", "?"):
        status, _, body = await answer(served, path + query)
        reported.append((status, {**orjson.loads(body), "error_id": None}))
    assert reported[0] == reported[1]
    assert reported[0][0] == 404


async def test_who_may_not_see_a_report_does_not_get_a_kept_one(world_url: str) -> None:
    limited = "b" * 32
    async with serving(world_url, API_TOKENS=f"{TOKEN} {limited}@{DU2}") as guarded:
        assert (await answer(guarded, REPORT, Authorization=f"Bearer {TOKEN}"))[0] == 200
        assert (await answer(guarded, REPORT, Authorization=f"Bearer {limited}"))[0] == 404
        assert (await answer(guarded, REPORT, Authorization="Bearer wrong"))[0] == 401
        assert (await answer(guarded, REPORT))[0] == 401
        assert (await answer(guarded, REPORT, Authorization=f"Bearer {TOKEN}"))[0] == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{REPORT}/", 308),
        (f"{REPORT}x", 400),
        (REPORT.replace("T", "t"), 200),
        (REPORT.replace("-01-01T", "-99-01T"), 400),
        ("/" + REPORT, 404),
    ],
)
async def test_other_paths_take_the_long_way(served: Served, path: str, status: int) -> None:
    assert (await answer(served, REPORT))[0] == 200
    assert (await answer(served, path))[0] == status


async def test_kept_reports_are_counted_under_their_route(served: Served) -> None:
    labels = {"route": "/v1/accounts/{AccountCode}/{Timestamp}", "method": "GET", "status": "200"}

    def count() -> float:
        return sum(
            sample.value
            for metric in HTTP_SECONDS.collect()
            for sample in metric.samples
            if sample.name.endswith("_count") and labels.items() <= sample.labels.items()
        )

    before = count()
    await answer(served, REPORT)
    await answer(served, REPORT)
    assert count() == before + 2
