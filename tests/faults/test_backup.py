"""Backup and restore, as docs/backup.md says: dumped while it records, restored elsewhere, rebuilt, compared."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ibconnect.database.embedded.directories import cluster_directory
from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import rebuild
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all
from tests.faults.processes import Spawner, _base
from tests.projecting import read_tables


def run(program: str, *arguments: str) -> None:
    from ibconnect.database.embedded.account import account_for
    from ibconnect.database.embedded.directories import binaries

    path = binaries(_base(), account_for(cluster_directory(_base()))) / program
    done = subprocess.run([str(path), *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def events(url: str) -> list[tuple[Any, ...]]:
    with connect(url, name="test") as connection:
        query = "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events ORDER BY 1"
        return connection.execute(query).fetchall()


def test_a_dump_taken_while_it_records_is_a_whole_history(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    dump = str(tmp_path / "dump")
    with Simulators(1, rate=500) as simulators, Spawner(tmp_path) as spawner:
        store = Store(database_url)
        recorder = spawner.start("one", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1, "re")
        run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={database_url}")
        store.wait_for_marks(simulators)
        recorder.stop()
        run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={empty_database_url}", dump)
        restored, all_events = events(empty_database_url), events(database_url)
        assert 0 < len(restored) < len(all_events)
        assert restored == all_events[: len(restored)]

        judge = Judge(empty_database_url, simulators.gateways)
        position = Store(empty_database_url).position()
        again = spawner.start("two", DB_URL=empty_database_url, IB_GW=simulators.addresses)
        Store(empty_database_url).wait_for_sessions(position, 1, "re")
        again.stop()
        assert_all(judge, Store(empty_database_url))
        assert [session.reason for session in sessions(empty_database_url)] == ["orphaned", "stopped"]


@pytest.mark.slow
def test_the_restored_tables_are_what_the_restored_events_say(
    database_url: str, empty_database_url: str, tmp_path: Path
) -> None:
    dump = str(tmp_path / "dump")
    with Simulators(1) as simulators, Spawner(tmp_path) as spawner:
        store = Store(database_url)
        recorder = spawner.start("one", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1, "re")
        recorder.stop()
    assert store.check_snapshots() == 2
    run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={database_url}")
    run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={empty_database_url}", dump)
    assert read_tables(empty_database_url) == read_tables(database_url)
    rebuild(empty_database_url)
    assert read_tables(empty_database_url) == read_tables(database_url)
