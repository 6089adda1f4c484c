"""Everything that clients ask of two instances during a rolling upgrade, all the time, with every answer noted."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.waiting import DEADLINE_S, wait_for

# Asked of every instance, with the statuses of an answer. What reads no snapshot tables answers whatever they are.
TABLES = {
    "/v1/accounts": 200,
    "/v1/accounts/{account}": 303,
    "/v1/accounts/{account}/{latest}": 200,
    "/v1/accounts/{account}/snapshots?limit=3": 200,
    "/v1/accounts/{account}/history?tag=NetLiquidation": 200,
    "/v1/gateways": 200,
}
OTHERS = {"/v1/events?limit=5": 200, "/healthz": 200, "/metrics": 200}
READY = "/readyz"
_PAUSE_S = 0.02
"""Between two rounds: what is asked leaves the machine to what is tried."""


class Answer(NamedTuple):
    """An answer: its status, and for a problem its code, what it says, and whether it says when to come again."""

    path: str
    status: int
    code: str = ""
    detail: str = ""
    comes_again: bool = False

    @property
    def is_rebuilding(self) -> bool:
        return (self.status, self.code, self.comes_again) == (503, "urn:ibconnect:problem:rebuilding", True)


class Traffic:
    """What is asked of one instance by one thread."""

    def __init__(self, url: str, account: str, latest: str) -> None:
        self.answers: list[Answer] = []
        self._host = urlsplit(url).netloc
        self._names = {"account": account, "latest": latest}
        self._over = threading.Event()
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        paths = [*TABLES, *OTHERS, READY]
        try:
            with closing(http.client.HTTPConnection(self._host, timeout=DEADLINE_S)) as connection:
                while not self._over.is_set():
                    self.answers.extend(self._ask(connection, path) for path in paths)
                    self._over.wait(_PAUSE_S)
        except Exception as exc:  # noqa: BLE001 - told by whoever stops the traffic
            self.failure = exc

    def _ask(self, connection: http.client.HTTPConnection, path: str) -> Answer:
        connection.request("GET", path.format_map(self._names))
        response = connection.getresponse()
        body = response.read()
        if response.status != 503:
            return Answer(path, response.status, "" if response.status < 400 else body.decode())
        if path == READY:
            return Answer(path, 503, "not ready", " ".join(json.loads(body)["Reasons"]))
        problem = json.loads(body)
        return Answer(path, 503, problem["type"], problem["detail"], "Retry-After" in response.headers)

    def stop(self) -> None:
        """Ask nothing any more; fail if a request was not answered at all."""
        self._over.set()
        self._thread.join(DEADLINE_S)
        if self.failure is not None:
            raise AssertionError(f"a request failed after {self.answers[-3:]}") from self.failure

    def wait_for(self, is_good: bool) -> None:
        """Wait until all that reads the tables is answered, or none of it, in the whole of a round from now on."""
        per_round = len(TABLES) + len(OTHERS) + 1
        asked = len(self.answers)

        def are_all() -> bool:
            new = [each for each in self.answers[asked:][-per_round:] if each.path in TABLES]
            return len(new) == len(TABLES) and all(each.is_rebuilding != is_good for each in new)

        wait_for(lambda: self.failure or are_all(), lambda: f"good: {is_good}, but {self.answers[-per_round:]}")

    def check(self, goods: tuple[bool, ...]) -> None:
        """Every answer was right, and what reads the tables was answered (or not) in this order of phases."""
        for answer in self.answers:
            if answer.path in TABLES:
                assert answer.is_rebuilding or answer.status == TABLES[answer.path], answer
            elif answer.path in OTHERS:
                assert answer.status == OTHERS[answer.path], answer
            else:
                assert answer.status == 200 or "snapshot tables" in answer.detail, answer
        for path in (*TABLES, READY):
            phases = [each.status != 503 for each in self.answers if each.path == path]
            changes = [phases[0], *(good for former, good in pairwise(phases) if good != former)]
            assert tuple(changes) == goods, path


@contextmanager
def traffic(url: str, account: str, latest: str) -> Iterator[Traffic]:
    """Ask one instance for as long as the context lasts, or until it is stopped."""
    asking = Traffic(url, account, latest)
    try:
        yield asking
    finally:
        asking.stop()
