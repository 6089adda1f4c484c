"""Waiting for a condition until a deadline in seconds: the only place of the tests that polls.

In: a condition and what it means. Out: its first true value, or a failed test that says what was awaited. ``until`` is
for tests in an event loop, ``wait_for`` for all others.
"""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

DEADLINE_S = 60.0
"""Far beyond what anything takes on a slow machine with busy cores: only what never comes fails."""

PAUSE_S = 0.01


async def until(condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = DEADLINE_S) -> Any:
    """Wait until ``condition()``, awaited if it can be, is true and return its value.

    :param what: what is awaited, or how to say what is there instead when the time is over
    :raises AssertionError: not within so many seconds
    """
    end = time.monotonic() + seconds
    while not (value := await _value(condition)):
        _go_on(end, seconds, what)
        await asyncio.sleep(PAUSE_S)
    return value


async def _value(condition: Callable[[], Any]) -> Any:
    value = condition()
    return await value if inspect.isawaitable(value) else value


def wait_for(
    condition: Callable[[], Any], what: str | Callable[[], str], seconds: float = DEADLINE_S, pause: float = PAUSE_S
) -> Any:
    """The same, blocking the thread; ``pause``: seconds between two looks."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        _go_on(end, seconds, what)
        time.sleep(pause)
    return value


def _go_on(end: float, seconds: float, what: str | Callable[[], str]) -> None:
    if time.monotonic() > end:
        raise AssertionError(f"not within {seconds:g} s: {what if isinstance(what, str) else what()}")
