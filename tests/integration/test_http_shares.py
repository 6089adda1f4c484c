"""What one token may have under way: bounded, refused with when to try again, counted, and reported once a minute."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from ibconnect.http.app import SERVICES
from tests.serving import DU1, PROBLEM, Served, admin, at, build_world, logged, serving
from tests.waiting import until

ONE, OTHER = "token-one-0123456789", "token-other-0123456789"
HISTORY = f"/v1/accounts/{DU1}/history?tag=NetLiquidation"


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def guarded(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """A server of a small world, with tokens; one token may have four requests under way."""
    monkeypatch.setattr("ibconnect.http.server.shares.REQUESTS_PER_TOKEN", 4)
    build_world(database_url, 2)
    async with serving(database_url, API_TOKENS=f"{ONE} {OTHER}", ACCESS_LOG="true", LOG_FORMAT="json") as served:
        yield served


@asynccontextmanager
async def held_up(url: str, table: str = "accounts.account") -> AsyncIterator[psycopg.Connection[tuple[object, ...]]]:
    """What reads a table waits for as long as the context lasts."""
    with admin(url) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")  # type: ignore[arg-type]
        yield connection


async def status(served: Served, path: str, token: str) -> int:
    """The status of an answer that was read."""
    async with served.get(path, headers=bearer(token)) as response:
        await response.read()
        return response.status


async def test_one_token_has_so_many_requests_under_way_and_is_refused_beyond(
    guarded: Served, database_url: str
) -> None:
    kept = f"/v1/accounts/{DU1}/{at(1)}"
    assert await status(guarded, kept, ONE) == 200
    shares = guarded.app[SERVICES].shares
    with logged() as lines:
        async with held_up(database_url):
            asked = [asyncio.create_task(status(guarded, HISTORY, ONE)) for _ in range(4)]
            await until(lambda: shares._under_way.total() == 4, "all of them are under way")
            for path in (HISTORY, "/v1/accounts", f"/v1/accounts/{DU1}/{at(0)}", "/v1/gateways", "/v1/events"):
                async with guarded.get(path, headers=bearer(ONE)) as response:
                    assert (response.status, response.content_type) == (429, PROBLEM), path
                    assert int(response.headers["Retry-After"]) > 0
                    problem = await response.json(content_type=PROBLEM)
                    assert problem["type"] == "urn:ibconnect:problem:too-many-of-token"
            assert await status(guarded, kept, ONE) == 200, "what is kept is no work"
            assert await status(guarded, "/healthz", ONE) == 200
            theirs = asyncio.create_task(status(guarded, HISTORY, OTHER))
            await until(lambda: shares._under_way.total() == 5, "another token may ask")
        assert await asyncio.gather(*asked, theirs) == [200] * 5
        reported = [line for line in lines() if line["kind"] == "http_crowded"]
        assert [(line["times"], line["code"]) for line in reported] == [(1, "too-many-of-token")]
        assert not [line for line in lines() if line.get("status") == 429], "no line for each of them"
        guarded.app[SERVICES].shares.close()
        assert [line["times"] for line in lines() if line["kind"] == "http_crowded"] == [1, 4]
    await until(lambda: shares._under_way.total() == 0, "nothing is under way")


async def test_of_one_token_two_statements_run_at_once_and_another_finds_a_connection(
    guarded: Served, database_url: str
) -> None:
    at_work = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ibconnect http'"
        " AND wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with held_up(database_url, "accounts.account"):
        asked = [asyncio.create_task(status(guarded, HISTORY, ONE)) for _ in range(4)]
        with admin(database_url) as connection:

            def waiting() -> int:
                row = connection.execute(at_work).fetchone()
                return int(str(row[0])) if row else 0

            await until(lambda: waiting() == 2, "two of its statements are at work")
            await until(lambda: guarded.app[SERVICES].shares._under_way.total() == 4, "the others wait for a turn")
            assert await status(guarded, "/v1/instances", OTHER) == 200, "not behind these"
            theirs = asyncio.create_task(status(guarded, HISTORY, OTHER))
            await until(lambda: waiting() == 3, "its statement is at work too")
    assert await asyncio.gather(*asked, theirs) == [200] * 5


async def test_while_postgres_is_away_nobody_waits_for_the_failures_of_others(tmp_path: object) -> None:
    async with serving(f"postgresql://nobody@127.0.0.1:1/x?host={tmp_path}") as served:
        served.app[SERVICES].pool.timeout = 2
        async with asyncio.timeout(20):  # one after the other they would take forty seconds
            statuses = []
            for response in await asyncio.gather(*(served.get("/v1/gateways") for _ in range(40))):
                statuses.append(response.status)
                response.close()
        assert statuses == [503] * 40


async def test_tries_without_a_token_are_counted_and_told_together(guarded: Served) -> None:
    with logged() as lines:
        for _ in range(14):
            async with guarded.get("/v1/accounts") as response:
                assert response.status in (401, 429)
        guarded.app[SERVICES].shares.close()
        reported = [line for line in lines() if line["kind"] == "http_crowded"]
        assert [(line["who"], line["times"]) for line in reported] == [("127.0.0.1", 1), ("127.0.0.1", 3)]
        assert {line["code"] for line in reported} == {"too-many-tries"}
        assert len([line for line in lines() if line["kind"] == "http_request"]) == 10
