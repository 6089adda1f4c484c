"""How long what a gateway says takes until others see it in Postgres, while the service is attacked.

Run as ``python -m tests.faults.pacing RATE`` it is a gateway in a process of its own, at so many messages a second, of
which some say when they were sent (the only clock that does not stand still with the recorder); its port is the one
line that it prints. :class:`Follower` sees them arrive in the database.
"""

import asyncio
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ibconnect.database.pools import connect
from ibconnect.simulator import Gateway, Scenario
from tests.paths import ROOT
from tests.waiting import DEADLINE_S, wait_for

RATE = 1_000
_MARKS_A_SECOND = 50
_MARK = re.compile(rb"sent at (\d+)")
_STAMPED = """
    SELECT notification_id, state
    FROM public.stored_events
    WHERE notification_id > %s AND topic = 'n' AND state LIKE %s
    ORDER BY notification_id
"""


async def _gateway(rate: int) -> None:
    async with Gateway(Scenario(seed=1, accounts=2, positions=4), rate=rate, record=False) as gateway:
        print(gateway.port, flush=True)
        while not sys.stdin.closed:
            await asyncio.sleep(1 / _MARKS_A_SECOND)
            gateway.inject("notice", code=2137, text=f"sent at {time.time_ns()}")


@contextmanager
def gateway(rate: int = RATE) -> Iterator[int]:
    """The port of a gateway in a process of its own, at so many messages a second."""
    command = [sys.executable, "-m", "tests.faults.pacing", str(rate)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


class Follower:
    """Milliseconds from the gateway's word until another connection sees it stored."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waits: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> "Follower":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(DEADLINE_S)

    def _follow(self) -> None:
        with connect(self._url, name="test") as connection:
            connection.execute("LISTEN stored_events")
            row = connection.execute("SELECT coalesce(max(notification_id), 0) FROM stored_events").fetchone()
            last = row[0] if row else 0
            while not self._over.is_set():
                for _ in connection.notifies(timeout=0.2, stop_after=1):
                    pass
                last = self._look(connection, last)

    def _look(self, connection: psycopg.Connection, last: int) -> int:
        rows = connection.execute(_STAMPED, (last, b"%sent at %")).fetchall()
        now = time.time_ns()
        for _, state in rows:
            if found := _MARK.search(state):
                self._waits.append((now - int(found[1])) / 1e6)
        return rows[-1][0] if rows else last

    def measure(self, seconds: float) -> list[float]:
        """What is seen from now on, for so long."""
        self._waits = []
        time.sleep(seconds)
        return self._waits


def p99(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=100)[98]


def recording(url: str) -> None:
    """Wait until the load is recorded."""
    with connect(url, name="test") as connection:
        query = "SELECT count(*) > 2000 FROM public.stored_events WHERE topic = 'v'"
        wait_for(lambda: connection.execute(query).fetchone() == (True,), "the load is recorded")


if __name__ == "__main__":
    asyncio.run(_gateway(int(sys.argv[1])))
