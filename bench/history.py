"""A database with long history, for the scripts that need one: made once for all of them in a full run.

In: a size. Out: a server with the events of hourly refreshes of one account; the snapshot tables are built by whoever
needs them first. The account has the values of the only complete recording of a real one that is public (219 of
them, in five currencies) and 50 positions. Every event belongs to a download, the hardest case for a rebuild: what
comes between refreshes is skipped at next to no cost.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench import corpus, stage
from bench.sizes import Size
from ibconnect.projections.upkeep import rebuild

POSITIONS = 50
_IS_BEHIND = "SELECT position < (SELECT max(notification_id) FROM stored_events) FROM accounts.projection"


@dataclass(frozen=True, slots=True)
class History:
    """A server, and its database with ``events`` events; how fast these went in."""

    server: str
    url: str
    account: str
    hours: int
    events: int
    stored_per_s: float

    def ensure_projected(self) -> None:
        """Build the snapshot tables unless they are there."""
        if stage.one(self.url, _IS_BEHIND):
            rebuild(self.url)


@contextmanager
def history(size: Size) -> Iterator[History]:
    """One account, a refresh every hour, until there are about ``size.history_events`` events."""
    with stage.postgres() as server, stage.database(server, "bench_history") as url:
        account = corpus.real_account(stage.CAPTURES / "eur-commodities-fx.jsonl", POSITIONS)
        hours = max(2, size.history_events // (len(account.states[0]) + 5))
        began = time.perf_counter()
        events = corpus.store(url, [account], hours)
        rate = events / (time.perf_counter() - began)
        stage.checkpoint(server)
        yield History(server, url, account.code, hours, events, rate)
