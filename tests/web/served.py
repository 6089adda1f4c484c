"""A server over a database of a test's own, in a thread, for a browser that is driven from the test's thread.

In: a database's address, settings. Out: the server's address. Called by the tests of states that the demo never is in.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.serving import serving
from tests.waiting import DEADLINE_S


@contextmanager
def served(database_url: str, **changed: str) -> Iterator[str]:
    """Serve the database for as long as the context lasts.

    :param changed: settings as :func:`tests.serving.settings` takes them
    """
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    ready = threading.Event()
    urls: list[str] = []

    async def run() -> None:
        async with serving(database_url, **changed) as server:
            urls.append(server.url)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert ready.wait(DEADLINE_S), "the server begins"
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(DEADLINE_S)
        loop.close()
