"""No more requests than IBKR allows for a token: one a second and ten a minute, with a little to spare.

In: when requests were sent, also by processes before. Out: a wait before each. Called by the client. Time on the way is
never quite the same, so that what leaves at the limit arrives beyond it: hence what is to spare.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

Spans = tuple[tuple[int, float], ...]

ALLOWED: Spans = ((1, 1.25), (10, 63.0))
"""So many requests within so many seconds."""


def wait_from(now: float, sent: Iterable[float], spans: Spans) -> float:
    """Seconds to wait before the next request; ``sent``: when the former ones were, the oldest first."""
    times = list(sent)
    waits = [times[-most] + seconds - now for most, seconds in spans if len(times) >= most]
    return max([0.0, *waits])


async def _nowhere() -> None:
    """Requests are noted in memory alone."""


class Pace:
    """Requests of one token. One process at a time has it; ``earlier``: seconds since those of processes before.

    :param note: awaited right before each request, to keep for the next process when it was
    """

    def __init__(
        self,
        earlier: Iterable[float] = (),
        note: Callable[[], Awaitable[None]] = _nowhere,
        spans: Spans = ALLOWED,
    ) -> None:
        now = asyncio.get_running_loop().time()
        self._spans = spans
        self._note = note
        self._sent = deque(sorted(now - each for each in earlier), maxlen=max(most for most, _ in spans))
        self._turn = asyncio.Lock()

    async def turn(self) -> None:
        """Wait until one more request may be sent."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(wait_from(loop.time(), self._sent, self._spans))
            await self._note()
            # After that, which may have taken a while: the request leaves now.
            self._sent.append(loop.time())
