"""Documents into the tables of the report.

In: events that end a document. Out: rows in the caller's transaction. Called by the engine. A document is read, parsed
and written piece by piece, so that memory is flat whatever its size.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from psycopg import Connection

from ibconnect.database.sql import queries
from ibconnect.errors import ProjectionError, StatementRefused
from ibconnect.flex_values import MONTH_FIRST, DayOrder, has_slashes
from ibconnect.flex_xml import Begun, Ended, Row, Section, parse
from ibconnect.flex_xml import Document as Head
from ibconnect.projections.engine.projection import Event, Written
from ibconnect.projections.statements.cells import written
from ibconnect.projections.statements.documents import Document, documents
from ibconnect.projections.statements.period import period_of
from ibconnect.projections.statements.rows import Statement
from ibconnect.projections.statements.speaking import Where
from ibconnect.projections.statements.writing import Writer
from ibconnect.times import from_micros

Q = queries("projections/statements/load")

_KNOWN = frozenset({"accountId", "fromDate", "toDate", "period", "whenGenerated"})


class StatementsFold:
    """Keeps the number of the newest statement."""

    def __init__(self) -> None:
        self._newest = 0

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written by whomever."""
        row = connection.execute(Q["last_statement"]).fetchone()
        self._newest = row[0] if row else 0

    def write(self, connection: Connection[Any], work: Sequence[Event]) -> Written:
        """The rows of these documents; what is counted are statements.

        :raises ProjectionError: a document cannot be applied, which says its name
        """
        writer = Writer(connection, self._newest)
        before = self._newest
        for document in documents(connection, work):
            try:
                self._newest = _Reading(document, writer, self._newest).run()
            except (ProjectionError, StatementRefused) as exc:
                raise ProjectionError(f"the statement {document.name}: {exc}") from exc
        writer.flush()
        return Written(self._newest - before)


class _Reading:
    """One document on its way. ``newest``: the number of the statement before its first one."""

    def __init__(self, document: Document, writer: Writer, newest: int) -> None:
        self._document = document
        self._writer = writer
        self._newest = newest
        self._head: Mapping[str, str] = {}
        self._order: str | None = None
        self._attributes: Mapping[str, str] = {}
        self._statement: Statement | None = None

    def run(self) -> int:
        """Read it all; the number of its last statement."""
        for item in parse(self._document.chunks()):
            if isinstance(item, Row):
                self._current().row(item)
            elif isinstance(item, Section):
                self._current().section(item.section)
            elif isinstance(item, Begun):
                self._begin(item)
            elif isinstance(item, Ended):
                self._end(item)
            elif isinstance(item, Head):
                self._head = item.attributes
        return self._newest

    def _current(self) -> Statement:
        if self._statement is None:
            raise ProjectionError("an element lies in no statement")
        return self._statement

    def _begin(self, begun: Begun) -> None:
        attributes = begun.attributes
        if self._order is None:
            self._order = self._day_order(attributes)
        self._newest += 1
        first, last, generated, oddities = period_of(attributes, self._order)
        account = attributes.get("accountId", "")
        where = Where(self._newest, self._document.ended.position, account, first, last, generated, self._order)
        self._attributes = attributes
        self._statement = Statement(where, self._writer.give, self._writer.note)
        self._writer.begin(self._statement)
        self._statement.note_odd(oddities, 0, account, "FlexStatement")

    def _day_order(self, attributes: Mapping[str, str]) -> str:
        """How days are meant whose month and day may be either; to decide that the document is read once more."""
        said = [text for name in ("fromDate", "toDate", "whenGenerated") if (text := attributes.get(name))]
        if said and not any(map(has_slashes, said)):
            return MONTH_FIRST
        return DayOrder().read(self._document.chunks())

    def _end(self, ended: Ended) -> None:
        statement = self._current()
        self._writer.end(statement, self._cells(statement, ended.number))
        self._statement = None

    def _cells(self, statement: Statement, number: int) -> tuple[object, ...]:
        """Of the statement's own row, in the order of its columns in :mod:`writing`."""
        began, where, given = self._document.began, statement.where, self._attributes
        more = {name: text for name, text in given.items() if text and name not in _KNOWN}
        more |= {name: text for name, text in self._head.items() if text and name not in ("queryName", "type")}
        return (
            where.statement,
            where.position,
            written(from_micros(began["t"])),
            where.generated and written(where.generated),
            self._document.ended.session,
            began.get("bytes"),
            number,
            statement.elements,
            statement.unread,
            statement.oddities,
            where.from_day and written(where.from_day),
            where.to_day and written(where.to_day),
            where.account,
            given.get("whenGenerated") or None,
            given.get("period") or None,
            self._head.get("queryName") or None,
            self._head.get("type") or None,
            statement.base_currency,
            began.get("name") or None,
            began.get("source") or None,
            began.get("sha256"),
            orjson.dumps(more).decode() if more else None,
        )
