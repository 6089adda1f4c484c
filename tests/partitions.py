"""Partitions of the events, as tests fill them, look at them and take them away."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from eventsourcing.persistence import StoredEvent
from psycopg.sql import SQL, Identifier

from ibconnect.database import migrations
from ibconnect.database.migrations import available
from ibconnect.database.pools import connect
from ibconnect.events.recorder import EventRecorder
from ibconnect.events.store import Datastore

BEFORE, OTHER = "stored_events_before", "stored_events_other"
(BY_MONTH,) = [migration for migration in available() if migration.name == "0012_events_by_month"]
"""What makes a table of events one partition of a new one."""


def this_month(later: int = 0) -> date:
    """The first day of the present month in UTC, or of one so many months later (or earlier)."""
    today = datetime.now(UTC).date()
    months = today.year * 12 + today.month - 1 + later
    return date(months // 12, months % 12 + 1, 1)


def name_of(month: date) -> str:
    """What the partition of a month is called."""
    return f"stored_events_{month:%Y_%m}"


AHEAD = [this_month(later) for later in range(4)]
"""The months that are made, the present one first."""
LEAVES = [BEFORE, OTHER, *map(name_of, AHEAD)]
"""All partitions of a new database."""


def id_at(moment: datetime, number: int = 1) -> UUID:
    """The id of a stream that began then."""
    milliseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | number)


def in_month(month: date, number: int = 1) -> UUID:
    """The id of a stream that began in that month."""
    return id_at(datetime(month.year, month.month, 3, tzinfo=UTC), number)


@contextmanager
def version_before() -> Iterator[None]:
    """What migrates in this context knows nothing of months."""
    known = [migration for migration in available() if migration.number < BY_MONTH.number]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "available", lambda: known)
        yield


def record(url: str, *streams: UUID, versions: range = range(1, 3)) -> None:
    """Store events of these streams, one stream after the other."""
    with Datastore(url) as datastore:
        recorder = EventRecorder(datastore)
        for stream in streams:
            recorder.insert_events([StoredEvent(stream, version, "v", b'["1"]') for version in versions])
        recorder.release()


def partitions(url: str) -> set[str]:
    """Their names."""
    with connect(url, name="test") as connection:
        return {name for (name,) in connection.execute("SELECT name FROM coordination.partitions()")}


def missing(url: str) -> list[date]:
    """The months that have none."""
    with connect(url, name="test") as connection:
        return [month for (month,) in connection.execute("SELECT coordination.missing_months() ORDER BY 1")]


def where(url: str) -> dict[UUID, set[str]]:
    """In which of them the events of each stream lie."""
    found: dict[UUID, set[str]] = {}
    with connect(url, name="test") as connection:
        for stream, name in connection.execute("SELECT originator_id, tableoid::regclass::text FROM stored_events"):
            found.setdefault(stream, set()).add(name)
    return found


def take_away(url: str, *months: date) -> None:
    """As if those months had never been made."""
    with connect(url, name="test") as connection:
        for month in months:
            connection.execute(SQL("DROP TABLE {}").format(Identifier("public", name_of(month))))
