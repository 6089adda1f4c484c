"""Which sessions a reader looks into, without a database."""

from uuid import UUID

import pytest

from ibconnect.events.reader import RecordedSession
from ibconnect.events.selection import Wanted
from ibconnect.events.types import SessionOpened

ID = UUID(int=7)


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
