"""The eventsourcing library as it comes, for reference: its table, its ``save()``, its runner of projections.

In: the URL of an empty database. Out: events a second. Called by the scripts that compare with it.
"""

import time
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent, datetime_now_with_tzinfo
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from ibconnect.events.mapper import EventMapper
from ibconnect.events.store import Datastore


class ValueSaid(DomainEvent):
    """An account value as the library's own kind of event."""

    fields: list[str]


def environment(url: str) -> dict[str, str]:
    """The library's settings for a database."""
    wanted = conninfo_to_dict(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(wanted["dbname"]),
        "POSTGRES_HOST": str(wanted["host"]),
        "POSTGRES_PORT": str(wanted["port"]),
        "POSTGRES_USER": str(wanted["user"]),
        "POSTGRES_PASSWORD": "",
    }


def create_table(url: str) -> None:
    """The library's own table of events, with its two indexes, empty."""
    with Datastore(url) as datastore, datastore.get_connection() as connection:
        connection.execute("DROP TABLE IF EXISTS public.stored_events")
        PostgresApplicationRecorder(datastore).create_table()


def save_rate(url: str, seconds: float) -> float:
    """Events a second by ``save()``, one event a call."""
    with Application[Any](env=environment(url)) as application:
        stream, count = uuid4(), 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            count += 1
            application.save(
                ValueSaid(  # type: ignore[call-arg]  # the library's metaclass makes it a dataclass
                    originator_id=stream,
                    originator_version=count,
                    timestamp=datetime_now_with_tzinfo(),
                    fields=["NetLiquidation", f"{count}.25", "USD", "DU0000001"],
                )
            )
        return count / (time.perf_counter() - began)


class _Recorded(Application[UUID]):
    """An application whose events are in ``stored_events``: the library puts ``_events`` after the name."""

    name = "stored"


class _Mapper(EventMapper):
    """Ours, as the library constructs one."""

    def __init__(self, **_: Any) -> None:
        super().__init__()


class _Latest(PostgresTrackingRecorder):
    """The simplest table that a projection of account values could keep: the latest of each."""

    def __init__(self, datastore: PostgresDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS {} (account text, key text, value text, PRIMARY KEY (account, key))"
            ).format(Identifier("latest"))
        )

    def upsert(self, account: str, key: str, value: str, tracking: Tracking) -> None:
        """Keep a value, and how far this table is, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(
                "INSERT INTO latest VALUES (%s, %s, %s)"
                " ON CONFLICT (account, key) DO UPDATE SET value = excluded.value",
                (account, key, value),
            )


class _Values(Projection[_Latest]):
    """An upsert and its tracking row per event."""

    topics = ("v", "p")

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        fields = domain_event.fields
        self.view.upsert(fields[-1], fields[2], fields[3], tracking)


def runner_rate(url: str, seconds: float) -> float:
    """Events a second through the library's ``ProjectionRunner``, on the events of a database of ours."""
    # The table of events is there, and no index that the library would make of it; that of the view is not.
    tables = {"CREATE_TABLE": "y", f"{_Recorded.name.upper()}_CREATE_TABLE": "n"}
    env = {**environment(url), **tables, "MAPPER_TOPIC": f"{__name__}:_Mapper"}
    with ProjectionRunner(application_class=_Recorded, projection_class=_Values, view_class=_Latest, env=env) as runner:
        name = runner.app.name
        began, first = time.perf_counter(), runner.view.max_tracking_id(name) or 0
        runner.run_forever(timeout=seconds)
        last = runner.view.max_tracking_id(name) or 0
        return (last - first) / (time.perf_counter() - began)
