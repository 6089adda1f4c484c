"""A client that wants fresh figures: whom it asks, what it waits for, and what it hears where there are none."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.projecting import project
from tests.refreshes import FRESH, TOKEN, Connection, asked_ago, grant, latest, look_twice, one_snapshot, requests
from tests.serving import DU1, DU2, EMPTY, GATEWAY, PROBLEM, Served, at, serving, tell_gateway
from tests.waiting import until

OTHER = "127.0.0.1:4001"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with one_snapshot(database_url) as connection:
        yield connection


async def test_what_is_recorded_is_answered_where_nothing_can_be_refreshed(
    database_url: str, connection: Connection
) -> None:
    tell_gateway(connection, connected=False)
    async with serving(database_url) as served:
        assert await latest(served) == (303, at(0), [f"{GATEWAY}; unavailable: refused"])
        async with served.get("/v1/accounts", headers=FRESH) as response:
            assert response.status == 200
            assert response.headers.getall("Refresh-Incomplete") == [f"{GATEWAY}; unavailable: refused"]
    assert requests(connection) == []


@pytest.mark.parametrize("path", ["/v1/accounts", f"/v1/accounts/{DU1}"])
@pytest.mark.parametrize("how", [{"Prefer": "respond-async"}, {}])
async def test_who_requires_it_is_refused_where_nothing_can_be_refreshed(
    database_url: str, connection: Connection, path: str, how: dict[str, str]
) -> None:
    tell_gateway(connection, connected=False)
    async with serving(database_url) as served:
        query = "" if how else "?refresh=required"
        async with served.get(path + query, headers=how) as response:
            assert response.status == 503
            assert response.content_type == PROBLEM
            assert int(response.headers["Retry-After"]) > 0
            problem = await response.json(content_type=None)
            assert problem["type"] == "urn:ibconnect:problem:no-gateway"
            assert GATEWAY in problem["detail"]
    assert requests(connection) == []


async def test_nothing_recorded_and_nothing_to_ask_is_a_503(database_url: str) -> None:
    project(database_url)
    async with serving(database_url) as served:
        async with served.get("/v1/accounts", headers=FRESH) as response:
            assert response.status == 503
        async with served.get(f"/v1/accounts/{DU1}", headers=FRESH) as response:
            assert response.status == 404


async def test_a_gateway_that_is_no_longer_configured_matters_to_nobody(
    database_url: str, connection: Connection
) -> None:
    tell_gateway(connection, OTHER, connected=False)
    connection.execute("UPDATE coordination.gateway SET heartbeat = heartbeat - INTERVAL '1 minute'")
    connection.execute("DELETE FROM coordination.instance")
    async with serving(database_url) as served:
        assert await latest(served) == (303, at(0), ["none; no gateway lists this account now"])
        connection.execute("INSERT INTO coordination.instance (name, gateways) VALUES ('here', %s)", ([OTHER],))
        async with served.get("/v1/accounts", headers=FRESH) as response:
            (said,) = response.headers.getall("Refresh-Incomplete")
            assert said.startswith(f"{OTHER}; unknown: the instance that told of it has fallen silent; ")
            assert said.endswith("it last said: unavailable: refused")


async def test_a_stale_gateway_is_not_asked_and_says_so(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    connection.execute("UPDATE coordination.gateway SET state = 'stale', detail = '1100: lost'")
    async with serving(database_url) as served:
        assert await latest(served) == (303, at(0), [f"{GATEWAY}; stale: 1100: lost"])
    assert requests(connection) == []


async def test_a_limited_token_hears_no_words_of_ib(database_url: str, connection: Connection) -> None:
    """They may name other accounts."""
    tell_gateway(connection)
    asked_ago(connection, 1, is_whole=False)
    limited = {**FRESH, "Authorization": f"Bearer {TOKEN}"}
    async with serving(database_url, API_TOKENS=f"{TOKEN}@{DU1}", REFRESH_FLOOR="60") as served:
        assert await latest(served, **limited) == (303, at(0), [f"{GATEWAY}; rejected"])
        connection.execute("UPDATE coordination.gateway SET state = 'stale', detail = '1100: lost, and DU1000002'")
        assert await latest(served, **limited) == (303, at(0), [f"{GATEWAY}; stale"])
        required = {**limited, "Prefer": "respond-async"}
        async with served.get(f"/v1/accounts/{DU1}", headers=required) as response:
            assert (response.status, "DU1000002" in await response.text()) == (503, False)


@pytest.mark.parametrize("caching", ["max-age=0", "no-cache", "no-store, Max-Age=0"])
async def test_a_fresh_list_waits_for_every_connected_gateway(
    database_url: str, connection: Connection, caching: str
) -> None:
    tell_gateway(connection)
    tell_gateway(connection, OTHER)
    async with serving(database_url) as served:
        answer = asyncio.create_task(_list(served, caching))
        await until(lambda: requests(connection), "a refresh is requested")
        ((request, accounts, gateways),) = requests(connection)
        assert (accounts, gateways) == (None, [OTHER, GATEWAY])
        grant(database_url, request - 1)
        grant(database_url, request, OTHER, day=1)
        grant(database_url, request, day=2, outcome="aborted")
        grant(database_url, request, day=3, accounts=(DU2,), is_for_all=False)
        await look_twice(connection)
        assert not answer.done(), "only one of two gateways has served it"
        grant(database_url, request + 5, day=4, outcome="partial")
        assert (await answer)[0]["Latest"] == "2025-01-05T00:00:00Z"


async def _list(served: Served, caching: str) -> list[dict[str, str]]:
    async with served.get("/v1/accounts", headers={"Cache-Control": caching}) as response:
        assert (response.status, response.headers["Cache-Control"]) == (200, "private, max-age=60")
        accounts: list[dict[str, str]] = await response.json()
        return accounts


async def test_one_account_is_asked_for_alone_of_the_gateways_that_list_it(
    database_url: str, connection: Connection
) -> None:
    tell_gateway(connection)
    tell_gateway(connection, OTHER)
    async with serving(database_url) as served:
        answer = asyncio.create_task(latest(served))
        await until(lambda: requests(connection), "a refresh is requested")
        assert requests(connection) == [(1, [DU1], [GATEWAY])]
        grant(database_url, 1, accounts=(DU2,), is_for_all=False)
        await look_twice(connection)
        assert not answer.done(), "another account was asked for"
        grant(database_url, 1, day=1, is_for_all=False)
        assert await answer == (303, "2025-01-02T00:00:00Z", [])


async def test_a_full_refresh_serves_who_wants_one_account(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url) as served:
        answer = asyncio.create_task(latest(served, EMPTY))
        await until(lambda: requests(connection), "a refresh is requested")
        grant(database_url, 1, accounts=(EMPTY,), is_for_all=True)
        assert (await answer)[1] == "2025-01-01T00:00:00Z"


async def test_what_the_gateway_could_not_give_is_named(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url) as served:
        answer = asyncio.create_task(latest(served))
        await until(lambda: requests(connection), "a refresh is requested")
        grant(database_url, 1, why="incomplete: NetLiquidation did not\r\ncome", is_for_all=False)
        status, where, incomplete = await answer
        assert (status, where) == (303, at(0)), "the report that can be relied on"
        assert incomplete == [f"{GATEWAY}; incomplete: NetLiquidation did not  come"]


async def test_a_refresh_that_takes_too_long_goes_on(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url, REFRESH_TIMEOUT="0.3") as served:
        async with served.get("/v1/accounts", headers=FRESH) as response:
            assert response.status == 504
            assert (await response.json(content_type=PROBLEM))["type"].endswith(":refresh-timeout")
        grant(database_url, requests(connection)[0][0])
        async with served.get(f"/v1/accounts/{DU1}") as response:
            assert response.headers["Location"].endswith("2025-01-01T00:00:00Z")


async def test_a_gateway_that_goes_away_is_not_waited_for(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url) as served:
        answer = asyncio.create_task(latest(served))
        await until(lambda: requests(connection), "a refresh is requested")
        tell_gateway(connection, connected=False)
        connection.execute("UPDATE coordination.gateway SET state = 'disconnected', detail = 'lost: gone'")
        assert await answer == (303, at(0), [f"{GATEWAY}; disconnected: lost: gone"])


async def test_unless_it_is_asked_for_nothing_is_refreshed(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url) as served:
        for caching in ("max-age=0x", "no-store", ""):
            async with served.get("/v1/accounts", headers={"Cache-Control": caching}) as response:
                assert (await response.json())[0]["Latest"] == at(0)
    assert requests(connection) == []
