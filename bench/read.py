"""Reading over HTTP: cached reports beside an aiohttp handler of constant bytes, uncached ones, lists, history.

The service, the handler and wrk are processes of their own on the same two cores; each reference is measured in
turn with what it is compared with.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import orjson

from bench import corpus, stage
from bench.figures import Figure, median, percentile
from bench.history import POSITIONS, History, history
from bench.sizes import FULL, Size
from bench.stage import BenchError, Service
from bench.traffic import CONNECTIONS, Client, has_wrk, requests_per_s
from ibconnect.projections.upkeep import rebuild
from ibconnect.times import format_rfc3339, from_micros

_ORIGINAL_PER_S = 296
_CLOSED_PORT = 1
_OVERVIEW_HOURS = 4
_MICROSECOND = timedelta(microseconds=1)

# Gives requests a second over so many seconds.
_Measured = Callable[[float], float]


def figures(past: History, size: Size = FULL) -> Iterator[Figure]:
    """The figures of reading."""
    past.ensure_projected()
    with stage.service(past.url, _CLOSED_PORT) as service, stage.directory() as path:
        if has_wrk():
            yield from _reports(past, service, size, path)
        else:
            print("wrk is not installed (Debian: apt install wrk): no figures of requests a second", file=sys.stderr)
        yield from _year(past, service, size)
        yield from _looked_into(past, service, size)
    yield from _accounts(past, size)


def _reports(past: History, service: Service, size: Size, path: Path) -> Iterator[Figure]:
    paths = _report_paths(past, service)
    body = _get(service, paths[0])
    if len(orjson.loads(body)["Positions"]) != POSITIONS:
        raise BenchError(f"a report of {POSITIONS} positions was wanted")
    listed = path / "paths"
    listed.write_text("".join(f"{each}\n" for each in paths[1:]))
    with _constant(len(body)) as constant:
        kept, others = _repeated(service.url + paths[0]), _walk(service.url, listed, len(paths))
        cached, reference, uncached = _in_turn(size, kept, _repeated(constant), others)
    yield Figure(
        "report_cached_vs_constant",
        median([ours / theirs for ours, theirs in zip(cached, reference, strict=True)]),
        f"{median(cached):,.0f}/s against a constant handler's {median(reference):,.0f}/s,"
        f" {len(body):,} bytes, {CONNECTIONS} connections",
    )
    yield Figure(
        "report_uncached_per_s",
        median(uncached),
        f"{median(uncached) / _ORIGINAL_PER_S:.1f} times the original's {_ORIGINAL_PER_S}/s; each request another"
        f" snapshot; {min(uncached):,.0f} to {max(uncached):,.0f}/s in {len(uncached)} turns",
    )


def _repeated(url: str) -> _Measured:
    return lambda seconds: requests_per_s(url, seconds)


def _walk(url: str, listed: Path, paths: int) -> _Measured:
    """Through the paths of a file, each call from where the one before ended."""
    asked = 0

    def walk(seconds: float) -> float:
        nonlocal asked
        rate = requests_per_s(url, seconds, listed, asked % paths)
        asked += int(rate * seconds) + CONNECTIONS
        return rate

    return walk


def _in_turn(size: Size, *measured: _Measured) -> list[list[float]]:
    """Requests a second of each by turns: short ones, so that a machine that changes its pace does so for all."""
    turns = [[each(size.wrk_s / 2) for each in measured] for _ in range(2 * size.rounds + 1)]
    return [list(rates) for rates in zip(*turns, strict=True)]


def _report_paths(past: History, service: Service) -> list[str]:
    """The reports of the history, without what other benchmarks may have recorded after it."""
    last = corpus.BEGIN + (past.hours - 1) * corpus.HOUR
    path = f"/v1/accounts/{past.account}/snapshots?limit=10000&to={format_rfc3339(from_micros(last))}"
    return [f"/v1/accounts/{past.account}/{created}" for created in orjson.loads(_get(service, path))]


def _get(service: Service, path: str) -> bytes:
    client = Client(service.url)
    status, body, _ = client.get(path)
    client.close()
    if status != 200:
        raise BenchError(f"{path}: status {status}: {body[:500]!r}")
    return body


@contextmanager
def _constant(size: int) -> Iterator[str]:
    """The URL of a handler that returns so many bytes."""
    with stage.directory() as path:
        log = path / "log"
        with stage.child(sys.executable, "-m", "bench.constant", str(size), log=log) as process:
            line = stage.until(lambda: stage.line_with(log, "constant on", process), "the reference listens", 30)
            yield line.split()[-1]


def _year(past: History, service: Service, size: Size) -> Iterator[Figure]:
    """One tag of every snapshot of a year, over one connection: asked for again and again, and for the first time."""
    end = from_micros(corpus.BEGIN + (size.history_points - 1) * corpus.HOUR)
    begin = from_micros(corpus.BEGIN)
    path = f"/v1/accounts/{past.account}/history?tag=NetLiquidation&to={end:%Y-%m-%dT%H:%M:%SZ}&from="
    same = f"{path}{format_rfc3339(begin)}"
    points = len(orjson.loads(_get(service, same))["Points"])
    if points != size.history_points:
        raise BenchError(f"{points} points of history came, not {size.history_points}")
    # The same points by another name are not known yet.
    others = [f"{path}{format_rfc3339(begin - each * _MICROSECOND)}" for each in range(1, 1 + size.history_requests)]
    for name, paths in (
        ("history_year_p99_ms", [[same] * size.history_requests] * size.rounds),
        ("history_year_first_p99_ms", [others[each :: size.rounds] for each in range(size.rounds)]),
    ):
        took = [_milliseconds(service, each) for each in paths if each]
        middle = median([percentile(each, 50) for each in took])
        worst = median([percentile(each, 99) for each in took])
        yield Figure(name, worst, f"median {middle:.1f} ms, {points:,} points")


def _looked_into(past: History, service: Service, size: Size) -> Iterator[Figure]:
    """Where a figure comes from, and a year's ends compared: of other reports each time."""
    reports = _report_paths(past, service)[: size.history_requests + 1]
    account = f"/v1/accounts/{past.account}"
    names = [path.rpartition("/")[2] for path in reports]
    # The newest comes first; the oldest is compared with.
    begin = format_rfc3339(from_micros(corpus.BEGIN + corpus.HOUR))
    for name, paths, member in (
        ("sources_p99_ms", [f"{account}/sources/{each}?tag=NetLiquidation" for each in names], "Sources"),
        ("compare_p99_ms", [f"{account}/compare?from={begin}&to={each}" for each in names], "Difference"),
    ):
        client, took, sent = Client(service.url), [], 0
        for path in paths:
            began = time.perf_counter()
            status, body, _ = client.get(path)
            took.append((time.perf_counter() - began) * 1000)
            sent = len(body)
            if status != 200 or not orjson.loads(body)[member]:
                raise BenchError(f"{path}: status {status}: {body[:500]!r}")
        client.close()
        # The first one opens what the others use.
        yield Figure(name, percentile(took[1:], 99), f"median {median(took[1:]):.1f} ms, {sent:,} bytes")


def _milliseconds(service: Service, paths: Sequence[str]) -> list[float]:
    """How long each of some requests took over one connection."""
    client, took = Client(service.url), []
    for path in paths:
        began = time.perf_counter()
        client.get(path)
        took.append((time.perf_counter() - began) * 1000)
    client.close()
    return took


def _accounts(past: History, size: Size) -> Iterator[Figure]:
    """The list of many accounts, beside a handler of as many constant bytes; and the overview of them all."""
    with stage.database(past.server, "bench_accounts") as url:
        corpus.store(url, corpus.scenario_accounts(size.accounts, 1, 1), _OVERVIEW_HOURS)
        rebuild(url)
        with stage.service(url, _CLOSED_PORT) as service:
            yield _overview(service, size)
            if has_wrk():
                yield from _list(service, size)


def _list(service: Service, size: Size) -> Iterator[Figure]:
    body = _get(service, "/v1/accounts")
    if len(orjson.loads(body)) != size.accounts:
        raise BenchError(f"a list of {size.accounts} accounts was wanted")
    with _constant(len(body)) as constant:
        ours, theirs = _in_turn(size, _repeated(f"{service.url}/v1/accounts"), _repeated(constant))
    ratio = median([mine / other for mine, other in zip(ours, theirs, strict=True)])
    beside = f"against a constant handler's {median(theirs):,.0f}/s, {len(body):,} bytes"
    yield Figure("accounts_1000_per_s", median(ours), f"{ratio:.2f} {beside}")
    yield Figure("accounts_1000_vs_constant", ratio, f"{median(ours):,.0f}/s {beside}")


def _overview(service: Service, size: Size) -> Figure:
    """Of another moment each time, in a currency that is not that of all."""
    first = from_micros(corpus.BEGIN + (_OVERVIEW_HOURS - 1) * corpus.HOUR + corpus.HOUR // 2)
    client, took = Client(service.url), []
    for number in range(size.rounds * 10 + 1):
        at = format_rfc3339(first + number * _MICROSECOND)
        began = time.perf_counter()
        status, body, _ = client.get(f"/v1/overview?currency=EUR&at={at}&close=01:30")
        took.append((time.perf_counter() - began) * 1000)
        if status != 200 or len(orjson.loads(body)["Accounts"]) != size.accounts:
            raise BenchError(f"an overview of {size.accounts} accounts was wanted, status {status}")
    client.close()
    # The first one opens what the others use.
    return Figure(
        "overview_1000_ms", median(took[1:]), f"{min(took):.1f} to {max(took[1:]):.1f} ms, {len(body):,} bytes"
    )


if __name__ == "__main__":
    with history(FULL) as events:
        for figure in figures(events):
            print(figure, flush=True)
