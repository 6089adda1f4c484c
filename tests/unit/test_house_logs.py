"""House rule of the logs: a traceback says where, and never shows what the variables held."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from ibconnect.observe import Kind, configure_logging, observe
configure_logging(sys.argv[1], "info")
def connect(password):
    raise RuntimeError("refused")
try:
    connect("correct" + "-horse")
except RuntimeError as exc:
    observe(Kind.BACKGROUND_FAILED, error=exc)
"""


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_logged_traceback_shows_no_variable(log_format: str) -> None:
    command = [sys.executable, "-c", SCRIPT, log_format]
    logged = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr
    assert "in connect" in logged
    assert "RuntimeError: refused" in logged
    assert "correct-horse" not in logged
    if log_format == "json":
        lines = [json.loads(line) for line in logged.splitlines()]
        assert [line["kind"] for line in lines] == ["background_failed"]
