"""Which other instances are alive, by our own clock: that of the server, which dates their beats, may step.

In: at each beat of ours, what the registry has of each other instance. Out: those that count as alive. Kept by
:mod:`~ibconnect.cluster.registry`. Whoever is taken for dead is not asked by a leader that has lost Postgres, so a
clock that steps forward must make nobody dead; whoever is taken for alive is, so one that steps back must keep nobody
alive.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

ALIVE_S = 5.0
CONNECTED_S = 15.0


class Sighting(NamedTuple):
    """What the registry has of an instance.

    ``silent``: seconds since its beat, by the server's clock. ``is_connected``: whether it holds its name.
    """

    name: str
    beat: datetime
    silent: float
    is_connected: bool


class Sightings:
    """Those of one process."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[datetime, float]] = {}

    def recent(self, now: float) -> list[str]:
        """Those of which it matters whether they are connected."""
        return [name for name, (_, at) in self._seen.items() if now - at < CONNECTED_S]

    def see(self, found: Iterable[Sighting], now: float) -> set[str]:
        """Who is alive at the moment ``now`` (``loop.time()``): whose beat was another one so lately.

        At the first sight of one, only the server's clock says anything.
        """
        seen, alive = self._seen, set[str]()
        self._seen = {}
        for one in found:
            beat, at = seen.get(one.name, (one.beat, now - max(one.silent, 0.0)))
            self._seen[one.name] = one.beat, at if beat == one.beat else now
            age = now - self._seen[one.name][1]
            if age < ALIVE_S or (age < CONNECTED_S and one.is_connected):
                alive.add(one.name)
        return alive
