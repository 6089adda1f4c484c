"""How fast collectors ask of a gateway: the walk over the accounts before all others, never more than it takes."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

from ibconnect.gateway.collectors.due import At
from ibconnect.gateway.collectors.question import Question
from ibconnect.gateway.collectors.scheduled import Scheduled
from ibconnect.gateway.connection import Connection
from ibconnect.gateway.pacing import LATER_A_SECOND, MOST_A_SECOND
from ibconnect.simulator import Gateway, Scenario
from tests.collecting import Use
from tests.recording import recording

MANY = 2_000


def greedy(name: str) -> type[Scheduled]:
    """A collector that asks many things at once."""

    def questions(_: Scheduled, connection: Connection) -> Iterable[Question]:
        yield Question(lambda transport, _: [transport.reqFamilyCodes() for _ in range(MANY)], end=78)

    parts = {"name": name, "due": (At.CONNECTION, At.REFRESH), "messages": {78: 2}, "questions": questions}
    return type(name, (Scheduled,), parts)


class Arrivals:
    """When which request came to a simulated gateway, and for how long the event loop was held up at most."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.times: list[tuple[float, str]] = []
        self.held_s = 0.0

    def note(self, line: str) -> None:
        self.times.append((self.loop.time(), line))

    def look(self, since: float) -> None:
        """Look again and again for how long others have had the event loop."""
        now = self.loop.time()
        self.held_s = max(self.held_s, now - since)
        self.looking = self.loop.call_later(0.005, self.look, now)

    def of(self, *names: str) -> list[float]:
        return [at for at, line in self.times if any(name in line for name in names)]

    def most(self, times: list[float]) -> int:
        """The most messages that can have been sent in one second: each comes a little later than it was sent."""
        span = max(0.0, 1.0 - 2 * self.held_s)
        return max(bisect_right(times, at + span) - place for place, at in enumerate(times))


async def test_many_questions_at_once_do_not_hold_up_the_accounts(database_url: str, tmp_path: Path, use: Use) -> None:
    use(*(greedy(f"greedy_{each}") for each in "abc"))
    arrivals = Arrivals()
    arrivals.look(arrivals.loop.time())
    scenario = Scenario(seed=4, accounts=30, positions=1)
    async with (
        Gateway(scenario, tell=arrivals.note) as gateway,
        recording(database_url, tmp_path, gateway.port) as seen,
    ):
        (ended,) = await seen.refreshes()
        assert ended.outcome == "complete"
        arrivals.looking.cancel()
    assert len(arrivals.of("reqAccountUpdates: 6,2,1")) == 30
    others = arrivals.of("reqFamilyCodes")
    # All that is queued would take four minutes, and a test that waits for it fails.
    assert 0 < len(others) < 3 * MANY
    assert arrivals.most(arrivals.of("client ")) <= MOST_A_SECOND + 1
    assert arrivals.most(others) <= LATER_A_SECOND + 1
