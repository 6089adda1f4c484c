"""Rebuilding the snapshot tables from events, beside the library's runner and a raw COPY out of the same events.

First with nothing else going on; then while the service records a simulated gateway and answers requests, of which
none may fail.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import psycopg

from bench import library, stage
from bench.figures import Figure, median, percentile
from bench.history import History, history
from bench.sizes import FULL, Size
from bench.stage import BenchError
from bench.traffic import trickle


def figures(past: History, size: Size = FULL) -> Iterator[Figure]:
    """The figures of rebuilding."""
    runner = library.runner_rate(past.url, size.reference_s)
    out = [_copy_out_rate(past)]
    quiet = _rebuild_rate(past)
    out.append(_copy_out_rate(past))
    reference = median(out)
    yield Figure("rebuild_events_per_s", quiet, f"{past.events:,} events, each of them part of a snapshot")
    yield Figure("rebuild_vs_runner", quiet / runner, f"against the library's ProjectionRunner, {runner:,.0f}/s")
    yield Figure("rebuild_vs_copy_out", quiet / reference, f"against raw COPY out, {reference:,.0f}/s")
    yield from _beside_traffic(past, quiet)


def _beside_traffic(past: History, quiet: float) -> Iterator[Figure]:
    paths = ("/v1/accounts", f"/v1/accounts/{past.account}")
    with (
        stage.simulator("--accounts", "1", "--rate", "200") as gateway,
        stage.service(past.url, gateway.port) as service,
    ):
        before = stage.one(past.url, "SELECT max(notification_id) FROM stored_events")
        with trickle(service.url, paths, 0.02) as seen:
            busy = _rebuild_rate(past)
        recorded = stage.one(past.url, "SELECT max(notification_id) FROM stored_events") - before
    if seen.failures:
        raise BenchError(f"{len(seen.failures)} requests failed during a rebuild, the first: {seen.failures[0]}")
    yield Figure("rebuild_beside_traffic_per_s", busy, f"{busy / quiet:.2f} of the quiet one; {recorded:,} events came")
    count = len(seen.milliseconds)
    yield Figure("rebuild_request_p99_ms", percentile(seen.milliseconds, 99), f"{count:,} requests meanwhile, 0 failed")


def _rebuild_rate(past: History) -> float:
    """Events a second by the command of an operator, from its start to its end."""
    environ = {**os.environ, "DB_URL": past.url, "LOG_LEVEL": "warning"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "ibconnect", "rebuild"], env=environ, capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        raise BenchError(f"the rebuild failed: {done.stderr}")
    return past.events / seconds


def _copy_out_rate(past: History) -> float:
    """Events a second by COPY out, thrown away as they come."""
    with psycopg.connect(past.url) as connection, connection.cursor() as cursor:
        began = time.perf_counter()
        with cursor.copy("COPY (TABLE stored_events) TO STDOUT (FORMAT binary)") as copy:
            while copy.read():
                pass
        return past.events / (time.perf_counter() - began)


if __name__ == "__main__":
    with history(FULL) as events:
        for figure in figures(events):
            print(figure, flush=True)
