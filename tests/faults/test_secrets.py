"""Real processes with secrets wherever a URL can hold one: nothing that they print, log, answer or are called tells."""

import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.integration.test_secrets import REPEATED, SECRET, TOKEN, has_pieces
from tests.paths import ROOT
from tests.processes import accounts, process
from tests.waiting import DEADLINE_S, wait_for

pytestmark = pytest.mark.slow

OPTIONS = f"options=-c%20app.key%3D{SECRET}&password={SECRET}&passfile=/{SECRET}&oauth_client_secret={SECRET}"
UNSPOKEN = f"options=-c%20app.key%3D{SECRET}&password={SECRET}&application_name={SECRET}"
PATHS = (
    "/v1/accounts",
    "/readyz",
    "/healthz",
    "/metrics",
    "/v1/gateways",
    "/v1/instances",
    "/v1/events?limit=9",
    "/nothing",
)


class Commands:
    """What processes are called, as ``ps`` shows it to everybody, while the context lasts."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: set[str] = set()

    def __enter__(self) -> "Commands":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            for each in psutil.process_iter(["name", "cmdline"]):
                if self._program in (each.info["name"] or ""):
                    self.seen.add(" ".join(each.info["cmdline"] or ()))


def run(verb: str, *arguments: str, **settings: str) -> str:
    """Everything that a verb prints, and how it ends."""
    environ = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    done = subprocess.run(
        [sys.executable, "-m", "ibconnect", verb, *arguments],
        cwd=ROOT,
        env={**environ, "LOG_LEVEL": "debug", "PORT": "0", **settings},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return f"{done.returncode}\n{done.stdout}\n{done.stderr}"


def asked(url: str, token: str) -> str:
    """Everything that is answered, heads and bodies."""
    said = []
    for path in PATHS:
        request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE_S) as response:
                said.append(f"{response.headers}{response.read().decode()}")
        except urllib.error.HTTPError as error:
            with error:
                said.append(f"{error.headers}{error.read().decode()}")
    return "\n".join(said)


def pieces(text: str) -> list[str]:
    """What a text tells of any secret."""
    return has_pieces(text) + has_pieces(text, TOKEN)


def test_a_service_and_its_commands_tell_no_secret(database_url: str, tmp_path: Path) -> None:
    settings = {"DB_URL": f"{database_url}&{OPTIONS}", "API_TOKENS": TOKEN, "DATA_DIR": str(tmp_path / "data")}
    settings |= {"ERR_INFO": "true", "REFRESH_TIMEOUT": "5"}
    with process(tmp_path / "gateway", "simulate", "--port", "0") as gateway:
        settings["IB_GW"] = gateway.said(r"(127\.0\.0\.1:\d+)")[1]
        with process(tmp_path / "log", "serve", PORT="0", HOST="127.0.0.1", LOG_LEVEL="debug", **settings) as serve:
            url = serve.url()
            wait_for(lambda: '"Ready":true' in asked(url, TOKEN), lambda: f"it is ready: {serve.output}")
            for token in (TOKEN, TOKEN[:-1], TOKEN.swapcase()):
                assert pieces(asked(url, token)) == []
            ours = psutil.Process(serve.popen.pid)
            for each in (ours, *ours.children(recursive=True)):
                assert pieces(" ".join(each.cmdline())) == []
            for verb in ("config", "check", "migrate", "set-aside", "retry-poison", "rebuild"):
                said = run(verb, **settings)
                assert said.startswith("0\n"), (verb, said)
                assert pieces(said) == [], verb
            serve.stop()
        assert "GET /v1/gateways" in serve.output
        assert pieces(serve.output) == []


def test_programs_of_postgres_are_called_with_no_secret(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    settings = {"DATA_DIR": str(tmp_path / "data")}
    with process(tmp_path / "gateway", "simulate", "--port", "0") as gateway:
        settings["IB_GW"] = gateway.said(r"(127\.0\.0\.1:\d+)")[1]
        with process(tmp_path / "log", "serve", PORT="0", DB_URL=database_url, **settings) as serve:
            accounts(serve.url(), 1)
    for program, verb, url in (("pg_dump", "backup", database_url), ("psql", "restore", empty_database_url)):
        with Commands(program) as commands:
            said = run(verb, str(tmp_path / "dump"), DB_URL=f"{url}&{UNSPOKEN}", **settings)
        assert said.startswith("0\n"), said
        assert any(str(tmp_path) in each or "psql" in each for each in commands.seen), "it was seen at work"
        assert [pieces(each) for each in commands.seen] == [[]] * len(commands.seen)
        assert pieces(said) == []


@pytest.mark.parametrize("query", [REPEATED[1], REPEATED[5]])
def test_nothing_that_goes_wrong_tells_a_secret(database_url: str, tmp_path: Path, query: str) -> None:
    settings = {"DB_URL": f"{database_url}&{query}", "API_TOKENS": TOKEN, "DATA_DIR": str(tmp_path / "data")}
    with process(tmp_path / "log", "serve", PORT="0", HOST="127.0.0.1", **settings) as serve:
        for verb, arguments in (
            ("config", ()),
            ("check", ("--json",)),
            ("migrate", ()),
            ("rebuild", ()),
            ("events", ()),
            ("backup", (str(tmp_path / "dump"),)),
            ("restore", (__file__,)),
        ):
            said = run(verb, *arguments, **settings)
            assert said.startswith("0\n") == (verb == "config"), (verb, said)
            assert pieces(said) == [], verb
        serve.said("Postgres")
    assert pieces(serve.output) == []
