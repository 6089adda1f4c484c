"""What a web page elsewhere can have the browser of somebody do who may ask without a token: nothing but show a link.

A browser sends these headers by itself, and no page can change those that begin with ``Sec-``. What counts is what
happens here: requests in the database, streams that are open, searches.
"""

from collections.abc import AsyncIterator
from itertools import product

import pytest

from ibconnect.http.app import SERVICES
from ibconnect.http.resources.registry import ROUTES
from ibconnect.http.resources.tail import Tails
from tests.routes import EMPTY, target_of
from tests.serving import DU1, PROBLEM, Served, admin, at, build_world, serving, tell_gateway

FRIEND = "https://dashboard.example"
# What browsers send of pages elsewhere: for an image, a script, a form, a fetch, an event source, a frame, a link.
LOADED = [
    {"Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
    for mode, destination in (
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("no-cors", "empty"),
        ("cors", "empty"),
        ("cors", "font"),
        ("same-origin", "worker"),
        ("websocket", "empty"),
    )
]
CLICKED = [{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": where} for where in ("document", "iframe", "object")]
SITES = ("cross-site", "same-site", "Cross-Site", "cross-site, none", "something-of-tomorrow", "")
RELOADS = [{"Cache-Control": caching} for caching in ("max-age=0", "no-cache", "max-age=1", "no-store, max-age=0")]


def paths() -> dict[str, str]:
    """Every route that shows anything of accounts, filled, by its template."""
    return {
        route.path: target_of(route, Timestamp=at("as-of" in route.path))
        for route in ROUTES
        if not route.is_open and route.path not in EMPTY
    }


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[Served]:
    """An anonymous server whose gateway is connected and serves no refresh."""
    build_world(database_url, 1)
    with admin(database_url) as connection:
        tell_gateway(connection)
    async with serving(database_url, CORS_ORIGINS=FRIEND, REFRESH_TIMEOUT="0.1", REFRESH_FLOOR="0") as served:
        yield served


def refreshes(url: str) -> int:
    """How many refreshes were asked for."""
    with admin(url) as connection:
        (row,) = connection.execute("SELECT count(*) FROM coordination.refresh_request").fetchall()
    return int(str(row[0]))


async def test_pages_elsewhere_load_nothing(world: Served, database_url: str) -> None:
    origins = ({}, {"Origin": "https://evil.example"}, {"Origin": "null"})
    for (template, path), site, how, origin in product(paths().items(), SITES, LOADED, origins):
        for method in ("GET", "HEAD") if site == "cross-site" else ("GET",):
            headers = {"Sec-Fetch-Site": site, **how, **origin, "Accept": "*/*"}
            async with world.client.request(method, world.url + path, headers=headers) as response:
                assert (response.status, response.content_type) == (403, PROBLEM), (template, headers)
                assert "Access-Control-Allow-Origin" not in response.headers
    assert refreshes(database_url) == 0


async def test_pages_elsewhere_have_nothing_refreshed(world: Served, database_url: str) -> None:
    """By any means, a click included, which shows what there is."""
    wanting = {route.path: route for route in ROUTES if "refresh" in {each.name for each in route.parameters}}
    assert len(wanting) >= 2
    for template, site, how in product(wanting, SITES, (*CLICKED, {})):
        url = paths()[template]
        for reload in RELOADS:
            async with world.get(url, headers={"Sec-Fetch-Site": site, **how, **reload}) as response:
                assert response.status in (200, 303), (template, site, reload)
                assert response.headers["Refresh-Incomplete"].startswith("none; a page of another origin")
        for query, header in (("?refresh=required", {}), ("", {"Prefer": "respond-async"})):
            async with world.get(url + query, headers={"Sec-Fetch-Site": site, **how, **header}) as response:
                assert (response.status, response.content_type) == (403, PROBLEM), (template, site)
    assert refreshes(database_url) == 0


async def test_pages_elsewhere_open_no_stream_and_no_search(world: Served) -> None:
    services = world.app[SERVICES]
    for accept, how, site in product(("text/event-stream", "*/*", "text/html"), (*LOADED, *CLICKED, {}), SITES):
        headers = {"Accept": accept, "Sec-Fetch-Site": site, **how}
        async with world.get("/v1/events", headers=headers) as response:
            assert (response.status, response.content_type) in ((403, PROBLEM), (406, PROBLEM)), headers
        assert services.part(Tails).open == services.scans.open == 0


OURS = {
    "a program": {},
    "typed, or reloaded": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    "our page": {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
    "a page that is named": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": FRIEND},
}


@pytest.mark.parametrize("who", OURS)
async def test_who_may_goes_on(world: Served, database_url: str, who: str) -> None:
    for template, path in paths().items():
        async with world.get(path, headers=OURS[who]) as response:
            assert response.status in (200, 303), template
    for reload in (*RELOADS, {"Prefer": "respond-async"}):
        async with world.get(f"/v1/accounts/{DU1}", headers={**OURS[who], **reload}) as response:
            assert response.status == 504, "it is asked for, and no gateway answers"
    assert refreshes(database_url) > 0
    async with world.get("/v1/events", headers={**OURS[who], "Accept": "text/event-stream"}) as response:
        assert response.status == 200


async def test_a_click_shows_what_is_there(world: Served) -> None:
    clicked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for template, path in paths().items():
        async with world.get(path, headers=clicked) as response:
            assert response.status == (
                403 if template == "/v1/events" else 303 if "Location" in response.headers else 200
            )
    async with world.get("/docs", headers={**clicked, "Sec-Fetch-Mode": "no-cors"}) as response:
        assert response.status == 200, "what shows nothing of accounts is open to everybody"


async def test_with_tokens_no_page_elsewhere_gets_as_far(database_url: str) -> None:
    """A page would have to know the token, and then needs no browser: the header makes no difference."""
    build_world(database_url, 1)
    token = {"Authorization": "Bearer a-token-of-everything"}
    async with serving(database_url, API_TOKENS="a-token-of-everything") as served:
        for headers, status in (({}, 401), (token, 200)):
            async with served.get(
                "/v1/accounts", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", **headers}
            ) as response:
                assert response.status == status
