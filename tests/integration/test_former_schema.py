"""Tables of the accounts report that an earlier version made in the schema snapshots are taken over as they are."""

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection

from ibconnect.database.dump import dump
from ibconnect.database.pools import connect
from ibconnect.database.restore import restore
from ibconnect.database.tables import view_names
from ibconnect.errors import DatabaseError, SchemaError
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.schema import needs_rebuild
from ibconnect.projections.upkeep import ensure, rebuild, rebuild_if_older
from ibconnect.service.making import _build, _old
from tests.projecting import Stream, position, project, read_tables, record, value

SNAPSHOT = "SELECT to_regclass('accounts.account_snapshot')::oid"
SEEN = "SELECT * FROM v_account_amount"


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[tuple[object, ...]]]:
    """To a database as the earlier version left it."""
    stream = Stream()
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD"), position(265598)]})
    record(database_url, stream.events)
    project(database_url)
    with connect(database_url, name="test", search_path="public") as connection:
        connection.execute("ALTER SCHEMA accounts RENAME TO snapshots")
        connection.execute("UPDATE snapshots.projection SET name = 'snapshots'")
        yield connection


def one(connection: Connection[tuple[object, ...]], query: str) -> object:
    return (connection.execute(query.encode()).fetchone() or (None,))[0]


def test_they_keep_their_rows_rights_and_views(connection: Connection[tuple[object, ...]], database_url: str) -> None:
    reader = "reader_of_former_tables"
    connection.execute(f"CREATE ROLE {reader}".encode())
    try:
        connection.execute(f"GRANT USAGE ON SCHEMA snapshots TO {reader}".encode())
        connection.execute(f"GRANT SELECT ON snapshots.account, snapshots.projection TO {reader}".encode())
        before = one(connection, "SELECT 'snapshots.account_snapshot'::regclass::oid")
        rows, seen = read_tables(database_url, "snapshots"), connection.execute(SEEN).fetchall()
        for _ in range(2):
            ensure(database_url)
            assert one(connection, SNAPSHOT) == before
            tables = read_tables(database_url)
            assert tables.pop("projection") == [("accounts", *rows["projection"][0][1:])]
            assert tables == {name: of_it for name, of_it in rows.items() if name != "projection"}
            assert connection.execute(SEEN).fetchall() == seen != []
        assert not needs_rebuild(database_url, ACCOUNTS)
        # An instance of the earlier version, with whatever role it reads, finds tables that are not its own.
        with connection.transaction():
            connection.execute(f"SET LOCAL ROLE {reader}".encode())
            assert one(connection, "SELECT code FROM accounts.account") == "DU1"
            assert one(connection, "SELECT version FROM snapshots.projection") == ACCOUNTS.version + 1
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT * FROM snapshots.account")
    finally:
        connection.execute(f"DROP OWNED BY {reader} CASCADE".encode())
        connection.execute(f"DROP ROLE {reader}".encode())


def test_a_rebuild_or_backup_of_the_earlier_version_is_waited_for(
    connection: Connection[tuple[object, ...]], database_url: str
) -> None:
    before = one(connection, "SELECT 'snapshots.account_snapshot'::regclass::oid")
    with connect(database_url, name="test") as backup:
        # By this number the earlier versions hold it.
        backup.execute("SELECT pg_advisory_lock(%s)", (0x1BC0_0003,))
        ensure(database_url)
        assert one(connection, SNAPSHOT) is None
        assert _old(database_url) == {ACCOUNTS}
        with pytest.raises(Exception, match="is under way, or a backup"):
            _build(database_url, frozenset({ACCOUNTS}))
    assert rebuild_if_older(database_url) is None
    assert one(connection, SNAPSHOT) == before
    assert _old(database_url) == frozenset()


def test_what_is_left_behind_is_not_taken_for_tables(
    connection: Connection[tuple[object, ...]], database_url: str
) -> None:
    ensure(database_url)
    connection.execute("DROP SCHEMA accounts CASCADE")
    project(database_url)
    assert one(connection, "SELECT count(*) FROM accounts.account_snapshot") == 1
    connection.execute("DROP SCHEMA snapshots CASCADE")
    assert rebuild(database_url).events > 0
    assert one(connection, "SELECT to_regnamespace('snapshots')") is None


def test_what_an_unfinished_rebuild_of_the_earlier_version_left_goes(
    connection: Connection[tuple[object, ...]], database_url: str
) -> None:
    connection.execute("CREATE SCHEMA snapshots_next")
    for table in ("projection", "poison_event", "account"):
        connection.execute(f"CREATE TABLE snapshots_next.{table} (LIKE snapshots.{table})".encode())
    rebuild(database_url)
    assert one(connection, "SELECT to_regnamespace('snapshots_next')") is None


@pytest.mark.parametrize("with_tables", [True, False])
def test_a_backup_of_the_earlier_version_is_restored_and_taken_over(
    connection: Connection[tuple[object, ...]],
    database_url: str,
    empty_database_url: str,
    tmp_path: Path,
    with_tables: bool,
) -> None:
    before = read_tables(database_url, "snapshots")
    dump(database_url, tmp_path / "dump", os.environ, with_tables=with_tables)
    restore(empty_database_url, tmp_path / "dump", os.environ, view_names())
    ensure(empty_database_url)
    assert (rebuild_if_older(empty_database_url) is None) == with_tables
    assert read_tables(empty_database_url) == before | {"projection": read_tables(empty_database_url)["projection"]}
    with connect(empty_database_url, name="test") as restored:
        assert restored.execute(SEEN).fetchall() == connection.execute(SEEN.encode()).fetchall()


@pytest.mark.parametrize("name", ["accounts", "accounts_next", "accounts_old"])
def test_a_schema_of_somebody_elses_is_left_alone(database_url: str, name: str) -> None:
    with connect(database_url, name="test", search_path="public") as connection:
        connection.execute(f"CREATE SCHEMA {name}; CREATE TABLE {name}.ledger (sum numeric)".encode())
        ensure(database_url)
        with pytest.raises(SchemaError, match=f"the schema {name} is there and holds no tables of ibconnect"):
            rebuild(database_url)
        if name == "accounts":
            assert _old(database_url) == {ACCOUNTS}
            with pytest.raises(DatabaseError, match="give it another one"):
                _build(database_url, frozenset({ACCOUNTS}))
        assert one(connection, f"SELECT count(*) FROM {name}.ledger") == 0
        connection.execute(f"ALTER SCHEMA {name} RENAME TO books".encode())
        ensure(database_url)
        rebuild(database_url)
