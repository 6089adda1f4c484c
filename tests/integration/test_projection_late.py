"""The rest of a session that another instance had closed: what of it becomes snapshots, live and in a rebuild."""

import pytest

from ibconnect.projections.upkeep import rebuild
from tests.projecting import START, Stream, project, read_tables, read_values, record, value

pytestmark = pytest.mark.with_tables

MINUTE = 60_000_000


@pytest.fixture
def cut():
    """A session that was closed in the middle of a download, and its continuation, which ends that download."""
    stream = Stream()
    stream.message("15", "1", "DU1,DU2", timed=True)
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]})
    stream.own("rs", created=stream.at, trigger="test")
    stream.own("as", account="DU2", source="updates")
    rest = Stream(at=stream.at, continues=str(stream.id))
    stream.own("sc", reason="orphaned")
    rest.message("15", "1", "DU1", timed=True)
    rest.message(*value("NetLiquidation", "2.00", "EUR", "DU2"))
    rest.own("ac", account="DU2", ended="download-end")
    rest.own("as", account="DU1", source="updates")
    rest.own("ac", account="DU1", ended="download-end")
    rest.own("re", created=rest.at, outcome="complete")
    return stream, rest


def snapshots(url):
    """The NetLiquidation of each snapshot, in the order of their ids, and nothing that could not be applied."""
    live = read_tables(url)
    assert live["poison_event"] == []
    rebuild(url)
    rebuilt = read_tables(url)
    assert rebuilt == live
    count = len(live["account_snapshot"])
    return [text for number in range(1, count + 1) for tag, _, _, text in read_values(url, number) if tag[0] == "N"]


def test_what_began_before_has_no_end_in_it(database_url, cut):
    stream, rest = cut
    record(database_url, [*stream.events, *rest.events])
    project(database_url)
    assert snapshots(database_url) == ["1.00"]
    tables = read_tables(database_url)
    assert len(tables["session"]) == 2
    assert len(tables["gateway_account"]) == 2, "the accounts stay as they were told before"


def test_a_whole_refresh_in_it_becomes_snapshots(database_url, cut):
    stream, rest = cut
    rest.refresh({"DU1": [value("NetLiquidation", "3.00", "USD")]}, request=9)
    rest.own("sc", reason="deposed")
    record(database_url, [*stream.events, *rest.events])
    project(database_url)
    assert snapshots(database_url) == ["1.00", "3.00"]


def test_an_account_that_has_a_newer_snapshot_keeps_that_as_its_newest(database_url, cut):
    stream, rest = cut
    rest.refresh(
        {
            "DU1": [value("NetLiquidation", "3.00", "USD")],
            "DU2": [value("NetLiquidation", "4.00", "EUR", "DU2")],
        }
    )
    rest.own("sc", reason="deposed")
    successor = Stream(at=START + MINUTE)
    successor.refresh({"DU1": [value("NetLiquidation", "5.00", "USD")]})
    record(database_url, [*stream.events, *successor.events, *rest.events])
    project(database_url)
    assert snapshots(database_url) == ["1.00", "5.00", "4.00"]


def test_it_is_the_same_in_any_batches(database_url, cut):
    stream, rest = cut
    rest.refresh({"DU1": [value("NetLiquidation", "3.00", "USD")]})
    successor = Stream(at=START + MINUTE)
    successor.refresh({"DU1": [value("NetLiquidation", "5.00", "USD")]})
    record(database_url, [*stream.events, *successor.events, *rest.events])
    project(database_url, limit=1)
    assert snapshots(database_url) == ["1.00", "5.00"]
