"""One token that asks for all it can get makes another wait at most twice as long as without it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from ibconnect.times import format_rfc3339
from tests.paths import ROOT
from tests.processes import process
from tests.serving import DU2, FIRST, build_world
from tests.waiting import DEADLINE_S, wait_for

ATTACKER, OTHER = "token-attacker-0123456789", "token-other-0123456789"
SNAPSHOTS = 1000
ROUNDS = 5
# What a request may wait beyond twice the time without the attack. It is the operating system that divides two cores
# among the attacker, the service, its Postgres, a gateway, and the tests that run beside this one.
MEDIAN_ALLOWANCE_S, P95_ALLOWANCE_S = 0.025, 0.15


def asked(url: str, path: str) -> float:
    """How long an answer takes."""
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {OTHER}"})
    began = time.perf_counter()
    with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
        response.read()
    return time.perf_counter() - began


def paths(number: int) -> dict[str, str]:
    """What the other asks for now and then; never twice the same, so that nothing is kept."""
    start = FIRST + timedelta(hours=number % (SNAPSHOTS - 30))
    moment, end = format_rfc3339(start), format_rfc3339(start + timedelta(hours=24))
    return {
        "report": f"/v1/accounts/{DU2}/{moment}",
        "history": f"/v1/accounts/{DU2}/history?tag=NetLiquidation&from={moment}&to={end}",
        "as-of": f"/v1/accounts/{DU2}/as-of/{end}",
        "list": "/v1/accounts",
        "events": f"/v1/events?after={number}&limit=20",
        "alive": "/healthz",
    }


@contextmanager
def attack(url: str) -> Iterator[None]:
    """The attack, which has begun, and ends with the context: it was answered, and refused as too much."""
    command = [sys.executable, "-m", "tests.attacker", url, ATTACKER, FIRST.isoformat(), str(SNAPSHOTS)]
    with tempfile.TemporaryFile("w+b") as out, subprocess.Popen(command, cwd=ROOT, stdout=out) as attacker:
        try:
            wait_for(lambda: os.pread(out.fileno(), 1, 0), "the attack has begun")
            yield
        finally:
            attacker.kill()
        out.seek(0)
        statuses = json.loads(out.read().splitlines()[-1])
        assert {"200", "429"} <= set(statuses), statuses


class Waits:
    """How long the other has waited, by what he asked for, quiet and attacked."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._number = 0
        self._found: dict[tuple[str, bool], list[float]] = defaultdict(list)

    def measure(self, seconds: float, *, is_attacked: bool) -> None:
        """Ask, one request after the other, for so many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._number += 1
            for name, path in paths(self._number).items():
                self._found[name, is_attacked].append(asked(self._url, path))

    def at(self, share: float, name: str, *, is_attacked: bool) -> float:
        """The wait that so large a share of all waits does not exceed."""
        found = sorted(self._found[name, is_attacked])
        return found[int(share * (len(found) - 1))]


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_who_asks_for_much_makes_another_wait_at_most_twice_as_long(database_url: str, tmp_path: Path) -> None:
    build_world(database_url, SNAPSHOTS)
    with (
        process(tmp_path / "gateway", "simulate", "--port", "0") as gateway,
        tempfile.TemporaryDirectory(prefix="ibc-fair-") as spool,
    ):
        port = gateway.said(r"127\.0\.0\.1:(\d+)")[1]
        settings = {"DB_URL": database_url, "DATA_DIR": spool, "IB_GW": f"127.0.0.1:{port}", "HOST": "127.0.0.1"}
        tokens = {"API_TOKENS": f"{ATTACKER} {OTHER}", "REFRESH_FLOOR": "5"}
        with process(tmp_path / "serve", "serve", PORT="0", **settings, **tokens) as serve:
            serve.said("started .*database")
            waits = Waits(serve.url())
            asked(serve.url(), "/v1/accounts")
            for _ in range(ROUNDS):
                waits.measure(3, is_attacked=False)
                with attack(serve.url()):
                    waits.measure(5, is_attacked=True)
            log = serve.output
    check(waits)
    assert len(re.findall(r"kind=http_crowded", log)) <= 3, "told once a minute"
    assert not re.search(r'" 429 |status=429|Traceback', log)


def check(waits: Waits) -> None:
    """The promise, for each kind of request."""
    late = []
    for name in paths(0):
        for share, allowance in ((0.5, MEDIAN_ALLOWANCE_S), (0.95, P95_ALLOWANCE_S)):
            quiet, attacked = (waits.at(share, name, is_attacked=each) for each in (False, True))
            said = f"{name}: of {share:.0%} at most {1000 * quiet:.1f} ms, attacked {1000 * attacked:.1f} ms"
            print(said)
            if attacked > 2 * quiet + allowance:
                late.append(said)
    assert not late
