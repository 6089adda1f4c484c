"""The eventsourcing library as it comes, for reference: its table, its ``save()``, its runner of projections.

In: the URL of an empty database. Out: events a second. Called by the scripts that compare with it.
"""

import time
from typing import Any
from uuid import uuid4

from eventsourcing.application import Application
from eventsourcing.domain import DomainEvent, datetime_now_with_tzinfo
from eventsourcing.postgres import PostgresApplicationRecorder
from psycopg.conninfo import conninfo_to_dict

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
