"""Whether it gets slower as it grows: recording and reports with long history beside an almost empty database.

10,000,000 events and 500,000 snapshots of 20 accounts. The two databases are measured by turns on one server; takes
several minutes, so it runs on request only: ``python -m bench large``.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import psycopg

from bench import corpus, stage
from bench.figures import Figure, median
from bench.record import record_rate
from bench.sizes import FULL, Size
from bench.traffic import Client
from ibconnect.projections.upkeep import rebuild

_ACCOUNTS = 20
_MESSAGES = 17
"""Messages of one download, so that with its own events a snapshot is 20 events."""
_CLOSED_PORT = 1


def figures(size: Size = FULL) -> Iterator[Figure]:
    """How many times slower the large database is."""
    with ExitStack() as stack:
        server = stack.enter_context(stage.postgres())
        small = stack.enter_context(stage.database(server, "bench_small"))
        large = stack.enter_context(stage.database(server, "bench_large"))
        _fill(small, 5)
        began = time.perf_counter()
        events = _fill(large, size.large_snapshots // _ACCOUNTS)
        yield Figure(
            "large_events", events, f"and {size.large_snapshots:,} snapshots, in {time.perf_counter() - began:.0f} s"
        )
        reports = [(_reports_ms(small, size), _reports_ms(large, size)) for _ in range(size.rounds)]
        yield _slowdown("large_report_slowdown", reports, "ms a report, uncached, one after the other")
        rates = [
            (record_rate(small, size.record_messages), record_rate(large, size.record_messages))
            for _ in range(size.rounds)
        ]
        yield _slowdown("large_record_slowdown", [(1 / few, 1 / many) for few, many in rates], "s an event")


def _fill(url: str, hours: int) -> int:
    """A refresh of all accounts every hour."""
    first = corpus.scenario_accounts(1, 1)[0]
    accounts = [_renamed(first, f"DU{number:07d}") for number in range(1, _ACCOUNTS + 1)]
    events = corpus.store(url, accounts, hours)
    rebuild(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE stored_events")
    stage.checkpoint(url)
    return events


def _renamed(account: corpus.Account, code: str) -> corpus.Account:
    states = [
        [each.replace(account.code.encode(), code.encode()) for each in state[:_MESSAGES]] for state in account.states
    ]
    return corpus.Account(code, states)


def _reports_ms(url: str, size: Size) -> float:
    """Median milliseconds of a report that is not cached, spread over the whole history."""
    query = """SELECT code, to_char(created, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') FROM accounts.account_snapshot AS snapshot
               INNER JOIN accounts.account ON account.id = account_id ORDER BY hashint4(snapshot.id) LIMIT %s"""
    with psycopg.connect(url) as connection:
        rows = connection.execute(query, (size.history_requests,)).fetchall()
    took = []
    with stage.service(url, _CLOSED_PORT) as service:
        client = Client(service.url)
        client.get("/v1/accounts")
        for code, created in rows:
            began = time.perf_counter()
            status, body, _ = client.get(f"/v1/accounts/{code}/{created}")
            took.append((time.perf_counter() - began) * 1000)
            if status != 200:
                raise stage.BenchError(f"the report of {code} at {created}: status {status} {body!r}")
        client.close()
    return median(took)


def _slowdown(name: str, pairs: Sequence[tuple[float, float]], unit: str) -> Figure:
    small, large = median([few for few, _ in pairs]), median([many for _, many in pairs])
    ratio = median([many / few for few, many in pairs])
    return Figure(name, ratio, f"{large:.3g} against {small:.3g} {unit}")


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
