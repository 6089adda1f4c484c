"""What searches of events cost: they end with their client, wait for no report, make none wait, and are bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import orjson
import pytest

from ibconnect.http.app import SERVICES
from ibconnect.http.resources.tail import Tails
from tests.messages import fill
from tests.projecting import Stream, project, record
from tests.serving import DU1, PROBLEM, Served, admin, at, build_world, logged, serving
from tests.waiting import DEADLINE_S, until

ONE, OTHER, LIMITED = "token-one-0123456789", "token-other-0123456789", "token-limited-0123456789"
TOKENS = f"{ONE} {OTHER} {LIMITED}@{DU1}"
LIVE = {"Accept": "text/event-stream"}
NOTHING = "/v1/events?type=DecodeFailed"


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def guarded(database_url: str) -> AsyncIterator[Served]:
    """A server of a small world, with tokens."""
    build_world(database_url, 1)
    async with serving(database_url, API_TOKENS=TOKENS) as served:
        yield served


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """A search takes far longer than any test: it looks at one event at a time, of very many."""
    monkeypatch.setattr("ibconnect.http.resources.event_scan.EVENTS_PAGE", 1)
    monkeypatch.setattr("ibconnect.http.resources.event_scan.EVENTS_SCANNED", 1)
    with admin(database_url) as connection:
        connection.execute(
            """
            INSERT INTO stored_events (originator_version, originator_id, topic, state)
            SELECT number, '018c0000-0000-7000-8000-000000000000', 't', '[1704067200000000,"10:00"]'
            FROM generate_series(1, 100000) AS number
            """
        )


def at_work(url: str) -> int:
    """How many statements of searches Postgres works on, waiting ones included."""
    with admin(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ibconnect http events'"
            " AND state = 'active' AND datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(str(row[0]))


@asynccontextmanager
async def locked_events(url: str) -> AsyncIterator[None]:
    """Nobody can read events for as long as the context lasts."""
    with admin(url) as connection, connection.transaction():
        connection.execute("LOCK TABLE stored_events IN ACCESS EXCLUSIVE MODE")
        yield


async def test_the_head_comes_before_the_search_is_over_and_the_search_ends_with_its_client(
    guarded: Served, endless: None
) -> None:
    scans = guarded.app[SERVICES].scans
    async with guarded.get(NOTHING, headers=bearer(ONE)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/x-ndjson"
        assert scans.open == 1
    await until(lambda: scans.open == 0, "the search has ended with its client")


async def test_a_search_that_waits_for_postgres_ends_with_its_client_too(guarded: Served, database_url: str) -> None:
    scans = guarded.app[SERVICES].scans
    async with locked_events(database_url):
        host, port = guarded.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {NOTHING} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ONE}\r\n\r\n".encode())
        await until(lambda: at_work(database_url) == 1, "Postgres works for the search")
        writer.close()
        await until(lambda: scans.open == 0, "the search has ended with its client")
        await until(lambda: at_work(database_url) == 0, "Postgres works for it no more")
    async with guarded.get(NOTHING, headers=bearer(ONE)) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_a_tail_that_catches_up_and_finds_nothing_ends_with_its_client(
    guarded: Served, endless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.resources.events.HEARTBEAT_SECONDS", 0.1)
    tails = guarded.app[SERVICES].part(Tails)
    async with guarded.get(f"{NOTHING}&after=0", headers={**LIVE, **bearer(ONE)}) as response:
        assert await asyncio.wait_for(response.content.readuntil(b"\n\n"), 20) == b"retry: 1000\n\n"
        beat = await asyncio.wait_for(response.content.readuntil(b"\n\n"), 20)
        assert beat.startswith(b":"), "it says that it is there while it looks"
    await until(lambda: tails.open == 0, "the tail has ended with its client")


async def test_a_search_is_not_made_for_its_head_alone(guarded: Served, endless: None) -> None:
    async with guarded.client.head(f"{guarded.url}{NOTHING}", headers=bearer(ONE)) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "application/x-ndjson")
    await until(lambda: guarded.app[SERVICES].scans.open == 0, "nothing is searched")


async def test_reports_do_not_wait_for_searches(guarded: Served, database_url: str) -> None:
    services = guarded.app[SERVICES]
    async with locked_events(database_url):
        asked = [asyncio.create_task(_status(guarded, NOTHING, bearer(token))) for token in [ONE, OTHER] * 8]
        await until(lambda: services.scans.open == 16, "all that may be are open")
        await until(lambda: at_work(database_url) == 2, "both tokens have their statement at work")
        for path in (f"/v1/accounts/{DU1}/{at(0)}", "/v1/accounts", f"/v1/accounts/{DU1}/history?tag=NetLiquidation"):
            assert await asyncio.wait_for(_status(guarded, path, bearer(ONE)), DEADLINE_S) == 200
        assert not any(task.done() for task in asked)
    assert await asyncio.wait_for(asyncio.gather(*asked), DEADLINE_S) == [200] * 16


async def _status(served: Served, path: str, headers: dict[str, str]) -> int:
    async with served.get(path, headers=headers) as response:
        await response.read()
        return response.status


async def _refused(served: Served, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and code of a refusal, which must say when to try again."""
    async with served.get(path, headers=headers) as response:
        assert response.content_type == PROBLEM, await response.text()
        assert int(response.headers["Retry-After"]) > 0
        problem = await response.json(content_type=PROBLEM)
        assert problem["status"] == response.status
        return response.status, str(problem["type"]).removeprefix("urn:ibconnect:problem:")


async def test_searches_are_bounded_for_each_token_and_in_all(
    guarded: Served, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.server.scans.SCANS_MAX", 3)
    monkeypatch.setattr("ibconnect.http.server.scans.SCANS_PER_TOKEN", 2)
    scans = guarded.app[SERVICES].scans
    async with locked_events(database_url):
        asked = [asyncio.create_task(_status(guarded, NOTHING, bearer(ONE))) for _ in range(2)]
        await until(lambda: scans.open == 2, "two searches are open")
        assert await _refused(guarded, NOTHING, bearer(ONE)) == (429, "too-many-of-token")
        asked.append(asyncio.create_task(_status(guarded, NOTHING, bearer(LIMITED))))
        await until(lambda: scans.open == 3, "another token has one")
        assert await _refused(guarded, NOTHING, bearer(OTHER)) == (503, "too-many-scans")
        assert await _refused(guarded, NOTHING, bearer(ONE)) == (429, "too-many-of-token")
    assert await asyncio.wait_for(asyncio.gather(*asked), DEADLINE_S) == [200] * 3
    await until(lambda: scans.open == 0, "all have ended")
    assert await _status(guarded, NOTHING, bearer(ONE)) == 200


async def test_tails_are_bounded_for_each_token_below_the_bound_of_all(
    guarded: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.resources.tail.TAILS_MAX", 3)
    monkeypatch.setattr("ibconnect.http.resources.tail.TAILS_PER_TOKEN", 2)
    tails = guarded.app[SERVICES].part(Tails)
    async with AsyncExitStack() as stack:
        for token in (ONE, ONE, OTHER):
            response = await stack.enter_async_context(guarded.get("/v1/events", headers={**LIVE, **bearer(token)}))
            assert response.status == 200
        assert await _refused(guarded, "/v1/events", {**LIVE, **bearer(ONE)}) == (429, "too-many-of-token")
        assert await _refused(guarded, "/v1/events", {**LIVE, **bearer(LIMITED)}) == (503, "too-many-streams")
        assert await _status(guarded, "/v1/events", bearer(ONE)) == 200, "searches are counted apart"
    await until(lambda: tails.open == 0, "all have ended")
    async with guarded.get("/v1/events", headers={**LIVE, **bearer(ONE)}) as again:
        assert again.status == 200


async def test_without_tokens_an_address_is_one(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.resources.tail.TAILS_PER_TOKEN", 1)
    build_world(database_url, 1)
    async with serving(database_url) as served, served.get("/v1/events", headers=LIVE):
        assert await _refused(served, "/v1/events", {**LIVE, **bearer("whatever-0123456789")}) == (
            429,
            "too-many-of-token",
        )


async def test_many_refusals_are_one_line_of_the_log_and_all_of_them_are_counted(
    guarded: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.server.scans.SCANS_PER_TOKEN", 0)
    before = await _crowded_out(guarded)
    with logged() as lines:
        for _ in range(30):
            assert (await _refused(guarded, NOTHING, bearer(ONE)))[0] == 429
        told = [line for line in lines() if line["kind"].startswith("http_")]
    assert [(line["kind"], line["level"], line["code"]) for line in told] == [
        ("http_crowded", "warning", "too-many-of-token")
    ]
    assert await _crowded_out(guarded) - before == 30


async def _crowded_out(served: Served) -> float:
    async with served.get("/metrics", headers=bearer(OTHER)) as response:
        lines = (await response.text()).splitlines()
    counts = [line for line in lines if line.startswith('ibconnect_http_crowded_out_total{code="too-many-of-token"}')]
    return float(counts[0].rsplit(" ", 1)[1]) if counts else 0.0


async def test_searches_and_their_connections_are_measured(guarded: Served) -> None:
    assert await _status(guarded, NOTHING, bearer(ONE)) == 200
    async with guarded.get("/metrics", headers=bearer(ONE)) as response:
        text = await response.text()
    assert "ibconnect_http_event_searches 0.0" in text
    assert 'ibconnect_pool_connections{pool="http events",state="idle"} 1.0' in text


async def test_what_fails_before_the_head_is_a_problem_and_later_the_answer_is_cut(
    guarded: Served, database_url: str, endless: None
) -> None:
    async with guarded.get(NOTHING, headers=bearer(ONE)) as response:
        assert response.status == 200
        with admin(database_url) as connection:
            connection.execute("ALTER TABLE stored_events RENAME TO gone")
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(response.read(), 20)
    assert await _refused(guarded, NOTHING, bearer(ONE)) == (503, "not-ready")


async def test_a_limited_tail_hides_an_account_from_the_moment_that_it_is_listed(
    guarded: Served, database_url: str
) -> None:
    async with guarded.get("/v1/events", headers={**LIVE, **bearer(LIMITED)}) as response:
        assert await asyncio.wait_for(response.content.readuntil(b"\n\n"), 20) == b"retry: 1000\n\n"
        stream = Stream()
        stream.message(*fill(DU1, reference="DU7777777", execution="first"), timed=True)
        stream.message("15", "1", f"{DU1},DU7777777", timed=True)
        stream.message(*fill(DU1, reference="DU7777777", execution="second"))
        stream.message(*fill(DU1, execution="third"))
        record(database_url, stream.events)
        found = [await asyncio.wait_for(response.content.readuntil(b"\n\n"), 20) for _ in range(2)]
    messages = [orjson.loads(block.partition(b"data: ")[2])["Message"] for block in found]
    assert [fields[14] for fields in messages] == ["first", "third"]


async def test_a_limited_token_has_to_wait_until_the_accounts_are_known(database_url: str) -> None:
    stream = Stream()
    stream.message(*fill(DU1), timed=True)
    record(database_url, stream.events)
    async with serving(database_url, API_TOKENS=TOKENS) as served:
        assert await _refused(served, "/v1/events", bearer(LIMITED)) == (503, "not-ready")
        assert await _status(served, "/v1/events", bearer(ONE)) == 200
        project(database_url)
        assert await _status(served, "/v1/events", bearer(LIMITED)) == 200
