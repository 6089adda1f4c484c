"""The roles of deploy/postgres: each can do its part of the work with the real code, and no more."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from uuid_utils.compat import uuid7

from ibconnect.database.migrations import migrate
from ibconnect.database.pools import connect
from ibconnect.database.rights import give_rights
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseUnavailable
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.projections.upkeep import ensure
from ibconnect.statements.recording import Origin
from ibconnect.statements.recording import record as record_statement
from tests.own_postgres import GRANTS, ROLES, run_file
from tests.statements import document_of, statement_of


def as_role(url: str, role: str) -> str:
    return url.replace("ibconnect@", f"ibconnect_{role}@", 1)


def execute(url: str, statement: str) -> None:
    with connect(url, name="test") as connection:
        connection.execute(statement)  # type: ignore[arg-type]


@pytest.fixture
def installed(empty_database_url: str) -> str:
    """A database set up as README.md says: roles, migration by the owner, who gives the rights."""
    for _ in range(2):
        run_file(empty_database_url, ROLES)
    owner = as_role(empty_database_url, "owner")
    migrate(owner)
    assert [give_rights(owner), give_rights(owner)] == [True, True]
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


def test_a_statement_that_is_recorded_stays_in_the_list(installed: str) -> None:
    """Else the recorder could have it recorded twice, or hide it."""
    recorder = as_role(installed, "recorder")
    assert record_statement(recorder, [document_of(statement_of("U1"))], Origin(source="file")).new
    assert not record_statement(recorder, [document_of(statement_of("U1"))], Origin(source="file")).new
    for statement in ("UPDATE coordination.statement SET position = 1", "DELETE FROM coordination.statement"):
        for role in ("recorder", "reader"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                execute(as_role(installed, role), statement)


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


# Who has signed in is the business of those who serve.
OF_NOBODY_ELSE = ("coordination", "web_session")


def test_the_reader_reads_everything_and_writes_nothing(installed: str) -> None:
    ensure(as_role(installed, "recorder"))
    record(as_role(installed, "recorder"))
    reader = as_role(installed, "reader")
    with connect(reader, name="test") as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables"
            " WHERE schemaname IN ('public', 'accounts', 'coordination')"
            " UNION ALL SELECT schemaname, viewname FROM pg_views WHERE schemaname = 'public'"
        ).fetchall()
        for schema, table in tables:
            name = psycopg.sql.Identifier(schema, table)
            if (schema, table) != OF_NOBODY_ELSE:
                connection.execute(psycopg.sql.SQL("SELECT * FROM {} LIMIT 1").format(name))
    assert {schema for schema, _ in tables} == {"public", "accounts", "coordination"}
    for statement in (
        f"SELECT FROM {'.'.join(OF_NOBODY_ELSE)}",
        "INSERT INTO coordination.refresh_request (instance) VALUES ('x')",
        "DELETE FROM account_snapshot",
        "CREATE TABLE public.mine (n integer)",
        "INSERT INTO stored_events (originator_version, originator_id, topic, state)"
        " VALUES (1, gen_random_uuid(), 'v', '')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(reader, statement)


def rights(url: str) -> set[tuple[object, ...]]:
    """Every right that a role has on what the migrations make."""
    with connect(as_role(url, "owner"), name="test") as connection:
        return set(
            connection.execute(
                """
                SELECT relname, attname, privilege_type, grantee::regrole::text
                FROM pg_class
                JOIN pg_namespace ON pg_namespace.oid = relnamespace AND nspname IN ('public', 'coordination')
                LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attacl IS NOT NULL
                CROSS JOIN LATERAL aclexplode(coalesce(attacl, relacl))
                UNION
                SELECT nspname, NULL, privilege_type, grantee::regrole::text
                FROM pg_namespace CROSS JOIN LATERAL aclexplode(nspacl)
                WHERE nspname = 'coordination'
                """
            ).fetchall()
        )


def test_migrate_and_the_file_for_people_give_the_same_rights(installed: str) -> None:
    given = rights(installed)
    assert ("stored_events", "topic", "INSERT", "ibconnect_recorder") in given
    execute(as_role(installed, "owner"), "REVOKE ALL ON ALL TABLES IN SCHEMA coordination FROM ibconnect_recorder")
    assert rights(installed) < given
    run_file(as_role(installed, "owner"), GRANTS)
    assert rights(installed) == given


def test_two_who_give_rights_at_once_are_not_in_each_others_way(installed: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        # The role has five connections, and Postgres may not have ended the one of a test before.
        given = list(pool.map(give_rights, [as_role(installed, "owner")] * 4))
    assert given == [True] * 4


def test_only_the_owner_gives_rights_and_only_where_there_are_roles(installed: str, server_url: str) -> None:
    for role in ("recorder", "reader", "backup"):
        assert not give_rights(as_role(installed, role))
    assert not give_rights(installed), "a superuser"
    assert not give_rights(server_url), "a database without roles"


def test_rights_are_given_where_an_earlier_version_made_no_role_for_backups(installed: str) -> None:
    """Roles belong to the whole server: those that only read are called otherwise here, for a while."""
    with connect(installed, name="test") as connection, connection.transaction(force_rollback=True):
        connection.execute("ALTER ROLE ibconnect_backup RENAME TO somebody_else")
        connection.execute("ALTER ROLE ibconnect_reader RENAME TO somebody_else_too")
        connection.execute("SET ROLE ibconnect_owner")
        connection.execute(queries("database/grants")["grants"])


def test_rights_that_cannot_be_given_now_are_told_as_that(installed: str) -> None:
    """Somebody holds what has to be locked for longer than the role waits."""
    owner = as_role(installed, "owner")
    with connect(installed, name="holder") as holder, holder.transaction():
        holder.execute("LOCK TABLE schema_migration IN EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnavailable, match=r"the rights of the roles cannot be given: .*lock timeout"):
            give_rights(f"{owner}&options=-c%20lock_timeout%3D200ms")
