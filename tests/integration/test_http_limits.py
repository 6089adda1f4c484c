"""What no client can do to the server: hold a connection for nothing, send too much, or see behind a failure."""

import asyncio
from contextlib import suppress

import orjson
import psycopg
import pytest

from ibconnect.database.tables import reports
from ibconnect.errors import ConfigError
from ibconnect.http.app import SERVICES, create_app, serve
from ibconnect.http.resources.accounts.cached import Reports
from ibconnect.http.server import db
from ibconnect.http.server.response_cache import ResponseCache
from ibconnect.projections.upkeep import rebuild
from tests.serving import DU1, PROBLEM, Served, admin, at, build_world, logged, raw, serving, settings
from tests.waiting import DEADLINE_S, until

HOST = b"Host: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST, 431, "head-too-large"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 9000 + b"\r\n" + HOST, 431, "head-too-large"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: a\r\n" % n for n in range(100)) + HOST, 400, "bad-request"),
        (b"hello\r\n\r\n", 400, "bad-request"),
        (b"GET / HTTP/9.9\r\n" + HOST, 400, "bad-request"),
        (b"G\xc3\x89T / HTTP/1.1\r\n" + HOST, 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n" + HOST, 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" + HOST, 400, "bad-request"),
        (b"GET / HTTP/1.1\r\nBad Header: x\r\n" + HOST, 400, "bad-request"),
        (b"POST /v1/accounts HTTP/1.1\r\n" + HOST, 405, "method-not-allowed"),
        (b"TRACE /v1/accounts HTTP/1.1\r\n" + HOST, 405, "method-not-allowed"),
        (b"GET /v1/accounts%ff HTTP/1.1\r\n" + HOST, 404, "unknown-path"),
    ],
)
async def test_what_cannot_be_served_is_a_problem_too(served: Served, request_: bytes, status: int, code: str) -> None:
    head, _, body = (await raw(served, request_)).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 %d " % status, b"HTTP/1.0 %d " % status)), head
    assert PROBLEM.encode() in head
    problem = orjson.loads(body)
    assert (problem["status"], problem["type"]) == (status, f"urn:ibconnect:problem:{code}")


@pytest.mark.parametrize("begun", [b"", b"GET /v1/accounts HTTP/1.1\r\nHost: local"])
async def test_a_head_that_never_ends_is_cut_off(served: Served, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr("ibconnect.http.server.connections.HEAD_SECONDS", 0.3)
    assert await raw(served, begun) == b""


async def test_dripping_does_not_help(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.server.connections.HEAD_SECONDS", 0.5)
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")

    async def is_cut() -> bool:
        writer.write(b"G")
        # What it has answered before it cut the connection is of no interest.
        with suppress(TimeoutError, ConnectionResetError):
            await asyncio.wait_for(reader.read(4096), 0.02)
        return reader.at_eof() or reader.exception() is not None

    await until(is_cut, "the connection is cut")
    writer.close()


async def test_an_idle_connection_may_wait_for_its_next_request(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.server.connections.HEAD_SECONDS", 0.2)
    host, port = served.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    async with asyncio.timeout(DEADLINE_S):
        for _ in range(2):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"}")
            await asyncio.sleep(0.4)  # longer than a head may take: nothing else can show that this is not one
    writer.close()


async def test_a_body_is_not_waited_for(world_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.server.connections.LINGER_SECONDS", 0.2)
    async with serving(world_url) as served:
        answer = await raw(served, b"GET /healthz HTTP/1.1\r\nContent-Length: 1000000\r\n" + HOST)
    assert answer.startswith(b"HTTP/1.1 200")


async def test_a_query_that_takes_too_long_is_ended(world_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.server.services.STATEMENT_TIMEOUT_MS", 200)
    async with serving(world_url) as served:
        with admin(world_url) as connection, connection.transaction():
            connection.execute("LOCK TABLE account IN ACCESS EXCLUSIVE MODE")
            async with served.get("/v1/accounts") as response:
                assert (response.status, response.content_type) == (504, PROBLEM)
                assert (await response.json(content_type=None))["type"].endswith(":query-timeout")
        async with served.get("/v1/accounts") as response:
            assert response.status == 200


@pytest.mark.parametrize("telling", ["false", "true"])
async def test_a_failure_says_no_more_than_it_may(
    world_url: str, monkeypatch: pytest.MonkeyPatch, telling: str
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr(db, "rows", fail)
    with logged() as lines:
        async with serving(world_url, ERR_INFO=telling) as served, served.get("/v1/accounts") as response:
            assert response.status == 500
            problem = await response.json(content_type=PROBLEM)
        assert [line["error_id"] for line in lines() if line["kind"] == "http_failed"] == [problem["error_id"]]
        assert "the secret reason" in str(lines())
    assert problem["type"] == "urn:ibconnect:problem:internal"
    assert ("secret reason" in str(problem)) == (telling == "true")
    assert set(problem) - {"details"} == {"type", "title", "status", "detail", "error_id"}


async def test_a_failure_in_the_middle_of_a_stream_is_seen(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    real, pages = db.rows, 0

    async def fail_later(*arguments: object, **options: object) -> object:
        nonlocal pages
        # Only pages are planned each time; two are read before anything is sent, and others meanwhile.
        is_page = options.get("prepare") is False
        pages += is_page
        if is_page and pages > 2:
            raise psycopg.OperationalError("gone")
        return await real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("ibconnect.http.resources.series_points.POINTS_PAGE", 1)
    monkeypatch.setattr(db, "rows", fail_later)
    path = f"/v1/accounts/{DU1}/history?tag=NetLiquidation"
    answer = await raw(served, f"GET {path} HTTP/1.1\r\n".encode() + HOST)
    assert answer.startswith(b"HTTP/1.1 200")
    assert not answer.endswith(b"0\r\n\r\n"), "the last chunk would say that this is all"


async def test_without_a_database_everything_says_so(tmp_path: object) -> None:
    async with serving(f"postgresql://nobody@127.0.0.1:1/x?host={tmp_path}") as served:
        served.app[SERVICES].pool.timeout = 0.2
        async with served.get("/healthz") as response:
            assert (response.status, await response.json()) == (
                200,
                {"Alive": True, "Instance": "tested", "DatabaseSeconds": 0},
            )
        async with served.get("/readyz") as response:
            assert (response.status, (await response.json())["Ready"]) == (503, False)
        for path in ("/v1/accounts", f"/v1/accounts/{DU1}/{at(0)}", "/v1/events", "/v1/gateways"):
            async with served.get(path) as response:
                assert (response.status, response.content_type) == (503, PROBLEM)
                assert (await response.json(content_type=None))["type"].endswith(":database-unavailable")
                assert "Retry-After" in response.headers
        async with served.get("/metrics") as response:
            assert "ibconnect_database_up 0.0" in await response.text()


async def test_before_the_tables_are_made_it_is_not_ready(database_url: str, empty_database_url: str) -> None:
    async with serving(database_url) as served:
        async with served.get("/readyz") as response:
            body = await response.json()
            missing = [f"the {report.title} are not there yet" for report in reports()]
            assert (response.status, body["Reasons"]) == (503, missing)
        async with served.get("/v1/accounts") as response:
            assert response.status == 503
            assert (await response.json(content_type=PROBLEM))["type"].endswith(":not-ready")
    async with serving(empty_database_url) as served, served.get("/readyz") as response:
        assert (await response.json())["Reasons"] == ["the database has no schema yet"]


async def test_ready(served: Served) -> None:
    async with served.get("/readyz") as response:
        assert (response.status, await response.json()) == (200, {"Ready": True, "Reasons": []})


async def test_metrics_count_requests_by_route_and_status(served: Served) -> None:
    for path in (f"/v1/accounts/{DU1}/{at(0)}", "/v1/accounts/DU9", "/nothing"):
        async with served.get(path):
            pass
    async with served.get("/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        text = await response.text()
    for line in (
        'http_seconds_count{method="GET",route="/v1/accounts/{AccountCode}/{Timestamp}",status="200"}',
        'http_seconds_count{method="GET",route="/v1/accounts/{AccountCode}",status="404"}',
        'http_seconds_count{method="GET",route="unmatched",status="404"}',
        'pool_connections{pool="http",state="idle"}',
        "projection_lag_events ",
        "projection_lag_seconds ",
        "database_up 1.0",
        'last_complete_refresh_timestamp_seconds{gateway="127.0.0.1:4002"}',
    ):
        assert f"ibconnect_{line}" in text
    assert DU1 not in text


async def test_an_address_that_is_taken_is_a_wrong_setting(world_url: str) -> None:
    async with serving(world_url) as served:
        port = int(served.url.rsplit(":", 1)[1])
        app = create_app(settings(world_url, PORT=str(port)))
        with pytest.raises(ConfigError, match=f"PORT={port}"):
            async with serve(app, ["127.0.0.1"], port):
                pytest.fail("two servers on one port")


async def test_the_rebuilt_tables_are_found_without_a_failed_request(database_url: str) -> None:
    """Statements are prepared; the swap renames the schema under them."""
    build_world(database_url, 2)
    async with serving(database_url) as served:
        stop = asyncio.Event()

        async def ask() -> list[int]:
            statuses = []
            while not stop.is_set():
                for path in ("/v1/accounts", f"/v1/accounts/{DU1}/{at(1)}", f"/v1/accounts/{DU1}"):
                    served.app[SERVICES].part(Reports).cache = ResponseCache(1)
                    async with served.get(path) as response:
                        statuses.append(response.status)
            return statuses

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        for _ in range(5):
            await asyncio.to_thread(rebuild, database_url)
        stop.set()
        statuses = [status for found in await asyncio.gather(*asking) for status in found]
    assert set(statuses) == {200, 303}
