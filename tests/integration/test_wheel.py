"""The built wheel: holds every .sql file and nothing foreign, and works where there is no checkout."""

import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UV = Path(sys.executable).parent / "uv"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as ``make wheel`` builds it."""
    out = tmp_path_factory.mktemp("dist")
    run(UV, "build", "--wheel", "--no-build-isolation", "--python", sys.executable, "--out-dir", out, cwd=ROOT)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, and this environment's dependencies without the checkout."""
    environment = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=environment)
    python = environment / "bin" / "python"
    run(UV, "pip", "install", "--offline", "--no-deps", "--python", python, wheel, cwd=environment)
    site = next(environment.glob("lib/python*/site-packages"))
    # Path entries of a .pth file are not searched for further .pth files, such as the editable install's.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment


def tree(folder: str, pattern: str) -> set[str]:
    return {str(path.relative_to(ROOT / folder)) for path in (ROOT / folder).rglob(pattern)}


def test_it_holds_the_sql_files_of_the_tree(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    packed = {name.removeprefix("ibconnect/sql/") for name in names if name.startswith("ibconnect/sql/")}
    assert packed == tree("sql", "*.sql")
    assert packed != set()


def test_it_holds_the_package_the_license_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    modules = {name.removeprefix("ibconnect/") for name in names if name.endswith(".py")}
    assert modules == tree("ibconnect", "*.py")
    assert "ibconnect/py.typed" in names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ibconnect"}
    licenses = [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    assert len(licenses) == 1
    assert zipfile.ZipFile(wheel).read(licenses[0]) == (ROOT / "LICENSE").read_bytes()


def test_the_license_is_what_the_metadata_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "GPL-3.0-or-later"
    head = " ".join((ROOT / "LICENSE").read_text().split())[:60]
    assert head.startswith("GNU GENERAL PUBLIC LICENSE Version 3, 29 June 2007")


def test_the_installed_package_finds_its_own_sql(installed: Path) -> None:
    script = "from ibconnect.database.sql import sql_root as r; print(*r().rglob('*.sql'), sep='\\n')"
    found = [Path(line) for line in run(installed / "bin" / "python", "-c", script, cwd=installed).splitlines()]
    assert {str(path).partition("/sql/")[2] for path in found} == tree("sql", "*.sql")
    assert all(path.is_relative_to(installed) for path in found)


@pytest.mark.parametrize("command", [["bin/ibconnect"], ["bin/python", "-m", "ibconnect"]])
def test_the_installed_command_helps(installed: Path, command: list[str]) -> None:
    shown = run(installed / command[0], *command[1:], "--help", cwd=installed)
    assert "serve" in shown
    assert "DB_URL" in shown
