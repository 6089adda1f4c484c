"""The reference of the reads: an aiohttp server whose one handler returns the same bytes every time.

``python -m bench.constant SIZE`` listens on a free port of loopback, prints its URL, and ends with SIGTERM.
"""

import asyncio
import sys

from aiohttp import web


async def _serve(size: int) -> None:
    body = b"x" * size

    async def constant(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/constant", constant)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"constant on http://127.0.0.1:{runner.addresses[0][1]}/constant", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
