"""Follows whether a gateway has IB, and calls whoever wants to know when that changes.

In: notices, account data and answers, with the time at which they were read. Out: calls, and a moment to wait for.
Kept by the connection; :mod:`~ibconnect.gateway.connectivity` decides, this is its clock.
"""

import asyncio
from collections.abc import Callable

from ibconnect.gateway.connectivity import Connectivity


class Freshness:
    """Of one connection."""

    def __init__(self) -> None:
        self.connectivity = Connectivity()
        self.on_change: list[Callable[[], None]] = []
        """Called when the gateway has lost IB, and when it has it again."""
        self._is_fresh = asyncio.Event()
        self._is_fresh.set()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    async def fresh(self) -> None:
        """Wait until the gateway has IB."""
        await self._is_fresh.wait()

    def note(self, code: str, text: str, at: float) -> None:
        """A notice has come."""
        was_stale = self.connectivity.is_stale
        self.connectivity.note(code, text, at)
        if self.connectivity.is_stale and not was_stale:
            self._is_fresh.clear()
            self._notify()
        self._follow()

    def note_data(self, at: float) -> None:
        """Account data has come."""
        if self.connectivity.is_stale:
            self.connectivity.note_data(at)
            self._follow()

    def note_answer(self, at: float) -> None:
        """IB's own servers have answered something."""
        self.connectivity.note_answer(at)
        self._follow()

    def close(self) -> None:
        """Nothing more comes."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _follow(self) -> None:
        """Wake up when the gateway's connection to IB counts as restored."""
        due = self.connectivity.settles_at
        if self._timer is not None and (due is None or due != self._timer.when()):
            self._timer.cancel()
            self._timer = None
        if due is not None and self._timer is None and not self._is_closed:
            self._timer = self._loop.call_at(due, self._settle)

    def _settle(self) -> None:
        self._timer = None
        if self.connectivity.advance(self._loop.time()):
            self._is_fresh.set()
            self._notify()
        else:
            self._follow()

    def _notify(self) -> None:
        for notify in tuple(self.on_change):
            notify()
