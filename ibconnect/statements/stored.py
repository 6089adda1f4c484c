"""Flex statements that are recorded, as documents: which there are, and the bytes of one.

In: a connection; part of a document's id or digest. Out: rows of ``coordination.statement``; bytes, part by part, as
they were imported. Called by ``ibconnect statements list`` and ``export``. (HTTP reads on connections of its own.)
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from ibconnect.database.pools import connect, explained
from ibconnect.database.sql import queries
from ibconnect.errors import EventError
from ibconnect.events.documents import FIRST_PART, piece_of

_Q = queries("statements/stored")
_PAGE = 1000


class Listed(NamedTuple):
    """A document. ``stream``: its id; ``position``: of its last event; the days are None where they are not known."""

    stream: UUID
    digest: bytes
    position: int
    size: int
    received: datetime
    source: str
    name: str | None
    given_by: str | None
    statements: int
    accounts: list[str]
    from_day: date | None
    to_day: date | None
    elements: int


class Named(NamedTuple):
    """A document that somebody has named by the beginning of its id or digest."""

    stream: UUID
    digest: bytes
    parts: int


@contextmanager
def reading(url: str) -> Iterator[Connection[Any]]:
    """A connection to read statements with.

    :raises DatabaseError: Postgres cannot be reached or refuses, also while the context lasts
    """
    with connect(url, name="statements", search_path="public") as connection, explained("no statement can be read"):
        yield connection


def documents(connection: Connection[Any], account: str | None = None) -> Iterator[Listed]:
    """All of them, or those with statements of one account, in the order in which they were recorded."""
    after = 0
    while True:
        with connection.cursor(row_factory=class_row(Listed)) as cursor:
            page = cursor.execute(_Q["list"], {"after": after, "account": account, "limit": _PAGE}).fetchall()
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].position


def named(connection: Connection[Any], text: str) -> Named:
    """The one document whose id or digest begins so.

    :raises EventError: none is, or several
    """
    begins = text.replace("-", "").lower()
    with connection.cursor(row_factory=class_row(Named)) as cursor:
        found = cursor.execute(_Q["named"], {"begins": begins}).fetchall() if begins else []
    if len(found) != 1:
        raise EventError(f"{'several statements have' if found else 'no statement has'} an id or digest {text!r}…")
    return found[0]


def content(connection: Connection[Any], document: Named) -> Iterator[bytes]:
    """The bytes of a document, a part at a time.

    :raises EventError: they are not what was imported: they have another digest, or a part is missing
    """
    digest = sha256()
    for version in range(FIRST_PART, FIRST_PART + document.parts):
        row = connection.execute(_Q["part"], {"stream": document.stream, "version": version}).fetchone()
        if row is None:
            raise EventError(f"event {version} of the statement {document.stream} is missing")
        piece = piece_of(bytes(row[0]))
        digest.update(piece)
        yield piece
    if digest.digest() != document.digest:
        raise EventError(f"the statement {document.stream} is not what was imported: its digest is another")
