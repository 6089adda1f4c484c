"""A rolling upgrade: an instance of the version before goes on while a newer one has migrated the database."""

from pathlib import Path

import pytest

from ibconnect.database.migrations import available, migrate
from ibconnect.database.pools import connect
from ibconnect.errors import SchemaError
from tests.faults.judge import Judge, sessions
from tests.faults.lab import Simulators, Store, assert_all
from tests.faults.processes import Nursery

# What a migration may do while the version before runs: add, with defaults.
NEXT = """
    ALTER TABLE coordination.instance ADD COLUMN mood text NOT NULL DEFAULT 'fine';
    ALTER TABLE coordination.gateway ADD COLUMN mood text;
    CREATE TABLE coordination.novelty (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
"""


def test_the_version_before_records_on_after_a_migration(database_url: str, tmp_path: Path) -> None:
    with Simulators(1, rate=300) as simulators, Nursery(tmp_path) as nursery:
        store, judge = Store(database_url), Judge(database_url, simulators.gateways)
        recorder = nursery.start("old", DB_URL=database_url, IB_GW=simulators.addresses)
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


def test_a_new_version_takes_over_from_one_that_knows_less(database_url: str, tmp_path: Path) -> None:
    """The version before says neither which gateways it could record nor as which client."""
    with Simulators(1) as simulators, Nursery(tmp_path) as nursery:
        store = Store(database_url)
        with connect(database_url, name="test") as connection:
            connection.execute("INSERT INTO coordination.instance (name) VALUES ('before')")
        recorder = nursery.start("new", DB_URL=database_url, IB_GW=simulators.addresses)
        store.wait_for_sessions(0, 1, "re")
        recorder.stop()
        assert recorder.told("leader_yields") == []
