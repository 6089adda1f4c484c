"""How far the live tables of reports are behind the events, for metrics, the command line and tests.

In: what a projector has just done, or a connection. Out: gauges, which show the report that is furthest behind; a
:class:`Status`. Called by :mod:`runner`.
"""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection

from ibconnect import observe as o
from ibconnect.errors import DatabaseUnavailable
from ibconnect.projections.engine.projection import Projection
from ibconnect.projections.engine.tracking import Q
from ibconnect.times import to_micros, utc_now

_reached: dict[str, tuple[int, int]] = {}


def note_progress(report: Projection, position: int, head: int) -> None:
    """The tables of a report are at a position, and the events at ``head``; any thread may call."""
    _reached[report.name] = position, head
    known = list(_reached.values())
    o.PROJECTION_POSITION.set(min(reached for reached, _ in known))
    o.PROJECTION_LAG_EVENTS.set(max(newest - reached for reached, newest in known))


@dataclass(frozen=True, slots=True)
class Status:
    """How far the live tables are."""

    version: int
    position: int
    lag_events: int
    lag_seconds: float
    set_aside: int


def status(connection: Connection[Any]) -> Status:
    """Compare the live tables on the search_path with the events; also sets the metrics that need a query.

    ``lag_events`` counts positions; ``lag_seconds`` is the age of the oldest event not yet applied.

    :raises DatabaseUnavailable: Postgres cannot be reached, or there are no live tables
    """
    try:
        row = connection.execute(Q["status"]).fetchone()
    except psycopg.Error as exc:
        raise DatabaseUnavailable(f"the tables cannot be read: {exc}") from exc
    if row is None:
        raise DatabaseUnavailable("the tables have no tracking row")
    version, position, newest, arrived, refused = row
    age = 0.0 if arrived is None else max(0.0, (to_micros(utc_now()) - arrived) / 1e6)
    o.PROJECTION_LAG_SECONDS.set(age)
    o.PROJECTION_POISON.set(refused)
    return Status(version, position, max(0, newest - position), age, refused)
