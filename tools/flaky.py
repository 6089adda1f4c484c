"""Which tests failed beside others and passed alone: ``python tools/flaky.py REPORTS SUITE …``, called by ``.ci/run``.

In: for each suite that failed, the JUnit reports ``REPORTS/SUITE.xml`` of its run and ``REPORTS/SUITE-again.xml`` of
those that failed, tried once more. Out: a line ``FLAKY`` for each test that only passed the second time, a line
``FAILED`` for each that did not; status 1 if there is one of these, or more than two of those. A run that did not get
as far as its report, or failed without a failed test, has no excuse.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

MOST = 2
"""Flaky tests that may be; more of them say that something is wrong."""


def outcomes(report: Path) -> dict[str, bool | None]:
    """Test → whether it passed, None if it was skipped; nothing if there is no whole report."""
    try:
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return {}
    found: dict[str, bool | None] = {}
    for case in cases:
        # A test that fails, and again when it is torn down, is there twice.
        name = _name(case.get("classname", ""), case.get("name", ""))
        if case.find("failure") is not None or case.find("error") is not None:
            found[name] = False
        else:
            found.setdefault(name, None if case.find("skipped") is not None else True)
    return found


def _name(module: str, test: str) -> str:
    """As pytest takes it on its command line: ``tests/unit/test_x.py::test_y[z]``."""
    return f"{module.replace('.', '/')}.py::{test}" if module else test


def judge(reports: Path, suites: Iterable[str]) -> tuple[list[str], bool]:
    """What there is to say of these suites, and whether the run may pass."""
    flaky, failed = [], []
    for suite in suites:
        first, again = outcomes(reports / f"{suite}.xml"), outcomes(reports / f"{suite}-again.xml")
        tests = [test for test, has_passed in first.items() if has_passed is False]
        flaky += [test for test in tests if again.get(test)]
        failed += [test for test in tests if not again.get(test)] or ([] if tests else [f"make {suite}, but no test"])
    lines = [*(f"FLAKY {test}" for test in flaky), *(f"FAILED {test}" for test in failed)]
    if len(flaky) > MOST:
        lines.append(f"FAILED {len(flaky)} tests are flaky, {MOST} may be")
    return lines, not failed and len(flaky) <= MOST


def main(reports: str, *suites: str) -> int:
    """Print it; the exit status."""
    lines, may_pass = judge(Path(reports), suites)
    print("\n".join(lines), flush=True)
    return 0 if may_pass else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
