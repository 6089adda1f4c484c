"""Facts and downloads into the tables of the accounts report.

In: a :class:`~ibconnect.projections.accounts.reader.Work`. Out: rows in the caller's transaction. A message that no
table can hold is set aside; the rest of its download is applied. Called by the engine.
"""

from typing import Any

from psycopg import Connection

from ibconnect.projections.accounts import download
from ibconnect.projections.accounts.dimensions import Dimensions
from ibconnect.projections.accounts.download import Download, Messages
from ibconnect.projections.accounts.facts import Downloaded
from ibconnect.projections.accounts.judgement import is_odd
from ibconnect.projections.accounts.reader import Work, read_one_by_one
from ibconnect.projections.accounts.tables import Tables
from ibconnect.projections.engine.projection import SetAside, Written


class AccountsFold:
    """The tables as this process knows them."""

    def __init__(self) -> None:
        self._dimensions = Dimensions()

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written since the last call."""
        self._dimensions.load(connection)

    def write(self, connection: Connection[Any], work: Work) -> Written:
        """Write the rows; what is counted are snapshots.

        :raises psycopg.Error: Postgres refuses a row, or is away
        """
        tables = Tables(self._dimensions)
        refused: list[SetAside] = []
        messages = iter(work.messages)
        for fact in work.facts:
            if not isinstance(fact, Downloaded):
                tables.add(fact)
                continue
            found, odd = _download(connection, next(messages), fact)
            refused += odd
            tables.add_snapshot(fact, found)
        tables.write(connection)
        return Written(len(work.messages), refused, self._dimensions.owners.take_news())


def _download(connection: Connection[Any], messages: Messages, fact: Downloaded) -> tuple[Download, list[SetAside]]:
    """What a download says; one with anything odd in it is looked at message by message."""
    try:
        found = download.parse(messages, fact)
    except download.Irregular:
        pass
    else:
        if not is_odd(found):
            return found, []
    return download.examine(read_one_by_one(connection, fact), messages, fact)
