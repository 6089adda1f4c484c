"""``ibconnect health`` as process supervisors run it: real processes, real servers, exit codes and one line."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import packages_distributions
from pathlib import Path
from threading import Thread

import pytest
from aiohttp.test_utils import unused_port

from tests.paths import ROOT
from tests.processes import process

BY_ITSELF = "import sys; from ibconnect.cli.main import main; sys.exit(main())"
WAYS = [[sys.executable, "-m", "ibconnect"], [sys.executable, "-c", BY_ITSELF]]


def health(*arguments: str, way: int = 0, **settings: str) -> tuple[int, str]:
    """Exit code and what it says; never more than a line."""
    environ = {"PATH": os.environ["PATH"], **settings}
    command = [*WAYS[way], "health", *arguments]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout + done.stderr
    assert said.count("\n") == 1
    assert (done.stderr == "") == (done.returncode == 0)
    return done.returncode, said.rstrip()


@contextmanager
def answering(status: int, body: bytes, host: str = "127.0.0.1") -> Iterator[str]:
    """A server that answers so, whatever it is asked; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with HTTPServer((host, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield str(server.server_port)
        finally:
            server.shutdown()
            thread.join()


def test_it_asks_a_running_service_and_says_when_that_is_not_ready(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{unused_port()}"
    settings = {"DATA_DIR": str(tmp_path / "data"), "DB_URL": f"postgresql://{nowhere}/x", "IB_GW": nowhere}
    port = str(unused_port())
    with process(tmp_path / "log", "serve", HOST="127.0.0.1,127.0.0.2", PORT=port, **settings) as serve:
        serve.said("Postgres is away")
        asked = [("127.0.0.2", 0), ("0.0.0.0", 0), ("localhost", 1), ("127.0.0.9,127.0.0.2", 0)]
        for host, way in asked:
            code, said = health(HOST=host, PORT=port, way=way)
            assert (code, said.startswith("healthy: http://127.0.0.")) == (0, True), said
        code, said = health("--ready", HOST="127.0.0.2", PORT=port)
        assert code == 1
        assert said.startswith(f"not ready: http://127.0.0.2:{port}/readyz: the database cannot be reached")
        serve.stop()
        code, said = health(HOST="127.0.0.1", PORT=port)
        assert (code, said) == (1, f"not healthy: http://127.0.0.1:{port}/healthz: Connection refused")


@pytest.mark.parametrize(
    ("status", "body", "arguments", "code", "says"),
    [
        (200, b'{"Alive":true,"Instance":"x"}', [], 0, "healthy: "),
        (200, b'{"Ready":true,"Reasons":["something"]}', ["--ready"], 0, "ready: "),
        (503, b'{"Ready":false,"Reasons":["this","\\nthat"]}', ["--ready"], 1, "this, that"),
        (503, b'{"Ready":false,"Reasons":[]}', ["--ready"], 1, "does not say why"),
        (200, b"It works!", [], 1, "status 200 of something that is not ibconnect"),
        (404, b'{"Alive":true}', [], 1, "status 404 of something"),
        (500, b"", ["--ready"], 1, "status 500 of something"),
        (200, b"\xff{", [], 1, "something that is not ibconnect"),
        (200, b"[" * 60_000, [], 1, "something that is not ibconnect"),
    ],
)
def test_it_believes_only_what_the_service_says(
    status: int, body: bytes, arguments: list[str], code: int, says: str
) -> None:
    with answering(status, body) as port:
        ended, said = health(*arguments, HOST="127.0.0.1", PORT=port)
    assert (ended, says in said) == (code, True), said


def test_what_does_not_answer_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code, said = health(HOST="127.0.0.1,localhost", PORT=str(silent.getsockname()[1]))
    assert code == 1
    assert "timed out" in said


def test_what_is_not_http_is_said_in_one_line() -> None:
    def answer() -> None:
        with server.accept()[0] as line:
            line.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=answer, daemon=True)
        thread.start()
        code, said = health(HOST="127.0.0.1", PORT=str(server.getsockname()[1]))
        thread.join()
    assert (code, said.partition("healthz: ")[2]) == (1, "what answers there does not speak HTTP")


@pytest.mark.parametrize(
    ("settings", "says"), [({"PORT": "0"}, "set PORT"), ({"PORT": "x"}, "0 to 65535"), ({"HOST": ","}, "HOST=")]
)
def test_settings_that_do_not_say_where_are_refused(settings: dict[str, str], says: str) -> None:
    code, said = health(**settings)
    assert (code, says in said) == (2, True), said


def test_it_needs_no_setting_but_these_two() -> None:
    with answering(200, b'{"Alive":true}') as port:
        assert health(HOST="127.0.0.1", PORT=port, DB_URL="wrong", IB_GW=",")[0] == 0


IMPORTED = """
import sys
before = set(sys.modules)
from ibconnect.cli.main import main
main(["health"])
print(*sorted(set(sys.modules) - before))
"""


def test_it_imports_no_room_and_no_package_but_that_of_schedules() -> None:
    """That is what a verb's second is spent on, and it is run each few seconds."""
    environ = {"PATH": os.environ["PATH"], "PORT": str(unused_port()), "HOST": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=True
    )
    modules = done.stdout.split()
    assert "ibconnect.cli.health" in modules
    rooms = {f"ibconnect.{path.parent.name}" for path in (ROOT / "ibconnect").glob("*/__init__.py")} - {"ibconnect.cli"}
    assert len(rooms) > 8
    assert rooms & set(modules) == set()
    packages = set(packages_distributions()) & {module.partition(".")[0] for module in modules}
    assert packages - {"ibconnect", "platformdirs"} == {"crontab"}
    assert "asyncio" not in modules
