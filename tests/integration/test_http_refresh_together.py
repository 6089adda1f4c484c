"""Refreshes that are asked for together: what is joined, what is young enough, and how much one token may ask for."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ibconnect.http.app import SERVICES
from ibconnect.http.resources.accounts.refresh import Refresher
from tests.refreshes import FRESH, TOKEN, Connection, asked_ago, grant, latest, one_snapshot, requests
from tests.serving import DU1, DU2, EMPTY, GATEWAY, PROBLEM, at, serving, tell_gateway
from tests.waiting import until


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with one_snapshot(database_url) as connection:
        yield connection


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


async def test_requests_during_a_refresh_join_it(
    database_url: str, connection: Connection, waiting: Callable[[], int]
) -> None:
    tell_gateway(connection)
    async with serving(database_url) as served:
        answers = [asyncio.create_task(latest(served)) for _ in range(5)]
        await until(lambda: requests(connection), "a refresh is requested")
        answers += [asyncio.create_task(latest(served)) for _ in range(5)]
        gone = answers.pop()
        await until(lambda: waiting() == 10, "all of them wait")
        gone.cancel()
        grant(database_url, requests(connection)[0][0])
        assert {answer[1] for answer in await asyncio.gather(*answers)} == {"2025-01-01T00:00:00Z"}
    assert len(requests(connection)) == 1


async def test_within_the_floor_nothing_is_asked_for_twice(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url, REFRESH_FLOOR="60", REFRESH_TIMEOUT="0.3") as served:
        asked_ago(connection, 3)
        assert await latest(served) == (303, at(0), [])
        asked_ago(connection, 3, is_whole=False)
        assert await latest(served) == (303, at(0), [f"{GATEWAY}; rejected: 321: No."])
        assert requests(connection) == []
        asked_ago(connection, 61)
        assert (await latest(served))[0] == 504
        assert [accounts for _, accounts, _ in requests(connection)] == [[DU1]]


async def test_two_instances_together_ask_once_for_each_floor(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with (
        serving(database_url, REFRESH_TIMEOUT="0.3", REFRESH_FLOOR="60", INSTANCE="one") as one,
        serving(database_url, REFRESH_TIMEOUT="0.3", REFRESH_FLOOR="60", INSTANCE="two") as two,
    ):
        for _ in range(3):
            answers = await asyncio.gather(*(latest(each) for each in (one, two) for _ in range(5)))
            assert {status for status, _, _ in answers} == {504}
        assert [accounts for _, accounts, _ in requests(connection)] == [[DU1]]
        assert (await latest(two, DU2))[0] == 504
        async with one.get("/v1/accounts", headers=FRESH) as response:
            assert response.status == 504
        assert [accounts for _, accounts, _ in requests(connection)] == [[DU1], [DU2], None]
        assert {(await latest(each, DU1))[0] for each in (one, two)} == {504}
        connection.execute("UPDATE coordination.refresh_request SET asked = asked - INTERVAL '1 minute'")
        refreshers = [each.app[SERVICES].part(Refresher) for each in (one, two)]
        await until(lambda: not any(each._running for each in refreshers), "nobody waits any more")
        await asyncio.gather(*(latest(each) for each in (one, two)))
        assert [accounts for _, accounts, _ in requests(connection)][3:] == [[DU1]]


async def test_what_another_instance_has_asked_for_and_still_waits_for_is_joined(
    database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_gateway(connection)
    real, asked = Refresher._asked, []

    async def counted(*arguments: Any) -> Any:
        asked.append(await real(*arguments))
        return asked[-1]

    monkeypatch.setattr(Refresher, "_asked", counted)
    async with (
        serving(database_url, REFRESH_FLOOR="0", INSTANCE="one") as one,
        serving(database_url, REFRESH_FLOOR="0", INSTANCE="two") as two,
    ):
        first = asyncio.create_task(latest(one))
        await until(lambda: requests(connection), "a refresh is requested")
        second = asyncio.create_task(latest(two))
        await until(lambda: len(asked) == 2, "the other has asked as well")
        grant(database_url, 1, is_for_all=False)
        assert [(await answer)[1] for answer in (first, second)] == ["2025-01-01T00:00:00Z"] * 2
        assert len(requests(connection)) == 1
        third = asyncio.create_task(latest(two))
        await until(lambda: len(requests(connection)) == 2, "another request: the first one has been granted")
        grant(database_url, 2, day=1, is_for_all=False)
        assert (await third)[1] == "2025-01-02T00:00:00Z"


async def test_one_token_cannot_have_all_refreshes(
    database_url: str, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ibconnect.http.resources.accounts.refresh.REFRESHES_PER_TOKEN", 1)
    tell_gateway(connection)
    other = "another-token-of-all"
    async with serving(database_url, API_TOKENS=f"{TOKEN} {other}") as served:
        mine, theirs = ({**FRESH, "Authorization": f"Bearer {token}"} for token in (TOKEN, other))
        first = asyncio.create_task(latest(served, DU1, **mine))
        await until(lambda: requests(connection), "a refresh is requested")
        async with served.get(f"/v1/accounts/{DU2}", headers=mine) as response:
            assert (response.status, response.content_type) == (429, PROBLEM)
            assert int(response.headers["Retry-After"]) > 0
        joined = asyncio.create_task(latest(served, DU1, **mine))
        second = asyncio.create_task(latest(served, DU2, **theirs))
        await until(lambda: len(requests(connection)) == 2, "the other token's refresh is requested")
        holders = connection.execute("SELECT count(DISTINCT holder) FROM coordination.refresh_request").fetchone()
        assert holders == (2,)
        grant(database_url, 2, accounts=(DU1, DU2), is_for_all=False)
        assert [(await answer)[0] for answer in (first, joined, second)] == [303] * 3


async def test_figures_that_are_young_enough_will_do(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url, REFRESH_TIMEOUT="0.3") as served:
        for account in (DU1, DU2, EMPTY):
            asked_ago(connection, 50, account)
        assert await latest(served, **{"Cache-Control": "max-age=3600"}) == (303, at(0), [])
        async with served.get("/v1/accounts", headers={"Cache-Control": "max-age=3600"}) as response:
            assert response.status == 200
        assert requests(connection) == []
        asked_ago(connection, 3700, DU2)
        async with served.get("/v1/accounts", headers={"Cache-Control": "max-age=3600"}) as response:
            assert response.status == 504
        assert [accounts for _, accounts, _ in requests(connection)] == [[DU2]], "only what is older is refreshed"


async def test_a_clock_that_is_ahead_does_not_end_refreshing(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url, REFRESH_TIMEOUT="0.3") as served:
        asked_ago(connection, -3600)
        assert (await latest(served))[0] == 504
        assert len(requests(connection)) == 1


async def test_requests_of_former_days_are_forgotten(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    connection.execute(
        "INSERT INTO coordination.refresh_request (instance, asked) VALUES ('old', now() - INTERVAL '2 days')"
    )
    async with (
        serving(database_url, REFRESH_TIMEOUT="0.3") as served,
        served.get("/v1/accounts", headers=FRESH) as response,
    ):
        assert response.status == 504
    assert [number for number, _, _ in requests(connection)] == [2]
