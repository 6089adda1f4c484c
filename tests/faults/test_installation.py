"""deploy/install.sh by doing it: installed, run by a user of its own, upgraded beside what runs, made a service.

One installation is made with the Python that it chooses itself, and upgraded three times; the versions differ in their
number only. What a machine lacks (root, a Python for everybody, systemd) is a skip.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.paths import ROOT
from tests.processes import STOPS_S, get
from tests.waiting import DEADLINE_S, wait_for

pytestmark = [
    pytest.mark.slow,
    # A test installs up to three times, for each of which it waits nearly five minutes.
    pytest.mark.timeout(1200),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it installs for another user"),
]

USER = pwd.getpwnam("nobody")
TREE = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "requirements.lock",
    "requirements-build.lock",
    "tools",
    "deploy",
    "sql",
)
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": os.environ.get("HOME", "/root"), "LANG": "C.UTF-8"}
KEPT = (
    *("PIP_", "UV_", "NPM_", "npm_", "NODE_", "SSL_", "REQUESTS_", "CURL_"),
    *("HTTP_", "HTTPS_", "NO_PROXY", "http", "no_proxy"),
)
ADDRESS = r"http://[\d.]+:\d+"


class Place(NamedTuple):
    """A source tree, and where it is installed."""

    source: Path
    target: Path

    @property
    def command(self) -> Path:
        return self.target / "bin" / "ibconnect"

    def versions(self) -> list[str]:
        return sorted(path.name.partition("-")[0] for path in (self.target / "versions").iterdir())


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """Where everybody can read, below no home and no directory of pytest's, which are private."""
    root = Path("/opt" if os.access("/opt", os.W_OK) else "/var/tmp", f"ibc-install-{os.getpid()}")
    root.mkdir(mode=0o755)
    source = root / "source"
    source.mkdir()
    for name in TREE:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "web", source / "web", ignore=shutil.ignore_patterns("node_modules"))
    ignored = shutil.ignore_patterns("__pycache__", "web")
    shutil.copytree(ROOT / "ibconnect", source / "ibconnect", ignore=ignored)
    yield Place(source, root / "it's here")
    shutil.rmtree(root)


def install(place: Place, version: str, *options: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    project = place.source / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"$', f'version = "{version}"', project.read_text()))
    package = place.source / "ibconnect" / "__init__.py"
    package.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', package.read_text()))
    machine = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    return subprocess.run(
        [place.source / "deploy" / "install.sh", *options, place.target],
        env={**machine, **PLAIN, **settings},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def installed(place: Place, version: str, *options: str, **settings: str) -> str:
    done = install(place, version, *options, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ibconnect {version} for " in done.stdout
    assert f"{place.command} is version {version} now" in done.stdout
    assert said(place, "--version") == f"ibconnect {version}\n"
    return done.stdout


def said(place: Place, *arguments: str) -> str:
    command = [place.command, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60, env=PLAIN).stdout


@contextmanager
def serving(place: Place, log: Path, data_dir: Path, uid: int = USER.pw_uid) -> Iterator["subprocess.Popen[bytes]"]:
    """The installed service, run by a user who has nothing else."""
    settings = {"DATA_DIR": str(data_dir), "PORT": "0", "HOST": "127.0.0.1", "IB_GW": "127.0.0.1:1", **PLAIN}
    identity = {"user": uid, "group": USER.pw_gid, "extra_groups": []} if uid else {}
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [place.command, "serve"],
            env={**settings, "HOME": "/nonexistent"},
            stdout=out,
            stderr=out,
            cwd="/",
            **identity,
        ) as process,
    ):
        try:
            # Everything that its processes begin with is over then.
            wait_for(lambda: serves(log) or process.poll() is not None, "it serves")
            assert process.poll() is None, log.read_text()
            yield process
        finally:
            process.kill()


def serves(log: Path) -> bool:
    """Whether it has looked for its gateway, and answers that it is ready."""
    text = log.read_text()
    if "nothing listens at" not in text or not re.search(ADDRESS, text):
        return False
    try:
        return get(f"{url(log)}/readyz")[0] == 200
    except OSError:
        return False


def url(log: Path) -> str:
    found = re.search(ADDRESS, log.read_text())
    assert found
    return found[0]


def stop(process: "subprocess.Popen[bytes]", log: Path) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(STOPS_S) == 0
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def first(place: Place) -> str:
    """What the first installation says."""
    done = install(place, "0.0.1")
    if "Python 3.11 or later is needed" in done.stderr:
        pytest.skip("this machine has no Python that every user can run")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_chooses_a_python_that_everybody_can_run_and_says_what_comes_next(place: Place, first: str) -> None:
    python = re.search(r"for (/usr/(?:local/)?bin/python3\S*) \(Python 3\.(\d+)", first)
    assert python
    assert int(python[2]) >= 11
    assert f"{place.command} serve" in first
    assert "--service" in first


def test_it_is_upgraded_beside_what_runs(place: Place, first: str, tmp_path: Path) -> None:
    assert first
    data_dir = place.source.parent / "data"
    data_dir.mkdir(mode=0o700)
    os.chown(data_dir, USER.pw_uid, USER.pw_gid)
    old, new, etc = tmp_path / "old", tmp_path / "new", tmp_path / "etc"
    with serving(place, old, data_dir) as running:
        text = installed(place, "0.0.2", "--service", DESTDIR=str(tmp_path))
        assert "the version before is kept" in text
        assert place.versions() == ["0.0.1", "0.0.2"]
        check_service(place, text, etc)
        (etc / "ibconnect" / "ibconnect.env").write_text("IB_GW=mine:4001\n")
        installed(place, "0.0.3", "--service", DESTDIR=str(tmp_path))
        assert (etc / "ibconnect" / "ibconnect.env").read_text() == "IB_GW=mine:4001\n", "they are the operator's"
        assert place.versions() == ["0.0.1", "0.0.2", "0.0.3"], "one that runs is not pulled from under its feet"
        # What it has not yet imported or started is still there.
        assert get(f"{url(old)}/readyz")[0] == 200
        assert get(f"{url(old)}/v1/openapi.json")[1]["info"]["version"] == "0.0.1"
        stop(running, old)
    with serving(place, new, data_dir) as running:
        assert get(f"{url(new)}/v1/openapi.json")[1]["info"]["version"] == "0.0.3"
        assert get(f"{url(new)}/readyz")[0] == 200
        stop(running, new)
    back = next(path.name for path in (place.target / "versions").iterdir() if path.name.startswith("0.0.2"))
    subprocess.run(["ln", "-sfnT", f"versions/{back}", place.target / "current"], check=True)
    assert said(place, "--version") == "ibconnect 0.0.2\n"
    installed(place, "0.0.4")
    assert place.versions() == ["0.0.2", "0.0.4"], "the version before stays, older ones go"


def check_service(place: Place, text: str, etc: Path) -> None:
    """What systemd needs is in place, nothing is enabled, and the commands that do that are said."""
    assert "systemctl daemon-reload && systemctl restart ibconnect" in text
    unit = (etc / "systemd" / "system" / "ibconnect.service").read_text()
    assert f'\nExecStart="{place.target}/bin/ibconnect" serve\n' in unit
    state = (etc / "ibconnect" / "ibconnect.env").stat()
    assert (state.st_mode & 0o777, state.st_uid) == (0o640, 0)
    assert (etc / "ibconnect" / "ibconnect.env.example").read_text().startswith("# Settings of the service")
    assert not any(etc.rglob("*.wants"))


def test_root_first_and_then_a_user_on_one_data_directory(place: Place, first: str, tmp_path: Path) -> None:
    """Stopped, then killed: the embedded Postgres and the spool go on in the hands of the user that root runs it as."""
    assert first
    data_dir, logs = place.source.parent / "both", [tmp_path / str(number) for number in range(3)]
    with serving(place, logs[0], data_dir, uid=0) as running:
        stop(running, logs[0])
    owner = data_dir.stat().st_uid
    assert owner != 0
    with serving(place, logs[1], data_dir, uid=0) as running:
        running.kill()
        running.wait(DEADLINE_S)
    with serving(place, logs[2], data_dir, uid=owner) as running:
        wait_for(lambda: "what a killed process left in the spool is stored" in logs[2].read_text(), "it is adopted")
        stop(running, logs[2])
    assert list((data_dir / "spool").glob("unopened-*")) == []


@pytest.mark.parametrize(("python", "says"), [("/nowhere/python3", "no such program"), ("false", "is no Python 3")])
def test_a_python_that_is_none_is_refused_and_nothing_changes(place: Place, first: str, python: str, says: str) -> None:
    assert first
    before = (place.target / "current").readlink()
    done = install(place, "0.9.0", PYTHON=python)
    assert done.returncode == 1
    assert done.stderr.startswith(f"install.sh: PYTHON={python}")
    assert says in done.stderr
    assert (place.target / "current").readlink() == before


def test_a_private_python_is_not_chosen_and_warned_about(tmp_path: Path) -> None:
    """As root's own would be: its directory is closed to all others."""
    script = ROOT / "deploy" / "install.sh"
    text = script.read_text()
    begin, end = text.index("objection() {"), text.index("choose_python() {")
    shell = f'{text[begin:end]}\nobjection "$1"'
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--copies", home / "py"], check=True, timeout=60)
    tried = subprocess.run(
        ["sh", "-c", shell, "sh", sys.executable], capture_output=True, text=True, check=True, timeout=60
    )
    is_private = any(not parent.stat().st_mode & 0o001 for parent in Path(sys.base_prefix).resolve().parents)
    assert ("is closed to others" in tried.stdout) == is_private


def test_a_failed_installation_leaves_the_one_that_is_there(place: Place, first: str) -> None:
    assert first
    before, versions = (place.target / "current").readlink(), place.versions()
    lock = place.source / "requirements.lock"
    whole = lock.read_text()
    lock.write_text("aiohttp==3.12.15 --hash=sha256:" + "0" * 64 + "\n")
    try:
        assert install(place, "0.9.1").returncode != 0
    finally:
        lock.write_text(whole)
    assert (place.target / "current").readlink() == before
    assert place.versions() == versions
    assert said(place, "--version")
