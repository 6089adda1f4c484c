"""How long what runs runs: until a signal, or until something that it cannot do without has died for good.

In: a context to live in. Out: its clean end. Called by the verbs that run until they are stopped, and by the
processes of ``ibconnect serve``.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from ibconnect import troubles
from ibconnect.service.service_manager import ENDS, NOBODY, ServiceManager
from ibconnect.service.supervision import Parts, cancelled

STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""What ends a service cleanly."""

Running = TypeVar("Running")


def stop_event() -> asyncio.Event:
    """An event that SIGTERM, SIGINT and SIGHUP (the terminal is gone) set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        troubles.end()
        stop.set()

    for number in STOPS:
        loop.add_signal_handler(number, end)
    return stop


async def lived(
    stop: asyncio.Event,
    enter: Callable[[Parts], AbstractAsyncContextManager[Running]],
    on_started: Callable[[Running], None] = lambda running: None,
    manager: ServiceManager = NOBODY,
    on_failed: Callable[[], None] = lambda: None,
) -> None:
    """Live in a context until ``stop`` is set, also if that happens while it is still being entered.

    :param enter: gives the context, of parts that hear of what dies
    :param on_started: is given what the context gives, once it is entered
    :param on_failed: called when something that it cannot do without has died, before it ends for that reason
    :raises PartFailed: something that it cannot do without has died for good
    :raises IbConnectError: it could not be started
    """
    parts = Parts()
    is_started = False

    async def live() -> None:
        nonlocal is_started
        async with enter(parts) as running:
            on_started(running)
            is_started = True
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)

    ends = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(parts.failed.wait())}
    living = asyncio.ensure_future(live())
    try:
        await asyncio.wait({living, *ends}, return_when=asyncio.FIRST_COMPLETED)
        manager.tell(ENDS)
        if parts.failed.is_set():
            # It ends by itself; cancelled in the middle of that, it would leave behind what keeps the process alive.
            on_failed()
        elif not is_started:
            living.cancel()
        await asyncio.wait({living})
        parts.check()
        if not living.cancelled():
            living.result()
    finally:
        await cancelled([living, *ends])
