"""A page of another origin in a real browser: a dashboard that asks the API, and says what it was given.

In: JavaScript that returns a value. Out: that value, as the browser's page sent it to its own server. The test is
skipped where no Chromium is.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from typing import Any

import orjson
from aiohttp import web

from tests import chromium
from tests.waiting import DEADLINE_S

_PAGE = """<!doctype html><meta charset="utf-8"><title>Dashboard</title><script type="module">
const ask = async () => {{ {script} }};
const seen = await ask().catch((error) => ({{ failed: String(error) }}));
await fetch("/seen", {{ method: "POST", body: JSON.stringify(seen) }});
</script>"""


class Dashboard:
    """A page, and what it has said."""

    def __init__(self) -> None:
        self.script = ""
        self.port = 0
        self._seen: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def page(self, _: web.Request) -> web.Response:
        """The page with the script."""
        return web.Response(text=_PAGE.format(script=self.script), content_type="text/html")

    async def seen(self, request: web.Request) -> web.Response:
        """What the script has returned."""
        self._seen.set_result(orjson.loads(await request.read()))
        return web.Response()

    async def asks(self, origin: str, script: str) -> Any:
        """What a script returns that a page of this origin runs."""
        self.script, self._seen = script, asyncio.get_running_loop().create_future()
        with tempfile.TemporaryDirectory(prefix="ibc-browser-", ignore_cleanup_errors=True) as profile:
            async with _browser(Path(profile), origin), asyncio.timeout(2 * DEADLINE_S):
                return await self._seen


@asynccontextmanager
async def dashboard() -> AsyncIterator[Dashboard]:
    """A server of a page, on a free port of this machine."""
    board = Dashboard()
    app = web.Application()
    app.router.add_get("/", board.page)
    app.router.add_post("/seen", board.seen)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        board.port = runner.addresses[0][1]
        yield board
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _browser(profile: Path, url: str) -> AsyncIterator[None]:
    """A browser that shows a page; it and all of its processes end with the context."""
    log = profile / "log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            chromium.program(),
            "--headless",
            *chromium.OPTIONS,
            f"--user-data-dir={profile / 'profile'}",
            url,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "HOME": str(profile)},
            start_new_session=True,
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, SIGKILL)
        await process.wait()
