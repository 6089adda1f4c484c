"""A report is one name in five rooms: docs/extending.md as it says, put into a copy of the program and used."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.families.tree import add_everything, copy_program
from tests.paths import ROOT
from tests.processes import get, process
from tests.waiting import wait_for

OWN_FILES = {
    "ibconnect/gateway/collectors/families.py",
    "ibconnect/projections/families/__init__.py",
    "ibconnect/projections/families/projection.py",
    "sql/projections/families/constraints.sql",
    "sql/projections/families/load.sql",
    "sql/projections/families/schema.sql",
    "sql/projections/families/views.sql",
    "ibconnect/http/resources/families.py",
    "sql/http/families.sql",
}
REGISTRIES = {
    "ibconnect/gateway/collectors/registry.py",
    "ibconnect/projections/registry.py",
    "ibconnect/http/resources/registry.py",
    "ibconnect/simulator/scenario/registry.py",
}
# Our simulated gateway answers the request already: the tests put their own part in the place of it.
REPLACED = "ibconnect/simulator/scenario/families.py"
FAMILIES = [
    {"AccountCode": "DU0001001", "FamilyCode": "F1"},
    {"AccountCode": "DU0001002", "FamilyCode": "F2"},
]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copy_program(tmp_path_factory.mktemp("extended"))
    add_everything(root)
    return root


def files_of(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for part in ("ibconnect", "sql")
        for path in sorted((root / part).rglob("*"))
        if path.is_file() and path.suffix != ".pyc"
    }


def test_it_is_files_of_its_own_and_a_line_in_each_registry(program: Path) -> None:
    before, after = files_of(ROOT), files_of(program)
    assert after.keys() - before.keys() == OWN_FILES
    assert before.keys() <= after.keys()
    changed = {name for name, text in before.items() if after[name] != text}
    assert changed == REGISTRIES | {REPLACED}
    for name in REGISTRIES:
        assert set(before[name].splitlines()) <= set(after[name].splitlines()), "lines are added, none is changed"


def test_the_page_shows_the_files_that_are_used() -> None:
    """Each line of its examples in Python is a line of tests/families, but for types and comments."""
    page = (ROOT / "docs" / "extending.md").read_text()
    code = "\n".join(path.read_text() for path in (ROOT / "tests" / "families").glob("*.py"))
    lines = {plain(line) for line in code.splitlines()}
    shown = [
        plain(line) for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) for line in block.splitlines()
    ]
    assert len(shown) > 5
    assert [line for line in shown if line and line not in lines] == []


def plain(line: str) -> str:
    """A line of code without its comment and the types of a signature."""
    without_types = re.sub(r": \w+(?=[,)])|(?<=\)) -> [^:]+(?=:)", "", line)
    return without_types.partition("  #")[0].strip()


def test_from_the_gateway_to_the_answer(program: Path, database_url: str, tmp_path: Path) -> None:
    """Asked, recorded, projected, served, built again, described, measured: nothing had to be told of it."""
    simulator = ("simulate", "--port", "0", "--accounts", "2", "--frozen")
    with process(tmp_path / "gateway", *simulator, root=program) as gateway:
        port = gateway.said(r"127\.0\.0\.1:(\d+)")[1]
        settings = {
            "DB_URL": database_url,
            "IB_GW": f"127.0.0.1:{port}",
            "DATA_DIR": str(tmp_path / "data"),
            "HOST": "127.0.0.1",
            "PORT": "0",
        }
        with process(tmp_path / "service", "serve", root=program, **settings) as service:
            url = service.url()
            wait_for(
                lambda: get(f"{url}/v1/families") == (200, FAMILIES), lambda: f"they are served:\n{service.output}"
            )
            assert get(f"{url}/v1/families?family=F2")[1] == FAMILIES[1:]
            assert "/v1/families" in get(f"{url}/v1/openapi.json")[1]["paths"]
            for reports in ((), ("families",)):
                done = run(program, "rebuild", *reports, **settings)
                assert (done.returncode, "family tables" in done.stdout + done.stderr) == (0, True), done
                assert get(f"{url}/v1/families") == (200, FAMILIES)
            assert run(program, "set-aside", "list", "families", **settings).returncode == 0
            wait_for(lambda: get(f"{url}/readyz") == (200, {"Ready": True, "Reasons": []}), "all is well")
            service.stop()
        assert service.popen.returncode == 0
        assert "Traceback" not in service.output


def run(program: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ibconnect", *arguments]
    return subprocess.run(command, cwd=program, env=settings, capture_output=True, text=True, check=False, timeout=120)
