"""Migrations: once, in order, under a lock; a database newer than the code is refused."""

import threading

import pytest

from ibconnect.database.migrations import available, migrate
from ibconnect.database.pools import connect
from ibconnect.database.sql import queries, sql_root
from ibconnect.errors import DatabaseUnavailable, SchemaError
from ibconnect.projections.upkeep import ensure


def test_migrations_are_applied_once(empty_database_url: str) -> None:
    assert migrate(empty_database_url) == available()
    assert migrate(empty_database_url) == []


def test_instances_that_start_at_once_apply_each_migration_once(empty_database_url: str) -> None:
    applied: list[int] = []
    failures: list[Exception] = []

    def start() -> None:
        try:
            applied.extend(migration.number for migration in migrate(empty_database_url))
            ensure(empty_database_url)
        except Exception as exc:  # noqa: BLE001 - reported below
            failures.append(exc)

    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(applied) == [migration.number for migration in available()]


def test_a_database_newer_than_the_code_is_refused(database_url: str) -> None:
    newest = len(available())
    with connect(database_url, name="test") as connection:
        connection.execute("INSERT INTO schema_migration (number, name) VALUES (%s, 'future')", (newest + 1,))
    with pytest.raises(SchemaError, match=rf"at version {newest + 1}, this ibconnect knows {newest}.*upgrade"):
        migrate(database_url)


def test_no_database_is_said_clearly() -> None:
    with pytest.raises(DatabaseUnavailable, match="cannot connect to Postgres"):
        migrate("postgresql://nobody@127.0.0.1:1/nothing")


def test_every_sql_file_is_a_set_of_described_names() -> None:
    files = [path for path in sql_root().rglob("*.sql") if "-- name:" in path.read_text(encoding="utf-8")]
    assert files
    for path in files:
        assert queries(path.relative_to(sql_root()).with_suffix("").as_posix())
