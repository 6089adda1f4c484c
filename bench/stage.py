"""What the benchmarks stand on: an embedded Postgres that really syncs, and the program in processes of its own.

In: sizes and settings. Out: a server's URL, running simulators and services. Everything listens on loopback,
lives in a temporary directory and ends with its context. Called by every script of this package.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.migrations import migrate
from ibconnect.projections.upkeep import ensure

CAPTURES = Path(__file__).parent.parent / "tests" / "fixtures" / "captures"
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_STARTING_S = 60.0
_STOPPING_S = 30.0
Value = TypeVar("Value")


class BenchError(Exception):
    """A benchmark could not be run; the message says why."""


def until(condition: Callable[[], Value], what: str, seconds: float, pause: float = 0.02) -> Value:
    """Wait until ``condition()`` is true and return its value.

    :raises BenchError: it did not become true in time
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise BenchError(f"not within {seconds:g} s: {what}")
        time.sleep(pause)
    return value


@contextmanager
def directory() -> Iterator[Path]:
    """A temporary directory, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="ibc-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def postgres(**settings: str) -> Iterator[str]:
    """The URL of an embedded Postgres with the settings of production (fsync and synchronous_commit are on)."""
    with directory() as path, EmbeddedPostgres(path, settings) as server:
        with psycopg.connect(server.superuser_url) as connection:
            for name in ("fsync", "synchronous_commit"):
                if connection.execute(f"SHOW {name}").fetchone() != ("on",):
                    raise BenchError(f"{name} is off: nothing measured here would be true")
        yield server.superuser_url


def url_of(server_url: str, database: str) -> str:
    """The server's URL with another database name."""
    head, _, tail = server_url.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{database}?{tail}"


@contextmanager
def database(server_url: str, name: str, *, migrated: bool = True) -> Iterator[str]:
    """A fresh database, dropped at the end: ours, or an empty one."""
    identifier = sql.Identifier(name)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    url = url_of(server_url, name)
    if migrated:
        migrate(url)
        ensure(url)
    try:
        yield url
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier))


def checkpoint(url: str) -> None:
    """Write out what the rounds before have dirtied, so that the next one does not pay for it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


class Process:
    """A running child process and those that it has started, as the kernel sees them."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self.popen = popen
        self.pid = popen.pid

    @property
    def cpu_seconds(self) -> float:
        """CPU time used so far, user and system, all threads."""
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        return sum(int(fields[11]) + int(fields[12]) for fields in stats) / _TICKS_A_SECOND

    def pids(self) -> list[int]:
        """It, and those that it has started."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    @property
    def rss_mb(self) -> float:
        """Resident memory now, in MB (10^6 bytes); what processes share counts for each of them."""
        return self._status("VmRSS")

    @property
    def pss_mb(self) -> float:
        """The same, what is shared counted once."""
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.pids()]
        return sum(int(text.partition("\nPss:")[2].split()[0]) for text in rollups) * 1024 / 1e6

    @property
    def peak_rss_mb(self) -> float:
        """The most resident memory so far, in MB."""
        return self._status("VmHWM")

    def _status(self, name: str) -> float:
        texts = [Path(f"/proc/{pid}/status").read_text() for pid in self.pids()]
        if any(f"\n{name}:" not in text for text in texts):
            raise BenchError(f"the kernel does not tell {name}")
        return sum(int(text.partition(f"\n{name}:")[2].split()[0]) for text in texts) * 1024 / 1e6


@contextmanager
def child(*command: str, log: Path, environ: Mapping[str, str] | None = None) -> Iterator[Process]:
    """A process that runs for as long as the context lasts, ended by SIGTERM; its output goes to ``log``."""
    with log.open("wb") as output:
        popen = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environ)
        try:
            yield Process(popen)
        finally:
            popen.terminate()
            try:
                popen.wait(_STOPPING_S)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()


@dataclass(frozen=True, slots=True)
class Simulator:
    """A simulated gateway in a process of its own."""

    process: Process
    port: int
    log: Path


@contextmanager
def simulator(*options: str) -> Iterator[Simulator]:
    """``ibconnect simulate`` with these options, listening on a free port."""
    command = (sys.executable, "-m", "ibconnect", "simulate", "--port", "0", *options)
    with directory() as path, child(*command, log=path / "log") as process:
        welcome = until(lambda: line_with(path / "log", "listens on", process), "the simulator listens", _STARTING_S)
        yield Simulator(process, int(welcome.split("127.0.0.1:")[1].split(":")[0]), path / "log")


@dataclass(frozen=True, slots=True)
class Service:
    """``ibconnect serve`` in a process of its own. ``seconds``: from its start until it was ready."""

    process: Process
    url: str
    seconds: float
    log: Path


@contextmanager
def service(db_url: str, gateway_port: int, **settings: str) -> Iterator[Service]:
    """The whole service on a database, recording one local gateway."""
    with directory() as path:
        environ = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
            "DB_URL": db_url,
            "DATA_DIR": str(path),
            "IB_GW": f"127.0.0.1:{gateway_port}",
            "HOST": "127.0.0.1",
            "PORT": "0",
            "ACCT_REF": "0 0 1 1 *",
            # What else is asked for has benchmarks of its own.
            "COLLECT": "accounts",
            "LOG_FORMAT": "json",
            **settings,
        }
        began = time.perf_counter()
        with child(sys.executable, "-m", "ibconnect", "serve", log=path / "log", environ=environ) as process:
            started = until(
                lambda: line_with(path / "log", '"service_started"', process), "the service runs", _STARTING_S, 0.005
            )
            seconds = time.perf_counter() - began
            yield Service(process, json.loads(started)["urls"].split()[0], seconds, path / "log")


def line_with(log: Path, text: str, process: Process) -> str:
    """The first whole line with this text in a child's log, or nothing if there is none yet.

    :raises BenchError: the child has ended
    """
    said = log.read_text(errors="replace")
    for line in said.splitlines(keepends=True):
        if text in line and line.endswith("\n"):
            return line
    if process.popen.poll() is not None:
        raise BenchError(f"a process of the benchmark ended: {said[-2000:]}")
    return ""


def one(url: str, query: Any, parameters: Any = None) -> Any:
    """The first column of a query's one row."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise BenchError(f"no row: {query}")
    return row[0]
