"""Connections whose errors repeat nothing of what the URL holds but what anybody may see.

libpq and Postgres repeat a value that they do not like, and such an error is logged, answered and printed wherever it
ends up. So it is made discreet where it begins. In: libpq's parameters. Out: a connection, or psycopg's own error with
another text. Every connection of this package is one of these classes; a test finds what is not.
"""

from typing import Any, Self

import psycopg
from psycopg.rows import Row

from ibconnect.database_url import discreet


class Connection(psycopg.Connection[Row]):
    """psycopg's, for threads and the command line."""

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Self:
        """Connect, as psycopg does.

        :raises psycopg.Error: its own errors, made discreet
        """
        try:
            return super().connect(conninfo, **parameters)
        except psycopg.Error as exc:
            _hush(exc, parameters)
            raise


class AsyncConnection(psycopg.AsyncConnection[Row]):
    """psycopg's, for the event loop."""

    @classmethod
    async def connect(cls, conninfo: str = "", **parameters: Any) -> Self:
        """Connect, as psycopg does.

        :raises psycopg.Error: its own errors, made discreet
        """
        try:
            return await super().connect(conninfo, **parameters)
        except psycopg.Error as exc:
            _hush(exc, parameters)
            raise


def _hush(exc: BaseException | None, parameters: dict[str, Any]) -> None:
    """Change the text of the error and of those that it was made from: a traceback shows all of them."""
    while exc is not None:
        exc.args = tuple(discreet(each, parameters) if isinstance(each, str) else each for each in exc.args)
        exc = exc.__cause__ or exc.__context__
