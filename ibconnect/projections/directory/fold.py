"""Messages about an advisor's directory into the tables: what is said anew is a row, what is no longer said ends.

In: messages 16 and 78. Out: rows in the caller's transaction. Called by the engine. Each message says all of its kinds
for its gateway. What comes late, of a session that was closed without it, changes nothing that is newer.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.projections.directory.entries import Key, Told, told_by
from ibconnect.projections.engine.heard import Heard
from ibconnect.projections.engine.projection import SetAside, Written
from ibconnect.times import from_micros

Q = queries("projections/directory/load")


class DirectoryFold:
    """Keeps nothing in memory: such messages come daily."""

    def load(self, connection: Connection[Any]) -> None:
        """Nothing."""

    def write(self, connection: Connection[Any], work: Sequence[Heard]) -> Written:
        """Write the rows; what is counted are entries said anew.

        :raises psycopg.Error: Postgres refuses a row, or is away
        """
        made, refused = 0, list[SetAside]()
        for heard in work:
            try:
                told = told_by(heard.fields)
            except (ValueError, LookupError) as exc:
                refused.append(heard.set_aside(exc))
            else:
                made += 0 if told is None else _tell(connection, heard, told)
        return Written(made, refused)


def _tell(connection: Connection[Any], heard: Heard, told: Told) -> int:
    """Write what is other than before; how much that is."""
    at = from_micros(heard.at)
    of = {"gateway": heard.peer.gateway, "kinds": list(told.kinds), "at": at}
    row = connection.execute(Q["newest"], of).fetchone()
    if row is not None and row[0] > at:
        return 0
    position = heard.event.position
    connection.execute(Q["tell"], {**of, "position": position})
    known: dict[Key, str] = {tuple(key): value for *key, value in connection.execute(Q["holding"], of)}
    entries = told.entries
    ended = [key for key, value in known.items() if entries.get(key) != value]
    begun = [key for key, value in entries.items() if known.get(key) != value]
    if ended:
        connection.execute(Q["end"], {**_columns(ended), "gateway": heard.peer.gateway, "at": at})
    if begun:
        _begin(connection, heard, begun, [entries[key] for key in begun], at)
    return len(begun)


def _begin(connection: Connection[Any], heard: Heard, keys: Sequence[Key], values: list[str], at: datetime) -> None:
    whose = {"gateway": heard.peer.gateway, "position": heard.event.position, "at": at}
    connection.execute(Q["begin"], {**_columns(keys), **whose, "values": values})


def _columns(keys: Sequence[Key]) -> dict[str, list[str]]:
    """The parts of keys, as parameters."""
    return dict(zip(("kinds", "groups", "accounts"), map(list, zip(*keys, strict=True)), strict=True))
