"""The partitions of the events, a month each: those that are missing are made, some months ahead.

In: a URL. Out: the partitions, and which could not be made. Called by ``ibconnect migrate`` and, at its start and every
hour, by what records: a service runs for years, and its role must not make tables; the owner's function that it calls
may. While a month has no partition, its events go to ``public.stored_events_other``, and nothing stops.
"""

from datetime import date
from typing import NamedTuple

import psycopg

from ibconnect.database.pools import SERVERS_OWN, connect, explained
from ibconnect.database.sql import queries

_Q = queries("database/months")

A_FEW = 100_000
"""So many events are moved within a second or two, for which whoever stores waits."""
ANY = 2**63 - 1


class Made(NamedTuple):
    """The months whose partitions were made, and why those could not be made that are missing still."""

    made: list[date]
    missing: dict[date, psycopg.Error]


def make_months(url: str, most: int = A_FEW) -> Made:
    """Make the partitions that are missing, each in a transaction of its own.

    :param most: so many events of a month are moved into it at most, if it is made so late that there are any
    :raises DatabaseUnavailable: Postgres cannot be reached, or cannot answer now
    :raises DatabaseError: Postgres refuses to say what is missing
    """
    found = Made([], {})
    with (
        connect(url, name="months", search_path=SERVERS_OWN) as connection,
        explained("the partitions of the events cannot be looked at"),
    ):
        for (month,) in connection.execute(_Q["missing"]).fetchall():
            try:
                row = connection.execute(_Q["make"], {"month": month, "most": most}).fetchone()
                found.made.extend([month] if row and row[0] else [])
            except psycopg.Error as exc:
                if connection.closed:
                    raise
                found.missing[month] = exc
    return found
