"""The sign-in of the page: what a session sees, how it begins and ends, on one instance and on several."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ibconnect.http.server.limits import REFUSALS
from tests.serving import DU1, DU2, PROBLEM, Served, admin, at, build_world, logged, serving
from tests.waiting import DEADLINE_S, until

FULL = "full-token-0123456789"
LIMITED = "limited-token-0123456789"
TOKENS = f"{FULL}@*;name=office {LIMITED}@{DU1};name=client"
OURS = {"Sec-Fetch-Site": "same-origin"}
# What is ended elsewhere is ended here within about two seconds.
SOON_S = 10.0


@pytest.fixture
async def guarded(world_url: str) -> AsyncIterator[Served]:
    async with serving(world_url, API_TOKENS=TOKENS, ACCESS_LOG="true", LOG_FORMAT="json") as server:
        yield server


async def post(served: Served, path: str, body: object, headers: dict[str, str] = OURS) -> aiohttp.ClientResponse:
    """POST JSON; the answer, read."""
    async with aiohttp.ClientSession() as client, client.post(served.url + path, json=body, headers=headers) as got:
        await got.read()
        return got


async def sign_in(served: Served, token: str = FULL, headers: dict[str, str] = OURS) -> dict[str, str]:
    """The headers of somebody who has signed in."""
    got = await post(served, "/v1/session", {"Token": token}, headers)
    assert got.status == 201, await got.text()
    return {**headers, "Cookie": got.headers["Set-Cookie"].partition(";")[0]}


async def status(served: Served, path: str, headers: dict[str, str]) -> int:
    """With which status a path is answered."""
    async with (
        aiohttp.ClientSession() as client,
        client.get(served.url + path, headers=headers, allow_redirects=False) as got,
    ):
        await got.read()
        return got.status


async def who(served: Served, headers: dict[str, str]) -> dict[str, Any]:
    async with served.get("/v1/session", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "no-store"
        found: dict[str, Any] = await response.json()
        return found


async def test_a_session_sees_what_its_token_sees_and_nothing_else(guarded: Served) -> None:
    for token, accounts in ((FULL, None), (LIMITED, [DU1])):
        cookie = await sign_in(guarded, token)
        told = await who(guarded, cookie)
        assert (told["Kind"], told["Accounts"]) == ("session", accounts)
        assert told["Expires"] > told["Rights"][0][:0]
        async with guarded.get("/v1/accounts", headers=cookie) as response:
            listed = await response.text()
        async with guarded.get("/v1/accounts", headers={"Authorization": f"Bearer {token}"}) as response:
            assert listed == await response.text()
        assert (DU2 in listed) == (accounts is None)
        assert await status(guarded, f"/v1/accounts/{DU1}/{at(1)}", cookie) == 200
        assert await status(guarded, f"/v1/accounts/{DU2}/{at(1)}", cookie) == (200 if accounts is None else 404)


async def test_who_asks_without_a_session(guarded: Served, served: Served) -> None:
    told = await who(served, {})
    assert (told["Kind"], told["Name"], told["Accounts"], told["Expires"]) == ("anonymous", None, None, None)
    told = await who(guarded, {"Authorization": f"Bearer {LIMITED}"})
    assert (told["Kind"], told["Name"], told["Accounts"]) == ("token", "client", [DU1])
    for _ in range(REFUSALS + 2):
        assert await status(guarded, "/v1/session", OURS) == 401, "it is a question, and no try"
    assert await status(guarded, "/v1/accounts", OURS) == 401


async def test_nobody_signs_in_where_no_token_is_needed(served: Served) -> None:
    got = await post(served, "/v1/session", {"Token": FULL})
    assert (got.status, (await got.json())["type"]) == (409, "urn:ibconnect:problem:no-tokens")


@pytest.mark.parametrize("body", [{}, {"Token": ""}, {"Token": 1}, [], "text", {"token": FULL}])
async def test_what_is_no_token_is_refused(guarded: Served, body: object) -> None:
    got = await post(guarded, "/v1/session", body)
    assert (got.status, got.content_type) == (400, PROBLEM)
    assert "Set-Cookie" not in got.headers


async def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(guarded: Served) -> None:
    statuses = []
    for _ in range(REFUSALS + 1):
        got = await post(guarded, "/v1/session", {"Token": "wrong-token-0123456789"})
        statuses.append(got.status)
        assert "Set-Cookie" not in got.headers
    assert statuses[0] == 401
    assert statuses[-1] == 429
    await sign_in(guarded)


async def test_made_up_cookies_are_wrong_tries(guarded: Served) -> None:
    found = [
        await status(guarded, "/v1/accounts", {**OURS, "Cookie": f"ibconnect_session={str(number).zfill(43)}"})
        for number in range(REFUSALS + 1)
    ]
    assert (found[0], found[-1]) == (401, 429)


async def test_sign_out_ends_it_everywhere(world_url: str) -> None:
    async with serving(world_url, API_TOKENS=TOKENS) as one, serving(world_url, API_TOKENS=TOKENS) as other:
        cookie = await sign_in(one)
        again = await sign_in(one)
        assert await status(one, "/v1/accounts", cookie) == await status(other, "/v1/accounts", cookie) == 200
        got = await post(other, "/v1/session/end", {}, cookie)
        assert got.status == 204
        assert "Max-Age=0" in got.headers["Set-Cookie"]
        assert await status(other, "/v1/accounts", cookie) == 401

        async def is_over() -> bool:
            return await status(one, "/v1/accounts", cookie) == 401

        await until(is_over, "the other instance knows that the session is over", SOON_S)
        assert await status(one, "/v1/accounts", again) == 200, "another session of the same token goes on"


async def test_a_page_that_is_left_open_is_no_attack(guarded: Served) -> None:
    cookie = await sign_in(guarded)
    assert await status(guarded, "/v1/accounts", cookie) == 200
    await post(guarded, "/v1/session/end", {}, cookie)
    for _ in range(REFUSALS + 2):
        async with guarded.get("/v1/accounts", headers=cookie) as response:
            assert response.status == 401
            assert (await response.json())["type"] == "urn:ibconnect:problem:session-ended"


async def test_a_session_ends_by_itself_and_is_forgotten(world_url: str) -> None:
    async with serving(world_url, API_TOKENS=TOKENS, WEB_SESSION="1") as served:
        cookie = await sign_in(served)
        assert await status(served, "/v1/accounts", cookie) == 200

        async def is_over() -> bool:
            async with served.get("/healthz") as response:
                return response.status == 200

        def number() -> object:
            with admin(world_url) as connection:
                return connection.execute(
                    "SELECT count(*) FROM coordination.web_session WHERE expires <= clock_timestamp()"
                ).fetchone()

        await until(is_over, "the server answers")
        await until(lambda: number() != (0,), "its end has come")
        assert await status(served, "/v1/accounts", cookie) == 401
        await sign_in(served)
        assert number() == (0,), "who signs in next takes it away"


async def test_use_keeps_a_session(world_url: str) -> None:
    async with serving(world_url, API_TOKENS=TOKENS, WEB_SESSION="4") as served:
        cookie = await sign_in(served)
        first = (await who(served, cookie))["Expires"]

        async def is_kept() -> bool:
            return bool((await who(served, cookie))["Expires"] > first)

        await until(is_kept, "it ends later since it is used")


async def test_a_session_ends_with_its_token(world_url: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"{FULL}@*\n{LIMITED}@{DU1},{DU2}\n")
    async with serving(world_url, API_TOKENS_FILE=str(path)) as served:
        cookies = [await sign_in(served, FULL), await sign_in(served, LIMITED)]
        async with served.get("/v1/events?after=0", headers={**cookies[0], "Accept": "text/event-stream"}) as live:
            assert live.status == 200
            path.with_suffix(".new").write_text(f"{LIMITED}@{DU1}\n")
            path.with_suffix(".new").replace(path)
            with pytest.raises(aiohttp.ClientError):
                async with asyncio.timeout(DEADLINE_S):
                    await live.content.read()
        assert await status(served, "/v1/accounts", cookies[0]) == 401
        assert await status(served, f"/v1/accounts/{DU2}/{at(1)}", cookies[1]) == 404
        assert await status(served, f"/v1/accounts/{DU1}/{at(1)}", cookies[1]) == 200


async def test_sign_out_cuts_off_live_events(guarded: Served) -> None:
    cookie = await sign_in(guarded)
    async with guarded.get("/v1/events?after=0", headers={**cookie, "Accept": "text/event-stream"}) as live:
        assert live.status == 200
        await post(guarded, "/v1/session/end", {}, cookie)
        with pytest.raises(aiohttp.ClientError):
            async with asyncio.timeout(DEADLINE_S):
                await live.content.read()


async def test_a_token_counts_before_a_cookie(guarded: Served) -> None:
    cookie = await sign_in(guarded, FULL)
    both = {**cookie, "Authorization": f"Bearer {LIMITED}"}
    assert await status(guarded, f"/v1/accounts/{DU2}/{at(1)}", both) == 404
    assert await status(guarded, "/v1/accounts", {**cookie, "Authorization": "Bearer wrong-token-0123456789"}) == 401


async def test_nothing_secret_is_logged_or_stored(database_url: str) -> None:
    build_world(database_url, 1)
    with logged() as lines:
        async with serving(database_url, API_TOKENS=TOKENS, ACCESS_LOG="true", LOG_FORMAT="json") as served:
            cookie = await sign_in(served)
            await status(served, "/v1/accounts", cookie)
            await post(served, "/v1/session", {"Token": "wrong-token-0123456789"})
            await post(served, "/v1/session/end", {}, cookie)
            await status(served, "/v1/accounts", cookie)
    secret = cookie["Cookie"].partition("=")[2]
    for hidden in (secret, secret[:20], FULL, "wrong-token"):
        assert hidden not in lines.text()
    asked = [(line["path"], line["status"], line["token"]) for line in lines() if line["kind"] == "http_request"]
    assert ("/v1/session", 201, "office") in asked
    assert ("/v1/accounts", 200, "office") in asked
    with admin(database_url) as connection:
        assert secret not in str(connection.execute("SELECT * FROM coordination.web_session").fetchall())


async def test_without_the_page_nobody_signs_in(world_url: str) -> None:
    async with serving(world_url, API_TOKENS=TOKENS, WEB="false") as served:
        assert (await post(served, "/v1/session", {"Token": FULL})).status == 404
        assert await status(served, "/v1/session", {"Authorization": f"Bearer {FULL}"}) == 404
        async with served.get("/", headers={"Accept": "text/html"}) as response:
            assert (response.status, response.headers["Location"]) == (303, f"{served.url}/docs")
    async with serving(world_url, API_TOKENS=TOKENS) as served:
        cookie = await sign_in(served)
    async with serving(world_url, API_TOKENS=TOKENS, WEB="false") as served:
        assert await status(served, "/v1/accounts", cookie) == 401
