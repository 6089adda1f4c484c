"""An account that a token may not see looks in every byte like one that does not exist, however it is asked for.

Every route that names an account, of the table of routes, so that one that is added later is asked too; in every
method, with every header that changes an answer, by every kind of token.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import product

import pytest
from yarl import URL

from ibconnect.http.resources.registry import ROUTES
from ibconnect.http.server.resource import Route
from tests.routes import target_of
from tests.serving import DU1, DU2, EMPTY, Served, serving

LIMITED, STRANGER, METRICS = "limited-token-0123456789", "stranger-token-0123456789", "metrics-token-0123456789"
TOKENS = f"full-token-0123456789 {LIMITED}@{DU1} {STRANGER}@DU9999999 {METRICS}@metrics"
# The first two exist; as long as the others, so that lengths can be held against one another.
PAIRS = ((DU2, "DU7777777"), (EMPTY, "DU7777777"))
WHO = {
    "limited": {"Authorization": f"Bearer {LIMITED}"},
    "stranger": {"Authorization": f"Bearer {STRANGER}"},
    "metrics": {"Authorization": f"Bearer {METRICS}"},
    "wrong": {"Authorization": "Bearer of-nothing-0123456789"},
    "none": {},
}
ASKED: list[dict[str, str]] = [
    {},
    {"Accept": "text/csv"},
    {"Accept": "text/event-stream", "Last-Event-ID": "1"},
    {"Accept": "image/png"},
    {"Accept-Encoding": "gzip, br, zstd"},
    {"Cache-Control": "max-age=0"},
    {"Cache-Control": "no-cache", "Prefer": "respond-async"},
    {"If-None-Match": "*"},
    {"If-None-Match": '"abc"', "Range": "bytes=0-1"},
    {"Origin": "https://dashboard.example", "Sec-Fetch-Site": "cross-site"},
    {"X-Forwarded-Proto": "https", "X-HTTP-Method-Override": "GET"},
]
QUERIES = ("", "ready=any", "refresh=required", "gateway=127.0.0.1:4002", "limit=1", "nonsense=1")
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "DELETE")


def naming() -> list[tuple[Route, str]]:
    """The routes that name an account, each with where its code stands."""
    found = []
    for route in ROUTES:
        names = {each.name for each in route.parameters}
        path, _, required = target_of(route, AccountCode="CODE").partition("?")
        if "AccountCode" in names:
            found.append((route, f"{path.replace('CODE', '{code}')}?{required}"))
        elif "account" in names:
            found.append((route, f"{path}?account={{code}}&{required}"))
    return found


@pytest.fixture
async def guarded(world_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    # A flood of wrong tokens is answered in another way, and which request is the eleventh is chance here.
    monkeypatch.setattr("ibconnect.http.server.auth.REFUSALS", 10**9)
    async with serving(world_url, API_TOKENS=TOKENS, CORS_ORIGINS="https://dashboard.example") as served:
        yield served


async def looks(served: Served, method: str, target: str, code: str, headers: dict[str, str]) -> tuple[object, ...]:
    """All of an answer, with what is chance and the code itself blotted out."""
    url = URL(served.url + target.replace("{code}", code), encoded=True)
    async with served.client.request(method, url, headers=headers, allow_redirects=False) as response:
        body = await response.read()
        sent = [
            (name, value.replace(code.encode(), b"CODE")) for name, value in response.raw_headers if name != b"Date"
        ]
    text = re.sub(rb'"error_id":"[0-9a-f]{16}"', b'"error_id":"CHANCE"', body.replace(code.encode(), b"CODE"))
    return response.status, response.reason, sent, text


def table() -> list[tuple[str, str, dict[str, str], tuple[str, str]]]:
    """Method, target, headers, pair of codes: each method and header with each kind of token and route."""
    rows = []
    for (_, target), who, asked, method in product(naming(), WHO.values(), ASKED, METHODS):
        query = QUERIES[len(rows) % len(QUERIES)]
        rows.append((method, f"{target}&{query}", {**who, **asked}, PAIRS[len(rows) % 2]))
    return rows


async def test_what_may_not_be_seen_looks_like_what_is_not_there(guarded: Served) -> None:
    rows = table()
    turn = asyncio.Semaphore(8)
    statuses: set[object] = set()

    async def compare(method: str, target: str, headers: dict[str, str], pair: tuple[str, str]) -> None:
        async with turn:
            there, not_there = [await looks(guarded, method, target, code, headers) for code in pair]
        assert there == not_there, (method, target, headers)
        assert not str(there[0]).startswith(("2", "3")) or method == "OPTIONS", (method, target, headers)
        statuses.add(there[0])

    async with asyncio.TaskGroup() as group:
        for row in rows:
            group.create_task(compare(*row))
    assert len(rows) > 1_728
    assert {400, 401, 404, 405, 406} <= statuses


async def test_every_route_and_query_looks_so_to_a_limited_token(guarded: Served) -> None:
    for (route, target), query, pair in product(naming(), QUERIES, PAIRS):
        there, not_there = [await looks(guarded, "GET", f"{target}&{query}", code, WHO["limited"]) for code in pair]
        assert there == not_there, (route.path, query)
        known = {each.name for each in route.parameters} | {""}
        assert there[0] == (404 if query.partition("=")[0] in known else 400), (route.path, query)


async def test_the_routes_that_name_an_account_are_found(guarded: Served) -> None:
    """And with the right code they answer: what is compared above is no typing error."""
    assert len(naming()) >= 7
    for route, target in naming():
        status, *_ = await looks(guarded, "GET", f"{target}", DU1, WHO["limited"])
        assert status in (200, 303), route.path
