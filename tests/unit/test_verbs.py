"""The verbs of the command line: a module and a line each; only the chosen one's module is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from ibconnect.cli.verbs import VERBS, Verb
from tests.paths import ROOT

HEAVY = ("aiohttp", "ib_async", "psycopg", "eventsourcing", "structlog", "prometheus_client", "rich")


def imported(*arguments: str) -> set[str]:
    """The modules that a process has imported when it ends with these arguments."""
    program = """
import sys
from ibconnect.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print(*sys.modules, file=sys.stderr)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.split())


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_is_a_module_that_says_what_it_takes_and_does_it(verb: Verb) -> None:
    assert callable(verb.module.add_arguments)
    assert callable(verb.module.run)


def test_every_module_that_can_run_is_a_verb() -> None:
    folder = Path(ROOT / "ibconnect" / "cli")
    able = {path.stem for path in folder.glob("*.py") if "\ndef add_arguments(" in path.read_text()}
    assert able == {verb.name.replace("-", "_") for verb in VERBS}
    assert len(able) == len(VERBS)


def test_help_imports_no_room_and_a_verb_no_other_verb() -> None:
    alone = imported("--help")
    assert not alone & set(HEAVY)
    verbs = {f"ibconnect.cli.{verb.name.replace('-', '_')}" for verb in VERBS}
    assert not alone & verbs
    assert imported("simulate", "--help") & verbs == {"ibconnect.cli.simulate"}
