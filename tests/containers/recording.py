"""Containers of the image alone: a simulated gateway and a recorder beside it, with what a client sees of them.

In: an ``Engine`` and images. Out: running containers, and over HTTP what they have recorded. For tests of this folder.
"""

import contextlib
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.containers.engine import Engine
from tests.processes import accounts
from tests.waiting import DEADLINE_S, wait_for

ACCOUNTS = 6
"""How many accounts ``ibconnect simulate --demo`` has."""

HARDENED = ("--init", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")
VOLUME = "history:/var/lib/ibconnect"


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def get(url: str, token: str = "", accept: str = "*/*") -> bytes:
    """The body of an answer, redirects followed; any error is raised, but who is told to come again does."""
    headers = {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}
    told = ""

    def answer() -> list[bytes]:
        nonlocal told
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=DEADLINE_S) as response:
                return [response.read()]
        except urllib.error.HTTPError as exc:
            with exc:
                if "Retry-After" not in exc.headers:
                    raise
                told = exc.read().decode()
            return []

    (body,) = wait_for(answer, lambda: f"{url} answers:\n{told}", pause=0.5)
    return bytes(body)


def answers(url: str) -> bool:
    """Whether a GET of it is answered with 200."""
    try:
        get(url)
    except OSError:
        return False
    return True


class History(NamedTuple):
    """What a client can see of the past: every event in order, and each account's reports, oldest first."""

    events: list[Any]
    reports: dict[str, list[str]]

    def is_kept_in(self, later: "History") -> bool:
        """Whether nothing of it is missing or changed there."""
        return later.events[: len(self.events)] == self.events and all(
            later.reports.get(code, [])[: len(times)] == times for code, times in self.reports.items()
        )


def history(url: str, token: str = "") -> History:
    """All events and the times of all reports, as they are served now."""
    lines = get(f"{url}/v1/events", token).splitlines()
    events = [
        (event["Position"], event["Session"], event["Type"], event.get("Message")) for event in map(json.loads, lines)
    ]
    codes = [row["AccountCode"] for row in json.loads(get(f"{url}/v1/accounts", token))]
    reports = {code: json.loads(get(f"{url}/v1/accounts/{code}/snapshots", token))[::-1] for code in codes}
    return History(events, reports)


class Recorder:
    """A container named ``recorder`` of an image, on the volume ``history``."""

    name = "recorder"

    def __init__(self, engine: Engine, **settings: str) -> None:
        self._engine = engine
        self._settings = {"IB_GW": "gateway:4002", "ALLOW_ANONYMOUS": "true", "REFRESH_FLOOR": "0", **settings}
        self.url = ""

    def start(self, image: str) -> None:
        """Run the image in the place of whatever ran before."""
        port = free_port()
        variables = [f"--env={name}={value}" for name, value in self._settings.items()]
        where = [f"--publish=127.0.0.1:{port}:3000", f"--volume={VOLUME}", "--network=recording"]
        self._engine.podman("rm", "--force", "--ignore", self.name)
        self._engine.podman("run", "--detach", f"--name={self.name}", *HARDENED, *where, *variables, image)
        self.url = f"http://127.0.0.1:{port}"

    def wait_for_reports(self) -> dict[str, str]:
        """Wait until every account has a report; account → its latest."""
        wait_for(lambda: answers(f"{self.url}/healthz"), lambda: f"it answers:\n{self._engine.logs(self.name)}")
        return accounts(self.url, ACCOUNTS)

    def refresh(self) -> None:
        """Let every account have a newer report."""
        former = self.wait_for_reports()
        request = urllib.request.Request(f"{self.url}/v1/accounts", headers={"Cache-Control": "max-age=0"})
        urllib.request.urlopen(request, timeout=DEADLINE_S).close()
        accounts(self.url, ACCOUNTS, former)

    def stop(self) -> int:
        """Stop it as an engine does, which kills after ten seconds: its exit status."""
        self._engine.podman("stop", self.name)
        return int(self._engine.inspect(self.name)["State"]["ExitCode"])


@contextlib.contextmanager
def recorder(engine: Engine, image: str, **settings: str) -> Iterator[Recorder]:
    """A network with a simulated gateway of the image, and a recorder of it that is yet to be started."""
    engine.podman("network", "create", "recording")
    simulate = ["simulate", "--demo", "--host=0.0.0.0", "--port=4002"]
    try:
        engine.podman("run", "--detach", "--name=gateway", "--network=recording", *HARDENED, image, *simulate)
        yield Recorder(engine, **settings)
    finally:
        engine.remove_containers()
