"""The preparation of the database at a start: waits for what passes, ends for what does not, and says what to do."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from aiohttp.test_utils import unused_port
from psycopg.sql import SQL, Identifier

from ibconnect import troubles
from ibconnect.backoff import Backoff
from ibconnect.database.migrations import available, migrate
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseError, DatabaseUnavailable, SchemaError
from ibconnect.service.preparing import prepared
from tests.conftest import create_database, drop_database, url_of
from tests.faults.proxy import Proxy
from tests.integration.test_roles import as_role, execute
from tests.own_postgres import ROLES, run_file
from tests.recording import until
from tests.serving import logged


def _path(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]


def set_read_only(server_url: str, url: str, value: str) -> None:
    """As a standby, a failover under way or a full disk of a managed Postgres: every new connection reads only."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(
            SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(Identifier(_path(url)), SQL(value))
        )


def tables(url: str) -> set[str]:
    with connect(url, name="test") as connection:
        return {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'accounts'")}


@asynccontextmanager
async def preparing(url: str) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(prepared(url))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_read_only_postgres_is_waited_out_and_told_once(
    server_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[str] = []

    def trying(url: str) -> object:
        tries.append(url)
        return migrate(url)

    monkeypatch.setattr("ibconnect.service.preparing.migrate", trying)
    set_read_only(server_url, empty_database_url, "on")
    with logged() as lines:
        async with preparing(empty_database_url) as task:
            await until(troubles.lasting, "it is told")
            (reason,) = troubles.lasting()
            assert reason.startswith("the schema of the database cannot be prepared, since ")
            assert reason.endswith("ReadOnlySqlTransaction (25006)")
            tries.clear()
            await until(lambda: len(tries) > 2, "it is tried again and again")
            assert not task.done()
            set_read_only(server_url, empty_database_url, "off")
            await asyncio.wait_for(task, 30)
        told = [line["kind"] for line in lines()]
    assert told.count("database_lost") == 1
    assert troubles.lasting() == []
    assert "account_snapshot" in tables(empty_database_url)


async def test_a_postgres_that_is_read_only_only_for_the_tables_is_waited_out_too(
    server_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema is current; what fails is what comes after it."""
    monkeypatch.setattr("ibconnect.service.preparing.migrate", lambda url: [])
    set_read_only(server_url, database_url, "on")
    async with preparing(database_url) as task:
        await until(troubles.lasting, "it is told")
        assert troubles.lasting()[0].endswith("ReadOnlySqlTransaction (25006)")
        set_read_only(server_url, database_url, "off")
        await asyncio.wait_for(task, 30)


async def test_a_postgres_that_cannot_be_reached_is_waited_for(empty_database_url: str) -> None:
    with Proxy(empty_database_url) as proxy, logged() as lines:
        proxy.cut(refuse=True)
        async with preparing(proxy.url) as task:
            await until(troubles.lasting, "it is told")
            assert troubles.lasting()[0].endswith("OperationalError")
            proxy.mend()
            await asyncio.wait_for(task, 30)
        assert [line["kind"] for line in lines() if line["kind"] == "database_lost"] == ["database_lost"]


async def test_a_login_that_is_refused_is_told_as_that_and_waited_for(server_url: str) -> None:
    name = f"later_{os.getpid()}"
    with logged() as lines:
        async with preparing(url_of(server_url, name)) as task:
            await until(troubles.lasting, "it is told")
            (reason,) = troubles.lasting()
            assert reason.startswith("Postgres refuses the login or a right of this service, since ")
            assert reason.endswith(": there is no such database")
            create_database(server_url, name, "template0")
            try:
                await asyncio.wait_for(task, 30)
            finally:
                drop_database(server_url, name)
        told = [line for line in lines() if line["kind"] in ("database_refuses", "database_lost")]
    assert [line["kind"] for line in told] == ["database_refuses"]
    assert "createdb" in told[0]["advice"]
    assert troubles.lasting() == []


async def test_nobody_there_is_waited_for(tmp_path: Path) -> None:
    async with preparing(f"postgresql://nobody@127.0.0.1:{unused_port()}/x") as task:
        await until(troubles.lasting, "it is told")
        assert not task.done()


async def test_a_connection_that_breaks_in_the_middle_is_no_reason_to_end(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failover in the middle of a migration: whatever the driver says then, the next try finds the new primary."""
    errors: list[Exception] = [
        psycopg.OperationalError("server closed the connection unexpectedly"),
        psycopg.errors.AdminShutdown("terminating connection due to administrator command"),
        DatabaseUnavailable("cannot connect"),
        psycopg.errors.DeadlockDetected("a rebuild was faster"),
    ]
    wrapped = DatabaseError("the snapshot tables cannot be created")
    wrapped.__cause__ = psycopg.errors.CannotConnectNow("the database system is starting up")
    errors.append(wrapped)

    def failing(url: str) -> object:
        if errors:
            raise errors.pop()
        return migrate(url)

    monkeypatch.setattr("ibconnect.service.preparing.migrate", failing)
    monkeypatch.setattr("ibconnect.service.preparing.Backoff", lambda **_: Backoff(0.01, 0.01))
    await asyncio.wait_for(prepared(empty_database_url), 30)
    assert errors == []
    assert troubles.lasting() == []


async def test_a_newer_schema_ends_it_and_says_what_to_do(database_url: str) -> None:
    execute(database_url, "INSERT INTO schema_migration (number, name) VALUES (9999, '9999_of_a_newer_version')")
    with pytest.raises(SchemaError, match="upgrade this one"):
        await asyncio.wait_for(prepared(database_url), 30)


@pytest.mark.parametrize("missing", ["the schema", "the grants"])
async def test_missing_rights_end_it_and_say_what_to_do(empty_database_url: str, missing: str) -> None:
    """A role that may not do what is left to do: waiting would not help."""
    run_file(empty_database_url, ROLES)
    if missing == "the grants":
        migrate(as_role(empty_database_url, "owner"))
    role = "reader" if missing == "the schema" else "recorder"
    order = r"The order is: `ibconnect migrate` with the DB_URL of ibconnect_owner; then `ibconnect serve`"
    lacks = r"(?s)permission denied.*run `ibconnect migrate` as ibconnect_owner, which gives the rights"
    with pytest.raises(DatabaseError, match=order if missing == "the schema" else lacks):
        await asyncio.wait_for(prepared(as_role(empty_database_url, role)), 30)
    assert troubles.lasting() == []


def test_the_command_says_that_postgres_cannot_be_written_to_now(server_url: str, empty_database_url: str) -> None:
    set_read_only(server_url, empty_database_url, "on")
    with pytest.raises(DatabaseUnavailable, match="read-only transaction"):
        migrate(empty_database_url)
    set_read_only(server_url, empty_database_url, "off")
    assert len(migrate(empty_database_url)) == len(available())
