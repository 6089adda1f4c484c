"""What the service cannot do without: started again where that helps, else the process ends, for whoever starts it.

In: threads and tasks, each with a name for people. Out: one word for the whole service, that one of them has died for
good, and of what. Used by the composition root only. A process that goes on without its writer, or without the
supervisor of a gateway, looks alive and records nothing; one that ends with status 1 is started again by systemd or by
its container.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from ibconnect import observe as o
from ibconnect.backoff import Backoff
from ibconnect.database.outages import is_passing
from ibconnect.errors import ConfigError, DatabaseError, IbConnectError, PartFailed, ProcessDied
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.troubles import LOOK_S, State, brief, innermost, look

# A part that dies so often within so many seconds cannot be helped by being started once more.
MOST_DEATHS = 5
WITHIN_S = 300.0
# A part that has run for so long is well again.
STEADY_S = 60.0
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0
_FORCE_S = 30.0

Result = TypeVar("Result")


class Parts:
    """The parts of one service. Made and used on the event loop; :meth:`died` may be called by any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._failure: PartFailed | ConfigError | None = None
        self.failed = asyncio.Event()
        """Set once a part has died for good."""

    def check(self) -> None:
        """Nothing, unless a part has died for good.

        :raises PartFailed: the first that has
        :raises ConfigError: it was for a setting, which starting again does not mend
        """
        if self._failure is not None:
            raise self._failure

    def died(self, part: str, exc: BaseException) -> None:
        """A part has died for good."""
        # After the loop has ended nobody can be told, and nobody needs to be.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._fail, part, exc)

    def _fail(self, part: str, exc: BaseException) -> None:
        if self._failure is None:
            exc = innermost(exc)
            if isinstance(exc, ConfigError | PartFailed):
                # It was reported where it was found.
                self._failure = exc
                self.failed.set()
                return
            why = str(exc) if isinstance(exc, IbConnectError) else f"{type(exc).__name__}: {exc}"
            self._failure = PartFailed(f"{part} has died for good: {why}")
            self._failure.__cause__ = exc
            observe(Kind.PART_FAILED, part=part, error=exc)
            self.failed.set()

    def watch(self, part: str, task: asyncio.Future[None], *, may_end: bool = False) -> None:
        """Have a task count as a part: its death, or its end unless it may end, is the end of the service."""

        def over(ended: asyncio.Future[None]) -> None:
            if ended.cancelled():
                return
            exc = ended.exception()
            if exc is None and not may_end:
                exc = RuntimeError("it ended by itself")
            if exc is not None:
                self.died(part, exc)

        task.add_done_callback(over)

    def keep(self, part: str, run: Callable[[], Awaitable[None]], shown: str = "") -> "asyncio.Task[None]":
        """Run a part that never ends by itself, and again whenever it dies, until it dies too often.

        What Postgres says is no reason to give up, nor is a setting that was right at the start: whatever it is,
        somebody may put it right.

        :param shown: its name where anybody may read it, if that is another one
        """
        task = asyncio.create_task(_kept(part, run, shown or part), name=part)
        self.watch(part, task)
        return task

    def watch_named(self, parts: Mapping[str, str]) -> None:
        """Watch tasks that somebody else has started: their names, and what people call them. They must be running."""
        running = {task.get_name(): task for task in asyncio.all_tasks()}
        for name, part in parts.items():
            if name in running:
                self.watch(part, running[name])
            else:
                self.died(part, RuntimeError("it did not even begin; the log may say why"))


async def _kept(part: str, run: Callable[[], Awaitable[None]], shown: str) -> None:
    loop = asyncio.get_running_loop()
    restarts = State(Trouble.PART_RESTARTS)
    backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
    deaths = deque[float]()
    try:
        while True:
            steady = loop.call_later(STEADY_S, _note_steady, restarts, backoff, part)
            try:
                await run()
                exc: Exception = RuntimeError("it ended by itself")
            except Exception as found:  # noqa: BLE001 - whatever it died of, it is started again
                exc = found
            finally:
                steady.cancel()
            if isinstance(innermost(exc), ConfigError | PartFailed):
                raise exc
            if not _may_be_put_right(exc) and _is_too_often(deaths, loop.time()):
                raise exc
            o.PART_FAILURES.labels(part).inc()
            restarts.note(f"{shown}: {brief(exc)}", part=part, error=innermost(exc))
            await asyncio.sleep(backoff.wait())
    finally:
        restarts.forget()


def _note_steady(restarts: State, backoff: Backoff, part: str) -> None:
    restarts.over(part=part)
    backoff.reset()


def _is_too_often(deaths: deque[float], now: float) -> bool:
    deaths.append(now)
    while now - deaths[0] > WITHIN_S:
        deaths.popleft()
    return len(deaths) >= MOST_DEATHS


def _may_be_put_right(exc: BaseException) -> bool:
    exc = innermost(exc)
    if isinstance(exc, ProcessDied):
        return exc.may_be_put_right
    return isinstance(exc, DatabaseError) or is_passing(exc) or getattr(exc, "sqlstate", None) is not None


async def cancelled(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Cancel these and wait until they have ended."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def in_thread(work: Callable[[], Result]) -> Result:
    """The result of what blocks, in a thread that does not keep the process from ending: for what may take hours."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def deliver(set_it: Callable[..., None], value: object) -> None:
        if not done.done():
            set_it(value)

    def run() -> None:
        try:
            told: tuple[Callable[..., None], object] = (done.set_result, work())
        except BaseException as exc:  # noqa: BLE001 - whatever it is, whoever waits is told
            told = (done.set_exception, exc)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, *told)

    threading.Thread(target=run, name=getattr(work, "__name__", "work"), daemon=True).start()
    return await done


def end_for_sure() -> None:
    """End the process with status 1 if it has not ended by itself within half a minute.

    What ends because a part of it has died may hang for the same reason; it must not stay.
    """
    timer = threading.Timer(_FORCE_S, os._exit, (1,))
    timer.daemon = True
    timer.start()


async def looking() -> None:
    """Have every part look after its troubles, every few seconds, for ever: a part that hangs cannot do it itself."""
    while True:
        look()
        await asyncio.sleep(LOOK_S)
