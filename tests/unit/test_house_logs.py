"""House rules of the logs: a traceback is of a fault of ours, says where, and never shows what the variables held."""

import errno
import json
import os
import subprocess
import sys

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.errors import DatabaseUnavailable
from ibconnect.events.journal import JournalFull
from ibconnect.observe import Kind, observe
from tests.serving import logged

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


FORESEEN = [
    DatabaseUnavailable("Postgres is away"),
    JournalFull("the spool is full"),
    OSError(errno.ENOSPC, "No space left on device", "/var/lib/ibconnect/spool/x"),
    OSError(errno.EDQUOT, "Disk quota exceeded", "/var/lib/ibconnect/spool/x"),
    PermissionError(errno.EACCES, "Permission denied", "/var/lib/ibconnect"),
    ConnectionResetError(),
    TimeoutError(),
    psycopg.OperationalError("connection refused"),
    psycopg.errors.DiskFull("no space left"),
    psycopg.errors.AdminShutdown("terminating connection"),
    psycopg.errors.InsufficientPrivilege("permission denied"),
]
FAULTS = [KeyError("nobody foresaw this"), RuntimeError("odd"), psycopg.errors.UndefinedColumn("x"), OSError("odd")]


@pytest.mark.parametrize("exc", [*FORESEEN, *FAULTS], ids=repr)
def test_only_a_fault_of_the_program_is_logged_with_a_traceback(exc: Exception) -> None:
    with logged() as lines:
        try:
            raise exc
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is logged
            observe(Kind.WRITER_FAILED, error=raised)
        (line,) = lines()
    assert ("exception" in line) == (exc in FAULTS)
    assert line["error"]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk of /data/spool is full (ENOSPC): free space there, or move it to a larger disk"),
        (errno.EDQUOT, "the disk quota for /data/spool is used up (EDQUOT): raise it, or free space there"),
    ],
)
def test_a_full_disk_is_said_with_its_place_and_what_to_do(number: int, said: str) -> None:
    with logged() as lines:
        observe(Kind.WRITER_FAILED, error=OSError(number, os.strerror(number), "/data/spool"))
        assert [line["error"] for line in lines()] == [said]


@given(st.text() | st.sampled_from(["a\nb", "a\x1b[2Jb", "a\u2028b", "a\x85b", "\ud800", "a\rb"]))
def test_no_text_begins_a_line_or_steers_a_terminal(text: str) -> None:
    with logged(log_format="console") as lines:
        observe(Kind.GATEWAY_LOST, detail=text, reason=f"a {text}")
        told = lines.text()
    assert told.endswith("\n")
    assert told[:-1].isprintable()
