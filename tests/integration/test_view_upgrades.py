"""Public views with other columns than before are put in place with their rights and what people built upon them."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from ibconnect.database.pools import connect
from ibconnect.errors import ProjectionError
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine import views as views_module
from ibconnect.projections.engine.schema import needs_rebuild
from ibconnect.projections.upkeep import ensure, rebuild, rebuild_if_older
from tests.projecting import Stream, position, project, read_tables, record, value
from tests.waiting import DEADLINE_S, wait_for

Row = tuple[Any, ...]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Row]]:
    """A connection to a database with a snapshot, as an analyst has it."""
    stream = Stream()
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD"), position(265598)]})
    record(database_url, stream.events)
    project(database_url)
    with connect(database_url, name="test", search_path="public") as connection:
        yield connection


@pytest.fixture
def roles(connection: Connection[Row]) -> Iterator[tuple[str, str]]:
    """Two roles of this database's own; gone with the test."""
    names = ("quant_of_views", "intern_of_views")
    for name in names:
        connection.execute(f"CREATE ROLE {name}".encode())
    yield names
    for name in names:
        connection.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}".encode())


def next_version(monkeypatch: pytest.MonkeyPatch, **changed: str | None) -> None:
    """Have the program define some views otherwise, as its next version may; None: not at all."""
    former = views_module.queries

    def changed_queries(name: str) -> Any:
        found = former(name)
        if name != "projections/accounts/views":
            return found
        return {key: text for key, text in {**found, **changed}.items() if text is not None}

    monkeypatch.setattr(views_module, "queries", changed_queries)


def contracts(*columns: str) -> str:
    """A definition of ``v_contract`` with these columns."""
    return f"-- Contracts.\nSELECT {', '.join(columns)} FROM contract JOIN symbol ON symbol.id = contract.symbol_id"


FEWER = contracts("contract.ib_contract_id::text AS ib_contract_id", "symbol.name AS symbol", "now() AS read")


def names(connection: Connection[Row]) -> list[str]:
    """The columns of ``v_contract``."""
    return [each.name for each in connection.execute("SELECT * FROM v_contract").description or ()]


def test_a_view_with_other_columns_keeps_its_rights(
    connection: Connection[Row], database_url: str, roles: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quant, intern = roles
    connection.execute(f"GRANT SELECT ON v_contract TO {quant} WITH GRANT OPTION".encode())
    connection.execute(f"GRANT SELECT (symbol, multiplier) ON v_contract TO {intern}".encode())
    connection.execute(f"GRANT SELECT (code) ON accounts.account TO {intern}".encode())
    connection.execute(f"GRANT USAGE ON SCHEMA accounts TO {intern}".encode())
    connection.execute(f"GRANT CREATE ON SCHEMA public TO {quant}; ALTER VIEW v_event OWNER TO {quant}".encode())
    events = "-- Events.\nSELECT stored_events.topic FROM stored_events"
    next_version(monkeypatch, v_contract=FEWER, v_event=events)
    rebuild(database_url)
    assert names(connection) == ["ib_contract_id", "symbol", "read"]
    owner = "SELECT viewowner FROM pg_views WHERE viewname = 'v_event'"
    assert connection.execute(owner).fetchall() == [(quant,)]
    with connection.transaction():
        connection.execute(f"SET LOCAL ROLE {quant}".encode())
        assert connection.execute("SELECT ib_contract_id, symbol FROM v_contract").fetchall() == [("265598", "AAPL")]
        connection.execute(f"GRANT SELECT ON v_contract TO {intern}".encode())
        connection.execute(f"REVOKE SELECT ON v_contract FROM {intern}".encode())
    with connection.transaction():
        connection.execute(f"SET LOCAL ROLE {intern}".encode())
        assert connection.execute("SELECT symbol FROM v_contract").fetchall() == [("AAPL",)]
        assert connection.execute("SELECT code FROM accounts.account").fetchall() == [("DU1",)]
        for query in ("SELECT ib_contract_id FROM v_contract", "SELECT id FROM accounts.account"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(query.encode())


def test_what_people_built_upon_a_view_with_other_columns_stays(
    connection: Connection[Row], database_url: str, roles: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quant, intern = roles
    for statement in (
        "CREATE SCHEMA desk",
        'CREATE VIEW desk."My contracts" WITH (security_barrier=true) AS SELECT symbol FROM v_contract',
        'CREATE VIEW desk.twice AS SELECT a.symbol FROM desk."My contracts" AS a JOIN v_contract AS b USING (symbol)',
        "COMMENT ON VIEW desk.twice IS 'It''s mine'",
        "COMMENT ON COLUMN desk.twice.symbol IS 'A symbol, 100% mine'",
        f"GRANT USAGE ON SCHEMA desk TO {intern}",
        f"GRANT SELECT ON desk.twice TO {intern}",
        f"GRANT USAGE, CREATE ON SCHEMA desk TO {quant}",
        f"GRANT SELECT ON v_contract TO {quant}",
        f'ALTER VIEW desk."My contracts" OWNER TO {quant}',
        f"ALTER VIEW desk.twice OWNER TO {quant}",
    ):
        connection.execute(statement.encode())
    next_version(monkeypatch, v_contract=FEWER)
    rebuild(database_url)
    with connection.transaction():
        connection.execute(f"SET LOCAL ROLE {intern}".encode())
        assert connection.execute("SELECT * FROM desk.twice").fetchall() == [("AAPL",)]
    facts = """
        SELECT relname, pg_get_userbyid(relowner), reloptions, obj_description(oid, 'pg_class')
        FROM pg_class
        WHERE relnamespace = 'desk'::regnamespace
        ORDER BY relname
    """
    assert connection.execute(facts).fetchall() == [
        ("My contracts", quant, ["security_barrier=true"], None),
        ("twice", quant, None, "It's mine"),
    ]
    of_column = "SELECT col_description('desk.twice'::regclass, 1), col_description('v_contract'::regclass, 1)"
    assert connection.execute(of_column).fetchone() == ("A symbol, 100% mine", None)


IN_THE_WAY = {
    "a view that uses a lost column": "CREATE VIEW mine AS SELECT multiplier FROM v_contract",
    "one that stands on a view of somebody": (
        "CREATE VIEW between AS SELECT * FROM v_contract; CREATE VIEW mine AS SELECT multiplier FROM between"
    ),
    "a materialized view": "CREATE MATERIALIZED VIEW mine AS SELECT symbol FROM v_contract",
    "a function": (
        "CREATE FUNCTION mine() RETURNS bigint LANGUAGE sql BEGIN ATOMIC; SELECT count(*) FROM v_contract; END"
    ),
    "a column of its row type": "CREATE TABLE mine (contract v_contract)",
}


@pytest.mark.parametrize("statement", IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_cannot_follow_is_named_before_anything_is_loaded_and_nothing_is_lost(
    connection: Connection[Row], database_url: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    connection.execute(statement.encode())
    before, former = read_tables(database_url), names(connection)
    next_version(monkeypatch, v_contract=FEWER)
    done: list[tuple[int, int, float]] = []
    with pytest.raises(
        ProjectionError, match=r"(?s)the view v_contract is another one .*public\.\w+ cannot follow.*(mine|drop what)"
    ):
        rebuild(database_url, lambda *facts: done.append(facts))
    assert done == []
    assert read_tables(database_url) == before
    assert names(connection) == former
    ensure(database_url)
    assert names(connection) == former


def test_a_view_that_the_next_version_lacks_goes_unless_somebody_built_upon_it(
    connection: Connection[Row], database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.execute("CREATE VIEW mine AS SELECT symbol FROM v_contract")
    connection.execute("CREATE VIEW v_mine AS SELECT 1 AS one")
    next_version(monkeypatch, v_contract=None, v_added="-- New.\nSELECT account.code FROM account")
    with pytest.raises(ProjectionError, match=r"public\.mine cannot follow"):
        rebuild(database_url)
    connection.execute("DROP VIEW mine")
    rebuild(database_url)
    assert connection.execute("SELECT to_regclass('v_contract')").fetchone() == (None,)
    assert connection.execute("SELECT * FROM v_added CROSS JOIN v_mine").fetchall() == [("DU1", 1)]


def test_of_several_that_find_older_tables_one_rebuilds(connection: Connection[Row], database_url: str) -> None:
    connection.execute("UPDATE accounts.projection SET version = %s", (ACCOUNTS.version - 1,))
    assert rebuild_if_older(database_url)
    assert rebuild_if_older(database_url) is None
    connection.execute("UPDATE accounts.projection SET version = %s", (ACCOUNTS.version + 1,))
    assert rebuild_if_older(database_url) is None
    connection.execute("DROP SCHEMA accounts CASCADE")
    assert rebuild_if_older(database_url)
    assert needs_rebuild(database_url, ACCOUNTS) is False


def test_no_swap_comes_while_another_start_looks_whose_the_tables_are(
    connection: Connection[Row], database_url: str
) -> None:
    generation = "SELECT 'accounts.account'::regclass::oid"
    before = connection.execute(generation).fetchone()
    waits = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%coordination.take_turn%'"
    )
    rebuilding = threading.Thread(target=rebuild, args=(database_url,))
    with connect(database_url, name="start") as start, start.transaction():
        start.execute("SELECT pg_advisory_xact_lock(%s)", (ACCOUNTS.ensure.lock,))
        rebuilding.start()
        wait_for(lambda: connection.execute(waits).fetchone() == (1,), "the swap waits for the start")
        assert connection.execute(generation).fetchone() == before
    rebuilding.join(DEADLINE_S)
    assert connection.execute(generation).fetchone() != before
