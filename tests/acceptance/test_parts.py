"""Real processes of the service whose parts die: they end with status 1 and a line that says which, or heal."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import REPORTS
from tests.conftest import create_database, drop_database
from tests.dying import PARTS
from tests.faults.family import family
from tests.faults.processes import wait_for
from tests.paths import ROOT
from tests.processes import DEADLINE_S, Process, get, process

SUPERVISOR = "the keeper of the gateway 127.0.0.1:1"
# The process in which it is, if its death may be mended by starting that again; and what its death is called.
LINES = {
    "journal": ("record", "the writer of events has died for good: it cannot be read back"),
    "writer": ("record", "the writer of events has died for good: SystemExit: the writer's thread is gone"),
    "projector": ("project", "the projector of the snapshot tables has died for good: no tracking row"),
    "coordination": (
        "record",
        "the coordination with other instances has died for good: RuntimeError: nobody to ask",
    ),
    "supervisor": ("record", f"{SUPERVISOR} has died for good: ValueError: no gateway of this kind"),
    "supervisor without an error": ("record", f"{SUPERVISOR} has died for good: RuntimeError: it ended by itself"),
    "listener": (
        "api",
        "the connection that wakes up waiting requests has died for good: RuntimeError: nobody listens",
    ),
    "listener at once": (
        "api",
        "the connection that wakes up waiting requests has died for good: "
        "RuntimeError: it did not even begin; the log may say why",
        # Where it was being watched a moment sooner.
        "the connection that wakes up waiting requests has died for good: RuntimeError: nobody listens",
    ),
    "tokens": ("api", "the watch over API tokens has died for good: RuntimeError: nobody reads"),
    "schema": ("", "the preparation of the database has died for good: these tables are of somebody else"),
}


@pytest.fixture(scope="module")
def url(server_url: str, template: str) -> Iterator[str]:
    """One database for all of them: what dies is not the database."""
    url = create_database(server_url, "parts", template)
    yield url
    drop_database(server_url, "parts")


def settings(url: str, data: Path, **others: str) -> dict[str, str]:
    return {"DB_URL": url, "DATA_DIR": str(data), "PORT": "0", "IB_GW": "127.0.0.1:1", **others}


def died(url: str, tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A service of which a part dies, once it has ended."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{'x' * 30}@*\n")
    environ = {"PATH": "/usr/bin:/bin", **settings(url, tmp_path / "data", API_TOKENS_FILE=str(tokens))}
    return subprocess.run(
        [sys.executable, "-m", "tests.dying", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


# One of a process and one of what starts them always, the others with the slow ones: each starts a whole service.
USUAL = ("writer", "schema")


@pytest.mark.parametrize(
    "part", [each if each in USUAL else pytest.param(each, marks=pytest.mark.slow) for each in PARTS]
)
def test_what_the_service_cannot_do_without_ends_it(url: str, tmp_path: Path, part: str) -> None:
    ended = died(url, tmp_path, part)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    process_of_it, *known = LINES[part]
    lines = ended.stderr.splitlines()
    around = f"the process {process_of_it} has died for good: " if process_of_it else ""
    assert lines[-1] in [f"ibconnect: {around}{line}" for line in known]
    told = re.findall(r"what the service cannot do without has died.*kind=part_failed.* process=(\w+)", ended.stderr)
    assert set(told) == ({process_of_it} if process_of_it else {"record", "project"}), "the log says where"


@pytest.mark.slow
def test_it_ends_also_if_something_hangs_meanwhile(url: str, tmp_path: Path) -> None:
    ended = died(url, tmp_path, "supervisor", "and hangs")
    assert ended.returncode == 1
    assert f"{SUPERVISOR}'" in ended.stderr, "the log says what died"


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Process]:
    """A service at work on a database of its own."""
    with process(tmp_path / "log", "serve", **settings(database_url, tmp_path / "data")) as running:
        running.url()
        yield running


def test_tables_without_their_tracking_row_are_made_again(service: Process, database_url: str) -> None:
    with connect(database_url, name="test") as connection:
        projecting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ibconnect projector'"
        projecting += " AND datname = current_database()"
        wait_for(lambda: connection.execute(projecting).fetchone() == (len(REPORTS),), "all reports are projected")
        assert get(f"{service.url()}/readyz") == (200, {"Ready": True, "Reasons": []})
        connection.execute("DELETE FROM accounts.projection")
        query = "SELECT count(*) FROM projection"
        wait_for(lambda: connection.execute(query).fetchone() == (1,), "the row is there again")
    assert "a part of the service died and is started again" in service.output
    status, body = get(f"{service.url()}/readyz")
    assert (status, body["Ready"]) == (200, True)
    assert "the projector of the snapshot tables: ProjectionError" in body["Reasons"][0]
    assert service.stop() < 10
    assert service.popen.returncode == 0


@pytest.mark.slow
def test_tables_that_were_dropped_are_made_again(service: Process, database_url: str) -> None:
    wait_for(lambda: get(f"{service.url()}/readyz")[0] == 200, "it is ready")
    with connect(database_url, name="test") as connection:
        connection.execute("DROP SCHEMA accounts CASCADE")
    wait_for(lambda: get(f"{service.url()}/readyz")[0] == 503, "it says so")
    wait_for(lambda: get(f"{service.url()}/readyz")[0] == 200, "it has tables again")
    assert service.popen.poll() is None


@pytest.mark.slow
def test_a_spool_that_somebody_removes_ends_what_records_which_begins_again(service: Process, tmp_path: Path) -> None:
    spool = tmp_path / "data" / "spool"
    wait_for(lambda: list(spool.glob("*/*.segment")), "it records")
    before = family(service)
    shutil.rmtree(spool)
    wait_for(lambda: list(spool.glob("*/*.segment")), "it records again")
    after = family(service)
    assert after["record"].pid != before["record"].pid
    assert (after["project"].pid, after["api"].pid) == (before["project"].pid, before["api"].pid)
    said = wait_for(lambda: get(f"{service.url()}/readyz")[1]["Reasons"], "it is said")
    assert "the process record: ended with status 1" in said[0]
    assert re.search(r"the writer of events has died for good: the journal \S+ is gone: .+", service.output)
    assert service.stop() < 10
    assert service.popen.returncode == 0


def test_a_stray_file_in_the_spool_is_said_by_everything_and_stops_nothing(database_url: str, tmp_path: Path) -> None:
    spool = tmp_path / "data" / "spool"
    (spool / ("0" * 32) / "lock").mkdir(parents=True)
    with process(tmp_path / "log", "serve", **settings(database_url, tmp_path / "data")) as service:
        url = service.url()
        wait_for(lambda: get(f"{url}/readyz")[1]["Reasons"], "it is said")
        status, body = get(f"{url}/readyz")
        assert (status, body["Ready"]) == (200, True)
        assert f"unopened-{'0' * 32}" in body["Reasons"][0]
        assert "what a killed process left in the spool cannot be opened" in service.output
        assert service.stop() < 10
    assert sorted(path.name for path in spool.iterdir()) == [f"unopened-{'0' * 32}"]
