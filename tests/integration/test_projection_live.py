"""The projector at work: woken by commits, one at a time on a database, at home after losing its connection."""

import threading
from itertools import pairwise

import pytest

from ibconnect.database.pools import connect
from ibconnect.errors import SchemaError
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine import reading
from ibconnect.projections.engine.runner import Projector
from ibconnect.projections.engine.schema import needs_rebuild
from ibconnect.projections.upkeep import ensure
from tests.projecting import Stream, position, project, read_tables, record, value
from tests.waiting import DEADLINE_S, wait_for


@pytest.fixture
def stream():
    """A session with one refresh of two accounts."""
    stream = Stream()
    stream.message("15", "1", "DU1,DU2", timed=True)
    stream.refresh(
        {
            "DU1": [value("NetLiquidation", "100.50", "USD"), value("AccountReady", "true"), position(1)],
            "DU2": [value("NetLiquidation", "7", "EUR", "DU2")],
        },
        request=3,
    )
    return stream


def await_rows(connection, query, expected):
    """Wait until a query gives the expected rows."""
    rows = []

    def are_there():
        rows[:] = connection.execute(query).fetchall()
        return rows == expected

    wait_for(are_there, lambda: f"{expected}, but {rows}: {query}")


def running(url, **options):
    """A projector that is started; stopped by the caller."""
    projector = Projector(url, ACCOUNTS, **options)
    projector.start()
    return projector


def test_projects_what_is_committed_and_tells_so(database_url, stream):
    ensure(database_url)
    projector = running(database_url)
    try:
        with connect(database_url, name="test") as connection:
            connection.execute("LISTEN projected")
            record(database_url, stream.events)
            notify = next(connection.notifies(timeout=DEADLINE_S))
            assert int(notify.payload) == len(stream.events)
            rows = connection.execute("SELECT outcome, request FROM refresh").fetchall()
            assert rows == [("complete", 3)]
    finally:
        assert projector.stop()


def test_goes_on_after_its_connection_was_cut(database_url, stream):
    ensure(database_url)
    projector = running(database_url)
    try:
        with connect(database_url, name="test") as connection:
            record(database_url, stream.events[:5])
            await_rows(connection, "SELECT position FROM projection", [(5,)])
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%projector'"
            )
            record(database_url, stream.events[5:])
            await_rows(connection, "SELECT position FROM projection", [(len(stream.events),)])
    finally:
        assert projector.stop()


def test_a_projector_that_waits_ends_at_once(database_url, stream, monkeypatch):
    monkeypatch.setattr("ibconnect.projections.engine.runner._POLL_S", 3600.0)
    ensure(database_url)
    record(database_url, stream.events)
    projector = running(database_url)
    with connect(database_url, name="test") as connection:
        await_rows(connection, "SELECT position FROM projection", [(len(stream.events),)])
    assert projector.stop(DEADLINE_S)


def test_two_projectors_apply_each_event_once(database_url, stream):
    ensure(database_url)
    projectors = [running(database_url, batch=3) for _ in range(3)]
    try:
        for number in range(40):
            stream.refresh({"DU1": [value("NetLiquidation", f"{number}.25", "USD"), position(number)]}, request=number)
        for start in range(0, len(stream.events), 17):
            record(database_url, stream.events[start : start + 17])
        with connect(database_url, name="test") as connection:
            await_rows(connection, "SELECT position FROM projection", [(len(stream.events),)])
            assert connection.execute("SELECT count(*), max(id) FROM account_snapshot").fetchone() == (42, 42)
            assert connection.execute("SELECT count(*) FROM poison_event").fetchone() == (0,)
    finally:
        assert [projector.stop() for projector in projectors] == [True] * 3


def test_any_limit_and_any_restart_give_the_same_tables(database_url, stream):
    stream.refresh({"DU1": [value("AccruedCash", "1.00", "USD"), value("NetLiquidation", "1.00", "USD")]})
    stream.own("rs", created=stream.at, trigger="test")
    stream.own("as", account="DU1", source="updates")
    stream.message("6", "2", "Cushion", "0.5", "", "DU1")
    stream.own("sc", reason="lost")
    record(database_url, stream.events)
    seen = []
    for limit in (1, 2, 7, 1000):
        project(database_url, limit)
        seen.append(read_tables(database_url))
        with connect(database_url, name="test") as connection:
            connection.execute("DROP SCHEMA accounts CASCADE")
    assert all(tables == seen[0] for tables in seen)
    assert len(seen[0]["account_snapshot"]) == 3
    assert [row[9] for row in seen[0]["refresh"]] == ["complete", "complete", "aborted"]


def test_instances_may_start_at_once(database_url):
    failures = []

    def start():
        try:
            ensure(database_url)
        except Exception as exc:  # noqa: BLE001 - told by the assertion
            failures.append(exc)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert not needs_rebuild(database_url, ACCOUNTS)


def test_needs_rebuild_says_when_there_is_nothing(database_url):
    with pytest.raises(SchemaError, match="no snapshot tables"):
        needs_rebuild(database_url, ACCOUNTS)


def test_tables_of_an_older_version_are_left_alone(database_url, stream):
    ensure(database_url)
    record(database_url, stream.events)
    with connect(database_url, name="test") as connection:
        connection.execute("UPDATE projection SET version = version - 1")
        assert needs_rebuild(database_url, ACCOUNTS)
        steps = project(database_url)
        assert [step.is_ours for step in steps] == [False]
        assert connection.execute("SELECT count(*) FROM account_snapshot").fetchone() == (0,)


def test_figures_of_people_views(database_url, stream):
    record(database_url, stream.events)
    project(database_url)
    with connect(database_url, name="test") as connection:
        latest = connection.execute(
            "SELECT account_code, base_currency, gateways FROM public.v_account_snapshot_latest ORDER BY 1"
        ).fetchall()
        assert latest == [("DU1", "USD", ["127.0.0.1:4002"]), ("DU2", "EUR", ["127.0.0.1:4002"])]
        amounts = connection.execute(
            "SELECT account_code, net_liquidation::text FROM public.v_account_amount ORDER BY 1"
        ).fetchall()
        assert amounts == [("DU1", "100.50"), ("DU2", "7")]
        positions = connection.execute(
            "SELECT symbol, currency, position::text, market_price::text FROM public.v_account_position"
        ).fetchall()
        assert positions == [("AAPL", "USD", "100", "187.25")]


def test_a_step_reads_no_more_bytes_than_it_should_but_any_single_event(database_url, monkeypatch):
    monkeypatch.setattr(reading, "_MOST_BYTES", 3_000)
    stream = Stream()
    sizes = [10, 900, 900, 900, 900, 10_000, 10, 5_000, 10]
    for size in sizes:
        stream.message("9999", "x" * size)
    record(database_url, stream.events)
    steps = [step.position for step in project(database_url)]
    states = {number: len(event.state) for number, event in enumerate(stream.events, start=1)}
    assert (steps[-1], len(steps)) == (len(states), 6)
    for before, upto in pairwise([0, *steps]):
        assert sum(states[each] for each in range(before + 1, upto + 1)) <= 3_000 or upto == before + 1
