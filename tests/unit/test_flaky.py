"""Continuous integration names flaky tests, and forgives two and nothing else: its script, on a make that is told."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from tests.paths import ROOT

# In place of make: each target gives the report and the status that lie ready for it.
MAKE = """#!/bin/sh
echo "$1" >> made
test -e "plan/$1.xml" && cp "plan/$1.xml" "${PYTEST_ADDOPTS#--junitxml=}"
exit "$(cat "plan/$1.status" 2>/dev/null || echo 0)"
"""
Plan = dict[str, int | dict[str, str]]
Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def ci(tmp_path: Path) -> Run:
    """``ci(plan)``: the exit status of ``.ci/run``, and what it says of tests."""
    for name in (".ci/run", "tools/flaky.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(MAKE)
    make.chmod(0o755)

    def run(plan: Plan) -> tuple[int, list[str]]:
        for target, does in plan.items():
            lie_ready(tmp_path / "plan", target, does)
        environ = {"PATH": f"{make.parent}:{os.environ['PATH']}", "PYTHON": sys.executable}
        done = subprocess.run(
            [tmp_path / ".ci" / "run"], env=environ, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        return done.returncode, [line for line in lines if line.startswith(("FLAKY", "FAILED", "failed:"))]

    return run


def lie_ready(folder: Path, target: str, does: int | dict[str, str]) -> None:
    """What a target of make does: the names of tests with their outcomes, or a status alone."""
    folder.mkdir(exist_ok=True)
    if isinstance(does, int):
        (folder / f"{target}.status").write_text(str(does))
        return
    (folder / f"{target}.status").write_text("1" if {"failed", "error"} & set(does.values()) else "0")
    inside = {"failed": "<failure/>", "error": "<error/>", "skipped": "<skipped/>", "passed": ""}
    cases = [
        f'<testcase classname="tests.unit.test_x" name={quoteattr(name)}>{inside[outcome]}</testcase>'
        for name, outcome in does.items()
    ]
    (folder / f"{target}.xml").write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")


def at(*names: str) -> list[str]:
    return [f"FLAKY tests/unit/test_x.py::{name}" for name in names]


def all_are(outcome: str, *names: str) -> dict[str, str]:
    return dict.fromkeys(names, outcome)


def test_a_run_without_a_failure_tries_nothing_again(ci: Run, tmp_path: Path) -> None:
    assert ci({"test": all_are("passed", "a", "b"), "test-slow": all_are("passed", "c")}) == (0, [])
    assert (tmp_path / "made").read_text().split() == [
        "setup",
        "lint",
        "test",
        "test-slow",
        "test-docs",
        "test-wide",
        "test-alone",
        "test-containers",
    ]


def test_two_flaky_tests_are_named_and_forgiven(ci: Run) -> None:
    plan: Plan = {
        "test": {"a": "failed", "b": "passed"},
        "test-again": {"a": "passed"},
        "test-slow": {'c[1.5-"x"]': "error"},
        "test-slow-again": {'c[1.5-"x"]': "passed"},
    }
    assert ci(plan) == (0, at("a", 'c[1.5-"x"]'))


@pytest.mark.parametrize("suites", [("test", "test", "test"), ("test", "test-slow", "test-slow")])
def test_more_than_two_are_too_many_wherever_they_are(ci: Run, suites: tuple[str, ...]) -> None:
    plan: dict[str, dict[str, str]] = {"test": {}, "test-slow": {}, "test-again": {}, "test-slow-again": {}}
    for name, suite in zip("abc", suites, strict=True):
        plan[suite][name], plan[f"{suite}-again"][name] = "failed", "passed"
    status, lines = ci(plan)
    assert (status, lines[:-1]) == (1, [*at("a", "b", "c"), "FAILED 3 tests are flaky, 2 may be"])


@pytest.mark.parametrize("again", ["failed", "error", "skipped", None])
def test_a_test_that_does_not_pass_the_second_time_has_failed(ci: Run, again: str | None) -> None:
    status, lines = ci({"test": {"a": "failed"}, "test-again": {"b": "passed", **({"a": again} if again else {})}})
    assert (status, lines) == (1, ["FAILED tests/unit/test_x.py::a", "failed: test"])


@pytest.mark.parametrize("suite", ["test", "test-slow", "test-docs", "test-wide", "test-alone", "test-containers"])
@pytest.mark.parametrize("status", [1, 2, 137])
def test_a_run_that_ended_without_its_report_has_failed(ci: Run, suite: str, status: int) -> None:
    """What is tried again then is what failed another time, perhaps nothing."""
    assert ci({suite: status, f"{suite}-again": {}}) == (1, [f"FAILED make {suite}, but no test", f"failed: {suite}"])


def test_what_fails_without_a_failed_test_has_failed(ci: Run) -> None:
    assert ci({"lint": 1}) == (1, ["failed: lint"])
    assert ci({"setup": 1})[0] != 0


def test_with_pytest_itself(tmp_path: Path) -> None:
    """The reports that pytest writes, of tests that fail once, always, twice at once, or when they are torn down."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_y.py").write_text(
        """
import pathlib, pytest
def once(name):
    path = pathlib.Path(name)
    is_first = not path.exists()
    path.touch()
    return is_first
@pytest.fixture
def torn():
    yield
    assert not once("torn")
def test_once(): assert not once("once")
def test_always(): assert False
def test_torn(torn): pass
def test_both(torn): assert not once("both")
def test_fine(): pass
"""
    )
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for name, options in (("all.xml", ()), ("all-again.xml", ("--last-failed",))):
        command = [sys.executable, "-m", "pytest", "-q", "tests", f"--junitxml={name}", *options]
        assert subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False).returncode == 1
    command = [sys.executable, str(ROOT / "tools" / "flaky.py"), str(tmp_path), "all"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 1
    assert said.stdout.splitlines() == [
        *(f"FLAKY tests/test_y.py::test_{name}" for name in ("once", "torn", "both")),
        "FAILED tests/test_y.py::test_always",
        "FAILED 3 tests are flaky, 2 may be",
    ]
