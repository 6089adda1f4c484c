"""Partitions and the roles of deploy/postgres: what each may do with them, those of months to come included."""

from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.migrations import migrate
from ibconnect.database.months import make_months
from ibconnect.database.pools import connect
from tests.own_postgres import ROLES, run_file
from tests.partitions import (
    AHEAD,
    BY_MONTH,
    LEAVES,
    OTHER,
    in_month,
    missing,
    name_of,
    record,
    take_away,
    version_before,
    where,
)
from tests.roles import as_role, install


@pytest.fixture
def installed(empty_database_url: str) -> str:
    """A database set up as README.md says."""
    return install(empty_database_url, has_tables=False)


def rights(url: str) -> dict[str, set[tuple[str, str]]]:
    """What others than the owner may do with each partition."""
    query = """
        SELECT relname, grantee::regrole::text, privilege_type
        FROM coordination.partitions() AS part
        JOIN pg_class ON relname = part.name
        LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attacl IS NOT NULL
        CROSS JOIN LATERAL (SELECT * FROM aclexplode(relacl) UNION SELECT * FROM aclexplode(attacl)) AS granted
        WHERE grantee <> relowner
    """
    found: dict[str, set[tuple[str, str]]] = {}
    with connect(url, name="test") as connection:
        for name, role, what in connection.execute(query):
            found.setdefault(name, set()).add((role, what))
    return found


READ = {(f"ibconnect_{role}", "SELECT") for role in ("recorder", "reader", "backup")}


def test_every_partition_can_be_read_by_each_role_and_nothing_else(installed: str) -> None:
    assert rights(installed) == dict.fromkeys(LEAVES, READ)


@pytest.mark.parametrize("maker", ["recorder", "owner"])
def test_a_month_made_later_belongs_to_the_owner_with_the_same_rights(installed: str, maker: str) -> None:
    take_away(installed, AHEAD[2])
    assert make_months(as_role(installed, maker)).made == [AHEAD[2]]
    assert rights(installed) == dict.fromkeys(LEAVES, READ)
    with connect(installed, name="test") as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE tablename ~ '^stored_events_'")
        assert owners.fetchall() == [("ibconnect_owner",)]
    record(as_role(installed, "recorder"), in_month(AHEAD[2]))


def test_whoever_else_may_read_the_events_may_read_the_months_to_come(installed: str) -> None:
    with connect(installed, name="test") as connection, connection.transaction(force_rollback=True):
        connection.execute("CREATE ROLE analyst")
        connection.execute("GRANT SELECT ON stored_events TO analyst")
        connection.execute(SQL("DROP TABLE {}").format(Identifier(name_of(AHEAD[3]))))
        connection.execute("SET LOCAL ROLE ibconnect_recorder")
        assert connection.execute("SELECT coordination.make_month(%s, 1)", (AHEAD[3],)).fetchone() == (True,)
        connection.execute("SET LOCAL ROLE analyst")
        assert connection.execute(SQL("SELECT count(*) FROM {}").format(Identifier(name_of(AHEAD[3])))).fetchone() == (
            0,
        )


def refused(connection: Connection[Any], statement: str, *values: object) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
        connection.execute(statement.encode(), values)


@pytest.mark.parametrize("role", ["recorder", "reader", "backup"])
def test_no_role_but_the_owner_touches_a_partition(installed: str, role: str) -> None:
    take_away(installed, AHEAD[3])
    with connect(as_role(installed, role), name="attack") as attacker:
        for name in LEAVES[:-1]:
            for statement in (
                f"INSERT INTO {name} (originator_version, originator_id, topic, state)"
                " VALUES (1, '00000000-0000-0000-0000-000000000001', 'v', '')",
                f"UPDATE {name} SET topic = 'x'",
                f"DELETE FROM {name}",
                f"TRUNCATE {name}",
                f"DROP TABLE {name}",
                f"ALTER TABLE {name} DISABLE TRIGGER ALL",
                f"ALTER TABLE {name} RENAME TO mine",
                f"ALTER TABLE stored_events DETACH PARTITION {name}",
                f"LOCK TABLE {name} IN SHARE MODE",
                f"CREATE INDEX ON {name} (topic)",
            ):
                refused(attacker, statement)
        refused(attacker, "SELECT coordination.make_partition('stored_events_mine')")
        if role != "recorder":
            refused(attacker, "SELECT coordination.make_month(%s, 1)", AHEAD[3])
    assert missing(installed) == [AHEAD[3]]


def test_the_recorder_has_only_the_months_made_that_are_due(installed: str) -> None:
    with connect(as_role(installed, "recorder"), name="attack") as attacker:
        for month in ("1970-01-01", "2099-01-01", AHEAD[1].replace(day=2), AHEAD[0], "infinity", "-infinity", None):
            made = attacker.execute("SELECT coordination.make_month(%s::date, 1)", (month,)).fetchone()
            assert made in ((False,), (None,))
    assert set(rights(installed)) == set(LEAVES)


def test_what_the_recorder_makes_is_not_run_with_the_rights_of_the_owner(installed: str) -> None:
    """Functions and operators of the names that the owner's function uses, found first if it looked for them."""
    take_away(installed, AHEAD[3])
    with connect(as_role(installed, "recorder"), name="attack") as attacker:
        attacker.execute("CREATE TABLE public.ran (who text)")
        for name, arguments, result in (
            ("to_char", "date, text", "text"),
            ("format", "text, text", "text"),
            ("format", "text, text, uuid, uuid", "text"),
            ("to_regclass", "text", "regclass"),
            ("quote_ident", "text", "text"),
            ("date_trunc", "text, timestamp", "timestamp"),
            ("nextval", "regclass", "bigint"),
        ):
            attacker.execute(
                f"CREATE FUNCTION public.{name}({arguments}) RETURNS {result} LANGUAGE plpgsql AS"
                " 'BEGIN INSERT INTO public.ran VALUES (current_user); RETURN NULL; END'".encode()
            )
        attacker.execute("CREATE FUNCTION public.older(date, date) RETURNS boolean LANGUAGE sql AS 'SELECT true'")
        attacker.execute("CREATE OPERATOR public.= (LEFTARG = date, RIGHTARG = date, FUNCTION = public.older)")
        attacker.execute("SET search_path = public, pg_catalog")
        assert attacker.execute("SELECT coordination.make_month(%s, 1)", (AHEAD[3],)).fetchone() == (True,)
        assert attacker.execute("SELECT count(*) FROM public.ran").fetchone() == (0,)
    assert rights(installed) == dict.fromkeys(LEAVES, READ)


def test_a_table_that_has_the_name_of_a_month_is_not_taken_for_it(installed: str) -> None:
    take_away(installed, AHEAD[1])
    name = name_of(AHEAD[1])
    with connect(as_role(installed, "recorder"), name="attack") as attacker:
        attacker.execute(f"CREATE TABLE public.{name} (LIKE stored_events INCLUDING ALL)".encode())
        assert list(make_months(as_role(installed, "recorder")).missing) == [AHEAD[1]]
        stream = in_month(AHEAD[1])
        record(as_role(installed, "recorder"), stream)
        assert where(installed) == {stream: {OTHER}}
        attacker.execute(f"DROP TABLE public.{name}".encode())
    assert make_months(as_role(installed, "recorder")).made == [AHEAD[1]]
    assert where(installed) == {stream: {name}}


def test_roles_of_a_database_of_before_have_their_rights_after_the_migration(empty_database_url: str) -> None:
    """Instances of the version before run on with them, before anybody gives rights again."""
    run_file(empty_database_url, ROLES)
    owner, recorder = as_role(empty_database_url, "owner"), as_role(empty_database_url, "recorder")
    with version_before():
        migrate(owner)
    with connect(owner, name="test") as connection:
        connection.execute("GRANT SELECT ON stored_events TO ibconnect_recorder, ibconnect_reader, ibconnect_backup")
        connection.execute(
            "GRANT INSERT (originator_version, originator_id, topic, state) ON stored_events TO ibconnect_recorder"
        )
        connection.execute("GRANT UPDATE ON stored_events TO ibconnect_recorder")
        connection.execute("GRANT USAGE ON SEQUENCE stored_events_notification_id_seq TO ibconnect_recorder")
        connection.execute("GRANT USAGE ON SCHEMA coordination TO ibconnect_recorder")
    assert migrate(owner)[0] == BY_MONTH
    with connect(recorder, name="old") as connection, connection.transaction():
        connection.execute("LOCK TABLE public.stored_events IN EXCLUSIVE MODE")
        row = "INSERT INTO stored_events (originator_version, originator_id, topic, state) VALUES (1, %s, 'v', '')"
        connection.execute(row, (in_month(AHEAD[0]),))
    assert rights(empty_database_url) == dict.fromkeys(LEAVES, READ)
    take_away(empty_database_url, AHEAD[3])
    assert make_months(recorder).made == [AHEAD[3]]
