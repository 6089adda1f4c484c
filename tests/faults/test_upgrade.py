"""A rolling upgrade: an instance of the version before goes on while a newer one has migrated the database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ibconnect.database.migrations import available, migrate
from ibconnect.database.pools import connect
from ibconnect.errors import SchemaError
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.schema import needs_rebuild
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all
from tests.faults.processes import Spawner, past
from tests.waiting import DEADLINE_S, wait_for

TAKEN_OVER_S = 5.0

# What a migration may do while the version before runs: add, with defaults.
NEXT = """
    ALTER TABLE coordination.instance ADD COLUMN mood text NOT NULL DEFAULT 'fine';
    ALTER TABLE coordination.gateway ADD COLUMN mood text;
    CREATE TABLE coordination.novelty (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
"""


def test_the_version_before_records_on_after_a_migration(database_url: str, tmp_path: Path) -> None:
    with Simulators(1, rate=300) as simulators, Spawner(tmp_path) as spawner:
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        recorder = spawner.start("old", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1)
        with connect(database_url, name="test") as connection, connection.transaction():
            connection.execute(NEXT)
            marker = "INSERT INTO schema_migration (number, name) VALUES (%s, 'next')"
            connection.execute(marker, (len(available()) + 1,))
        store.wait_for_refreshes(store.ask_for_refresh(), 1)
        store.wait_for_marks(simulators)
        with pytest.raises(SchemaError, match="used by a newer ibconnect"):
            migrate(database_url)
        recorder.stop()
        assert_all(judge, store)
        assert [session.reason for session in sessions(database_url)] == ["stopped"]
        assert recorder.told("keeper_failed") == recorder.told("background_failed") == []


def migrations(url: str) -> int:
    with connect(url, name="test") as connection:
        row = connection.execute("SELECT max(number) FROM schema_migration").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_the_version_before_and_this_one_run_side_by_side_over_a_migration(
    empty_database_url: str, tmp_path: Path, version_before: Path
) -> None:
    url, newest = empty_database_url, available()[-1].number
    with (
        Simulators(1, rate=300) as simulators,
        Spawner(tmp_path) as present,
        past(version_before, tmp_path, DB_URL=url, IB_GW=simulators.addresses) as old,
    ):
        store = Store(url)
        settings = {"DB_URL": url, "IB_GW": simulators.addresses}
        wait_for(lambda: old.told("gateway_connected"), "the version before records")
        assert migrations(url) == newest - 1
        new = present.start("new", INSTANCE="new", **settings)
        wait_for(lambda: migrations(url) == newest, "the new version has migrated the database")
        store.wait_for_refreshes(store.ask_for_refresh(), 1)
        store.wait_for_marks(simulators)
        assert new.told("leader_elected") == []
        position = store.position()
        old.stop()
        assert store.wait_for_sessions(position, 1) <= TAKEN_OVER_S
        again = subprocess.run(
            [sys.executable, "-m", "ibconnect", "serve"],
            cwd=version_before,
            env={**os.environ, "DB_URL": url, "DATA_DIR": str(tmp_path / "again"), "PORT": "0"},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert again.returncode != 0
        assert "used by a newer ibconnect" in again.stderr
        store.wait_for_marks(simulators)
        wait_for(lambda: not needs_rebuild(url, ACCOUNTS), "the new version has made its tables")
        new.stop()
        assert [(each.instance, each.reason) for each in sessions(url)] == [("old", "stopped"), ("new", "stopped")]
        for each, connection in zip(sessions(url), simulators.gateways[0].connections, strict=True):
            assert each.inbound == connection.sent[: len(each.inbound)]
        assert store.check_snapshots()


def test_a_new_version_takes_over_from_one_that_knows_less(database_url: str, tmp_path: Path) -> None:
    """The version before says neither which gateways it could record nor as which client."""
    with Simulators(1) as simulators, Spawner(tmp_path) as spawner:
        store = Store(database_url)
        with connect(database_url, name="test") as connection:
            connection.execute("INSERT INTO coordination.instance (name) VALUES ('before')")
        recorder = spawner.start("new", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1, "re")
        recorder.stop()
        assert recorder.told("leader_yields") == []
