"""Asking another instance whether it has Postgres, by its ``/healthz``.

In: its name and its address, as it announced them. Out: for how many seconds Postgres has answered it, or None if it
cannot be asked. Given by the composition root to leaders, who ask while Postgres is away from them. Whoever answers at
that address may be somebody else, so the name is compared, and nothing that is answered is believed beyond its size,
its time and its form.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import orjson
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

PATIENCE_S = 0.8
_MAX_BYTES = 4096


@asynccontextmanager
async def asking() -> AsyncIterator[Callable[[str, str], Awaitable[float | None]]]:
    """What asks the instance of a name at an address (host:port), for as long as the context lasts.

    It gives the seconds for which Postgres has answered that instance without a break, 0 if it does not; None if the
    instance does not answer in time, or somebody else does.
    """
    # A connection for each question: one that was kept open may have died unnoticed.
    lines = TCPConnector(force_close=True)
    async with ClientSession(
        connector=lines,
        timeout=ClientTimeout(PATIENCE_S),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    ) as session:

        async def ask(name: str, address: str) -> float | None:
            try:
                async with session.get(f"http://{address}/healthz", allow_redirects=False) as response:
                    return _seconds(name, await _body(response)) if response.status == 200 else None
            except (ClientError, TimeoutError, OSError, ValueError):
                return None

        yield ask


async def _body(response: ClientResponse) -> bytes:
    """What was answered; nothing if it is longer than any of our answers."""
    try:
        await response.content.readexactly(_MAX_BYTES)
    except asyncio.IncompleteReadError as exc:
        return exc.partial
    return b""


def _seconds(name: str, body: bytes) -> float | None:
    match orjson.loads(body):
        case {"Instance": str(said), "DatabaseSeconds": int() | float() as seconds}:
            is_its_answer = said == name and not isinstance(seconds, bool) and seconds >= 0
            return float(seconds) if is_its_answer else None
    return None
