"""What each token is for: on every route, in every way; what a missing right tells, and what logs call a token."""

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256

import pytest

from ibconnect.http.openapi.document import make_document
from ibconnect.http.resources.registry import RESOURCES, ROUTES
from ibconnect.http.server.tokens import Right
from ibconnect.times import format_rfc3339, utc_now
from tests.routes import target_of
from tests.serving import (
    DU1,
    DU2,
    EMPTY,
    PROBLEM,
    Logged,
    Served,
    admin,
    at,
    build_world,
    logged,
    serving,
    tell_gateway,
)
from tests.waiting import until

FULL = "full-token-0123456789"
SEES = {f"token-for-{right}-alone": right for right in Right}
METRICS = f"token-for-{Right.METRICS}-alone"
OF_DU1 = "everything-of-one-account"
READS_DU1 = "one-account-read-only"
ENDED = "a-token-that-has-ended"
TOKENS = "\n".join(
    [
        f"{FULL}@*;name=back-office",
        *(f"{token}@*,{right}" for token, right in SEES.items() if right is not Right.METRICS),
        f"{METRICS}@metrics",
        f"{OF_DU1}@{DU1},read,events,refresh,import,metrics;name=du1.all",
        f"{READS_DU1}@{DU1},read",
        f"{ENDED}@*;name=former-partner;until=2024-01-01",
    ]
)
CODES = (DU1, DU2, EMPTY, "DU7777777")


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
async def guarded(world_url: str) -> AsyncIterator[Served]:
    async with serving(world_url, API_TOKENS=TOKENS, ACCESS_LOG="true", LOG_FORMAT="json") as server:
        yield server


@pytest.mark.parametrize("token", SEES)
async def test_a_token_with_one_right_can_do_that_and_nothing_else(guarded: Served, token: str) -> None:
    """Asked of every route, so that one that is added later is asked as well."""
    for route in ROUTES:
        for code in CODES if "{AccountCode}" in route.path else (DU1,):
            for method in ("GET", "HEAD"):
                target = guarded.url + target_of(route, AccountCode=code)
                asked = guarded.client.request(method, target, headers=bearer(token), allow_redirects=False)
                async with asked as response:
                    body = await response.text()
                if route.right in (None, SEES[token]):
                    assert response.status in (200, 303, 404), (route.path, code)
                    continue
                assert response.status == 403, (route.path, code)
                challenge = response.headers["WWW-Authenticate"]
                assert challenge.endswith(f'error="insufficient_scope", scope="{route.right}"')
                if method == "GET":
                    assert '"type":"urn:ibconnect:problem:right-missing"' in body
                    assert f"the right {route.right}" in body
                    assert code not in body


async def test_what_is_missing_is_said_alike_of_accounts_that_there_are_and_of_others(guarded: Served) -> None:
    for path in (f"/v1/accounts/{{}}/{at(1)}", "/v1/accounts/{}", "/v1/accounts/{}/snapshots", "/v1/events?account={}"):
        for token in (METRICS, READS_DU1, f"token-for-{Right.IMPORT}-alone"):
            seen = set()
            for code in (DU2, EMPTY, "DU7777777"):
                async with guarded.get(path.format(code), headers=bearer(token)) as response:
                    body = (await response.text()).partition('"error_id"')[0].replace(code, "CODE")
                    same = {name: value for name, value in response.headers.items() if name not in ("Date", "ETag")}
                    seen.add((response.status, body, str(same)))
            assert len(seen) == 1, path
            assert seen.pop()[0] == (404 if token == READS_DU1 and "events" not in path else 403)


async def test_whoever_may_not_refresh_gets_what_there_is_and_asks_nobody(database_url: str) -> None:
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
    async with serving(database_url, API_TOKENS=TOKENS) as served:
        for path, status in (("/v1/accounts", 200), (f"/v1/accounts/{DU1}", 303)):
            for caching in ("max-age=0", "no-cache", "max-age=60"):
                headers = {**bearer(READS_DU1), "Cache-Control": caching}
                async with served.get(path, headers=headers) as response:
                    assert response.status == status
                    assert response.headers["Refresh-Incomplete"] == "none; this token does not have the right refresh"
            for query, more in (("?refresh=required", {}), ("", {"Prefer": "respond-async"})):
                async with served.get(path + query, headers={**bearer(READS_DU1), **more}) as response:
                    assert response.status == 403
                    assert 'scope="refresh"' in response.headers["WWW-Authenticate"]
            async with served.get(path, headers=bearer(READS_DU1)) as response:
                assert (response.status, "Refresh-Incomplete" in response.headers) == (status, False)
    with admin(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM coordination.refresh_request").fetchone() == (0,)


async def of_kind(lines: Logged, kind: str, count: int) -> list[dict[str, object]]:
    """So many lines of a kind, once they are there."""

    def found() -> list[dict[str, object]]:
        return [line for line in lines() if line["kind"] == kind]

    await until(lambda: len(found()) >= count, lambda: f"{count} lines, but {lines()}")
    return found()


async def test_logs_call_a_token_by_its_name(guarded: Served) -> None:
    unnamed = sha256(READS_DU1.encode()).hexdigest()[:8]
    named = {FULL: "back-office", OF_DU1: "du1.all", READS_DU1: unnamed}
    with logged() as lines:
        for token in named:
            for path in (f"/v1/accounts/{DU1}/{at(1)}", "/v1/nothing"):
                async with guarded.get(path, headers=bearer(token)) as response:
                    await response.read()
        read = await of_kind(lines, "http_request", 6)
        assert [line["token"] for line in read] == [name for name in named.values() for _ in range(2)]
        refused = await of_kind(lines, "http_refused", 3)
        assert [line["token"] for line in refused] == list(named.values())
        assert not any(token in str(lines()) for token in named)


async def test_a_token_that_has_ended_is_refused_and_told_by_its_name(guarded: Served) -> None:
    with logged() as lines:
        async with guarded.get("/v1/accounts", headers=bearer(ENDED)) as response:
            problem = await response.json(content_type=PROBLEM)
        (reported,) = await of_kind(lines, "http_token_refused", 1)
    assert (response.status, problem["type"].rpartition(":")[2]) == (401, "token-refused")
    assert problem["detail"] == "this token was in force until 2024-01-01T00:00:00Z"
    assert (reported["token"], reported["ended"]) == ("former-partner", "2024-01-01T00:00:00Z")
    assert ENDED not in str(lines())


async def test_a_token_works_until_its_moment(world_url: str) -> None:
    end = utc_now() + timedelta(seconds=1)
    async with serving(world_url, API_TOKENS=f"{FULL}@*;until={format_rfc3339(end)}") as served:

        async def status() -> int:
            before = utc_now()
            async with served.get("/v1/accounts", headers=bearer(FULL)) as response:
                assert response.status == 200 or utc_now() >= end
                assert response.status == 401 or before < end
                return response.status

        async def is_over() -> bool:
            return await status() == 401

        await until(is_over, "it ends")


def test_the_description_names_the_right_of_each_operation() -> None:
    paths = make_document(RESOURCES)["paths"]
    for route in ROUTES:
        operation = paths[route.path]["get"]
        rights = [] if route.right is None else [route.right.value]
        assert operation["security"] == ([] if route.is_open else [{"token": rights}, {}]), route.path
        assert ("403" in operation["responses"]) == (not route.is_open)


async def test_bare_tokens_are_told_at_start_by_their_number(world_url: str) -> None:
    with logged() as lines:
        async with (
            serving(world_url, API_TOKENS=f"{FULL} {READS_DU1}@{DU1} {OF_DU1} # no more") as served,
            served.get("/v1/instances", headers=bearer(OF_DU1)) as response,
        ):
            assert response.status == 200
        reported = [line for line in lines() if line["kind"] == "http_token_bare"]
        assert [line["entry"] for line in reported] == [1, 3]
        assert {line["level"] for line in reported} == {"warning"}
        assert FULL not in str(lines())
