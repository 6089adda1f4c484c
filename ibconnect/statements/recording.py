"""Documents → events: the one way in which Flex statements are recorded, whoever brings them.

In: documents that were found good (:mod:`ibconnect.statements.document`), and where each comes from. Out: what became
of each. Called by ``ibconnect statements import``, by ``POST /v1/statements`` and by what asks the Flex Web Service.

The events of a document, and its row in ``coordination.statement``, are one transaction that has the turn to append
from its beginning on. So the same bytes are recorded once, however many bring them at the same time; a process that is
killed has recorded a document whole or not at all, and whoever brings it again is right in either case.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar
from uuid import UUID

import orjson
import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow
from uuid_utils.compat import uuid7

from ibconnect.backoff import Backoff
from ibconnect.database import outages
from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.errors import DatabaseError, DatabaseUnavailable
from ibconnect.events.appending import turn
from ibconnect.events.copy_format import encode_row
from ibconnect.events.documents import ENCODING
from ibconnect.events.mapper import encode_own
from ibconnect.events.types import OwnEvent, StatementBegan, StatementEnded, StatementPart
from ibconnect.flex_xml import LIMITS, Limits
from ibconnect.statements.document import Document
from ibconnect.times import from_micros, to_micros, utc_now

_Q = queries("statements/recording")
Done = TypeVar("Done")

PATIENCE_S = 30.0
"""For how long Postgres is asked again that cannot take a document now."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a document comes from. ``source``: ``file``, ``http`` or ``flex``; the others as of StatementBegan.

    No text of it may hold a secret: it is recorded for ever.
    """

    source: str
    name: str = ""
    by: str = ""
    query: str = ""
    from_: str = ""
    to: str = ""
    reference: str = ""


class Recorded(NamedTuple):
    """What became of a document. ``new``: it was recorded now; else it was before. ``position``: of its last event."""

    stream: UUID
    new: bool
    position: int
    sha256: bytes
    size: int
    statements: int
    accounts: tuple[str, ...]
    from_day: date | None
    to_day: date | None
    elements: int


def record(
    url: str,
    chunks: Iterable[bytes],
    origin: Origin,
    *,
    directory: Path | None = None,
    patience_s: float = PATIENCE_S,
    limits: Limits = LIMITS,
) -> Recorded:
    """Record one document; blocks, also while Postgres is away.

    :param chunks: its bytes, cut anywhere, read once
    :param directory: where a large one is kept until it is recorded
    :raises StatementRefused: it is not to be recorded; says why
    :raises DatabaseUnavailable: Postgres did not take it for ``patience_s``; it may be tried again
    :raises DatabaseError: Postgres refuses it
    """
    with Document(chunks, directory, limits) as document, Recorder(url, patience_s) as recorder:
        return recorder.record([(document, origin)])[0]


class Recorder:
    """Records documents over a connection of its own, which it opens when it needs one. For one thread at a time."""

    def __init__(self, url: str, patience_s: float = PATIENCE_S) -> None:
        self._url = url
        self._patience_s = patience_s
        self._connection: Connection[TupleRow] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def record(self, documents: Sequence[tuple[Document, Origin]]) -> list[Recorded]:
        """Record these, all in one transaction; those that are known already are left alone.

        :raises DatabaseUnavailable: Postgres did not take them for as long as this waits
        :raises DatabaseError: Postgres refuses them
        """
        ours: dict[bytes, UUID] = {}
        for document, _ in documents:
            ours.setdefault(document.sha256, uuid7())
        return self._patiently(lambda connection: self._recorded(connection, documents, ours))

    def known(self, digests: Iterable[bytes]) -> dict[bytes, Recorded]:
        """What is recorded of documents with these digests.

        :raises DatabaseUnavailable: Postgres did not say for as long as this waits
        :raises DatabaseError: Postgres refuses to say
        """
        asked = list(digests)
        return self._patiently(lambda connection: _known(connection, dict.fromkeys(asked))) if asked else {}

    def _patiently(self, work: Callable[[Connection[TupleRow]], Done]) -> Done:
        until, backoff = time.monotonic() + self._patience_s, Backoff(0.1, 2.0)
        while True:
            try:
                return self._once(work)
            except DatabaseUnavailable:
                self.close()
                if time.monotonic() >= until:
                    raise
                time.sleep(backoff.wait())

    def _once(self, work: Callable[[Connection[TupleRow]], Done]) -> Done:
        if self._connection is None:
            self._connection = connect(self._url, name="statements", search_path="public")
        try:
            return work(self._connection)
        except psycopg.Error as exc:
            # A conflict: somebody has recorded it who did not wait for his turn. The next look finds it.
            is_passing = outages.is_passing(exc) or isinstance(exc, psycopg.errors.UniqueViolation)
            kind = DatabaseUnavailable if is_passing else DatabaseError
            raise kind(f"Postgres {'does not take' if is_passing else 'refuses'} the statement: {exc}") from exc

    def _recorded(
        self,
        connection: Connection[TupleRow],
        documents: Sequence[tuple[Document, Origin]],
        ours: Mapping[bytes, UUID],
    ) -> list[Recorded]:
        self._add(connection, documents, ours)
        known = _known(connection, ours)
        # By its stream a document is known to be ours also if the answer to an earlier COMMIT was lost.
        return _each_once(known[document.sha256] for document, _ in documents)

    @staticmethod
    def _add(
        connection: Connection[Any], documents: Sequence[tuple[Document, Origin]], ours: Mapping[bytes, UUID]
    ) -> None:
        if len(_known(connection, ours)) == len(ours):
            return
        with turn(connection) as append:
            known = _known(connection, ours)
            fresh = {document.sha256: (document, origin) for document, origin in documents}
            batch = [
                _Streamed(ours[digest], *given, to_micros(utc_now()))
                for digest, given in fresh.items()
                if digest not in known
            ]
            if not batch:
                return
            position = append(row for each in batch for row in each.rows())
            rows = []
            for each in reversed(batch):
                rows.append(each.facts(position))
                position -= each.events
            connection.execute(_Q["add"], {"documents": orjson.dumps(rows).decode()})


def _known(connection: Connection[Any], ours: Mapping[bytes, UUID | None]) -> dict[bytes, Recorded]:
    found = {}
    for digest, stream, position, size, statements, accounts, from_day, to_day, elements in connection.execute(
        _Q["known"], {"digests": list(ours)}
    ):
        found[bytes(digest)] = Recorded(
            stream,
            stream == ours[bytes(digest)],
            position,
            bytes(digest),
            size,
            statements,
            tuple(accounts),
            from_day,
            to_day,
            elements,
        )
    return found


def _each_once(found: Iterable[Recorded]) -> list[Recorded]:
    """The same document twice in one call is new once."""
    seen: set[UUID] = set()
    result = []
    for each in found:
        result.append(each._replace(new=each.new and each.stream not in seen))
        seen.add(each.stream)
    return result


class _Streamed:
    """A document as the events of a stream."""

    def __init__(self, stream: UUID, document: Document, origin: Origin, now: int) -> None:
        self._stream = stream
        self._document = document
        self._origin = origin
        self._now = now

    @property
    def events(self) -> int:
        """How many they are."""
        return self._document.parts + 2

    def rows(self) -> Iterator[bytes]:
        """As rows to append; each is made when it is asked for."""
        for version, event in enumerate(self._events(), 1):
            yield encode_row(self._stream.bytes, version, event.TOPIC.encode(), encode_own(event))

    def _events(self) -> Iterator[OwnEvent]:
        document, origin, contents = self._document, self._origin, self._document.contents
        base: dict[str, Any] = {"originator_id": self._stream, "originator_version": 0, "arrived": self._now}
        yield StatementBegan(
            **base,
            sha256=document.sha256.hex(),
            bytes=document.size,
            parts=document.parts,
            encoding=ENCODING,
            **vars(origin),
        )
        for number, part in enumerate(document.compressed()):
            yield StatementPart(**base, n=number, zstd=part)
        yield StatementEnded(
            **base,
            statements=contents.statements,
            accounts=list(contents.accounts),
            from_=_text(contents.from_day),
            to=_text(contents.to_day),
            elements=contents.elements,
        )

    def facts(self, position: int) -> dict[str, Any]:
        """Its row in ``coordination.statement``."""
        document, origin, contents = self._document, self._origin, self._document.contents
        return {
            "digest": document.sha256.hex(),
            "stream": self._stream,
            "position": position,
            "size": document.size,
            "parts": document.parts,
            "received": from_micros(self._now),
            "source": origin.source,
            "name": origin.name,
            "given_by": origin.by,
            **contents._asdict(),
        }


def _text(day: date | None) -> str:
    return "" if day is None else day.isoformat()
