"""Every command in README.md and docs/ works as pasted, in a clean clone, as a user and as root, and prints as said.

A block that cannot be run here says why in a comment before it (see :mod:`tests.docs.blocks`). What a reader fills in,
and ports that others may have, are replaced by what stands in the table below.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.docs.blocks import Block, Shape, Step, blocks_of
from tests.docs.terminal import Terminal
from tests.paths import CAPTURES, ROOT
from tests.processes import process
from tests.waiting import wait_for

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS: Mapping[str, list[Block]] = {
    str(page.relative_to(ROOT)): found for page in PAGES if (found := blocks_of(page, ROOT))
}
# The account of everybody's daemon: it has no home and no rights.
NOBODY = "nobody"
_KEPT = (
    "PATH",
    "LANG",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
)


@dataclass(frozen=True)
class Machine:
    """Where the pages are gone through: a clean clone, set up; and who does."""

    home: Path
    user: tuple[str, ...]
    environment: Mapping[str, str]

    @property
    def clone(self) -> Path:
        return self.home / "ibconnect"

    def terminal(self, directory: Path, **settings: str) -> Terminal:
        return Terminal(directory, self.user, {**self.environment, **settings})


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def substitutions(repository: Path, gateway: str, ports: Mapping[int, int]) -> dict[str, str]:
    """What a reader would write in the place of what stands in the pages."""
    table = {"<this repository>": str(repository)}
    # Longer than a slow machine takes to go on to what the page says of it.
    table |= {'"seconds": 3': '"seconds": 15'}
    table |= {f"localhost:{old}": f"localhost:{new}" for old, new in ports.items()}
    table |= {f"127.0.0.1:{old}": f"127.0.0.1:{new}" for old, new in ports.items()}
    table |= {f"127.0.0.1/{old}": f"127.0.0.1/{new}" for old, new in ports.items()}
    table |= {f"port {old}": f"port {new}" for old, new in ports.items()}
    # The reader's own gateway, or the one that the page starts itself.
    table["127.0.0.1:4002"] = gateway
    captures = sorted(CAPTURES.glob("eur-*.jsonl"))
    return table | {" a.jsonl": f" {captures[0]}", " b.jsonl": f" {captures[1]}"}


def as_here(text: str, table: Mapping[str, str]) -> str:
    for written, meant in table.items():
        text = text.replace(written, meant)
    return re.sub(r"^(ibconnect (?:simulate|replay))(?!.* --port)", rf"\1 --port {free_port()}", text, flags=re.M)


def who(name: str) -> tuple[tuple[str, ...], int]:
    """How to run something as this user, and his number; the test is skipped where that cannot be."""
    if name == "root" and os.geteuid() != 0:
        pytest.skip("only root can go through the pages as root")
    if name == "root" or os.geteuid() != 0:
        return (), os.geteuid()
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is needed to become another user")
    account = pwd.getpwnam(NOBODY)
    return ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"), account.pw_uid


@pytest.fixture(scope="module", params=["user", "root"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A home of its own, for the user and for root."""
    user, number = who(request.param)
    home = Path(tempfile.mkdtemp(prefix=f"ibc-docs-{request.param}-"))
    home.chmod(0o755)
    os.chown(home, number, -1)
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(("PIP_", "UV_", "NPM_", "npm_"))
    }
    # The interpreter of a test's own environment may be in a home that nobody else can enter.
    path = "/usr/local/bin:/usr/bin:/bin" if user else os.environ["PATH"]
    environment |= {"HOME": str(home), "PATH": path, "PYTHONUNBUFFERED": "1", "DATA_DIR": str(home / "data")}
    subprocess.run(["git", "clone", "--quiet", "--bare", "--no-hardlinks", ROOT, home / "repository"], check=True)
    # git refuses to clone what is somebody else's.
    subprocess.run(["chown", "-R", str(number), home / "repository"], check=True)
    try:
        yield Machine(home, user, environment)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A simulated gateway in the place of the reader's own."""
    log = tmp_path_factory.mktemp("gateway") / "log"
    with process(log, "simulate", "--port", "0", "--accounts", "2") as simulator:
        yield simulator.said(r"listens on (127\.0\.0\.1:\d+)")[1]


# A reader goes on when he sees his accounts, and the page after this one tells of what is recorded by then.
_FIRST_ANSWER = {
    "curl -L http://localhost:3000/v1/accounts": '[{"AccountCode":"DU0000001","Latest":"2026-11-26T15:03:42Z",…'
}


def go_through(machine: Machine, gateway: str, page: str) -> None:
    """Paste what a page says, block by block, into one terminal."""
    ports = {port: free_port() for port in (3000, 4002, 4009)}
    has_own = page not in ("README.md", "docs/replay.md")
    address = f"127.0.0.1:{ports[4002]}" if has_own else gateway
    table = substitutions(machine.home / "repository", address, ports)
    is_first = page == "README.md"
    directory = machine.home if is_first else Path(tempfile.mkdtemp(dir=machine.home))
    settings = {"PORT": str(ports[3000]), "REFRESH_FLOOR": "0"}
    if not is_first:
        os.chown(directory, machine.home.stat().st_uid, -1)
        directory.chmod(0o755)
        settings["PATH"] = f"{machine.clone}/.venv/bin:{machine.environment['PATH']}"
    if has_own:
        settings["IB_GW"] = address
    terminal = machine.terminal(directory, **settings)
    since = 0
    try:
        for block in BLOCKS[page]:
            if block.why_not is None:
                since = run(terminal, block, table, since)
    finally:
        terminal.close()
    assert "Traceback" not in terminal.output, terminal.output


def run(terminal: Terminal, block: Block, table: Mapping[str, str], since: int) -> int:
    """Paste a block; what comes by itself may have come while what is said before it was looked at (``since``)."""
    for step in block.steps:
        if step.commands:
            since = len(terminal.output)
            terminal.paste(as_here(step.commands, table))
        if printed := step.printed.strip() or _FIRST_ANSWER.get(step.commands.strip(), ""):
            _see(terminal, block, replace(step, printed=printed), as_here(step.commands, table), since)
    return since


def _see(terminal: Terminal, block: Block, step: Step, commands: str, since: int) -> None:
    shape = Shape(step.printed)
    # A reader is slower than we are: what he asks for is there by then. What only asks is asked again.
    only_asks = commands.startswith("curl ") and "Cache-Control" not in commands

    def is_seen() -> bool:
        if not shape.is_in(terminal.output[since:]) and only_asks:
            terminal.paste(commands)
        return shape.is_in(terminal.output[since:])

    wait_for(
        is_seen,
        lambda: f"{block.page}:{block.line} prints\n{step.printed}\nbut:\n{terminal.output[since:][-8000:]}",
        pause=0.2,
    )


@pytest.mark.slow
def test_the_readme_works_as_pasted(machine: Machine, gateway: str) -> None:
    go_through(machine, gateway, "README.md")


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in BLOCKS if page != "README.md"])
def test_each_page_works_as_pasted(machine: Machine, gateway: str, page: str) -> None:
    if all(block.why_not for block in BLOCKS[page]):
        return
    if not (machine.clone / ".venv" / "bin" / "ibconnect").exists():
        # This page is gone through alone; who reads it has read that one.
        go_through(machine, gateway, "README.md")
    go_through(machine, gateway, page)


def test_what_is_not_run_says_why() -> None:
    """And is not much: most of what the pages say can be tried."""
    blocks = [block for found in BLOCKS.values() for block in found]
    assert all(block.why_not is None or len(block.why_not) > 10 for block in blocks)
    assert sum(block.why_not is None for block in blocks) >= 10
