"""Whether a leader may go on while Postgres is away from it.

In: when Postgres last answered it, what the server said at the end, what the other instances say. Out: until when it
may record. Kept by :mod:`election`.

A leader that loses Postgres without a word cannot tell a dead Postgres from a cut network, behind which another
instance is being elected. So it asks the others whether they have Postgres. As long as all say no, nobody can be
elected and it goes on; if one has it, or cannot be asked, it steps down. A leader to whom the server has said that it
goes down, for everybody, goes on also if the others cannot be asked.
"""

import asyncio

from ibconnect.cluster.lease import Lease
from ibconnect.cluster.registry import Registry

# Well before the server gives the lock to another, which is after 3 s of silence; and well before one that has just got
# Postgres back holds off no longer.
STEP_DOWN_S = 2.5
# When Postgres is back, whoever records goes on; the others let him.
HOLD_OFF_S = 3.0


class Quorum:
    """One gateway's."""

    def __init__(self, lease: Lease, registry: Registry) -> None:
        self._lease = lease
        self._registry = registry
        self._nobody_had_it_at = float("-inf")
        self.is_free = False
        """Whether it needs nobody's word: the server has given its own, or we stand in."""
        self.is_recording = False
        """Whether the gateway has let us in, which the keeper says."""
        self.somebody_has_it = False
        """Whether another has had Postgres for so long that it is, or will be, elected."""

    async def ask(self) -> None:
        """Ask the others whether they have Postgres."""
        asked_at = asyncio.get_running_loop().time()
        seconds = await self._registry.peers.ask()
        self.somebody_has_it = any(each is not None and each >= HOLD_OFF_S for each in seconds)
        if all(each is not None and each < HOLD_OFF_S for each in seconds):
            self._nobody_had_it_at = asked_at

    @property
    def deadline(self) -> float | None:
        """Until when (``loop.time()``) nobody else can be elected, as far as we know; None if that does not matter."""
        if self.is_free or not self._registry.has_peers:
            return None
        may_go_on = self.is_recording and self._registry.are_same_client
        heard_at = self._nobody_had_it_at if may_go_on else float("-inf")
        return max(self._lease.sure_at, heard_at) + STEP_DOWN_S

    @property
    def is_over(self) -> bool:
        """Whether we must step down."""
        deadline = self.deadline
        is_late = deadline is not None and deadline <= asyncio.get_running_loop().time()
        return is_late or (self.somebody_has_it and self._is_silent)

    def outlasts_the_lock(self) -> bool:
        """Whether we go on although the lock may be another's by now."""
        has_word = self._lease.has_server_gone_down and self._registry.are_same_client
        self.is_free = self.is_free or has_word
        return has_word or (self._is_silent and not self.is_over)

    @property
    def _is_silent(self) -> bool:
        """Whether Postgres has not answered for so long that the lock may be another's."""
        return asyncio.get_running_loop().time() - self._lease.sure_at >= STEP_DOWN_S
