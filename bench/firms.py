"""A firm: refreshes of 1,000 accounts by the whole service, as fast as a gateway's limit of requests allows.

In: a simulated advisor's login, simulator and service in processes of their own. Out: how long a refresh takes, against
the time that the pacing alone would take; the requests for each account, counted by the gateway; how long somebody
waits who asks for one account meanwhile; and by how much the service's memory grows over some refreshes.
"""

import re
import time
from collections.abc import Iterator

import psycopg

from bench import stage
from bench.figures import Figure, median
from bench.sizes import FULL, Size
from bench.stage import BenchError, Service
from bench.traffic import Client
from ibconnect.gateway.pacing import MOST_A_SECOND

_WAIT_S = 600.0
# The request for all accounts is given up after so long, and the refresh goes on.
_PATIENCE_S = 5.0
_SECONDS = """
    SELECT extract(EPOCH FROM ended - started)::double precision
    FROM accounts.refresh
    WHERE scope = '' AND outcome = 'complete'
    ORDER BY id
"""


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figures of a firm."""
    options = ("--accounts", str(size.accounts), "--advisor", "--positions", "5", "--trace")
    with (
        stage.postgres() as server,
        stage.database(server, "bench_firms") as url,
        stage.simulator(*options) as gateway,
        stage.service(
            url, gateway.port, REFRESH_FLOOR="0", COLLECT="accounts", REFRESH_TIMEOUT=str(_PATIENCE_S)
        ) as service,
    ):
        memory, singles = [_ended(url, service, 1)], list[float]()
        for number in range(size.firm_refreshes):
            _ask(service, "/v1/accounts")
            singles.append(_single(service))
            memory.append(_ended(url, service, number + 2))
        seconds = _seconds(url)
        asked = len(re.findall(rb"reqAccountUpdates: 6,2,", gateway.log.read_bytes()))
    total, middle = size.accounts + 1, median(seconds[1:])
    alone = total / MOST_A_SECOND
    yield Figure("firm_refresh_s", middle, f"{total} accounts, {total / middle:.1f} a second")
    yield Figure("firm_vs_pacing", alone / middle, f"{alone:.1f} s at {MOST_A_SECOND} requests a second")
    each = (asked - len(singles)) / total / len(seconds)
    yield Figure("firm_requests_per_account", each, "subscriptions of accounts, begun or ended")
    yield Figure("firm_single_s", median(singles), "a new report of one account, asked for while all are refreshed")
    first, last = memory[0], memory[-1]
    yield Figure("firm_growth_mb", last - first, f"over {len(singles)} refreshes, from {first:.0f} MB after the first")


def _seconds(url: str) -> list[float]:
    """How long each complete refresh of all accounts took."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [seconds for (seconds,) in connection.execute(_SECONDS).fetchall()]


def _ended(url: str, service: Service, count: int) -> float:
    """Wait until so many refreshes have ended; the service's memory then, in MB."""
    stage.until(lambda: len(_seconds(url)) >= count, "a refresh is complete", _WAIT_S, 0.1)
    return service.process.rss_mb


def _ask(service: Service, path: str) -> tuple[int, bytes]:
    client = Client(service.url)
    status, body, _ = client.get(path, **{"Cache-Control": "max-age=0"})
    client.close()
    return status, body


def _single(service: Service) -> float:
    """Seconds until one account, the last of the list, has a new report."""
    client = Client(service.url)
    _, body, _ = client.get("/v1/accounts")
    client.close()
    code = re.findall(rb'"AccountCode":"(\w+)"', body)[-1].decode()
    began = time.perf_counter()
    status, body = _ask(service, f"/v1/accounts/{code}")
    if status != 303:
        raise BenchError(f"a refresh of one account failed: {status} {body!r}")
    return time.perf_counter() - began


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
