"""A database of before: its table of events becomes a partition, beside those who use it, and nothing is lost by it."""

import threading
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from ibconnect.database import migrations
from ibconnect.database.migrations import Migration, available, migrate
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.projections.upkeep import ensure
from tests.partitions import (
    BEFORE,
    BY_MONTH,
    OTHER,
    in_month,
    missing,
    name_of,
    partitions,
    record,
    this_month,
    version_before,
    where,
)
from tests.waiting import DEADLINE_S, wait_for

ROWS = "SELECT notification_id, originator_id, originator_version, topic, state FROM {} ORDER BY notification_id"
MANY = 50_000
"""Events that are worth a scan."""


@pytest.fixture
def old_url(empty_database_url: str) -> str:
    """A database of the version before."""
    with version_before():
        migrate(empty_database_url)
    return empty_database_url


def rows(url: str, table: str = "stored_events") -> list[Any]:
    with connect(url, name="test") as connection:
        return connection.execute(ROWS.format(table).encode()).fetchall()


def test_what_there_is_becomes_one_partition_and_its_open_sessions_go_on_in_it(old_url: str) -> None:
    old, ended, open_one = in_month(this_month(-30)), in_month(this_month(-1)), in_month(this_month())
    for stream in (old, ended, open_one):
        record(old_url, stream)
    before = rows(old_url)
    assert migrate(old_url)[0] == BY_MONTH
    assert rows(old_url) == before
    record(old_url, open_one, versions=range(3, 5))
    record(old_url, in_month(this_month(2)))
    assert where(old_url) == {
        old: {BEFORE},
        ended: {BEFORE},
        open_one: {BEFORE},
        in_month(this_month(2)): {name_of(this_month(2))},
    }
    assert [position for position, *_ in rows(old_url)] == list(range(1, 11))
    assert partitions(old_url) == {BEFORE, OTHER, name_of(this_month(2)), name_of(this_month(3))}
    assert missing(old_url) == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="events are immutable"):
        rows(old_url, "stored_events WHERE false; DELETE FROM stored_events_before; SELECT")


def test_sessions_of_a_clock_that_was_far_ahead_are_moved_as_a_whole(old_url: str) -> None:
    far, farther, present = in_month(this_month(3)), in_month(this_month(900)), in_month(this_month())
    for versions in (range(1, 3), range(3, 5)):
        for stream in (far, farther, present):
            record(old_url, stream, versions=versions)
    before = rows(old_url)
    migrate(old_url)
    assert rows(old_url) == before
    assert where(old_url) == {far: {name_of(this_month(3))}, farther: {OTHER}, present: {BEFORE}}


def test_views_upon_the_events_show_what_is_recorded_from_then_on(old_url: str) -> None:
    with connect(old_url, name="test") as connection:
        ensure(old_url)
        connection.execute("CREATE VIEW mine WITH (security_barrier) AS SELECT count(*) FROM stored_events")
        connection.execute("CREATE VIEW of_mine AS SELECT * FROM mine")
        connection.execute("GRANT SELECT ON mine TO PUBLIC")
        record(old_url, in_month(this_month()))
        about = "SELECT relacl, reloptions, relowner FROM pg_class WHERE relname = 'mine'"
        before = connection.execute(about).fetchall()
        migrate(old_url)
        record(old_url, in_month(this_month(2)))
        for view in ("mine", "of_mine", "(SELECT count(*) FROM v_event) AS theirs"):
            assert connection.execute(f"SELECT * FROM {view}".encode()).fetchone() == (4,), view
        assert connection.execute(about).fetchall() == before


def test_triggers_of_ones_own_are_as_awake_on_every_partition_as_they_were(old_url: str) -> None:
    """One that somebody has put to sleep must not begin to act."""
    states = {"usual": "ENABLE", "asleep": "DISABLE", "of_replicas": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
    modes = "SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = %s::regclass ORDER BY tgname"
    with connect(old_url, name="test", search_path="public") as connection:
        connection.execute("CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        for name, state in states.items():
            made = f"CREATE TRIGGER {name} AFTER INSERT ON stored_events EXECUTE FUNCTION noted()"
            connection.execute(f"{made}; ALTER TABLE stored_events {state} TRIGGER {name}".encode())
        before = connection.execute(modes, ("stored_events",)).fetchall()
        migrate(old_url)
        for table in ("stored_events", *partitions(old_url)):
            assert connection.execute(modes, (table,)).fetchall() == before, table


OBSTACLES = {
    "materialized view public.counted": "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM stored_events",
    "foreign key note_position_fkey of public.note": (
        "CREATE TABLE note (position bigint REFERENCES stored_events (notification_id))"
    ),
    "publication mine": "CREATE PUBLICATION mine FOR TABLE stored_events",
    "function public.many()": (
        "CREATE FUNCTION many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM stored_events; END"
    ),
    "policy only_mine": "CREATE POLICY only_mine ON stored_events USING (true)",
    "row level security": "ALTER TABLE stored_events ENABLE ROW LEVEL SECURITY",
    "its row type in function public.topic_of(public.stored_events)": (
        "CREATE FUNCTION topic_of(event stored_events) RETURNS text LANGUAGE sql AS 'SELECT event.topic'"
    ),
    "its row type in column event of view public.whole": "CREATE VIEW whole AS SELECT event FROM stored_events event",
    "its row type in column kept of table public.note_of": "CREATE TABLE note_of (kept stored_events)",
    "trigger mine": (
        "CREATE TRIGGER mine AFTER UPDATE ON stored_events"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()"
    ),
}


def test_what_cannot_follow_is_named_and_nothing_is_changed(old_url: str) -> None:
    with connect(old_url, name="test", search_path="public") as connection:
        for statement in OBSTACLES.values():
            connection.execute(statement.encode())
        with pytest.raises(DatabaseError, match="cannot follow public") as caught:
            migrate(old_url)
        assert [name for name in OBSTACLES if name not in str(caught.value)] == []
        record(old_url, in_month(this_month(5)))
        assert connection.execute("SELECT max(number) FROM schema_migration").fetchone() == (BY_MONTH.number - 1,)


def test_a_view_that_its_owner_could_not_make_again_is_named(old_url: str) -> None:
    """Made when everybody could make things in public, as was usual before PostgreSQL 15."""
    with connect(old_url, name="test") as connection:
        for statement in (
            "CREATE ROLE former_analyst",
            "GRANT CREATE ON SCHEMA public TO former_analyst",
            "GRANT SELECT ON stored_events TO former_analyst",
            "SET ROLE former_analyst; CREATE VIEW public.mine AS SELECT topic FROM public.stored_events; RESET ROLE",
            "REVOKE CREATE ON SCHEMA public FROM former_analyst",
        ):
            connection.execute(statement.encode())
        try:
            with pytest.raises(
                DatabaseError, match=r"view public\.mine, which former_analyst may not make again there"
            ):
                migrate(old_url)
        finally:
            connection.execute("DROP OWNED BY former_analyst CASCADE; DROP ROLE former_analyst")
        assert migrate(old_url)[0] == BY_MONTH


def fill(url: str) -> None:
    with connect(url, name="test") as connection:
        connection.execute(
            "INSERT INTO stored_events (originator_version, originator_id, topic, state)"
            " SELECT n, %s, 'v', '[]' FROM generate_series(1, %s) AS n",
            (in_month(this_month(-1)), MANY),
        )
        connection.execute("VACUUM ANALYZE stored_events")


def read(connection: Connection[Any]) -> int:
    """How many rows scans of the events have read, in all."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    counted = connection.execute(
        "SELECT sum(seq_tup_read) FROM pg_stat_all_tables WHERE relname IN ('stored_events', 'stored_events_before')"
    )
    return int(counted.fetchall()[0][0])


def test_no_scan_of_the_events_happens_while_others_are_locked_out(old_url: str) -> None:
    """However many events there are: only the step that reads all of them takes longer with more."""
    fill(old_url)
    taken: list[tuple[set[str], int]] = []
    held = "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'stored_events'::regclass"
    with connect(old_url, name="test") as connection:
        for step in BY_MONTH.steps:
            before = read(connection)
            with connection.transaction():
                connection.execute(step)
                modes = {mode for (mode,) in connection.execute(held.replace("'stored", "'public.stored").encode())}
            taken.append((modes, read(connection) - before))
    bound, look, change = taken
    assert "AccessExclusiveLock" in bound[0] and "AccessExclusiveLock" in change[0]
    assert bound[1] < 10 and change[1] < 10, "rows that were read while nobody could"
    assert look[0] <= {"ShareUpdateExclusiveLock", "AccessShareLock"}
    assert look[1] >= MANY


def test_everybody_reads_while_the_events_are_looked_through(old_url: str) -> None:
    fill(old_url)
    bound, look, _ = BY_MONTH.steps
    with connect(old_url, name="migrate") as connection, connect(old_url, name="reader") as reader:
        with connection.transaction():
            connection.execute(bound)
        with connection.transaction():
            connection.execute(look)
            reader.execute("SET lock_timeout = '5s'")
            assert reader.execute("SELECT count(*) FROM stored_events").fetchone() == (MANY,)


def test_a_writer_of_the_version_before_stores_all_the_while(old_url: str) -> None:
    """It locks the table for each batch, is refused now and then, and tries again; no batch is lost or stored twice."""
    fill(old_url)
    over = threading.Event()
    stream, stored, failures = in_month(this_month(), 77), [0], list[BaseException]()

    def store(connection: Connection[Any]) -> bool:
        """One batch; whether it was the last one."""
        with suppress(psycopg.errors.LockNotAvailable):
            with connection.transaction():
                connection.execute("SET LOCAL lock_timeout = '2s'")
                connection.execute("LOCK TABLE public.stored_events IN EXCLUSIVE MODE")
                columns = "(originator_version, originator_id, topic, state)"
                with connection.cursor().copy(f"COPY public.stored_events {columns} FROM STDIN".encode()) as copy:
                    copy.write_row((stored[0] + 1, stream, "v", b"[]"))
                connection.execute("SELECT currval('public.stored_events_notification_id_seq')")
            stored[0] += 1
        return over.is_set()

    def write() -> None:
        try:
            with connect(old_url, name="old") as connection:
                wait_for(lambda: store(connection), "it has stored its last batch", pause=0.0)
        except BaseException as exc:  # noqa: BLE001 - reported below
            failures.append(exc)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    wait_for(lambda: stored[0] > 20, "it stores")
    migrate(old_url)
    reached = stored[0]
    wait_for(lambda: stored[0] > reached + 20 or failures, "it goes on")
    over.set()
    writer.join(DEADLINE_S)
    assert failures == []
    with connect(old_url, name="test") as connection:
        found = connection.execute(
            "SELECT count(*), max(originator_version), count(DISTINCT tableoid), max(notification_id)"
            " FROM stored_events WHERE originator_id = %s",
            (stream,),
        ).fetchone()
    assert found is not None
    assert found[:3] == (stored[0], stored[0], 1)


def with_steps(monkeypatch: pytest.MonkeyPatch, *steps: str) -> None:
    """The migration by months has these steps; others have their own."""
    others = {each: each.steps for each in available() if each != BY_MONTH}
    monkeypatch.setattr(Migration, "steps", property(lambda each: others.get(each, list(steps))))


def test_a_migration_that_fails_leaves_no_bound_behind_or_says_so(
    old_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would refuse events in two months."""
    record(old_url, in_month(this_month()))
    bounds = "SELECT count(*) FROM pg_constraint WHERE conname = 'stored_events_before_span'"
    with connect(old_url, name="reader", autocommit=False) as reader, connect(old_url, name="test") as connection:
        bound, look, change = BY_MONTH.steps
        slow = look + "SELECT count(*) FROM public.stored_events;"
        with_steps(monkeypatch, bound, slow, "SELECT 1 / 0")
        with pytest.raises(DatabaseError, match="division by zero"):
            migrate(old_url)
        assert connection.execute(bounds).fetchone() == (0,)
        with_steps(monkeypatch, bound, look, change)
        monkeypatch.setattr(migrations, "_LOCK", (*migrations._LOCK, "SET LOCAL lock_timeout = '100ms'"))
        connection.execute(bound)
        reader.execute("SELECT count(*) FROM stored_events")
        with pytest.raises(DatabaseUnavailable, match=r"lock timeout[^;]*; what it had begun may still be there"):
            migrate(old_url)
        assert connection.execute(bounds).fetchone() == (1,), "nobody who reads is waited for to take it back"
        reader.rollback()
        assert migrate(old_url)[0] == BY_MONTH
        assert connection.execute(bounds).fetchone() == (0,)


def test_a_migration_that_was_cut_off_goes_on_where_it_was(old_url: str) -> None:
    """Killed between its steps; and its bound has come near meanwhile, since nobody tried again."""
    record(old_url, in_month(this_month()))
    bound, look, _ = BY_MONTH.steps
    with connect(old_url, name="killed") as connection:
        connection.execute(bound)
        connection.execute(look)
        kept = "SELECT oid FROM pg_constraint WHERE conname = 'stored_events_before_span'"
        first = connection.execute(kept).fetchone()
        connection.execute(bound)
        assert connection.execute(kept).fetchone() == first, "that of another who migrates"
        connection.execute("ALTER TABLE stored_events DROP CONSTRAINT stored_events_before_span")
        connection.execute(
            "ALTER TABLE stored_events ADD CONSTRAINT stored_events_before_span"
            f" CHECK (originator_id < '{in_month(this_month(0), 2**61)}')".encode()
        )
    migrate(old_url)
    assert name_of(this_month(2)) in partitions(old_url)
    assert name_of(this_month(1)) not in partitions(old_url)


def test_many_who_migrate_at_once_do_each_step_once(old_url: str) -> None:
    record(old_url, in_month(this_month()))
    applied, failures = list[Migration](), list[Exception]()

    def start() -> None:
        try:
            applied.extend(migrate(old_url))
        except Exception as exc:  # noqa: BLE001 - reported below
            failures.append(exc)

    threads = [threading.Thread(target=start) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(applied, key=lambda each: each.number) == available()[BY_MONTH.number - 1 :]
