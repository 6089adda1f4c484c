"""Returns: of one account over ten years of days, and of a thousand accounts taken together, each made anew.

In: tables of statements, filled here. Out: how long an answer takes, and what it costs the service.
"""

import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg

from bench import stage
from bench.figures import Figure, percentile
from bench.sizes import FULL, Size
from bench.stage import BenchError, Service
from bench.traffic import Client
from ibconnect.projections.upkeep import ensure

_FILL = Path(__file__).with_suffix(".sql")
_TABLES = ("nav", "cash_flow", "nav_change")
_NO_GATEWAY = 1
_FIRST = date(2014, 1, 1)
_OF_ALL = 10
"""Requests for all accounts."""


def figures(size: Size = FULL) -> Iterator[Figure]:
    """How long it takes: no two requests ask for the same, so nothing that is kept answers."""
    with stage.postgres() as server, stage.database(server, "bench_returns") as url:
        _fill(url, size)
        with stage.service(url, _NO_GATEWAY) as service:
            yield from _one(service, size)
            yield from _all(service, size)
            yield from _values(service, size)


def _fill(url: str, size: Size) -> None:
    ensure(url)
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _FILL.read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                # A client-side cursor: no parameter goes into generate_series otherwise.
                with psycopg.ClientCursor(connection) as cursor:
                    cursor.execute(statement, {"days": size.return_days, "accounts": size.accounts})
        for table in _TABLES:
            connection.execute(f"VACUUM ANALYZE statements.{table}")


def _one(service: Service, size: Size) -> Iterator[Figure]:
    paths = [
        f"/v1/accounts/U{number % size.accounts + 1:07d}/performance?riskfree=0.{number:05d}"
        for number in range(size.history_requests)
    ]
    took, cpu = _ask(service, paths)
    what = f"{size.return_days:,} days of one account"
    yield Figure("performance_p99_ms", percentile(took, 99), f"{what}, by months")
    yield Figure("performance_cpu_ms", cpu, "of the whole service for one of these, Postgres aside")
    others = [f"{path.replace('=0.', '=0.5')}&series=days" for path in paths]
    by_day, cpu = _ask(service, others)
    yield Figure("performance_days_p99_ms", percentile(by_day, 99), f"{what}, by days; {cpu:.1f} ms of CPU for one")


def _all(service: Service, size: Size) -> Iterator[Figure]:
    took, _ = _ask(service, [f"/v1/performance?riskfree=0.{number:05d}" for number in range(_OF_ALL)])
    yield Figure(
        "performance_1000_p99_ms", percentile(took, 99), f"{size.accounts:,} accounts over {size.return_days:,} days"
    )


def _values(service: Service, size: Size) -> Iterator[Figure]:
    last = _FIRST + timedelta(days=size.return_days - 1)
    days = [last - number * timedelta(days=1) for number in range(_OF_ALL)]
    took, cpu = _ask(service, [f"/v1/values?from={day - timedelta(days=29)}&to={day}" for day in days])
    what = f"{size.accounts:,} accounts over 30 days and their total; {cpu:.0f} ms of CPU for one"
    yield Figure("values_1000_p99_ms", percentile(took, 99), what)


def _ask(service: Service, paths: list[str]) -> tuple[list[float], float]:
    """Milliseconds of each request, and of the service's CPU time for one."""
    client, took = Client(service.url), []
    client.get(paths[0].replace("=0.", "=0.9"))
    before = service.process.cpu_seconds
    for path in paths:
        began = time.perf_counter()
        status, body, _ = client.get(path)
        took.append((time.perf_counter() - began) * 1000)
        if status != 200:
            raise BenchError(f"{path}: status {status} {body[:200]!r}")
    cpu = (service.process.cpu_seconds - before) / len(paths) * 1000
    client.close()
    return took, cpu


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
