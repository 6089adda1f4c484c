"""Who adds events has a turn: nobody else can take it, and nobody needs another right for it.

The roles are those of deploy/postgres, on a real server; attackers are connections of their own.
"""

from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from psycopg import Connection
from uuid_utils.compat import uuid7

from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore
from tests.own_postgres import GRANTS, run_file
from tests.roles import as_role, attacking, install


@pytest.fixture
def installed(empty_database_url: str) -> str:
    """A database set up as README.md says."""
    return install(empty_database_url, has_tables=False)


@pytest.mark.parametrize("role", ["reader", "backup"])
def test_nobody_who_may_not_add_events_can_keep_the_turn(installed: str, role: str) -> None:
    """Every lock that it can take, all at once, for as long as it likes; then an event is stored."""
    modes = ("ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "EXCLUSIVE")
    attempts = [
        *(
            f"LOCK TABLE {table} IN {mode} MODE"
            for table in ("coordination.append_turn", "stored_events")
            for mode in modes
        ),
        "SELECT * FROM coordination.append_turn FOR KEY SHARE",
        "SELECT * FROM coordination.append_turn",
        "INSERT INTO coordination.append_turn DEFAULT VALUES",
        "INSERT INTO stored_events (originator_version, originator_id, topic, state)"
        " SELECT 1, gen_random_uuid(), 'v', '' WHERE FALSE",
        "SELECT coordination.take_append_turn()",
        "CREATE TRIGGER mine BEFORE INSERT ON stored_events EXECUTE FUNCTION coordination.take_append_turn()",
        "CREATE TEMPORARY TABLE mine (n integer)",
        "SELECT pg_advisory_lock('coordination.append_turn'::regclass::bigint)",
        "SELECT pg_advisory_lock('stored_events'::regclass::bigint)",
    ]
    with attacking(installed, role) as thief, thief.transaction(), attacking(installed, "owner") as owner:
        thief.execute("SELECT pg_advisory_xact_lock_shared(number) FROM generate_series(1, 100) AS number")
        had = [attempt for attempt in attempts if may(thief, attempt)]
        assert [each for each in had if "TRIGGER" in each or "take_append" in each or "INSERT" in each] == []
        assert {each for each in had if each.startswith("LOCK")} == {
            f"LOCK TABLE {table} IN ACCESS SHARE MODE" for table in ("coordination.append_turn", "stored_events")
        }
        store(as_role(installed, "recorder"))
        assert owner.execute("SELECT count(*) FROM stored_events").fetchone() == (1,)


def may(connection: Connection[Any], statement: str) -> bool:
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    except psycopg.Error:
        # Refused for what it is: a trigger's function is none to be called.
        return False
    return True


def store(url: str) -> None:
    with Datastore(url) as datastore:
        recorder = EventRecorder(datastore)
        recorder.insert_events([StoredEvent(uuid7(), 1, "v", b'["a"]')])
        recorder.release()


def test_a_trigger_of_ones_own_cannot_take_the_turn(installed: str) -> None:
    """Not even that of the recorder, who may make tables: only who adds events has it."""
    with attacking(installed, "recorder") as recorder:
        recorder.execute("CREATE TABLE public.mine (n integer)")
        make = "CREATE TRIGGER mine BEFORE INSERT ON public.mine EXECUTE FUNCTION coordination.take_append_turn()"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            recorder.execute(make)


def test_the_recorder_needs_no_more_than_to_add_and_to_read(installed: str) -> None:
    query = """
        SELECT privilege_type FROM pg_class CROSS JOIN LATERAL aclexplode(relacl)
        WHERE oid = 'public.stored_events'::regclass AND grantee = 'ibconnect_recorder'::regrole
        UNION
        SELECT privilege_type FROM pg_attribute CROSS JOIN LATERAL aclexplode(attacl)
        WHERE attrelid = 'public.stored_events'::regclass AND grantee = 'ibconnect_recorder'::regrole
    """
    with attacking(installed, "owner") as owner:
        assert set(owner.execute(query)) == {("INSERT",), ("SELECT",)}
        owner.execute("REVOKE ALL ON coordination.append_turn FROM ibconnect_recorder")
    store(as_role(installed, "recorder"))


def test_the_right_to_lock_events_is_taken_back_when_nobody_needs_it_any_more(installed: str) -> None:
    """An instance of the version before, which was there before the schema was brought up to date, locks the table."""
    lock = "LOCK TABLE public.stored_events IN EXCLUSIVE MODE"
    with attacking(installed, "owner") as owner, attacking(installed, "recorder") as old:
        right = "MAINTAIN" if owner.info.server_version >= 170000 else "UPDATE"
        owner.execute(f"GRANT {right} ON stored_events TO ibconnect_recorder".encode())
        old.execute("INSERT INTO coordination.instance (name, started) VALUES ('old', now() - interval '1 day')")
        run_file(as_role(installed, "owner"), GRANTS)
        with old.transaction():
            old.execute(lock)
        old.execute("UPDATE coordination.instance SET heartbeat = now() - interval '1 hour'")
        run_file(as_role(installed, "owner"), GRANTS)
        with pytest.raises(psycopg.errors.InsufficientPrivilege), old.transaction():
            old.execute(lock)
        old.execute("INSERT INTO coordination.instance (name) VALUES ('new')")
        owner.execute(f"GRANT {right} ON stored_events TO ibconnect_recorder".encode())
        run_file(as_role(installed, "owner"), GRANTS)
        assert not may(old, lock), "a new one does not need it"
