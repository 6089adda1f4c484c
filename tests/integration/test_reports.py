"""Two reports side by side: each has its tables, position, turns, rights and events set aside; one pass reads both.

The second one is the toy report of :mod:`tests.families`, whose SQL lies beside that of the program here.
"""

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import Connection

from ibconnect.database import sql, tables
from ibconnect.database.pools import connect
from ibconnect.errors import ProjectionError, SchemaError
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.live import LiveTables, Step
from ibconnect.projections.engine.lock import alone
from ibconnect.projections.engine.projection import Event, Projection, Understood
from ibconnect.projections.engine.reading import read_events
from ibconnect.projections.engine.rebuild import rebuild, rebuild_if_older
from ibconnect.projections.engine.schema import ensure
from ibconnect.projections.engine.set_aside import events_set_aside, retry
from ibconnect.projections.engine.tracking import path_of, take_turn
from ibconnect.service import making
from tests.families.projection import FAMILIES
from tests.families.tree import make_tree
from tests.projecting import Stream, position, read_tables, record, value
from tests.waiting import DEADLINE_S

BOTH = (ACCOUNTS, FAMILIES)
FAMILY = "SELECT account, family_code, position FROM families.family ORDER BY account"


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The SQL of the program with both reports, by the toy's version."""
    directory = tmp_path_factory.mktemp("trees")
    return {version: make_tree(directory / str(version), version) / "sql" for version in (1, 2)}


def use(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    """Have the program find its SQL there."""
    for module in (sql, tables):
        monkeypatch.setattr(module, "sql_root", lambda: root)
    forget()


def forget() -> None:
    sql.queries.cache_clear()
    tables.reports.cache_clear()


@pytest.fixture
def _families(monkeypatch: pytest.MonkeyPatch, trees: dict[int, Path]) -> Iterator[None]:
    use(monkeypatch, trees[1])
    yield
    monkeypatch.undo()
    forget()


@pytest.fixture
def stream() -> Stream:
    """A login whose accounts and families are told several times."""
    stream = Stream()
    stream.message("15", "1", "DU1,DU2", timed=True)
    for number in range(6):
        families(stream, DU1="F1", DU2=f"F{number}")
        stream.message("77", "something", "else")
        stream.refresh({"DU1": [value("NetLiquidation", f"{number}.00", "USD"), position(265598)]})
    return stream


def families(stream: Stream, **codes: str) -> StoredEvent:
    """The gateway's answer to a request for family codes."""
    return stream.message("78", str(len(codes)), *(text for pair in codes.items() for text in pair))


def step(url: str, report: Projection, limit: int = 20_000) -> Step:
    """Apply everything to one report."""
    with connect(url, name="test", search_path=path_of(report.name)) as connection:
        live = LiveTables(connection, report, limit)
        while (done := live.step()).is_behind:
            pass
        return done


def rows(url: str, query: str = FAMILY) -> list[tuple[Any, ...]]:
    with connect(url, name="test", search_path="public") as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def url(_families: None, database_url: str, stream: Stream) -> str:
    """A database in which that is recorded and both reports have tables."""
    record(database_url, stream.events)
    ensure(database_url, BOTH)
    return database_url


def test_each_is_applied_by_itself_and_built_again_to_the_same_rows(url: str) -> None:
    assert step(url, ACCOUNTS).made == 6
    assert rows(url) == []
    assert rows(url, "SELECT position FROM families.projection") == [(0,)]
    assert step(url, FAMILIES, limit=7).position == step(url, ACCOUNTS).position
    found, accounts = rows(url), read_tables(url)
    assert [row[:2] for row in found] == [("DU1", "F1"), ("DU2", "F5")]
    assert rows(url, "SELECT account_code, family_code FROM v_family ORDER BY 1") == [row[:2] for row in found]
    assert rows(url, "SELECT min(told) > '2023-11-14' FROM families.family") == [(True,)]
    for reports in ([FAMILIES], [ACCOUNTS], BOTH):
        before = {report: oid(url, report) for report in BOTH}
        assert rebuild(url, reports).reports == tuple(report.name for report in reports)
        assert (rows(url), read_tables(url)) == (found, accounts)
        assert {report for report in BOTH if oid(url, report) != before[report]} == set(reports)


def oid(url: str, report: Projection) -> int:
    """Which tables of a report are live."""
    return int(rows(url, f"SELECT '{report.name}.projection'::regclass::oid")[0][0])


def test_several_are_built_in_one_pass_over_the_events(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.projections.engine.rebuild._BATCH_POSITIONS", 10)
    read: list[tuple[int, int]] = []

    def counted(connection: Any, reports: Sequence[Projection], after: int, upto: int) -> list[Event]:
        if len(reports) > 1:
            read.append((after, upto))
        return read_events(connection, reports, after, upto)

    monkeypatch.setattr("ibconnect.projections.engine.reading.read_events", counted)
    told: list[tuple[str, int]] = []
    done = rebuild(url, BOTH, lambda report, upto, _total, _rate: told.append((report, upto)))
    assert [upto for _, upto in read] == [after for after, _ in read[1:]] + [done.events]
    loaded = told[: 2 * len(read)]
    assert loaded == [(report.name, upto) for _, upto in read for report in BOTH]
    assert {name for name, _ in told} == {"accounts", "families"}


class Spy:
    """A reader that notes what it is given."""

    def __init__(self, seen: list[Event]) -> None:
        self._seen = seen

    def read(self, _connection: Any, events: Sequence[Event]) -> Understood:
        self._seen += events
        return Understood([])

    def dump(self) -> bytes:
        return b"{}"


def test_each_gets_the_events_that_it_is_made_of_and_no_others(url: str) -> None:
    seen: dict[str, list[Event]] = {}
    for together in (False, True):
        for wanted in ([ACCOUNTS], [FAMILIES]) if not together else (BOTH,):
            spies = [
                dataclasses.replace(report, reader=lambda _, name=report.name: Spy(seen.setdefault(name, [])))
                for report in wanted
            ]
            # What an accounts fold would make of nothing at all.
            spies = [dataclasses.replace(spy, fold=FAMILIES.fold) for spy in spies]
            rebuild(url, spies)
        assert {event.topic for event in seen["accounts"]} == {"a", "so", "rs", "as", "ac", "re"}
        assert [orjson.loads(event.state)[0] for event in seen["families"]] == ["78"] * 6
        assert all(event.timed_state for event in seen["families"])
        assert len(seen["accounts"]) == 1 + 1 + 6 * 4
        seen.clear()


def test_an_event_that_one_cannot_apply_is_set_aside_by_that_one_alone(url: str) -> None:
    for report in BOTH:
        step(url, report)
    accounts, found = read_tables(url), rows(url)
    other = Stream("other:4002")
    bad = other.message("78", "7", "DU1", "F9", timed=True)
    families(other, DU9="F9")
    record(url, other.events)
    (refused,) = step(url, FAMILIES).set_aside
    assert (refused.session, refused.version) == (other.id, bad.originator_version)
    assert "7 families are told" in refused.reason
    step(url, ACCOUNTS)
    assert read_tables(url)["poison_event"] == accounts["poison_event"] == []
    assert [(each.report, each.version) for each in events_set_aside(url, BOTH)] == [("families", refused.version)]
    assert [row[0] for row in rows(url)] == ["DU1", "DU2", "DU9"]
    assert [row for row in rows(url) if row[0] != "DU9"] == found
    tables_before = oid(url, ACCOUNTS)
    assert retry(url, BOTH) == (1, 1)
    assert oid(url, ACCOUNTS) == tables_before, "a report without such events is not built again"
    assert [row[0] for row in rows(url)] == ["DU1", "DU2", "DU9"]


def test_a_reader_that_fails_costs_its_own_report_its_events_alone(url: str) -> None:
    class Broken(Spy):
        def read(self, _connection: Any, events: Sequence[Event]) -> Understood:
            raise KeyError("no family") if events else AssertionError

    broken = dataclasses.replace(FAMILIES, reader=lambda _: Broken([]))
    rebuild(url, (ACCOUNTS, broken))
    assert [each.reason for each in events_set_aside(url, (ACCOUNTS, broken))] == ["KeyError: 'no family'"] * 6
    step(url, ACCOUNTS)
    assert rows(url, "SELECT count(*) FROM accounts.account_snapshot") == [(6,)]
    assert retry(url, BOTH) == (6, 0)


def test_the_turns_of_one_keep_no_other_waiting(url: str) -> None:
    with connect(url, name="test") as holder, alone(holder, [FAMILIES]), holder.transaction():
        take_turn(holder, FAMILIES.apply)
        take_turn(holder, FAMILIES.ensure)
        done = threading.Event()

        def work() -> None:
            step(url, ACCOUNTS)
            rebuild(url, [ACCOUNTS])
            ensure(url, [ACCOUNTS])
            done.set()

        threading.Thread(target=work, daemon=True).start()
        assert done.wait(DEADLINE_S)
        for reports in ([FAMILIES], BOTH):
            with pytest.raises(ProjectionError, match="another rebuild of the family tables"):
                rebuild(url, reports)
        with closing(connect(url, name="test")) as other, pytest.raises(ProjectionError), alone(other, BOTH):
            raise AssertionError
        # Of those that it could have had it gave all back.
        rebuild(url, [ACCOUNTS])


def test_a_newer_version_of_one_is_built_while_the_other_goes_on(
    url: str, monkeypatch: pytest.MonkeyPatch, trees: dict[int, Path]
) -> None:
    for report in BOTH:
        step(url, report)
    found, accounts = rows(url), oid(url, ACCOUNTS)
    use(monkeypatch, trees[2])
    monkeypatch.setattr(making, "REPORTS", BOTH)
    ensure(url, BOTH)
    assert "is_new" not in columns(url)
    assert not step(url, FAMILIES).is_ours
    more = Stream("other:4002")
    more.refresh({"DU3": [value("NetLiquidation", "1.00", "USD")]})
    families(more, DU3="F3")
    record(url, more.events)
    assert step(url, ACCOUNTS).made == 1
    assert rows(url) == found
    assert making._old(url) == {FAMILIES}
    making._build(url, frozenset({FAMILIES}))
    assert making._old(url) == frozenset()
    assert "is_new" in columns(url)
    assert [row[0] for row in rows(url)] == ["DU1", "DU2", "DU3"]
    assert oid(url, ACCOUNTS) == accounts
    assert rebuild_if_older(url, BOTH) is None
    use(monkeypatch, trees[1])
    with pytest.raises(SchemaError, match="the family tables are of version 2, this ibconnect makes 1"):
        rebuild(url, BOTH)


def columns(url: str) -> list[str]:
    """Of the public view of families."""
    with connect(url, name="test", search_path="public") as connection:
        return [each.name for each in connection.execute("SELECT * FROM v_family LIMIT 0").description or ()]


def test_what_stands_in_the_way_of_one_keeps_no_other_from_being_built(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "REPORTS", BOTH)
    for report in BOTH:
        rows_of = f"UPDATE {report.name}.projection SET version = 0"
        with connect(url, name="test") as connection:
            connection.execute(rows_of.encode())
    before = {report: oid(url, report) for report in BOTH}
    with connect(url, name="test") as holder, alone(holder, [ACCOUNTS]):
        assert making._old(url) == set(BOTH)
        with pytest.raises(ProjectionError, match="another rebuild of the snapshot tables"):
            making._build(url, frozenset(BOTH))
    assert (oid(url, ACCOUNTS) == before[ACCOUNTS], oid(url, FAMILIES) == before[FAMILIES]) == (True, False)
    making._build(url, making._old(url))
    assert oid(url, ACCOUNTS) != before[ACCOUNTS]


def test_rights_on_one_outlast_its_rebuild(url: str) -> None:
    role = "reader_of_families"
    with connect(url, name="test") as connection:
        connection.execute(f"CREATE ROLE {role}".encode())
        try:
            connection.execute(f"GRANT USAGE ON SCHEMA families TO {role}".encode())
            connection.execute(f"GRANT SELECT ON families.family, v_family TO {role}".encode())
            rebuild(url, BOTH)
            with connection.transaction():
                connection.execute(f"SET LOCAL ROLE {role}".encode())
                for query in ("SELECT account FROM families.family", "SELECT account_code FROM v_family"):
                    assert len(connection.execute(query.encode()).fetchall()) == 2
                with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                    connection.execute("SELECT code FROM accounts.account")
        finally:
            connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


@pytest.fixture(scope="module")
def shared(server_url: str, template: str) -> Iterator[Connection[Any]]:
    """A database for many examples."""
    from tests.conftest import create_database, drop_database

    name = f"filters_{uuid4().hex[:8]}"
    with connect(create_database(server_url, name, template), name="test") as connection:
        yield connection
    drop_database(server_url, name)


FIELDS = st.lists(
    st.one_of(st.sampled_from(["78", "7", "7878", "", '"78"', "\\", "ü78"]), st.text(max_size=50)), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FIELDS, st.sampled_from([None, 1, 1_700_000_000_000_000])), min_size=1, max_size=20))
def test_the_database_and_the_program_agree_which_messages_a_report_wants(
    shared: Connection[Any], messages: list[tuple[list[str], int | None]]
) -> None:
    states = [orjson.dumps(fields if time is None else [time, *fields]) for fields, time in messages]
    (first,) = shared.execute("SELECT coalesce(max(notification_id), 0) FROM stored_events").fetchone() or (0,)
    insert = "INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, 'm', %s)"
    with shared.cursor() as cursor:
        session = uuid4()
        cursor.executemany(insert, [(session, number, state) for number, state in enumerate(states, 1)])
    everything = dataclasses.replace(FAMILIES, topics=("m",))
    found = read_events(shared, [FAMILIES], first, first + len(states))
    alls = read_events(shared, [everything], first, first + len(states))
    assert [event.state for event in alls] == states
    assert found == [event for event in alls if FAMILIES.wants(event)]
    assert [event.state for event in found] == [
        state for state, (fields, _) in zip(states, messages, strict=True) if fields[0] == "78"
    ]
    assert [key for key, _ in groupby(event.session for event in alls)] == [session]
