"""The report's projection: a message tells the families of all accounts of a login."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.events.codec import split_state, time_in
from ibconnect.projections.engine.projection import Event, Projection, Stateless, Written
from ibconnect.times import from_micros


class FamiliesFold:
    """Keeps nothing in memory."""

    def load(self, connection: Connection[Any]) -> None:
        """Nothing."""

    def write(self, connection: Connection[Any], work: Sequence[Event]) -> Written:
        """One row for each account; what was told of it before goes."""
        load = queries("projections/families/load")
        count = 0
        for event in work:
            _, (_, told, *pairs) = split_state(event.state)
            if len(pairs) != 2 * int(told):
                raise ValueError(f"{told} families are told, and {len(pairs)} fields follow")
            at = from_micros(time_in(event.timed_state or b"") or 0)
            for account, code in zip(pairs[::2], pairs[1::2], strict=True):
                row = {"account": account, "family_code": code, "position": event.position, "told": at}
                connection.execute(load["forget"], row)
                connection.execute(load["add"], row)
                count += 1
        return Written(count)


FAMILIES = Projection(name="families", topics=(), message_ids=("78",), reader=Stateless, fold=FamiliesFold)
