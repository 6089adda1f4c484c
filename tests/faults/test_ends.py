"""A service that is told to end, and everything around it: it ends cleanly, says so, and says nothing else."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ibconnect.database.embedded.server import EmbeddedPostgres
from ibconnect.database.pools import connect
from tests.faults.lab import Simulators, chance, rounds, row
from tests.processes import STOPS_S, accounts, process
from tests.waiting import DEADLINE_S

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def of_directory(directory: Path) -> list[int]:
    """The processes that work in a directory: those of the embedded Postgres."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(directory):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_to_all_processes_at_once_is_a_clean_stop(open_place: Path, number: signal.Signals) -> None:
    """As systemd sends it to a control group, and a terminal to what runs in it: the embedded Postgres gets it too."""
    line, random = row(f"{number.name} to service and Postgres"), chance(number.name)
    data = {"DATA_DIR": str(open_place / "data"), "PORT": "0", "LOG_FORMAT": "json", "ACCT_REF": "* * * * * *"}
    with Simulators(1, rate=300) as simulators:
        for again in range(rounds(2)):
            with process(open_place / f"log{again}", "serve", IB_GW=simulators.addresses, **data) as service:
                accounts(service.url(), 2)
                # At any moment of what it does each second.
                simulators.go_on(random.randrange(300))
                began = time.monotonic()
                for pid in (service.popen.pid, *of_directory(open_place)):
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
                assert service.popen.wait(DEADLINE_S) == 0
                line.note(time.monotonic() - began)
                told = [json.loads(text) for text in service.output.splitlines()]
                loud = [each for each in told if each["level"] not in ("info", "debug")]
                assert loud == []
                assert told[-1]["kind"] == "service_stopped"
        with EmbeddedPostgres(open_place / "data") as server, connect(server.url, name="test") as connection:
            ends = (
                "SELECT count(*) FILTER (WHERE topic = 'so'), count(*) FILTER (WHERE topic = 'sc') FROM stored_events"
            )
            opened, closed = connection.execute(ends).fetchone() or (0, 0)
    assert opened >= 2
    assert opened - closed <= 1, "the end of the last one may wait in the spool for the next start"


@pytest.mark.parametrize(
    "number",
    [pytest.param(each, marks=pytest.mark.slow) if each is signal.SIGINT else each for each in SIGNALS],
    ids=lambda number: number.name,
)
def test_each_signal_stops_what_runs(database_url: str, tmp_path: Path, number: signal.Signals) -> None:
    serve = {"DB_URL": database_url, "DATA_DIR": str(tmp_path), "PORT": "0", "IB_GW": "127.0.0.1:1"}
    with process(tmp_path / "log", "serve", **serve) as service:
        service.url()
        assert service.stop(number) < STOPS_S
        assert service.popen.returncode == 0
        assert "kind=service_stopped" in service.output
    with process(tmp_path / "log", "simulate", "--port", "0") as simulator:
        simulator.said("listens on")
        assert simulator.stop(number) < STOPS_S
        assert simulator.popen.returncode == 0
