"""A client that wants fresh data: the wish in Postgres, the wait for it, and what ends the wait."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from ibconnect.http.refresh import Refresher
from ibconnect.times import to_micros
from tests.projecting import Stream, project, record
from tests.serving import DU1, GATEWAY, PROBLEM, Served, admin, at, build_world, messages, serving, tell_gateway
from tests.waiting import until

FRESH = {"Cache-Control": "max-age=0"}
NEW = datetime(2025, 1, 1, tzinfo=UTC)
OTHER = "127.0.0.1:4001"


def requests(connection: psycopg.Connection[tuple[object, ...]]) -> list[int]:
    """The ids of the wishes that were written."""
    rows = connection.execute("SELECT id FROM coordination.refresh_request ORDER BY id").fetchall()
    return [int(str(number)) for (number,) in rows]


def grant(url: str, request: int, gateway: str = GATEWAY, day: int = 0, **facts: object) -> None:
    """Record and project a refresh that serves a wish, as a gateway's leader and the projector do."""
    instant = to_micros(NEW) + day * 86_400_000_000
    stream = Stream(gateway, at=instant)
    stream.own("rs", created=instant, trigger="request", accounts=[DU1])
    stream.download(DU1, messages(DU1, 1))
    stream.own("re", created=instant, **{"outcome": "complete", "request": request, **facts})
    record(url, stream.events)
    project(url)
    with admin(url) as connection:
        connection.execute("NOTIFY projected")


@pytest.mark.parametrize("path", ["/v1/accounts", f"/v1/accounts/{DU1}"])
async def test_without_a_gateway_there_is_nothing_fresher(database_url: str, path: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection, connected=False)
        tell_gateway(connection, OTHER)
        connection.execute("UPDATE coordination.gateway SET heartbeat = heartbeat - INTERVAL '1 minute'")
        async with serving(database_url) as served, served.get(path, headers=FRESH) as response:
            assert response.status == 503
            assert response.content_type == PROBLEM
            assert int(response.headers["Retry-After"]) > 0
            assert (await response.json(content_type=None))["type"] == "urn:ibconnect:problem:no-gateway"
        assert requests(connection) == []


@pytest.mark.parametrize("wish", ["max-age=0", "no-cache", "no-store, Max-Age=0"])
async def test_a_fresh_answer_waits_for_every_connected_gateway(database_url: str, wish: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
        tell_gateway(connection, OTHER)
        async with serving(database_url) as served:
            answer = asyncio.create_task(_list(served, wish))
            await until(lambda: requests(connection), "a wish is written")
            (request,) = requests(connection)
            grant(database_url, request - 1)
            grant(database_url, request, OTHER, day=1)
            grant(database_url, request, day=2, outcome="aborted")
            for _ in range(2):  # had it been content the first time, it would not look again
                await look(connection)
            assert not answer.done(), "only one of two gateways has served it"
            grant(database_url, request + 5, day=3, outcome="partial")
            assert (await answer)[0] == {"AccountCode": DU1, "Latest": "2025-01-04T00:00:00Z"}


async def look(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Wait until the server has looked once more whether the wish is granted."""
    (now,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    looks = """
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = current_database() AND application_name LIKE 'ibconnect http%%'
            AND query_start > %s AND state = 'idle'
    """

    def has_looked() -> bool:
        connection.execute("NOTIFY projected")
        return connection.execute(looks, (now,)).fetchone() != (0,)

    await until(has_looked, "the server looks again")


async def _list(served: Served, wish: str) -> list[dict[str, str]]:
    async with served.get("/v1/accounts", headers={"Cache-Control": wish}) as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "private, max-age=60")
        accounts: list[dict[str, str]] = await response.json()
        return accounts


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many requests have come to wait for a refresh."""
    real, come = Refresher.refreshed, 0

    async def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal come
        come += 1
        return await real(*arguments, **options)

    monkeypatch.setattr(Refresher, "refreshed", counted)
    return lambda: come


async def test_requests_during_a_refresh_join_it(database_url: str, waiting: Callable[[], int]) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
        async with serving(database_url) as served:

            async def latest() -> str:
                async with served.get(f"/v1/accounts/{DU1}", headers=FRESH) as response:
                    assert response.status == 303
                    return response.headers["Location"]

            answers = [asyncio.create_task(latest()) for _ in range(5)]
            await until(lambda: requests(connection), "a wish is written")
            answers += [asyncio.create_task(latest()) for _ in range(5)]
            gone = answers.pop()
            await until(lambda: waiting() == 10, "all of them wait")
            gone.cancel()
            grant(database_url, requests(connection)[0])
            assert set(await asyncio.gather(*answers)) == {f"{served.url}/v1/accounts/{DU1}/2025-01-01T00:00:00Z"}
        assert len(requests(connection)) == 1


async def test_a_refresh_that_takes_too_long_goes_on(database_url: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
        async with serving(database_url, REFRESH_TIMEOUT="0.3") as served:
            async with served.get("/v1/accounts", headers=FRESH) as response:
                assert response.status == 504
                assert (await response.json(content_type=PROBLEM))["type"].endswith(":refresh-timeout")
            await until(lambda: requests(connection), "the wish is written, though nobody waits any more")
            grant(database_url, requests(connection)[0])
            async with served.get(f"/v1/accounts/{DU1}") as response:
                assert response.headers["Location"].endswith("2025-01-01T00:00:00Z")


async def test_without_the_wish_nothing_is_refreshed(database_url: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
        async with serving(database_url) as served:
            for wish in ("max-age=00", "max-age=60", "max-age=0x", ""):
                async with served.get("/v1/accounts", headers={"Cache-Control": wish}) as response:
                    assert (await response.json())[0]["Latest"] == at(0)
        assert requests(connection) == []


async def test_wishes_of_former_days_are_forgotten(database_url: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
        connection.execute(
            "INSERT INTO coordination.refresh_request (instance, asked) VALUES ('old', now() - INTERVAL '2 days')"
        )
        async with (
            serving(database_url, REFRESH_TIMEOUT="0.3") as served,
            served.get("/v1/accounts", headers=FRESH) as response,
        ):
            assert response.status == 504
            await until(lambda: requests(connection) == [2], "only the new wish is there")
