"""Samples into the table of the report.

In: what :mod:`reader` has understood. Out: rows in the caller's transaction. Called by the engine.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.projections.engine.projection import Written
from ibconnect.projections.pnl.reader import Sample

Q = queries("projections/pnl/load")


class PnlFold:
    """Keeps nothing in memory: a sample never changes."""

    def load(self, connection: Connection[Any]) -> None:
        """Nothing."""

    def write(self, connection: Connection[Any], work: Sequence[Sample]) -> Written:
        """A row for each sample."""
        if work:
            with connection.cursor() as cursor, cursor.copy(Q["add"]) as copy:
                for *where, figures in work:
                    copy.write_row((*where, *figures))
        return Written(len(work))
