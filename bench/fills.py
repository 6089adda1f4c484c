"""A day of 100,000 executions: recorded, projected, served; then said again and again, as gateways do.

The gateway says all executions of its day, each with its commission, whenever it is asked, so the same ones are
recorded every five minutes and must not become rows twice, nor cost memory.
"""

import time
from collections.abc import Iterator
from functools import partial

import psycopg

from bench import stage
from bench.day import ACCOUNT, Day, gateway
from bench.figures import Figure, percentile
from bench.sizes import FULL, Size
from bench.stage import BenchError, Service
from bench.traffic import Client

_WAIT_S = 600.0
_ROUNDS = 4
_PAGE = 1_000
_MOST_PAGES = 20


def figures(size: Size = FULL) -> Iterator[Figure]:
    """How long a day takes until it is in the tables, how long to serve it, and what it costs to hear it again."""
    with (
        stage.postgres() as server,
        stage.database(server, "bench_fills") as url,
        gateway(size.fills) as (day, port),
        stage.service(url, port, COLLECT="executions", REFRESH_FLOOR="0") as service,
    ):
        began = time.perf_counter()
        recorded = _until_recorded(url, day, began)
        projected = _until_projected(url, size.fills, began)
        yield Figure(
            "fills_recorded_per_s", size.fills / recorded, f"{size.fills:,} executions, from the start of the service"
        )
        yield Figure("fills_projected_per_s", size.fills / projected, "the same, until the last is a row")
        yield _served(service)
        yield from _again(url, service, day, size.fills)


def _until_recorded(url: str, day: Day, began: float, rounds: int = 1) -> float:
    query = "SELECT count(*) FROM stored_events WHERE topic = 'm' AND position('\"55\",\"1\"'::bytea IN state) > 0"
    stage.until(lambda: stage.one(url, query) >= rounds, f"{rounds} answers are recorded", _WAIT_S, 0.1)
    if day.answered < rounds:
        raise BenchError(f"{day.answered} answers were sent, and {rounds} recorded")
    return time.perf_counter() - began


def _until_projected(url: str, executions: int, began: float) -> float:
    def is_there() -> bool:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute("SELECT count(*) FROM executions.execution").fetchone() == (executions,)

    stage.until(is_there, f"{executions} rows of v_execution", _WAIT_S, 0.5)
    return time.perf_counter() - began


def _served(service: Service) -> Figure:
    client, took, found = Client(service.url), [], 0
    path = f"/v1/accounts/{ACCOUNT}/executions?limit={_PAGE}"
    client.get(path)
    for _ in range(_MOST_PAGES):
        began = time.perf_counter()
        status, body, _ = client.get(path)
        took.append((time.perf_counter() - began) * 1000)
        if status != 200:
            raise BenchError(f"{path}: status {status} {body[:200]!r}")
        found = len(body)
    client.close()
    return Figure("fills_page_p99_ms", percentile(took, 99), f"{found:,} bytes, a page of {_PAGE:,} at most")


def _again(url: str, service: Service, day: Day, executions: int) -> Iterator[Figure]:
    client = Client(service.url)
    growth = []
    for _ in range(_ROUNDS):
        before, began = service.process.rss_mb, time.perf_counter()
        asked = day.answered + 1
        client.get("/v1/accounts", **{"Cache-Control": "max-age=0"})
        stage.until(partial(day.has_answered, asked), "the executions are asked for again", _WAIT_S, 0.1)
        _until_recorded(url, day, began, asked)
        growth.append(service.process.rss_mb - before)
    client.close()
    if stage.one(url, "SELECT count(*) FROM v_execution") != executions:
        raise BenchError("an execution that was said again is another row")
    yield Figure("fills_growth_mb", max(0.0, growth[-1]), f"of memory in the last of {_ROUNDS} rounds of the same day")


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
