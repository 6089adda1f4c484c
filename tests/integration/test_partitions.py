"""Events by month: where they lie, who makes the months, and that no partition can be changed by anybody."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from ibconnect.database.dump import dump
from ibconnect.database.months import ANY, make_months
from ibconnect.database.pools import connect
from ibconnect.database.restore import restore
from ibconnect.events.recorder import EventRecorder
from tests.partitions import (
    AHEAD,
    BEFORE,
    LEAVES,
    OTHER,
    in_month,
    missing,
    name_of,
    partitions,
    record,
    take_away,
    this_month,
    where,
)
from tests.waiting import wait_for


def test_a_new_database_has_this_month_and_three_more(database_url: str) -> None:
    assert partitions(database_url) == set(LEAVES)
    assert missing(database_url) == []
    assert make_months(database_url).made == []


IDS = st.one_of(
    st.uuids(),
    st.builds(UUID, int=st.integers(0, 2**128 - 1)),
    st.builds(in_month, st.integers(-30, 8).map(this_month), st.integers(1, 2**60)),
    st.sampled_from([UUID(int=0), UUID(int=2**128 - 1)]),
)


def expected(stream: UUID) -> str:
    """By the bounds that a month has, counted without Postgres."""
    for month in AHEAD:
        begin = int(datetime(month.year, month.month, 1, tzinfo=UTC).timestamp() * 1000)
        following = (month.year + month.month // 12, month.month % 12 + 1)
        end = int(datetime(*following, 1, tzinfo=UTC).timestamp() * 1000)
        if stream.int < begin << 80:
            return BEFORE
        if stream.int < end << 80:
            return name_of(month)
    return OTHER


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(streams=st.sets(IDS, min_size=1, max_size=20))
def test_each_stream_lies_as_a_whole_where_its_id_says(database_url: str, streams: set[UUID]) -> None:
    before = where(database_url)
    record(database_url, *(streams - before.keys()))
    found = where(database_url)
    assert {stream: found[stream] for stream in streams} == {stream: {expected(stream)} for stream in streams}


CHANGES = [SQL(change) for change in ("UPDATE {} SET topic = 'x'", "DELETE FROM {}", "TRUNCATE {}")]


def test_no_partition_is_changed_by_its_own_name_either(database_url: str) -> None:
    with connect(database_url, name="test") as connection:
        for role in ("origin", "replica"):
            connection.execute(SQL("SET session_replication_role = {}").format(SQL(role)))
            for name in sorted({"stored_events", *LEAVES, *partitions(database_url)}):
                for change in CHANGES:
                    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f"public.{name} is refused"):
                        connection.execute(change.format(Identifier(name)))


def test_the_months_that_are_missing_are_made_once_whoever_makes_them(database_url: str) -> None:
    take_away(database_url, AHEAD[1], AHEAD[3])
    assert missing(database_url) == [AHEAD[1], AHEAD[3]]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(make_months, [database_url] * 8))

    def are_made() -> bool:
        found.append(make_months(database_url))
        return missing(database_url) == []

    wait_for(are_made, "all are made")
    assert sorted(month for each in found for month in each.made) == [AHEAD[1], AHEAD[3]]
    assert partitions(database_url) == set(LEAVES)


def test_without_its_month_an_event_is_stored_and_moved_when_the_month_is_made(
    database_url: str, recorder: EventRecorder
) -> None:
    past, present, far = in_month(this_month(-2)), in_month(AHEAD[0]), in_month(this_month(900))
    with connect(database_url, name="test") as connection:
        # As if the service had run for months, and nobody had made any.
        connection.execute("ALTER TABLE stored_events DETACH PARTITION stored_events_before")
    take_away(database_url, AHEAD[0])
    record(database_url, past, present, far, versions=range(1, 6))
    assert where(database_url) == {past: {OTHER}, present: {OTHER}, far: {OTHER}}
    rows = "SELECT notification_id, originator_id, originator_version, topic, state FROM stored_events ORDER BY 1"
    with connect(database_url, name="test") as connection:
        before = connection.execute(rows).fetchall()
        assert sorted(missing(database_url)) == [this_month(-2), AHEAD[0]]
        found = make_months(database_url, 4)
        assert (found.made, list(found.missing)) == ([], [this_month(-2), AHEAD[0]])
        assert all("holds more than 4 events" in str(why) for why in found.missing.values())
        assert make_months(database_url, 5).made == [this_month(-2), AHEAD[0]]
        assert where(database_url) == {past: {name_of(this_month(-2))}, present: {name_of(AHEAD[0])}, far: {OTHER}}
        assert connection.execute(rows).fetchall() == before
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="events are immutable"):
            connection.execute("DELETE FROM stored_events_other")
    assert make_months(database_url, ANY).made == []


def test_a_month_that_cannot_be_made_holds_neither_the_others_up_nor_recording(database_url: str) -> None:
    take_away(database_url, AHEAD[1], AHEAD[2])
    with connect(database_url, name="squatter") as connection:
        connection.execute(SQL("CREATE TABLE {} (n integer)").format(Identifier(name_of(AHEAD[1]))))
    found = make_months(database_url)
    assert found.made == [AHEAD[2]]
    assert "is no partition of public.stored_events" in str(found.missing[AHEAD[1]])
    stream = in_month(AHEAD[1])
    record(database_url, stream)
    assert where(database_url) == {stream: {OTHER}}


def test_whoever_reads_for_long_keeps_a_month_from_being_made_and_nobody_else(database_url: str) -> None:
    """A dump has a lock on every partition for hours."""
    take_away(database_url, AHEAD[3])
    with connect(database_url, name="dump", autocommit=False) as dump:
        dump.execute("SELECT count(*) FROM stored_events")
        found = make_months(database_url)
        record(database_url, in_month(AHEAD[0]))
    assert isinstance(found.missing[AHEAD[3]], psycopg.errors.LockNotAvailable)
    assert make_months(database_url).made == [AHEAD[3]]


def test_a_month_has_what_the_table_of_the_first_migration_had(database_url: str) -> None:
    """Fill factors, thresholds of autovacuum, storage, the index of positions: what makes it small and fast."""
    query = """
        SELECT
            relation.reloptions,
            (SELECT array_agg((attname, attstorage, attnotnull)::text ORDER BY attnum)
             FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0),
            (SELECT array_agg(replace(pg_get_indexdef(indexrelid), relname, 'it') ORDER BY indisprimary)
             FROM pg_index WHERE indrelid = relation.oid)
        FROM pg_class AS relation WHERE relation.oid = %s::regclass
    """
    with connect(database_url, name="test") as connection:
        first, *others = [connection.execute(query, (name,)).fetchone() for name in LEAVES]
    assert first is not None
    assert all(other == first for other in others)


def test_a_dump_brings_partitions_back_as_they_were(database_url: str, empty_database_url: str, tmp_path: Path) -> None:
    streams = [in_month(this_month(-7)), in_month(AHEAD[0]), in_month(AHEAD[2]), in_month(this_month(900))]
    record(database_url, *streams)
    dump(database_url, tmp_path / "dump", os.environ, with_tables=False)
    restore(empty_database_url, tmp_path / "dump", os.environ, ())
    assert where(empty_database_url) == where(database_url)
    assert missing(empty_database_url) == []
    test_the_months_that_are_missing_are_made_once_whoever_makes_them(empty_database_url)
    test_no_partition_is_changed_by_its_own_name_either(empty_database_url)
    record(empty_database_url, in_month(AHEAD[0], 2))
    with connect(empty_database_url, name="test") as connection:
        assert connection.execute("SELECT max(notification_id) FROM stored_events").fetchone() == (10,)
