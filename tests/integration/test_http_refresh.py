"""A client that wants fresh figures: whom it asks, what it waits for, and what it hears where there are none."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from ibconnect.http.app import SERVICES
from ibconnect.http.resources.accounts.refresh import Refresher
from ibconnect.times import to_micros, utc_now
from tests.projecting import Stream, project, record
from tests.serving import (
    DU1,
    DU2,
    EMPTY,
    GATEWAY,
    PROBLEM,
    Served,
    admin,
    at,
    build_world,
    messages,
    serving,
    tell_gateway,
)
from tests.waiting import until

FRESH = {"Cache-Control": "max-age=0"}
TOKEN = "a-token-of-one-account-only"
NEW = datetime(2025, 1, 1, tzinfo=UTC)
OTHER = "127.0.0.1:4001"
Connection = psycopg.Connection[tuple[object, ...]]


def requests(connection: Connection) -> list[tuple[int, list[str] | None, list[str]]]:
    """The wishes that were written: id, accounts (None: all), gateways."""
    query = "SELECT id, accounts, gateways FROM coordination.refresh_request ORDER BY id"
    return [tuple(row) for row in connection.execute(query).fetchall()]  # type: ignore[misc]


def grant(
    url: str,
    request: int,
    gateway: str = GATEWAY,
    *,
    day: int = 0,
    accounts: tuple[str, ...] = (DU1,),
    why: str = "",
    is_for_all: bool = True,
    **facts: object,
) -> None:
    """Record and project a refresh that serves a wish, as a gateway's leader and the projector do."""
    instant = to_micros(NEW) + day * 86_400_000_000
    stream = Stream(gateway, at=to_micros(utc_now()))
    stream.message("15", "1", f"{DU1},{DU2},{EMPTY}" if gateway == GATEWAY else ",".join(accounts), timed=True)
    scope = "" if is_for_all else "some"
    stream.own("rs", created=instant, trigger="request", accounts=list(accounts), scope=scope)
    for account in accounts:
        stream.own("as", account=account, source="updates")
        for fields in messages(account, 1):
            stream.message(*fields)
        stream.own("ac", class_version=2, account=account, ended="download-end", request=request, why=why)
    stream.own("re", created=instant, **{"outcome": "complete", "request": request, **facts})
    record(url, stream.events)
    project(url)
    with admin(url) as connection:
        connection.execute("NOTIFY projected")


def asked_ago(connection: Connection, seconds: float, account: str = DU1, *, is_whole: bool = True) -> None:
    """Let an account have been asked for so long ago."""
    connection.execute(
        """
        UPDATE accounts.gateway_account
        SET concluded = clock_timestamp() - make_interval(secs => %s),
            is_whole = %s,
            detail = CASE WHEN %s THEN NULL ELSE 'rejected: 321: No.' END
        WHERE account_id = (SELECT id FROM accounts.account WHERE code = %s)
        """,
        (seconds, is_whole, is_whole, account),
    )


async def latest(served: Served, account: str = DU1, **headers: str) -> tuple[int, str, list[str]]:
    """Status, where it leads, and what could not be refreshed."""
    async with served.get(f"/v1/accounts/{account}", headers=headers or FRESH) as response:
        location = response.headers.get("Location", "").rpartition("/")[2]
        return response.status, location, response.headers.getall("Refresh-Incomplete", [])


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A world of one snapshot, and a connection to it."""
    build_world(database_url, 1)
    with admin(database_url) as connection:
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


@pytest.mark.parametrize("wish", ["max-age=0", "no-cache", "no-store, Max-Age=0"])
async def test_a_fresh_list_waits_for_every_connected_gateway(
    database_url: str, connection: Connection, wish: str
) -> None:
    tell_gateway(connection)
    tell_gateway(connection, OTHER)
    async with serving(database_url) as served:
        answer = asyncio.create_task(_list(served, wish))
        await until(lambda: requests(connection), "a wish is written")
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


async def look(connection: Connection) -> None:
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


async def look_twice(connection: Connection) -> None:
    """Wait until it has surely looked again: had it been content the first time, it would not look a second time."""
    await look(connection)
    await look(connection)


async def _list(served: Served, wish: str) -> list[dict[str, str]]:
    async with served.get("/v1/accounts", headers={"Cache-Control": wish}) as response:
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
        await until(lambda: requests(connection), "a wish is written")
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
        await until(lambda: requests(connection), "a wish is written")
        grant(database_url, 1, accounts=(EMPTY,), is_for_all=True)
        assert (await answer)[1] == "2025-01-01T00:00:00Z"


async def test_what_the_gateway_could_not_give_is_named(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url) as served:
        answer = asyncio.create_task(latest(served))
        await until(lambda: requests(connection), "a wish is written")
        grant(database_url, 1, why="incomplete: NetLiquidation did not\r\ncome", is_for_all=False)
        status, where, incomplete = await answer
        assert (status, where) == (303, at(0)), "the report that can be relied on"
        assert incomplete == [f"{GATEWAY}; incomplete: NetLiquidation did not  come"]


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
        await until(lambda: requests(connection), "a wish is written")
        answers += [asyncio.create_task(latest(served)) for _ in range(5)]
        gone = answers.pop()
        await until(lambda: waiting() == 10, "all of them wait")
        gone.cancel()
        grant(database_url, requests(connection)[0][0])
        assert {answer[1] for answer in await asyncio.gather(*answers)} == {"2025-01-01T00:00:00Z"}
    assert len(requests(connection)) == 1


async def test_within_the_floor_nothing_is_asked_for_twice(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url, REFRESH_FLOOR="5", REFRESH_TIMEOUT="0.3") as served:
        asked_ago(connection, 3)
        assert await latest(served) == (303, at(0), [])
        asked_ago(connection, 3, is_whole=False)
        assert await latest(served) == (303, at(0), [f"{GATEWAY}; rejected: 321: No."])
        assert requests(connection) == []
        asked_ago(connection, 6)
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
        await until(lambda: requests(connection), "a wish is written")
        second = asyncio.create_task(latest(two))
        await until(lambda: len(asked) == 2, "the other has asked as well")
        grant(database_url, 1, is_for_all=False)
        assert [(await answer)[1] for answer in (first, second)] == ["2025-01-01T00:00:00Z"] * 2
        assert len(requests(connection)) == 1
        third = asyncio.create_task(latest(two))
        await until(lambda: len(requests(connection)) == 2, "another wish: the first one has been granted")
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
        await until(lambda: requests(connection), "a wish is written")
        async with served.get(f"/v1/accounts/{DU2}", headers=mine) as response:
            assert (response.status, response.content_type) == (429, PROBLEM)
            assert int(response.headers["Retry-After"]) > 0
        joined = asyncio.create_task(latest(served, DU1, **mine))
        second = asyncio.create_task(latest(served, DU2, **theirs))
        await until(lambda: len(requests(connection)) == 2, "the other token's wish is written")
        holders = connection.execute("SELECT count(DISTINCT holder) FROM coordination.refresh_request").fetchone()
        assert holders == (2,)
        grant(database_url, 2, accounts=(DU1, DU2), is_for_all=False)
        assert [(await answer)[0] for answer in (first, joined, second)] == [303] * 3


async def test_figures_that_are_young_enough_will_do(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url, REFRESH_TIMEOUT="0.3") as served:
        for account in (DU1, DU2, EMPTY):
            asked_ago(connection, 50, account)
        assert await latest(served, **{"Cache-Control": "max-age=60"}) == (303, at(0), [])
        async with served.get("/v1/accounts", headers={"Cache-Control": "max-age=60"}) as response:
            assert response.status == 200
        assert requests(connection) == []
        asked_ago(connection, 70, DU2)
        async with served.get("/v1/accounts", headers={"Cache-Control": "max-age=60"}) as response:
            assert response.status == 504
        assert [accounts for _, accounts, _ in requests(connection)] == [[DU2]], "only what is older is refreshed"


async def test_a_clock_that_is_ahead_does_not_end_refreshing(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url, REFRESH_TIMEOUT="0.3") as served:
        asked_ago(connection, -3600)
        assert (await latest(served))[0] == 504
        assert len(requests(connection)) == 1


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
        await until(lambda: requests(connection), "a wish is written")
        tell_gateway(connection, connected=False)
        connection.execute("UPDATE coordination.gateway SET state = 'disconnected', detail = 'lost: gone'")
        assert await answer == (303, at(0), [f"{GATEWAY}; disconnected: lost: gone"])


async def test_without_the_wish_nothing_is_refreshed(database_url: str, connection: Connection) -> None:
    tell_gateway(connection)
    async with serving(database_url) as served:
        for wish in ("max-age=0x", "no-store", ""):
            async with served.get("/v1/accounts", headers={"Cache-Control": wish}) as response:
                assert (await response.json())[0]["Latest"] == at(0)
    assert requests(connection) == []


async def test_wishes_of_former_days_are_forgotten(database_url: str, connection: Connection) -> None:
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
