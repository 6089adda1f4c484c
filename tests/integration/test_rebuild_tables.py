"""A rebuild makes the tables that the live run made, row for row, while everybody goes on working."""

import contextlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import psycopg
import pytest

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError, SchemaError
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine import swap
from ibconnect.projections.engine.lock import alone
from ibconnect.projections.engine.runner import Projector
from ibconnect.projections.engine.schema import needs_rebuild
from ibconnect.projections.engine.tracking import take_turn
from ibconnect.projections.upkeep import REPORTS, ensure, rebuild
from tests.paths import CAPTURES
from tests.projecting import TABLES, Stream, capture, position, project, read_tables, record, value
from tests.waiting import DEADLINE_S, wait_for

CATALOG = """
    SELECT kind, part, definition
    FROM (
        SELECT 'column', c.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod) || a.attnotnull::text
            || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || a.attnum::text
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'accounts'::regnamespace AND c.relkind = 'r'
        UNION ALL
        SELECT 'constraint', c.conrelid::regclass || '.' || c.conname, pg_get_constraintdef(c.oid)
        FROM pg_constraint c
        WHERE c.connamespace = 'accounts'::regnamespace
        UNION ALL
        SELECT 'index', c.relname, pg_get_indexdef(c.oid)
        FROM pg_class c
        WHERE c.relnamespace = 'accounts'::regnamespace AND c.relkind = 'i'
        UNION ALL
        SELECT 'view', c.relname, pg_get_viewdef(c.oid)
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'v'
    ) AS catalog (kind, part, definition)
    ORDER BY 1, 2, 3
"""


def busy_streams(seed):
    """Two gateways that share an account, with every capture and all kinds of ends, in one order of commits."""
    rng = random.Random(seed)
    streams, closed = [Stream("one:4002"), Stream("two:4002")], []
    captures = [capture(path) for path in sorted(CAPTURES.glob("*.jsonl"))]
    for number in range(12):
        stream = rng.choice(streams)
        accounts = rng.sample(["DU0000001", "DU2", "DU3"], rng.randint(1, 3))
        stream.message("15", "1", ",".join(accounts), timed=rng.random() < 0.5)
        stream.own("rs", created=stream.at, trigger="test")
        for account in accounts:
            messages = captures[number % len(captures)] if account == "DU0000001" else []
            ended = rng.choice(["download-end", "download-end", "quiet", "timeout"])
            extra = [position(number % 3 + 1, account=account, local_symbol=rng.choice(["AAPL", "APPL"]))]
            stream.download(account, [*messages, *extra], ended)
        if rng.random() < 0.8:
            stream.own("re", created=stream.at, outcome="partial", missing={"DU9": "timeout"}, request=number)
        if rng.random() < 0.2:
            stream.own("sc", reason="lost")
            closed.append(stream)
            streams[streams.index(stream)] = Stream("one:4002", at=stream.at)
    return streams + closed


def interleave(streams, seed):
    """The events of several streams in one order, each stream's own order kept."""
    rng = random.Random(seed)
    waiting = [list(stream.events) for stream in streams]
    while any(waiting):
        events = rng.choice([events for events in waiting if events])
        for _ in range(min(len(events), rng.randint(1, 60))):
            yield events.pop(0)


@pytest.mark.parametrize("seed", range(3))
def test_rebuilt_tables_equal_the_live_ones_row_for_row(database_url, seed):
    rng = random.Random(seed)
    events = list(interleave(busy_streams(seed), seed))
    while events:
        count = rng.randint(1, 400)
        record(database_url, events[:count])
        project(database_url, rng.randint(1, 300))
        del events[:count]
    live = read_tables(database_url)
    assert len(live["account_snapshot"]) > 5
    assert_repeated_facts_agree(database_url)
    done = []
    rebuild(database_url, lambda *facts: done.append(facts))
    assert read_tables(database_url) == live
    _, read, of_all, _ = [facts for facts in done if facts[0] == "accounts"][-1]
    assert read == of_all > 0


# What tables say a second time so that questions are answered at once: those that answer otherwise than the first time.
DISAGREE = {
    "what accounts have held": """
        SELECT account_id, contract_id, gateway_id, is_foreign
        FROM account_position JOIN account_snapshot ON id = account_snapshot_id
        EXCEPT TABLE account_contract
        UNION ALL
        (TABLE account_contract EXCEPT SELECT account_id, contract_id, gateway_id, is_foreign
        FROM account_position JOIN account_snapshot ON id = account_snapshot_id)
    """,
    "whose a snapshot is": """
        SELECT account_code, code
        FROM account_snapshot JOIN account ON account.id = account_id
        WHERE account_code <> code
    """,
}


def assert_repeated_facts_agree(url):
    with connect(url, name="test", search_path="accounts") as connection:
        for what, query in DISAGREE.items():
            assert connection.execute(query).fetchall() == [], what
        assert connection.execute("SELECT count(*) > 5 FROM account_contract").fetchone() == (True,)


def test_rebuilt_schema_equals_the_live_one(database_url):
    ensure(database_url)
    with connect(database_url, name="test") as connection:
        live = connection.execute(CATALOG).fetchall()
        rebuild(database_url)
        assert connection.execute(CATALOG).fetchall() == live
        schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'accounts%'"
        assert connection.execute(schemas).fetchall() == [("accounts",)]


def test_recording_and_reading_go_on_during_a_rebuild(database_url):
    ensure(database_url)
    stream = Stream()
    for number in range(150):
        stream.refresh({"DU1": [value("NetLiquidation", f"{number}.5", "USD"), position(number)]})
    record(database_url, stream.events)
    projector = Projector(database_url, ACCOUNTS)
    projector.start()
    failures: list[Exception] = []
    finished = threading.Event()

    def read():
        newest = 0
        with closing(connect(database_url, name="test")) as connection:
            while not finished.is_set():
                try:
                    row = connection.execute("SELECT count(*) FROM public.v_account_amount").fetchone()
                    assert row is not None
                    assert row[0] >= newest, "snapshots vanished"
                    newest = row[0]
                except Exception as exc:  # noqa: BLE001 - told by the assertion below
                    failures.append(exc)
                    return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(5):
            sent = len(stream.events)
            stream.refresh({"DU1": [value("NetLiquidation", f"{number}.75", "USD")]})
            record(database_url, stream.events[sent:])
            rebuild(database_url)
    finally:
        finished.set()
        reader.join()
        assert projector.stop()
    assert failures == []
    project(database_url)
    assert len(read_tables(database_url)["account_snapshot"]) == 155


def make_one_report(url):
    """Tables with one report in them."""
    ensure(url)
    stream = Stream()
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]})
    record(url, stream.events)
    project(url)


class Interrupt(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_interrupted_rebuild_leaves_the_live_tables(database_url, monkeypatch, calls):
    monkeypatch.setattr("ibconnect.projections.engine.rebuild._BATCH_POSITIONS", 20)
    stream = Stream()
    for number in range(20):
        stream.refresh({"DU1": [value("NetLiquidation", str(number), "USD")]})
    record(database_url, stream.events)
    project(database_url)
    live = read_tables(database_url)
    seen = []

    def interrupt(*facts):
        seen.append(facts)
        if len(seen) == calls:
            raise Interrupt

    with pytest.raises(Interrupt):
        rebuild(database_url, interrupt)
    assert read_tables(database_url) == live
    rebuild(database_url)
    assert read_tables(database_url) == live


def test_second_rebuild_at_once_is_refused(database_url):
    ensure(database_url)
    with connect(database_url, name="test") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (ACCOUNTS.rebuild.lock,))
        with pytest.raises(ProjectionError, match="another rebuild"):
            rebuild(database_url)


@pytest.mark.parametrize("failure", [None, Interrupt])
def test_a_rebuild_that_has_ended_holds_up_no_other_though_its_connection_lasts(database_url, failure):
    with connect(database_url, name="first") as first, connect(database_url, name="second") as second:
        with contextlib.suppress(Interrupt), alone(first, REPORTS):
            with pytest.raises(ProjectionError, match="another rebuild"), alone(second, REPORTS):
                pytest.fail("two rebuilds at once")
            if failure:
                raise failure
        with alone(second, REPORTS):
            pass


def test_rights_views_and_open_reads_survive(database_url):
    make_one_report(database_url)
    with connect(database_url, name="test") as connection:
        connection.execute("CREATE ROLE reader_of_rebuild")
        try:
            connection.execute("GRANT USAGE ON SCHEMA accounts TO reader_of_rebuild")
            connection.execute("GRANT SELECT ON account_snapshot TO reader_of_rebuild")
            connection.execute("CREATE VIEW public.mine AS SELECT net_liquidation FROM public.v_account_amount")
            rebuild(database_url)
            assert connection.execute("SELECT * FROM public.mine").fetchall() != []
            with connection.transaction():
                connection.execute("SET LOCAL ROLE reader_of_rebuild")
                assert connection.execute("SELECT count(*) FROM account_snapshot").fetchone() == (1,)
                with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                    connection.execute("SELECT * FROM account")
        finally:
            connection.execute("DROP OWNED BY reader_of_rebuild")
            connection.execute("DROP ROLE reader_of_rebuild")


def test_reads_that_never_end_hold_up_nothing(database_url, monkeypatch):
    monkeypatch.setattr(swap, "_DROP_S", 0.0)
    make_one_report(database_url)
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'accounts%' ORDER BY 1"
    with connect(database_url, name="test") as connection, connect(database_url, name="test") as other:
        with connection.transaction():
            connection.execute("SELECT * FROM account_snapshot")
            rebuild(database_url)
            assert other.execute(schemas).fetchall() == [("accounts",), ("accounts_old",)]
            assert other.execute("SELECT count(*) FROM account_snapshot").fetchone() == (1,)
        rebuild(database_url)
        assert other.execute(schemas).fetchall() == [("accounts",)]


def test_projectors_that_are_always_at_work_hold_up_no_swap(database_url, monkeypatch):
    """Each has its turn for longer than a swap waits for readers, and the next one waits already."""
    monkeypatch.setattr(swap, "_SWAP_ATTEMPTS", 1)
    make_one_report(database_url)
    finished, turns = threading.Event(), list[int]()

    def work():
        with closing(connect(database_url, name="test")) as connection:
            for _ in iter(finished.is_set, True):
                with connection.transaction():
                    take_turn(connection, ACCOUNTS.apply)
                    turns.append(threading.get_ident())
                    connection.execute("SELECT pg_sleep(0.8)")

    with ThreadPoolExecutor(2) as pool:
        works = [pool.submit(work) for _ in range(2)]
        try:
            wait_for(lambda: len(set(turns)) == 2, "both have had a turn")
            assert rebuild(database_url).events
        finally:
            finished.set()
        for each in works:
            each.result()


def test_a_read_under_way_goes_on_over_all_former_tables_and_views(database_url):
    """A rebuild that waits for it holds nothing that it may still want: neither would end, or one would fail."""
    make_one_report(database_url)
    views = list(queries("projections/accounts/views"))
    with (
        ThreadPoolExecutor(1) as pool,
        connect(database_url, name="test") as reader,
        connect(database_url, name="test") as other,
    ):

        def has_met_the_reader(schema):
            """It waits for a lock, or has done without and taken back what it had; the reader's tables are there."""
            query = """
                SELECT to_regnamespace(%s) IS NOT NULL AND EXISTS (
                    SELECT
                    FROM pg_stat_activity
                    WHERE datname = current_database()
                      AND application_name = 'ibconnect rebuild'
                      AND (wait_event_type = 'Lock' OR query LIKE 'ROLLBACK%%')
                )
            """
            return other.execute(query, (schema,)).fetchone() == (True,)

        names = [f"accounts_old.{name}" for name in TABLES]
        for first, schema, rest in (
            (views[-1], "accounts", views),
            ("accounts.account_snapshot", "accounts_old", names),
        ):
            with reader.transaction():
                reader.execute(f"SELECT count(*) FROM {first}")
                rebuilding = pool.submit(rebuild, database_url)
                wait_for(partial(has_met_the_reader, schema), "the rebuild meets the reader")
                for name in rest:
                    assert reader.execute(f"SELECT count(*) FROM {name}").fetchone() is not None
            rebuilding.result(DEADLINE_S)
            assert other.execute("SELECT to_regnamespace('accounts_old')").fetchone() == (None,)


def test_tables_of_a_newer_version_are_not_replaced(database_url):
    ensure(database_url)
    with connect(database_url, name="test") as connection:
        connection.execute("UPDATE projection SET version = %s", (ACCOUNTS.version + 1,))
    with pytest.raises(SchemaError, match="upgrade"):
        rebuild(database_url)


def test_tables_of_an_older_version_serve_until_rebuilt(database_url):
    stream = Stream()
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]})
    record(database_url, stream.events)
    project(database_url)
    current = read_tables(database_url)
    with connect(database_url, name="test") as connection:
        connection.execute("UPDATE projection SET version = %s", (ACCOUNTS.version - 1,))
        assert needs_rebuild(database_url, ACCOUNTS)
        rebuild(database_url)
        assert not needs_rebuild(database_url, ACCOUNTS)
    assert read_tables(database_url) == current
