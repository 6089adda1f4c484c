"""From the end of an account's download to its report being served, while 5,000 messages a second arrive.

A client asks for a refresh about twice a second; another looks every few milliseconds for accounts that have a newer
report, and takes it. A report counts as served when its last byte has come; its download ended when the event
that says so arrived, by the recorder's own time of arrival.
"""

import threading
import time
from collections.abc import Iterator

import orjson
import psycopg

from bench import stage
from bench.figures import Figure, median, percentile
from bench.sizes import FULL, Size
from bench.stage import BenchError, Service
from bench.traffic import Client
from ibconnect.times import parse_rfc3339, to_micros

_ACCOUNTS = 5
_RATE = 5_000
_WAIT_S = 60.0
_PAUSE_S = 0.01
_BETWEEN_S = 0.3


def figures(size: Size = FULL) -> Iterator[Figure]:
    """The figure of live projection."""
    options = ("--accounts", str(_ACCOUNTS), "--positions", "20", "--rate", str(_RATE))
    with (
        stage.postgres() as server,
        stage.database(server, "bench_live") as url,
        stage.simulator(*options) as gateway,
        stage.service(url, gateway.port, REFRESH_FLOOR="0") as service,
    ):
        stage.until(lambda: stage.one(url, _ENDED) >= 1, "the first refresh ends", _WAIT_S)
        served = _Served(service)
        began, first = time.time(), stage.one(url, _NEWEST)
        for _ in range(size.rounds * size.live_refreshes):
            _refresh(service)
            time.sleep(_BETWEEN_S)
        newest, seconds = stage.one(url, _NEWEST), time.time() - began
        wanted = {key: end for key, end in _ends(url).items() if end / 1e6 > began}
        stage.until(lambda: served.newest() >= max(wanted), "the last report is served", _WAIT_S)
        served.stop()
    rounds = _rounds(wanted, served.at, size.rounds)
    p99, middle = (median([percentile(waited, percent) for waited in rounds]) for percent in (99, 50))
    rate, count = (newest - first) / seconds, sum(map(len, rounds))
    beside = f"median {middle:.0f} ms, {count} reports while {rate:,.0f} events a second came"
    yield Figure("live_report_p99_ms", p99, beside)


def _rounds(ended: dict[tuple[int, str], int], served: dict[tuple[int, str], float], count: int) -> list[list[float]]:
    """The milliseconds from end to report, in the order of time, in so many parts.

    :raises BenchError: a report was never seen
    """
    waited = [(served[key] - end) / 1000 for key, end in sorted(ended.items()) if key in served]
    if len(waited) < len(ended):
        raise BenchError(f"only {len(waited)} of {len(ended)} reports were seen")
    return [waited[part * len(waited) // count : (part + 1) * len(waited) // count] for part in range(count)]


_ENDED = "SELECT count(*) FROM stored_events WHERE topic = 're'"
_NEWEST = "SELECT max(notification_id) FROM stored_events"


def _refresh(service: Service) -> None:
    client = Client(service.url)
    status, body, _ = client.get("/v1/accounts", **{"Cache-Control": "max-age=0"})
    client.close()
    if status != 200:
        raise BenchError(f"a refresh failed: {status} {body!r}")


class _Served:
    """When each report was first served: (created, account) → µs since the epoch."""

    def __init__(self, service: Service) -> None:
        self.at: dict[tuple[int, str], float] = {}
        self._client = Client(service.url)
        self._latest: dict[str, str] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def newest(self) -> tuple[int, str]:
        return max(self.at, default=(0, ""))

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(10)
        self._client.close()

    def _watch(self) -> None:
        while not self._stopping.wait(_PAUSE_S):
            _, body, _ = self._client.get("/v1/accounts")
            for row in orjson.loads(body):
                account, latest = row["AccountCode"], row["Latest"]
                if latest and latest != self._latest.get(account):
                    self._latest[account] = latest
                    self._fetch(account, latest)

    def _fetch(self, account: str, created: str) -> None:
        status, body, _ = self._client.get(f"/v1/accounts/{account}/{created}")
        if status != 200 or orjson.loads(body)["Timestamp"] != created:
            raise BenchError(f"the report of {account} at {created} is not served: {status}")
        self.at[(to_micros(parse_rfc3339(created)), account)] = time.time() * 1e6


def _ends(url: str) -> dict[tuple[int, str], int]:
    """When the download of each snapshot ended: (created, account) → µs since the epoch."""
    created, arrived, ends = 0, 0, {}
    query = "SELECT topic, state FROM stored_events ORDER BY originator_id, originator_version"
    with psycopg.connect(url) as connection, connection.cursor("live") as cursor:
        cursor.itersize = 20_000
        for topic, state in cursor.execute(query):
            fields = orjson.loads(state)
            if isinstance(fields, list):
                arrived = fields[0] if isinstance(fields[0], int) else arrived
                if topic == "d":
                    ends[(created, fields[-1])] = arrived
            else:
                arrived = fields["t"]
                created = fields["created"] if topic == "rs" else created
    return ends


if __name__ == "__main__":
    for figure in figures():
        print(figure, flush=True)
