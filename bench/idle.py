"""The service with nothing to do: CPU and memory with five accounts, and how soon it is ready after a start.

The gateway is the simulated one at its ordinary pace: what changed every three minutes. Postgres is not counted.
"""

import time
from collections.abc import Iterator

from bench import stage
from bench.figures import Figure, median
from bench.sizes import FULL, Size
from bench.stage import BenchError, Service
from bench.traffic import Client

_ACCOUNTS = 5
_SETTLING_S = 5.0
_WAIT_S = 30.0


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figures of rest and start."""
    with (
        stage.postgres() as server,
        stage.database(server, "bench_idle") as url,
        stage.simulator("--accounts", str(_ACCOUNTS), "--positions", "10") as gateway,
    ):
        with stage.service(url, gateway.port) as service:
            count = "SELECT count(*) FROM accounts.account_snapshot"
            stage.until(lambda: stage.one(url, count) >= _ACCOUNTS, "the first refresh ends", _WAIT_S, 0.2)
            time.sleep(_SETTLING_S)
            began, cpu = time.perf_counter(), service.process.cpu_seconds
            time.sleep(size.idle_s)
            used = (service.process.cpu_seconds - cpu) / (time.perf_counter() - began) * 100
            yield Figure("idle_cpu_percent", used, f"of one core, over {size.idle_s:.0f} s")
            yield Figure(
                "idle_rss_mb",
                service.process.pss_mb,
                f"of {len(service.process.pids())} processes, what they share counted once",
            )
        starts = [_ready_s(url, gateway.port) for _ in range(size.starts)]
    yield Figure("ready_s", median(starts), f"median of {size.starts} starts on a migrated database")


def _ready_s(url: str, gateway_port: int) -> float:
    """Seconds from the start of the process until ``/readyz`` says yes."""
    with stage.service(url, gateway_port) as service:
        began = time.perf_counter()
        stage.until(lambda: _is_ready(service), "the service is ready", _WAIT_S)
        return service.seconds + time.perf_counter() - began


def _is_ready(service: Service) -> bool:
    client = Client(service.url)
    status, body, _ = client.get("/readyz")
    client.close()
    if status not in (200, 503):
        raise BenchError(f"/readyz: status {status} {body!r}")
    return status == 200


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
