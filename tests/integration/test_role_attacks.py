"""Roles of the database that turn against the service: what they may not do is refused, what they may stops nothing.

The roles are those of deploy/postgres, on a real server; attackers are connections of their own.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection
from uuid_utils.compat import uuid7

from ibconnect import troubles
from ibconnect.cluster import unled
from ibconnect.cluster.lease import Lease
from ibconnect.cluster.registry import Registry
from ibconnect.database.migrations import migrate
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseUnavailable, ProjectionError
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from ibconnect.observe import Trouble
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.lock import alone
from ibconnect.projections.engine.runner import Projector
from ibconnect.projections.upkeep import REPORTS, ensure, rebuild
from tests.conftest import create_database, drop_database
from tests.own_postgres import GRANTS, ROLES, run_file
from tests.projecting import Stream, project, read_tables, record, value
from tests.roles import as_role, attacking, install
from tests.waiting import until, wait_for

GATEWAY = "127.0.0.1:4002"
FAR = 2**63 - 1
LEAD, NAMES = 0x1BC2, 7107


@pytest.fixture
def installed(empty_database_url: str) -> str:
    """A database set up as README.md says, with its snapshot tables."""
    return install(empty_database_url)


@asynccontextmanager
async def candidate(url: str) -> AsyncIterator[Lease]:
    async with Lease(as_role(url, "recorder"), GATEWAY) as lease:
        yield lease


def refresh(stream: Stream, figure: str) -> None:
    stream.refresh({"DU1": [value("AccountCode", "DU1"), value("NetLiquidation", figure, "USD")]})


# What a recorder may write.

POSITIONS = (FAR, FAR - 1, 10**12, 2, 0, -1, -(2**63))


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("role", ["recorder", "reader", "backup"])
def test_no_role_chooses_a_position(installed: str, role: str, position: int) -> None:
    row = f"{position}, 1, gen_random_uuid(), 'v', ''::bytea"
    columns = "(notification_id, originator_version, originator_id, topic, state)"
    with attacking(installed, role) as connection:
        for statement in (
            f"INSERT INTO stored_events {columns} VALUES ({row})",
            f"INSERT INTO stored_events VALUES ({row})",
            f"INSERT INTO stored_events {columns} SELECT {row} ON CONFLICT DO NOTHING",
            f"SELECT setval('stored_events_notification_id_seq', {max(position, 1)})",
            f"ALTER SEQUENCE stored_events_notification_id_seq RESTART WITH {max(position, 1)}",
            f"UPDATE stored_events_notification_id_seq SET last_value = {max(position, 1)}",
        ):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.WrongObjectType)):
                connection.execute(statement.encode())
        for target in (f"stored_events {columns}", "stored_events"):
            with (
                pytest.raises(psycopg.errors.InsufficientPrivilege),
                connection.cursor().copy(f"COPY {target} FROM STDIN".encode()) as copy,
            ):
                copy.write_row((position, 1, uuid7(), "v", b""))


def test_the_recorder_still_stores_by_copy_and_by_insert(installed: str) -> None:
    with Datastore(as_role(installed, "recorder")) as datastore:
        recorder = EventRecorder(datastore)
        assert list(recorder.insert_events([StoredEvent(uuid7(), 1, "v", b'["a"]')])) == [1]
        recorder.release()
    with attacking(installed, "recorder") as connection:
        given = "INSERT INTO stored_events (originator_version, originator_id, topic, state)"
        row = connection.execute(f"{given} VALUES (1, gen_random_uuid(), 'v', '') RETURNING notification_id".encode())
        assert row.fetchone() == (2,)


def test_grants_run_on_a_database_of_the_version_before_take_the_right_on_positions_away(installed: str) -> None:
    with attacking(installed, "owner") as owner:
        owner.execute("GRANT INSERT ON stored_events TO ibconnect_recorder")
    run_file(as_role(installed, "owner"), GRANTS)
    test_no_role_chooses_a_position(installed, "recorder", FAR)


# Positions that stand there already, or were put there by the owner.


def put(url: str, *positions: int) -> None:
    with attacking(url, "owner") as owner:
        for position in positions:
            owner.execute(
                "INSERT INTO stored_events (notification_id, originator_version, originator_id, topic, state)"
                " VALUES (%s, 1, %s, 'so', %s)",
                (position, uuid7(), b'{"t":1,"gateway":"evil:1","client_id":1,"server_version":"1"}'),
            )


def test_an_event_beyond_the_sequence_is_told_and_holds_nothing_up(installed: str) -> None:
    url = as_role(installed, "recorder")
    stream = Stream()
    refresh(stream, "1.00")
    record(url, stream.events)
    put(installed, FAR, FAR - 5)
    projector = Projector(url, ACCOUNTS)
    projector.start()
    try:
        wait_for(lambda: troubles.lasts(Trouble.POSITIONS_BEYOND), "it is told")
        assert str(FAR) in str(troubles.lasting())
        before = len(stream.events)
        refresh(stream, "2.00")
        record(url, stream.events[before:])
        wait_for(lambda: len(read_tables(url)["account_snapshot"]) == 2, "what comes after it is applied")
        assert "evil" not in str(read_tables(url)["gateway"])
        with attacking(installed, "owner") as owner:
            owner.execute("ALTER TABLE stored_events DISABLE TRIGGER events_are_immutable")
            owner.execute("DELETE FROM stored_events WHERE notification_id > 1000")
            owner.execute("ALTER TABLE stored_events ENABLE ALWAYS TRIGGER events_are_immutable")
        wait_for(lambda: not troubles.lasts(Trouble.POSITIONS_BEYOND), "it is over")
    finally:
        assert projector.stop()
    live = read_tables(url)
    put(installed, FAR)
    rebuild(url)
    assert read_tables(url) == live


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=5)
@given(gaps=st.lists(st.integers(1, 10**17), min_size=1, max_size=4))
def test_gaps_of_any_size_are_passed_at_once(server_url: str, template: str, gaps: list[int]) -> None:
    """As rolled back transactions, or somebody who draws from the sequence, leave them."""
    url = create_database(server_url, "gaps", template)
    try:
        ensure(url)
        stream, done = Stream(), 0
        with connect(url, name="test") as owner:
            for number, gap in enumerate(gaps):
                owner.execute(
                    "SELECT setval('stored_events_notification_id_seq', last_value + %s)"
                    " FROM stored_events_notification_id_seq",
                    (gap,),
                )
                refresh(stream, f"{number}.00")
                record(url, stream.events[done:])
                done = len(stream.events)
        assert len(project(url)) <= 2 * len(gaps) + 1
        live = read_tables(url)
        assert len(live["account_snapshot"]) == len(gaps)
        rebuild(url)
        assert read_tables(url) == live
    finally:
        drop_database(server_url, "gaps")


# Locks that any role can take.


async def test_a_reader_that_holds_every_lock_keeps_no_gateway_from_being_led(installed: str) -> None:
    with attacking(installed) as thief:
        thief.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (LEAD, GATEWAY))
        async with candidate(installed) as first, candidate(installed) as second:
            assert await first.campaign()
            assert not await second.campaign()
            assert await first.keeps(0.1)
            await first.close()
            await until_elected(second)


async def until_elected(lease: Lease) -> None:
    await until(lease.campaign, "it is elected")


async def test_a_reader_that_waits_for_a_lock_gets_nothing_by_it(installed: str) -> None:
    """It asks while the leader has it, and has it in the moment in which the leader dies."""
    async with candidate(installed) as first, candidate(installed) as second:
        assert await first.campaign()
        with attacking(installed) as thief:
            waiting = threading.Thread(
                target=thief.execute, args=("SELECT pg_advisory_lock(%s, hashtext(%s))", (LEAD, GATEWAY)), daemon=True
            )
            waiting.start()
            with connect(installed, name="test") as watch:
                waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                await until(lambda: watch.execute(waits).fetchone() == (1,), "it waits")
            await first.close()
            await asyncio.to_thread(waiting.join)
            await until_elected(second)


async def test_an_instance_of_the_version_before_and_a_new_one_never_both_lead(installed: str) -> None:
    """The former holds the advisory lock alone, as a role that records."""
    async with candidate(installed) as new, candidate(installed) as other:
        with attacking(installed, "recorder") as old:
            lock = "SELECT pg_try_advisory_lock(%s, hashtext(%s))"
            assert old.execute(lock, (LEAD, GATEWAY)).fetchone() == (True,)
            assert not await new.campaign()
        await until_elected(new)
        with attacking(installed, "recorder") as old:
            assert old.execute(lock, (LEAD, GATEWAY)).fetchone() == (False,)
            assert not await other.campaign()


@pytest.mark.parametrize("end", ["close", "terminate"])
async def test_many_candidates_have_one_leader_and_the_next_at_once(installed: str, end: str) -> None:
    async with AsyncExitStack() as stack:
        candidates = [await stack.enter_async_context(candidate(installed)) for _ in range(8)]

        async def elected() -> list[bool]:
            """None: the server may still be ending the session of the last one."""
            found = await asyncio.gather(*(each.campaign() for each in candidates))
            return found if any(found) else []

        while candidates:
            found = await until(elected, "one is elected")
            assert found.count(True) == 1
            leader = candidates.pop(found.index(True))
            if end == "close":
                await leader.close()
            else:
                with connect(installed, name="test") as owner:
                    query = "SELECT pg_terminate_backend(pid) FROM coordination.held WHERE name = 'gateway ' || %s"
                    assert owner.execute(query, (GATEWAY,)).fetchone() == (True,)
                    assert not await leader.keeps(5)


@pytest.mark.parametrize("role", ["reader", "backup"])
def test_who_only_reads_can_hold_no_name_and_no_turn(installed: str, role: str) -> None:
    with attacking(installed, role) as thief:
        for statement in (
            "INSERT INTO coordination.held (name) VALUES ('gateway x')",
            "UPDATE coordination.held SET pid = pg_backend_pid()",
            "DELETE FROM coordination.held",
            "SELECT FROM coordination.held FOR UPDATE",
            "SELECT FROM coordination.held FOR KEY SHARE",
            "LOCK TABLE coordination.held IN SHARE MODE",
            "LOCK TABLE coordination.held IN ROW EXCLUSIVE MODE",
            "LOCK TABLE public.schema_migration IN SHARE MODE",
            "LOCK TABLE public.stored_events IN SHARE MODE",
            "SELECT coordination.take_turn('apply', 1)",
            "CREATE TEMPORARY TABLE mine (n integer)",
            "CREATE TABLE public.mine (n integer)",
            "CREATE SCHEMA mine",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), thief.transaction():
                thief.execute(statement.encode())
        thief.execute("SELECT coordination.take('gateway ' || %s, %s, hashtext(%s))", (GATEWAY, LEAD, GATEWAY))
        with attacking(installed, "recorder") as recorder:
            held = "SELECT coordination.is_held('gateway ' || %s)"
            assert recorder.execute(held, (GATEWAY,)).fetchone() == (False,)


def test_locks_of_a_reader_hold_up_neither_projection_nor_rebuild_nor_migration(installed: str) -> None:
    url = as_role(installed, "recorder")
    stream = Stream()
    refresh(stream, "1.00")
    record(url, stream.events)
    with attacking(installed) as thief:
        for turn in (ACCOUNTS.apply, ACCOUNTS.rebuild, ACCOUNTS.ensure):
            thief.execute("SELECT pg_advisory_lock(%s)", (turn.lock,))
        project(url)
        rebuild(url)
        ensure(url)
        assert len(read_tables(url)["account_snapshot"]) == 1


def test_a_lock_of_a_reader_does_not_hold_up_the_first_migration(empty_database_url: str) -> None:
    run_file(empty_database_url, ROLES)
    with attacking(empty_database_url) as thief:
        thief.execute("SELECT pg_advisory_lock(%s)", (0x1BC0_0001,))
        assert migrate(as_role(empty_database_url, "owner"))
        assert migrate(as_role(empty_database_url, "owner")) == []


def test_a_backup_keeps_a_rebuild_away_and_a_rebuild_a_backup(installed: str) -> None:
    for one, other in (("backup", "recorder"), ("recorder", "backup"), ("recorder", "owner")):
        with attacking(installed, one) as first, attacking(installed, other) as second:
            with alone(first, REPORTS), pytest.raises(ProjectionError, match="another rebuild"), alone(second, REPORTS):
                pytest.fail("both at once")
            with alone(second, REPORTS):
                pass


async def test_a_reader_takes_no_instances_name(installed: str) -> None:
    with attacking(installed) as thief, attacking(installed, "recorder") as other:
        thief.execute("SELECT pg_advisory_lock(%s, hashtext('one'))", (NAMES,))
        assert other.execute("SELECT coordination.is_alive('one')").fetchone() == (False,)
        registry = Registry(as_role(installed, "recorder"), "one", [GATEWAY])
        running = asyncio.create_task(registry.run())
        await until(lambda: registry.own_name == "one", "it has its name")
        assert other.execute("SELECT coordination.is_alive('one')").fetchone() == (True,)
        assert thief.execute("SELECT coordination.is_alive('one')").fetchone() == (True,), "whoever asks"
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await registry.leave()


async def test_a_gateway_that_nobody_leads_is_told(installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unled, "PATIENCE_S", 1.0)
    registry = Registry(as_role(installed, "recorder"), "one", [GATEWAY, "127.0.0.1:4003"])
    running = asyncio.create_task(registry.run())
    await until(lambda: troubles.lasts(Trouble.GATEWAY_UNLED), "it is told")
    assert "2 gateways of 2" in str(troubles.lasting())
    registry.report(GATEWAY, "unavailable", "nothing listens")
    await until(lambda: "1 gateway of 2" in str(troubles.lasting()), "one has a leader, connected or not")
    registry.report("127.0.0.1:4003", "connected")
    await until(lambda: not troubles.lasts(Trouble.GATEWAY_UNLED), "it is over")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await registry.leave()


def test_a_reader_in_a_long_transaction_keeps_a_migration_from_queueing_the_others(installed: str) -> None:
    """Whoever wants to change a table that is read waits in front of all who write: so it gives up, and says so."""
    owner_url = as_role(installed, "owner")
    with attacking(installed, "owner") as owner:
        owner.execute("DELETE FROM schema_migration WHERE number = 6")
        owner.execute("ALTER TABLE coordination.instance DROP COLUMN version")
    with attacking(installed) as thief, thief.transaction(), attacking(installed, "recorder") as recorder:
        thief.execute("SELECT * FROM coordination.instance")
        with pytest.raises(DatabaseUnavailable, match="lock timeout"):
            migrate(owner_url)
        recorder.execute("UPDATE coordination.instance SET heartbeat = clock_timestamp()")
    assert [migration.number for migration in migrate(owner_url)] == [6]


@pytest.mark.slow
def test_a_reader_of_the_former_tables_keeps_a_rebuild_waiting_for_a_while_only(
    installed: str,
) -> None:
    url = as_role(installed, "recorder")
    with attacking(installed) as thief, thief.transaction():
        thief.execute("SELECT * FROM accounts.account")
        rebuild(url)
        with pytest.raises(ProjectionError, match="still reads the tables in accounts_old"):
            rebuild(url)
    rebuild(url)


# Limits of the roles.


def test_a_reader_cannot_take_all_connections_nor_lift_its_limit(installed: str) -> None:
    with ExitStack() as stack:
        opened = list[Connection[Any]]()
        with pytest.raises(psycopg.OperationalError, match="too many connections for role"):
            while True:
                opened.append(stack.enter_context(closing(psycopg.connect(as_role(installed, "reader")))))
        assert 30 <= len(opened) <= 40
        with attacking(installed, "recorder") as recorder:
            recorder.execute("SELECT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            opened[0].execute("ALTER ROLE ibconnect_reader CONNECTION LIMIT -1")


def test_a_reader_has_time_outs_and_its_own_schema_is_not_searched(installed: str) -> None:
    with psycopg.connect(as_role(installed, "reader"), autocommit=True) as reader:
        shown = {
            name: reader.execute(f"SHOW {name}".encode()).fetchone()
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "search_path")
        }
    assert shown == {
        "statement_timeout": ("5min",),
        "lock_timeout": ("10s",),
        "idle_in_transaction_session_timeout": ("1min",),
        "search_path": ("public",),
    }
