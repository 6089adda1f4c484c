"""Events that cannot be applied are set aside with the reason; everything else is applied."""

import dataclasses
from uuid import uuid4

import orjson
import pytest
from eventsourcing.persistence import StoredEvent

from ibconnect.cli.rebuild import run_set_aside
from ibconnect.config import load
from ibconnect.database.pools import connect
from ibconnect.errors import DatabaseError
from ibconnect.projections.accounts.fold import AccountsFold
from ibconnect.projections.accounts.projection import ACCOUNTS
from ibconnect.projections.engine.live import LiveTables
from ibconnect.projections.engine.tracking import take_turn
from ibconnect.projections.upkeep import ensure, events_set_aside, rebuild, retry
from tests.projecting import Stream, position, project, read_tables, read_values, record, value

STRANGE_MESSAGES = {
    "not JSON": ("v", b"[oops"),
    "an object": ("v", b'{"t":1}'),
    "nothing": ("v", b"[]"),
    "too few fields": ("v", b'["NetLiquidation","1.00","USD"]'),
    "fields that are not text": ("v", b'["NetLiquidation",1.00,"USD","DU1"]'),
    "a NUL": ("v", rb'["NetLiquidation","1\u0000","USD","DU1"]'),
    "a symbol that no index holds": (
        "p",
        '["{}"]'.format('","'.join(position(1, symbol="S" * 3000)[2:])).encode(),
    ),
    "a key that no index holds": ("v", '["{}","1","USD","DU1"]'.format("K" * 300).encode()),
    "a currency that no index holds": ("v", '["Key","1","{}","DU1"]'.format("C" * 3000).encode()),
    "a position cut short": ("p", b'["1","AAPL"]'),
}


def refresh_with(stream, strange, text):
    """A refresh with a strange event in the middle of its download; return that event."""
    stream.own("rs", created=stream.at, trigger="test")
    stream.own("as", account="DU1", source="updates")
    stream.message(*value("NetLiquidation", text, "USD"), timed=True)
    bad = stream.add(*strange)
    stream.message(*value("Cushion", "0.5"))
    stream.message(*position(265598))
    stream.own("ac", account="DU1", ended="download-end")
    stream.own("re", created=stream.at, outcome="complete")
    return bad


def snapshot_of(url):
    """Values of the only snapshot."""
    assert len(read_tables(url)["account_snapshot"]) == 1
    return read_values(url, 1)


@pytest.mark.parametrize("strange", STRANGE_MESSAGES.values(), ids=STRANGE_MESSAGES)
def test_strange_message_poisons_itself_alone(database_url, strange):
    stream = Stream()
    bad = refresh_with(stream, strange, "1.00")
    record(database_url, stream.events)
    steps = project(database_url)
    assert [event.version for step in steps for event in step.set_aside] == [bad.originator_version]
    (found,) = events_set_aside(database_url)
    assert (found.session, found.version, found.topic) == (stream.id, bad.originator_version, bad.topic)
    assert found.reason
    assert snapshot_of(database_url) == [("Cushion", "", "", "0.5"), ("NetLiquidation", "", "USD", "1.00")]
    assert len(read_tables(database_url)["account_position"]) == 1


STRANGE_OWN = {
    "a download that never began": ("ac", b'{"t":1,"account":"DU9","ended":"quiet"}'),
    "no time": ("as", b'{"account":"DU9","source":"updates"}'),
    "a time beyond the calendar": ("rs", b'{"t":99999999999999999999,"created":1,"trigger":"x"}'),
    "not JSON": ("sc", b"?"),
    "not an object": ("re", b"[1]"),
    "no account list": ("a", b"[]"),
    "a second beginning": ("so", b'{"t":1,"gateway":"x","client_id":1}'),
    "a client id that no column holds": ("so", b'{"t":1,"gateway":"x","client_id":99999999999}'),
    "an outcome with a NUL": ("re", rb'{"t":1,"outcome":"\u0000"}'),
}


@pytest.mark.parametrize("strange", STRANGE_OWN.values(), ids=STRANGE_OWN)
def test_strange_own_event_poisons_itself_alone(database_url, strange):
    stream, other = Stream(), Stream("other:4002")
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]})
    if strange[0] == "so" and b"99999999999" in strange[1]:
        other.events.clear()
        other.add(*strange)
    else:
        stream.add(*strange)
    stream.refresh({"DU1": [value("NetLiquidation", "2.00", "USD")]})
    record(database_url, [*other.events, *stream.events])
    project(database_url)
    tables = read_tables(database_url)
    assert [row[3] for row in tables["poison_event"]] == [strange[0]]
    assert len(tables["account_snapshot"]) == 2
    rebuild(database_url)
    assert read_tables(database_url) == tables


def test_poison_is_the_same_live_in_any_batches_and_rebuilt(database_url):
    stream = Stream()
    for number, strange in enumerate([*STRANGE_OWN.values(), *STRANGE_MESSAGES.values()] * 2):
        if strange[0] not in ("sc", "so"):
            refresh_with(stream, strange, f"{number}.00")
    record(database_url, stream.events)
    seen = []
    for limit in (1, 13, 1000):
        project(database_url, limit)
        seen.append(read_tables(database_url))
        with connect(database_url, name="test") as connection:
            if limit < 1000:
                connection.execute("DROP SCHEMA accounts CASCADE")
    assert len(seen[0]["poison_event"]) > 20
    rebuild(database_url)
    seen.append(read_tables(database_url))
    assert all(tables == seen[0] for tables in seen)


def test_what_is_applied_one_by_one_is_bounded_and_reads_the_tables_once_for_each_refused(database_url, monkeypatch):
    stream = Stream()
    for number in range(20):
        stream.refresh({"DU1": [value("NetLiquidation", f"{number}.00", "USD")]})
    refused = [StoredEvent(uuid4(), 1, *STRANGE_OWN["a client id that no column holds"]) for _ in range(2)]
    record(database_url, [*stream.events[:30], refused[0], *stream.events[30:], refused[1]])
    loaded = []

    class Counted(AccountsFold):
        def load(self, connection):
            loaded.append(1)
            super().load(connection)

    ensure(database_url)
    monkeypatch.setattr("ibconnect.projections.engine.live._ONE_BY_ONE_POSITIONS", 40)
    counted = dataclasses.replace(ACCOUNTS, fold=Counted)
    with connect(database_url, name="test") as connection:
        live = LiveTables(connection, counted, 1000)
        steps = [live.step(), live.step(), live.step()]
    assert [step.position for step in steps] == [40, 80, len(stream.events) + 2]
    assert [len(step.set_aside) for step in steps] == [1, 0, 1]
    # Each step once for all together, and once for what is left; once more after the one that is refused.
    assert len(loaded) == (1 + 2) + (1 + 1) + (1 + 1)
    tables = read_tables(database_url)
    rebuild(database_url)
    assert read_tables(database_url) == tables


@pytest.mark.parametrize("come_further", [project, rebuild], ids=["another projector", "a swap"])
def test_what_others_applied_while_a_step_waited_is_not_applied_again(database_url, monkeypatch, come_further):
    stream = Stream()
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]})
    refused = StoredEvent(uuid4(), 1, *STRANGE_OWN["a client id that no column holds"])
    record(database_url, [*stream.events, refused])
    ensure(database_url)
    others = iter([None, come_further])

    def late_turn(connection, turn):
        """The first step has its turn at once, and fails; that of one event after the other waits for the others."""
        if connection is ours and (have_theirs := next(others, None)):
            stream.refresh({"DU1": [value("NetLiquidation", "2.00", "USD")]})
            record(database_url, stream.events[-5:])
            have_theirs(database_url)
        take_turn(connection, turn)

    monkeypatch.setattr("ibconnect.projections.engine.live.take_turn", late_turn)
    with connect(database_url, name="test") as ours:
        step = LiveTables(ours, ACCOUNTS, 1000).step()
    assert step.position == len(stream.events) + 1
    project(database_url)
    tables = read_tables(database_url)
    assert [row[3] for row in tables["poison_event"]] == ["so"]
    assert len(tables["account_snapshot"]) == 2
    rebuild(database_url)
    assert read_tables(database_url) == tables


def test_retry_applies_what_can_now_be_applied(database_url, monkeypatch):
    stream = Stream()
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD"), position(1, symbol="S" * 600)]})
    record(database_url, stream.events)
    project(database_url)
    assert retry(database_url) == (1, 1)
    monkeypatch.setattr("ibconnect.downloads.messages.MAX_NAME_BYTES", 1000)
    assert retry(database_url) == (1, 0)
    assert len(read_tables(database_url)["account_position"]) == 1
    assert retry(database_url) == (0, 0)


def test_what_is_set_aside_is_listed_with_the_reason(database_url, capsys):
    config = load({"DB_URL": database_url})
    stream = Stream()
    stream.refresh({"DU1": [value("NetLiquidation", "1.00", "USD")]})
    record(database_url, stream.events)
    project(database_url)
    capsys.readouterr()
    assert (run_set_aside(config), capsys.readouterr().out) == (0, "")
    bad = refresh_with(stream, STRANGE_MESSAGES["a symbol that no index holds"], "2.00")
    record(database_url, stream.events[-8:])
    project(database_url)
    capsys.readouterr()
    assert run_set_aside(config) == 1
    (line,) = map(orjson.loads, capsys.readouterr().out.splitlines())
    assert (line["Session"], line["Version"], line["Type"]) == (
        str(stream.id),
        bad.originator_version,
        "PortfolioUpdated",
    )
    assert "longer than" in line["Reason"]
    assert line["Noted"].endswith("Z")


def test_retry_without_tables_says_so(database_url):
    with pytest.raises(DatabaseError, match="cannot be read"):
        retry(database_url)
