"""The roles of deploy/postgres: each can do its part of the work with the real code, and no more."""

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from uuid_utils.compat import uuid7

from ibconnect.database.migrations import migrate
from ibconnect.database.pools import connect
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.projections.schema import ensure
from tests.own_postgres import GRANTS, ROLES, run_file


def as_role(url: str, role: str) -> str:
    return url.replace("ibconnect@", f"ibconnect_{role}@", 1)


def execute(url: str, statement: str) -> None:
    with connect(url, name="test") as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture
def installed(empty_database_url: str) -> str:
    """A database set up as README.md says: roles, migration by the owner, grants by the owner."""
    for _ in range(2):
        run_file(empty_database_url, ROLES)
    owner = as_role(empty_database_url, "owner")
    migrate(owner)
    for _ in range(2):
        run_file(owner, GRANTS)
    return empty_database_url


def record(url: str) -> None:
    with Datastore(url) as datastore:
        recorder = EventRecorder(datastore)
        recorder.insert_events([StoredEvent(uuid7(), 1, "v", b'["a"]')])
        recorder.release()


def test_the_recorder_starts_records_and_makes_the_snapshot_tables(installed: str) -> None:
    recorder = as_role(installed, "recorder")
    assert migrate(recorder) == []
    ensure(recorder)
    record(recorder)
    execute(recorder, "INSERT INTO coordination.refresh_request (instance) VALUES ('test')")
    execute(recorder, "UPDATE coordination.gateway SET heartbeat = clock_timestamp()")


@pytest.mark.parametrize("role", ["owner", "recorder", "reader"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE stored_events SET topic = 'x'", "DELETE FROM stored_events", "TRUNCATE stored_events"],
)
def test_no_role_changes_an_event(installed: str, role: str, statement: str) -> None:
    ensure(as_role(installed, "recorder"))
    record(as_role(installed, "recorder"))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        execute(as_role(installed, role), statement)


def test_the_recorder_cannot_disarm_the_trigger(installed: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="must be owner"):
        execute(as_role(installed, "recorder"), "ALTER TABLE stored_events DISABLE TRIGGER ALL")


def test_the_reader_reads_everything_and_writes_nothing(installed: str) -> None:
    ensure(as_role(installed, "recorder"))
    record(as_role(installed, "recorder"))
    reader = as_role(installed, "reader")
    with connect(reader, name="test") as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname IN ('public', 'snapshots', 'coordination')"
            " UNION ALL SELECT schemaname, viewname FROM pg_views WHERE schemaname = 'public'"
        ).fetchall()
        for schema, table in tables:
            name = psycopg.sql.Identifier(schema, table)
            connection.execute(psycopg.sql.SQL("SELECT * FROM {} LIMIT 1").format(name))
    assert {schema for schema, _ in tables} == {"public", "snapshots", "coordination"}
    for statement in (
        "INSERT INTO coordination.refresh_request (instance) VALUES ('x')",
        "DELETE FROM account_snapshot",
        "CREATE TABLE public.mine (n integer)",
        "INSERT INTO stored_events (originator_version, originator_id, topic, state)"
        " VALUES (1, gen_random_uuid(), 'v', '')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(reader, statement)
