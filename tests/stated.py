"""Rows of what statements say, written by hand into the tables of statements, for tests of what is made of them.

In: a database with empty tables. Out: rows. For tests whose subject is what is served, and not how documents are read.
"""

from datetime import date
from typing import Any

from psycopg import sql

from ibconnect.database.pools import connect

_ALWAYS = {"statement": 1, "position": 1, "current": True, "origin": "Section"}


class Stated:
    """The tables of a database, into which rows are written; each row has a line of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._line = 0

    def add(self, table: str, account: str, day: str, **cells: Any) -> int:
        """A row of a table; its line."""
        self._line += 1
        row = {**_ALWAYS, "account": account, "day": date.fromisoformat(day), "line": self._line, **cells}
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier("statements", table),
            sql.SQL(", ").join(map(sql.Identifier, row)),
            sql.SQL(", ").join(map(sql.Placeholder, row)),
        )
        with connect(self._url, name="test") as connection:
            connection.execute(query, row)
        return self._line

    def know(self, *accounts: str) -> None:
        """Accounts that are known."""
        with connect(self._url, name="test") as connection:
            for code in accounts:
                connection.execute(
                    "INSERT INTO accounts.account SELECT coalesce(max(id), 0) + 1, %s FROM accounts.account", (code,)
                )
