"""Documents into the tables of the report.

In: what the reader understood. Out: rows in the caller's transaction. Called by the engine.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from ibconnect.projections.engine.projection import Event, Written


class StatementsFold:
    """Makes nothing yet."""

    def load(self, connection: Connection[Any]) -> None:
        """Nothing."""

    def write(self, _connection: Connection[Any], _work: Sequence[Event]) -> Written:
        """No row."""
        return Written()
