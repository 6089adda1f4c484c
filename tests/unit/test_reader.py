"""Which sessions and accounts an event belongs to, without a database."""

from uuid import UUID

import pytest

from ibconnect.events.kinds import (
    AccountConcluded,
    AccountsListed,
    AccountValueUpdated,
    Event,
    FrameReceived,
    RefreshEnded,
    RefreshStarted,
    SessionOpened,
)
from ibconnect.events.reader import RecordedSession, Wanted, accounts_in

ID = UUID(int=7)


@pytest.mark.parametrize(
    ("event", "named", "unnamed"),
    [
        (AccountsListed(originator_id=ID, originator_version=1, fields=("15", "1", "DU1,DU2,")), "DU2", "DU"),
        (
            AccountValueUpdated(originator_id=ID, originator_version=1, fields=("6", "2", "Cushion", "1", "", "DU1")),
            "DU1",
            "DU11",
        ),
        (AccountConcluded(originator_id=ID, originator_version=1, account="DU1", ended="quiet"), "DU1", "quiet"),
        (
            RefreshStarted(originator_id=ID, originator_version=1, created=1, trigger="start", accounts=["DU1"]),
            "DU1",
            "start",
        ),
        (
            RefreshEnded(originator_id=ID, originator_version=1, created=1, outcome="partial", missing={"DU1": "321"}),
            "DU1",
            "321",
        ),
        (FrameReceived(originator_id=ID, originator_version=1, payload=b"DU1"), "", "DU1"),
    ],
)
def test_events_name_accounts_as_whole_words(event: Event, named: str, unnamed: str) -> None:
    assert not named or named in accounts_in(event)
    assert unnamed not in accounts_in(event)


@pytest.mark.parametrize(
    ("wanted", "is_wanted"),
    [
        (Wanted(), True),
        (Wanted(gateway="here:1"), True),
        (Wanted(gateway="there:1"), False),
        (Wanted(since=20), True),
        (Wanted(since=21), False),
        (Wanted(until=10), True),
        (Wanted(until=9), False),
        (Wanted(since=12, until=13, gateway="here:1"), True),
    ],
)
def test_a_session_overlaps_a_span_that_it_touches(wanted: Wanted, is_wanted: bool) -> None:
    opened = SessionOpened(
        originator_id=ID,
        originator_version=1,
        arrived=10,
        gateway="here:1",
        client_id=1,
        server_version="178",
        connection_time="",
        instance="i",
        software="s",
    )
    session = RecordedSession(ID, opened, None, first=1, last=5, versions=5, began=10, ended=20)
    assert session.overlaps(wanted) is is_wanted
