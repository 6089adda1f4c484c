"""Whose requests a session of the page counts for: none that a page elsewhere can have a browser make; and where the
cookie goes, behind a proxy too.
"""

from collections.abc import AsyncIterator
from itertools import product

import aiohttp
import pytest

from ibconnect.http.resources.registry import POSTS, ROUTES
from tests.routes import EMPTY, target_of
from tests.serving import DU1, PROBLEM, Served, at, build_world, serving
from tests.waiting import DEADLINE_S

pytestmark = pytest.mark.with_tables

TOKEN = "full-token-0123456789"
FRIEND = "https://dashboard.example"
ELSEWHERE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": FRIEND},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Origin": "https://evil.example"},
    {"Origin": FRIEND},
    {"Origin": "null"},
    {"Referer": "https://evil.example/page"},
]
JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    build_world(database_url, 1)
    async with serving(database_url, API_TOKENS=f"{TOKEN}@*", CORS_ORIGINS=FRIEND) as server:
        yield server


async def answer(
    served: Served, method: str, path: str, headers: dict[str, str], body: str | None = None
) -> tuple[int, str, str]:
    """Status, the cookie that is set, and the body, of a client that keeps no cookies."""
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client,
        client.request(method, served.url + path, headers=headers, data=body, allow_redirects=False) as got,
    ):
        assert "Access-Control-Allow-Credentials" not in got.headers
        return got.status, got.headers.get("Set-Cookie", ""), await got.text()


async def sign_in(served: Served, headers: dict[str, str]) -> tuple[int, str]:
    """Status and cookie of a sign-in."""
    body = f'{{"Token":"{TOKEN}"}}'
    status, cookie, _ = await answer(served, "POST", "/v1/session", {**JSON, **headers}, body)
    return status, cookie


async def cookie_of(served: Served) -> dict[str, str]:
    status, cookie = await sign_in(served, {"Sec-Fetch-Site": "same-origin"})
    assert status == 201
    return {"Cookie": f"other=1; {cookie.partition(';')[0]}"}


async def test_pages_elsewhere_use_no_session(served: Served) -> None:
    cookie = await cookie_of(served)
    paths = {
        route.path: target_of(route, Timestamp=at("as-of" in route.path))
        for route in ROUTES
        if not route.is_open and route.path not in EMPTY and not route.is_live
    }
    for (template, path), headers in product(paths.items(), ELSEWHERE):
        status, _, text = await answer(served, "GET", path, {**cookie, **headers})
        assert (status, "origin-refused" in text) == (403, True), (template, headers)
        assert DU1 not in text
    for headers in ELSEWHERE:
        live = {**cookie, **headers, "Accept": "text/event-stream"}
        assert (await answer(served, "GET", "/v1/events", live))[0] == 403, headers


async def test_pages_elsewhere_post_nothing(served: Served) -> None:
    cookie = await cookie_of(served)
    for route, headers in product(POSTS, [*ELSEWHERE, {}, {"Sec-Fetch-Site": "none"}]):
        assert route.body is not None
        sent = {**cookie, **headers, "Content-Type": route.body.media[0]}
        status, set_cookie, text = await answer(served, "POST", route.path, sent, "{}")
        assert (status, set_cookie, "origin-refused" in text) == (403, "", True), (route.path, headers)
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        sent = {**cookie, "Sec-Fetch-Site": "same-origin", "Content-Type": media}
        for route in POSTS:
            assert (await answer(served, "POST", route.path, sent, "{}"))[0] == 415, (route.path, media)
    ours = {**cookie, "Sec-Fetch-Site": "same-origin"}
    assert (await answer(served, "GET", "/v1/session", ours))[0] == 200, "nobody has signed him out"


@pytest.mark.parametrize("headers", ELSEWHERE[:-1])
async def test_pages_elsewhere_sign_nobody_in(served: Served, headers: dict[str, str]) -> None:
    assert await sign_in(served, headers) == (403, "")


async def test_our_own_page_and_hand_use_it(served: Served) -> None:
    cookie = await cookie_of(served)
    ours = [
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
        {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
        {},
        {"Referer": f"{served.url}/"},
        {"Origin": served.url},
    ]
    for headers in ours:
        for path in ("/v1/accounts?format=csv", f"/v1/accounts/{DU1}/{at(0)}", "/v1/session"):
            assert (await answer(served, "GET", path, {**cookie, **headers}))[0] == 200, (headers, path)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(DEADLINE_S)) as client:
        live = {**cookie, **ours[0], "Accept": "text/event-stream"}
        async with client.get(f"{served.url}/v1/events?after=0", headers=live) as response:
            assert (response.status, response.content_type) == (200, "text/event-stream")
    status, gone, _ = await answer(served, "POST", "/v1/session/end", {**cookie, **JSON, "Origin": served.url}, "{}")
    assert (status, "Max-Age=0" in gone) == (204, True)


async def test_a_page_of_a_friend_gets_no_leave_to_send_cookies(served: Served) -> None:
    asked = {"Origin": FRIEND, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "Accept"}
    async with served.client.options(f"{served.url}/v1/accounts", headers=asked) as response:
        assert response.headers["Access-Control-Allow-Origin"] == FRIEND
        assert "Access-Control-Allow-Credentials" not in response.headers
    for path in ("/v1/session", "/v1/session/end"):
        posting = {**asked, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Content-Type"}
        async with served.client.options(served.url + path, headers=posting) as response:
            assert response.status >= 400
            assert response.content_type == PROBLEM


@pytest.mark.parametrize(
    ("public", "forwarded", "path", "is_secure"),
    [
        ("", {}, "/", False),
        ("", {"X-Forwarded-Proto": "https"}, "/", True),
        ("https://records.example.com/ib", {}, "/ib", True),
        ("http://records.example.com", {"X-Forwarded-Proto": "https"}, "/", False),
    ],
)
async def test_where_the_cookie_goes(
    world_url: str, public: str, forwarded: dict[str, str], path: str, is_secure: bool
) -> None:
    async with serving(world_url, API_TOKENS=f"{TOKEN}@*", PUBLIC_URL=public) as served:
        status, cookie = await sign_in(served, {"Sec-Fetch-Site": "same-origin", **forwarded})
        assert status == 201
        parts = cookie.split("; ")
        assert parts[1:] == [f"Path={path}", "HttpOnly", "SameSite=Strict", *(["Secure"] if is_secure else [])]
        sent = {**forwarded, "Cookie": parts[0]}
        name = public.removesuffix("/ib") or f"{'https' if is_secure else 'http'}://{served.url.partition('//')[2]}"
        for origin, wanted in ((name, 204), ("https://evil.example", 403)):
            got = await answer(served, "POST", "/v1/session/end", {**sent, **JSON, "Origin": origin}, "{}")
            assert got[0] == wanted, origin
            sent = {**forwarded, "Cookie": (await sign_in(served, {}))[1].partition(";")[0]}
