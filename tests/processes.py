"""Real processes of ibconnect for tests that start, stop and kill them."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.paths import ROOT
from tests.waiting import DEADLINE_S, wait_for

STOPS_S = 10.0
"""A container engine kills after so many seconds what it has asked to stop."""


class Process:
    """One running ``python -m ibconnect …`` of the program under ``root``, whose output is kept.

    Each request for a refresh is granted anew, unless settings say otherwise. ``files``: how many descriptors it may
    have, if not as many as the tests.
    """

    def __init__(self, log: Path, *arguments: str, root: Path = ROOT, files: int = 0, **settings: str) -> None:
        environ = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        self.log = log
        limited = ["sh", "-c", f'ulimit -n {files} && exec "$@"', "sh"] if files else []
        with log.open("wb") as out:
            self.popen = subprocess.Popen(
                [*limited, sys.executable, "-m", "ibconnect", *arguments],
                cwd=root,
                env={**environ, "PYTHONUNBUFFERED": "1", "REFRESH_FLOOR": "0", **settings},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def said(self, pattern: str) -> re.Match[str]:
        """Wait for a line of output."""

        def is_said() -> re.Match[str] | None:
            has_ended = self.popen.poll() is not None
            found = re.search(pattern, self.output)
            assert found or not has_ended, f"ended with {self.popen.returncode}:\n{self.output}"
            return found

        said: re.Match[str] = wait_for(is_said, lambda: f"{pattern!r} is said:\n{self.output}")
        return said

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What it logged of one kind, as JSON."""
        return logged(self.log, kind)

    def url(self) -> str:
        """Where it serves, once it does: the first line of its log (``page``) says where it is going to."""
        return self.said(r'(?<!page=)(?<!page":")(?<!page": ")(http://[\w.\[\]:]+:\d+)')[1]

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Send a signal and wait for the end; the seconds that it took."""
        began = time.monotonic()
        self.popen.send_signal(number)
        self.popen.wait(DEADLINE_S)
        return time.monotonic() - began


def logged(log: Path, kind: str) -> list[dict[str, Any]]:
    """What a log in JSON has of one kind."""
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.startswith("{")]
    return [entry for entry in map(json.loads, lines) if entry.get("kind") == kind]


@contextlib.contextmanager
def process(log: Path, *arguments: str, root: Path = ROOT, files: int = 0, **settings: str) -> Iterator[Process]:
    """A process that is gone when the context ends, whatever the test did to it."""
    running = Process(log, *arguments, root=root, files=files, **settings)
    try:
        yield running
    finally:
        if running.popen.poll() is None:
            running.popen.kill()
        running.popen.wait(DEADLINE_S)


def get(url: str, **headers: str) -> tuple[int, Any]:
    """GET a JSON document, without following anything wrong: status and body."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def accounts(url: str, count: int, after: Mapping[str, str] | None = None) -> dict[str, str]:
    """Wait until so many accounts have a report (newer than those of ``after``): account code → latest."""
    latest: dict[str, str] = {}

    def are_there() -> bool:
        status, rows = get(f"{url}/v1/accounts")
        latest.clear()
        latest.update({row["AccountCode"]: row["Latest"] or "" for row in rows} if status == 200 else {})
        return sum(at > (after or {}).get(code, "") for code, at in latest.items()) >= count

    wait_for(are_there, lambda: f"reports of {count} accounts, newer than {after}, but {latest}")
    return latest
