"""Recorders and Postgres servers as processes of their own, to be killed, stopped and started again."""

import atexit
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

import psycopg

from ibconnect.database.embedded import cluster as embedded_cluster
from ibconnect.database.embedded.account import account_for
from ibconnect.database.embedded.cluster import Cluster
from ibconnect.database.embedded.directories import binaries, prepare_data_dir
from ibconnect.database.migrations import migrate
from tests.paths import ROOT, scratch
from tests.processes import Process, logged, process
from tests.waiting import DEADLINE_S, wait_for

_numbers = itertools.count(1)

NO_SYNC = {"fsync": "off", "full_page_writes": "off", "dynamic_shared_memory_type": "mmap"}
"""For servers that are killed but whose machine is not: nothing is lost with the process, and nothing left of it."""


class Recorder:
    """One recorder process."""

    def __init__(self, pid: int, log: Path) -> None:
        self.pid = pid
        self.log = log
        self._handle = os.pidfd_open(pid)

    @property
    def is_running(self) -> bool:
        return not select.select([self._handle], [], [], 0)[0]

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """SIGTERM, and wait for the clean end."""
        self.send(signal.SIGTERM)
        self._wait()

    def _wait(self) -> None:
        assert select.select([self._handle], [], [], DEADLINE_S)[0], f"process {self.pid} does not end"

    def say_what_it_waits_for(self) -> None:
        """Have it write that to its log, which helps to find out why a test fails."""
        size = self.log.stat().st_size
        self.send(signal.SIGUSR1)
        with suppress(AssertionError):
            wait_for(lambda: self.log.stat().st_size > size, "it says so", 2.0)

    def close(self) -> None:
        if self.is_running:
            self.kill()
        os.close(self._handle)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What it logged of one kind."""
        return logged(self.log, kind)


def stop_together(recorders: Iterable[Recorder]) -> None:
    """SIGTERM to all, then wait: one that went on for long would take over from those that have stopped."""
    recorders = list(recorders)
    for recorder in recorders:
        recorder.send(signal.SIGTERM)
    for recorder in recorders:
        recorder.stop()


class Spawner:
    """Starts recorders of this version; whatever still runs when the context ends is killed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.recorders: list[Recorder] = []
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.spawner"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for recorder in self.recorders:
            if kind is not None and recorder.is_running:
                recorder.say_what_it_waits_for()
            recorder.close()
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(DEADLINE_S)

    def start(self, name: str, times: Mapping[str, float] | None = None, **settings: str) -> Recorder:
        """A recorder with these settings; ``name`` tells its data directory and log from others'."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log = self.directory / f"{name}.log"
        log.touch(mode=0o600)
        data = {"DATA_DIR": str(self.directory / name), "QUIET_TIME": "2", "DOWNLOAD_TIMEOUT": "5"}
        order = {"settings": {**data, **settings}, "log": str(log), "times": dict(times or {})}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        recorder = Recorder(int(self._process.stdout.readline()), log)
        self.recorders = [each for each in self.recorders if each.is_running or each.close()] + [recorder]
        return recorder


@contextmanager
def past(root: Path, directory: Path, **settings: str) -> Iterator[Process]:
    """A recorder of the version under ``root``, started as its users do: its own tests may do it in another way."""
    times = {"QUIET_TIME": "2", "DOWNLOAD_TIMEOUT": "5"}
    chosen = {
        "INSTANCE": "old",
        "DATA_DIR": str(directory / "old"),
        "LOG_FORMAT": "json",
        "PORT": "0",
        **times,
        **settings,
    }
    with process(directory / "old.log", "serve", root=root, **chosen) as running:
        yield running


class Server:
    """A Postgres server of our own, which may be killed."""

    def __init__(self, cluster: Cluster, settings: Mapping[str, str]) -> None:
        self.cluster = cluster
        self._settings = dict(settings)

    @property
    def url(self) -> str:
        return self.cluster.url()

    def create(self) -> None:
        embedded_cluster.create(self.cluster)

    def start(self) -> None:
        """Start it, also after a kill; return when it takes connections."""
        embedded_cluster.start(self.cluster, self._settings, alone=True)

    def launch(self) -> None:
        """Start it as a standby: nothing is created in it."""
        embedded_cluster._forget_dead_postmaster(self.cluster, alone=True)
        embedded_cluster._launch(self.cluster, self._settings)

    def stop(self) -> None:
        embedded_cluster.stop(self.cluster)

    def kill(self) -> None:
        """SIGKILL to all its processes at once, and wait until they are gone."""
        for pid in embedded_cluster._processes(self.cluster):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not embedded_cluster._processes(self.cluster), "the server's processes are gone")

    def crash(self) -> None:
        """SIGKILL to its first process; the others notice, say so to their clients and end."""
        os.kill(int((self.cluster.directory / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        wait_for(lambda: not embedded_cluster._processes(self.cluster), "the server's processes are gone")

    def send(self, number: int) -> None:
        """A signal to all its processes: SIGSTOP lets it hang, SIGCONT go on."""
        for pid in embedded_cluster._processes(self.cluster):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def do(self, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement as the owner."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@cache
def _base() -> Path:
    """A directory for all servers of this run: the programs are copied there once, if they must be copied."""
    base = scratch("ibc-fault-")
    atexit.register(shutil.rmtree, base, ignore_errors=True)
    account = account_for(base / "pg")
    base.chmod(0o700)
    prepare_data_dir(base, account)
    return base


@contextmanager
def prepared_server(settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server of which nothing is there yet but its directory; gone when the context ends."""
    base, account = _base(), account_for(_base())
    directory = base / f"server-{next(_numbers)}"
    account.run("mkdir", directory)
    cluster = Cluster(directory / "pg", directory, account, binaries(base, account))
    server = Server(cluster, {**NO_SYNC, **(settings or {})})
    try:
        yield server
    finally:
        server.send(signal.SIGCONT)
        server.kill()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running_server(settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A server that runs, its database migrated."""
    with prepared_server(settings) as server:
        server.create()
        server.start()
        migrate(server.url)
        yield server
