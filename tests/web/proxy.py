"""A reverse proxy as people put one before the service: below a path, on a port of its own; it keeps what it passes.

In: the service's address, a path. Out: the proxy's address, and every answer that went through it, whole, for tests
that search them. It runs in a thread with an event loop of its own.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.waiting import DEADLINE_S

# Of one connection alone, or ours to say.
_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length", "accept-encoding", "host"}


@dataclass
class Passed:
    """One request and what was answered so far."""

    request: str
    status: int
    headers: str
    body: bytearray = field(default_factory=bytearray)


class Proxy:
    """What it listens on, and what went through it."""

    def __init__(self, target: str, path: str) -> None:
        self.target = target.rstrip("/")
        self.path = path.rstrip("/")
        self.url = ""
        self.passed: list[Passed] = []

    def said(self) -> bytes:
        """All that the service has answered: heads and bodies."""
        return b"\n".join(each.headers.encode() + b"\n" + bytes(each.body) for each in list(self.passed))

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Pass requests on until told to stop."""
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", self.path + "/{rest:.*}", self._pass)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        async with aiohttp.ClientSession(auto_decompress=False) as self._client:
            try:
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.url = f"http://localhost:{runner.addresses[0][1]}{self.path}/"
                ready.set()
                await stop.wait()
            finally:
                await runner.cleanup()
                streams = asyncio.all_tasks() - {asyncio.current_task()}
                for each in streams:
                    each.cancel()
                await asyncio.gather(*streams, return_exceptions=True)

    def _led(self, location: str, request: web.Request) -> str:
        """Where a redirect leads, as the browser knows it: proxies rewrite it."""
        here = f"http://{request.headers['Host']}"
        return here + self.path + location.removeprefix(here) if location.startswith(here) else location

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        headers = {name: text for name, text in request.headers.items() if name.lower() not in _HOP}
        headers |= {"Accept-Encoding": "identity", "Host": request.headers["Host"]}
        path = request.raw_path.removeprefix(self.path)
        async with self._client.request(
            request.method,
            self.target + path,
            headers=headers,
            data=await request.read() or None,
            allow_redirects=False,
        ) as answer:
            kept = Passed(
                f"{request.method} {path}", answer.status, "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
            )
            self.passed.append(kept)
            response = web.StreamResponse(status=answer.status)
            for name, text in answer.headers.items():
                if name.lower() not in _HOP:
                    response.headers.add(name, self._led(text, request) if name == "Location" else text)
            await response.prepare(request)
            with suppress(ConnectionError, aiohttp.ClientError):
                async for piece in answer.content.iter_any():
                    kept.body += piece
                    await response.write(piece)
            return response


@contextmanager
def proxy(target: str, path: str = "/records/of/ours") -> Iterator[Proxy]:
    """A running proxy."""
    made, ready = Proxy(target, path), threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(made.serve(ready, stop),))
    thread.start()
    try:
        assert ready.wait(DEADLINE_S)
        yield made
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(DEADLINE_S)
        loop.close()
