"""The table of what was injected and what came of it, at the end of a run, whichever process injected it; the version
before, for tests of upgrades; Postgres of one's own, of each version that is here.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests import releases
from tests.faults.lab import SEED, TABLE, Row, row
from tests.faults.own_lab import Lab
from tests.own_postgres import OwnServer, installations, own_server

# The processes that run tests side by side get the same chance.
os.environ["SEED"] = str(SEED)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = [asdict(each) for each in TABLE.values()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for fields in getattr(node, "workeroutput", {}).get("faults", []):
        found = Row(**fields)
        line = row(found.fault)
        line.times += found.times
        line.lost += found.lost
        line.doubled += found.doubled
        line.took += found.took


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not TABLE:
        return
    terminalreporter.section(f"faults injected (SEED={SEED})")
    terminalreporter.write_line(f"{'fault':<44}{'times':>7}{'lost':>7}{'doubled':>9}{'longest recovery':>19}")
    for each in TABLE.values():
        shown = f"{each.longest:.2f} s"
        terminalreporter.write_line(f"{each.fault:<44}{each.times:>7}{each.lost:>7}{each.doubled:>9}{shown:>19}")


@pytest.fixture
def version_before(tmp_path: Path) -> Path:
    """The program as it was before the newest migration was written, from the history of this clone."""
    directory = tmp_path / "before"
    directory.mkdir()
    try:
        releases.version_before(directory)
    except LookupError as exc:
        pytest.skip(str(exc))
    return directory


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, OwnServer]]:
    with ExitStack() as stack:
        yield {version: stack.enter_context(own_server(version)) for version in installations()}


@pytest.fixture(scope="module", params=sorted(installations()))
def server(request: pytest.FixtureRequest, servers: dict[str, OwnServer]) -> OwnServer:
    return servers[request.param]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        yield Lab(tmp_path, stack)
