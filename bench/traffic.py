"""Requests to a running service: a steady trickle from this process, and full load by wrk.

In: a service's URL. Out: how many requests failed and how long they took; requests a second. wrk (Debian's package
``wrk``) is the one tool here that pip does not install; without it, the figures that need it are left out.
"""

import http.client
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bench.stage import BenchError

CONNECTIONS = 16
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_TURNS = """
local paths = {}
for line in io.lines("%s") do paths[#paths + 1] = line end
local number = %d
request = function()
    number = number %% #paths + 1
    return wrk.format("GET", paths[number])
end
"""


class Client:
    """One connection that is kept alive."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def get(self, path: str, **headers: str) -> tuple[int, bytes, str]:
        """Status, body and ``Location``."""
        self._connection.request("GET", path, headers=headers)
        response = self._connection.getresponse()
        return response.status, response.read(), response.getheader("Location", "")

    def close(self) -> None:
        self._connection.close()


@dataclass
class Trickle:
    """What came of the requests so far."""

    milliseconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@contextmanager
def trickle(url: str, paths: Sequence[str], pause_s: float) -> Iterator[Trickle]:
    """Ask for these paths in turn, all the time, while the context lasts."""
    seen, stopping = Trickle(), threading.Event()
    thread = threading.Thread(target=_ask, args=(url, paths, pause_s, seen, stopping), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stopping.set()
        thread.join(60)


def _ask(url: str, paths: Sequence[str], pause_s: float, seen: Trickle, stopping: threading.Event) -> None:
    client, number = Client(url), 0
    while not stopping.wait(pause_s):
        path = paths[number % len(paths)]
        number += 1
        began = time.perf_counter()
        try:
            status, _, _ = client.get(path)
        except (OSError, http.client.HTTPException) as exc:
            seen.failures.append(f"{path}: {exc!r}")
            client = Client(url)
            continue
        seen.milliseconds.append((time.perf_counter() - began) * 1000)
        if status not in (200, 303):
            seen.failures.append(f"{path}: status {status}")
    client.close()


def has_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def requests_per_s(url: str, seconds: float, paths: Path | None = None, skip: int = 0) -> float:
    """Requests a second by wrk with 16 connections, for one URL or for the paths in a file, one a line.

    :param skip: how many of the paths earlier calls have had
    :raises BenchError: an answer was not 2xx, or wrk failed
    """
    command = ["wrk", "--threads=1", f"--connections={CONNECTIONS}", f"--duration={max(seconds, 1):.0f}s"]
    if paths is not None:
        script = paths.with_suffix(".lua")
        script.write_text(_TURNS % (paths, skip))
        command += ["--script", str(script)]
    done = subprocess.run([*command, url], capture_output=True, text=True, timeout=seconds + 30, check=False)
    rate = _RATE.search(done.stdout)
    if done.returncode != 0 or rate is None or "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise BenchError(f"wrk on {url}: {done.stdout} {done.stderr}")
    return float(rate[1])
