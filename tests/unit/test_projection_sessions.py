"""What control events mean, one after the other."""

from uuid import UUID

import orjson
import pytest

from ibconnect.errors import ProjectionError
from ibconnect.projections.accounts import facts
from ibconnect.projections.accounts.sessions import Sessions
from ibconnect.projections.engine.projection import Event
from tests.projecting import START, Stream

OPENED = {"gateway": "g", "client_id": 1}


class Told:
    """A session whose events are applied as they are told."""

    def __init__(self, sessions=None):
        self.sessions = sessions or Sessions()
        self.id = UUID(int=1)
        self.version = 0

    def __call__(self, topic, timed=None, **state):
        self.version += 1
        encoded = orjson.dumps({"t": START + self.version, **state})
        return self.sessions.apply(Event(self.version, self.id, self.version, topic, encoded, timed))


@pytest.fixture
def tell():
    """An open session."""
    told = Told()
    told("so", **OPENED)
    return told


def test_download_lies_between_its_two_events(tell):
    began = tell("rs", created=START, trigger="cron", accounts=["DU1", "DU2"])
    assert began == facts.RefreshBegan(1, 1, "g", START, "cron", START + 2, "", 2)
    assert tell("as", account="DU1", source="updates") is None
    tell.version += 10
    found = tell("ac", account="DU1", ended="download-end")
    assert (found.after, found.before, found.account, found.created) == (3, 14, "DU1", START)
    assert tell("re", outcome="complete", request=4, missing={"DU2": "timeout"}) == facts.RefreshFinished(
        1, START + 15, "complete", 4, {"DU2": "timeout"}, "", 1
    )


@pytest.mark.parametrize("ended", ["timeout", "rejected", "disconnected", "something new"])
def test_unfinished_download_of_which_nothing_is_known_makes_no_snapshot(tell, ended):
    tell("rs", created=START)
    tell("as", account="DU1", source="updates")
    assert tell("ac", account="DU1", ended=ended) == facts.Concluded("g", "DU1", START + 4, ended, ended, None)


@pytest.mark.parametrize("ended", ["timeout", "interrupted"])
def test_a_part_makes_a_snapshot_where_the_recorder_has_looked_into_it(tell, ended):
    tell("rs", created=START)
    tell("as", account="DU1", source="updates")
    found = tell("ac", class_version=2, account="DU1", ended=ended, why=f"{ended}: so", last=START + 1, request=4)
    assert (found.is_judged, found.why, found.completed) == (True, f"{ended}: so", START + 1)
    assert found.concluded == facts.Concluded("g", "DU1", START + 4, ended, f"{ended}: so", 4)


def test_only_the_last_word_on_an_account_makes_a_snapshot(tell):
    tell("rs", created=START, accounts=["DU1"])
    tell("as", account="DU1", source="updates")
    assert tell("ac", class_version=2, account="DU1", ended="quiet", then="multi") is None
    tell("as", account="DU1", source="updates", since=3)
    found = tell("ac", class_version=2, account="DU1", ended="quiet")
    assert (found.after, found.before, found.is_supplement) == (3, 6, True)


def test_downloads_of_several_accounts_may_overlap(tell):
    tell("rs", created=START)
    tell("as", account="DU1", source="multi", values_request=7, positions_request=8)
    tell("as", account="DU2", source="multi", values_request=9)
    first = tell("ac", account="DU1", ended="quiet")
    second = tell("ac", account="DU2", ended="quiet")
    assert (first.after, first.before, first.values_request, first.positions_request) == (3, 5, "7", "8")
    assert (second.after, second.before, second.is_multi) == (4, 6, True)


def test_closing_ends_the_refresh_under_way(tell):
    tell("rs", created=START)
    assert tell("sc", reason="lost") == facts.SessionEnded(1, START + 3, "lost", 1, 0)
    with pytest.raises(ProjectionError, match="not open"):
        tell("rs", created=START)


def test_accounts_are_listed_at_the_time_that_is_known(tell):
    timed = orjson.dumps([START + 500, "DU1,"])
    listed = Event(9, tell.id, 9, "a", orjson.dumps(["DU1,DU2,DU1,"]), timed)
    assert tell.sessions.apply(listed) == facts.AccountsNamed("g", ("DU1", "DU2"), START + 500)


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        ("so", OPENED),
        ("as", {"account": "DU1", "source": "updates"}),
        ("ac", {"account": "DU1", "ended": "quiet"}),
        ("re", {"outcome": "complete"}),
        ("rs", {}),
        ("rs", {"created": "now"}),
        ("rs", {"created": 10**18}),
        ("a", {}),
    ],
)
def test_event_that_makes_no_sense_changes_nothing(tell, topic, state):
    before = tell.sessions.dump()
    with pytest.raises(ProjectionError):
        tell(topic, **state)
    assert tell.sessions.dump() == before


def test_what_is_open_survives_a_restart_at_every_event():
    stream = Stream()
    stream.refresh({"DU1": [], "DU2": []}, request=3)
    stream.own("rs", created=stream.at)
    stream.own("as", account="DU1", source="multi", values_request=1, positions_request=2)
    stream.own("ac", account="DU1", ended="quiet")
    controls = [
        Event(number, event.originator_id, event.originator_version, event.topic, event.state)
        for number, event in enumerate(stream.events)
    ]
    straight = Sessions()
    expected = [straight.apply(control) for control in controls]
    restarted, found = Sessions(), []
    for control in controls:
        restarted = Sessions.load(restarted.dump())
        found.append(restarted.apply(control))
    assert found == expected
    assert restarted == straight


def test_what_is_configured_holds_until_it_is_told_anew(tell):
    def began(**told):
        return tell("rs", created=START, **told).configured

    assert began() is None, "an earlier version says nothing"
    assert began(gateways={"a": ["DU1"], "b": []}, others=["c"], knows_others=True) == (
        ("a", ("DU1",)),
        ("b", ()),
        ("c", ()),
    )
    assert began(gateways={"a": ["DU1"], "b": []}, others=["c"], knows_others=True) is None, "nothing new"
    # Another instance has another order, and knows no pins of gateways that it does not have.
    assert began(gateways={"b": []}, others=["a"], knows_others=True) == (("b", ()), ("a", ("DU1",)))
    # One that has not heard of others takes nothing away.
    assert began(gateways={"d": ["DU2"]}) == (("d", ("DU2",)), ("b", ()), ("a", ("DU1",)))
    assert Sessions.load(tell.sessions.dump()) == tell.sessions
    assert began(gateways={"d": []}, knows_others=True) == (("d", ()),)


def test_the_rest_of_a_session_says_nothing_of_what_is_configured_now():
    told = Told()
    told("so", **OPENED, continues=str(UUID(int=2)))
    assert told("rs", created=START, gateways={"a": []}, knows_others=True).configured is None
    assert told.sessions.configured == ()
