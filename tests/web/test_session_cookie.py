"""The session's cookie in a real browser: every window, the end of a session, files and live events, and pages of the
same site on another port, to which a browser sends the strictest cookie.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from tests import chromium
from tests.serving import DU1, DU2, Served, admin, build_world, logged, serving
from tests.waiting import DEADLINE_S, until

FULL = "full-token-0123456789"
LIMITED = "limited-token-0123456789"
TOKENS = f"{FULL}@*;name=office {LIMITED}@{DU1};name=client"
PATIENCE_MS = DEADLINE_S * 1000


@asynccontextmanager
async def browser() -> AsyncIterator[BrowserContext]:
    """A browser that has been nowhere."""
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium.program(), args=list(chromium.OPTIONS))
        context = await launched.new_context(accept_downloads=True)
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield context
        finally:
            await launched.close()


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    build_world(database_url, 2)
    async with serving(database_url, API_TOKENS=TOKENS) as server:
        yield server


@pytest.fixture
async def visited() -> AsyncIterator[BrowserContext]:
    async with browser() as context:
        yield context


def home(served: Served) -> str:
    """By the name that another server of this machine has too: a site is a name, whatever the port."""
    return served.url.replace("127.0.0.1", "localhost")


async def give(page: Page, token: str) -> None:
    """Type a token and press the button."""
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name="Sign in").click()


async def signed_in(context: BrowserContext, served: Served, token: str) -> Page:
    page = await context.new_page()
    await page.goto(home(served))
    await give(page, token)
    await expect(leave(page)).to_be_visible(timeout=PATIENCE_MS)
    return page


def leave(page: Page) -> Any:
    return page.get_by_role("button", name="Sign out")


async def asks_for_token(page: Page) -> None:
    await expect(page.get_by_label("Token")).to_be_visible(timeout=PATIENCE_MS)


async def test_sign_out_ends_it_in_every_window(served: Served, visited: BrowserContext) -> None:
    page = await signed_in(visited, served, FULL)
    other = await visited.new_page()
    await other.goto(home(served))
    await expect(leave(other)).to_be_visible(timeout=PATIENCE_MS)
    await page.goto(f"{home(served)}/#/recorder")
    await expect(page.get_by_role("heading", name="Recorder").first).to_be_visible(timeout=PATIENCE_MS)
    await leave(page).click()
    await asks_for_token(page)
    assert await visited.cookies() == []
    await other.reload()
    await asks_for_token(other)
    await page.go_back()
    assert page.url.rstrip("/#") == home(served)
    await asks_for_token(page)
    assert DU1 not in await page.content()


async def test_a_session_that_is_over_asks_for_a_token_and_goes_on(
    served: Served, visited: BrowserContext, database_url: str
) -> None:
    page = await signed_in(visited, served, FULL)
    with admin(database_url) as connection:
        connection.execute("DELETE FROM coordination.web_session")

    async def is_over() -> bool:
        return bool(await page.evaluate("fetch('v1/session').then(answer => answer.status)") == 401)

    await until(is_over, "the session is over")
    await page.reload()
    await asks_for_token(page)
    await give(page, LIMITED)
    await expect(page.get_by_text(DU1).first).to_be_visible(timeout=PATIENCE_MS)
    assert DU2 not in await page.content()


async def test_files_and_live_events_go_by_the_cookie(served: Served, visited: BrowserContext) -> None:
    page = await signed_in(visited, served, FULL)
    async with page.expect_download() as awaited:
        await page.evaluate("""() => {
            const link = Object.assign(document.createElement("a"), {href: "v1/accounts?format=csv"});
            document.body.append(link);
            link.click();
        }""")
    downloaded = await awaited.value
    assert DU2 in (await downloaded.path()).read_text()
    live = """() => new Promise(done => {
        const source = new EventSource("v1/events?after=0");
        source.onopen = () => { source.close(); done("open"); };
        source.onerror = () => { source.close(); done("refused"); };
    })"""
    assert await page.evaluate(live) == "open"


ATTACK = """async ([home]) => {
    const options = {credentials: "include", mode: "no-cors"};
    const types = ["text/plain", "application/x-www-form-urlencoded"];
    const post = (path, type, mode) => fetch(home + path,
        {...options, mode, method: "POST", body: "{}", headers: {"Content-Type": type}});
    const image = new Image();
    await Promise.allSettled([
        fetch(home + "/v1/accounts", options),
        fetch(home + "/v1/accounts", {credentials: "include"}),
        fetch(home + "/v1/accounts?refresh=required", options),
        ...types.flatMap(type => [post("/v1/session/end", type, "no-cors"), post("/v1/statements", type, "no-cors")]),
        post("/v1/session/end", "application/json", "cors"),
        new Promise(done => {
            image.onload = image.onerror = done;
            image.src = home + "/v1/accounts?format=csv";
        }),
    ]);
}"""
FORM = """([home]) => {
    const form = Object.assign(document.createElement("form"),
        {method: "post", action: home + "/v1/session/end", enctype: "text/plain"});
    document.body.append(form);
    form.submit();
}"""


@asynccontextmanager
async def stranger() -> AsyncIterator[str]:
    """An empty page of another server on this machine: the same site, so that browsers send it the strictest cookie."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>stranger</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_another_page_of_the_same_site_does_nothing_with_it(visited: BrowserContext, database_url: str) -> None:
    build_world(database_url, 1)
    with logged() as lines:
        async with serving(database_url, API_TOKENS=TOKENS, ACCESS_LOG="true", LOG_FORMAT="json") as served:
            await signed_in(visited, served, FULL)
            begun = len(lines())
            async with stranger() as elsewhere:
                page = await visited.new_page()
                await page.goto(elsewhere)
                await page.evaluate(ATTACK, [home(served)])
                await page.evaluate(FORM, [home(served)])
                await page.wait_for_url(f"{home(served)}/v1/session/end")
            asked = [line for line in lines()[begun:] if line["kind"] == "http_request" and line["status"] != 200]
            with admin(database_url) as connection:
                assert connection.execute("SELECT count(*) FROM coordination.web_session").fetchone() == (1,)
                assert connection.execute("SELECT count(*) FROM coordination.refresh_request").fetchone() == (0,)
            page = await visited.new_page()
            await page.goto(home(served))
            await expect(leave(page)).to_be_visible(timeout=PATIENCE_MS)
    found = {(line["method"], line["path"], line["status"]) for line in asked}
    assert {
        ("GET", "/v1/accounts", 403),
        ("GET", "/v1/accounts?refresh=required", 403),
        ("GET", "/v1/accounts?format=csv", 403),
        ("POST", "/v1/session/end", 403),
        ("POST", "/v1/statements", 403),
    } <= found
    assert {line["status"] for line in asked} <= {403, 405}, "405: a browser asks first, and gets no leave"
