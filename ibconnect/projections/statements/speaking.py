"""For which days of which accounts a statement speaks, source by source: its claims.

In: the sections and rows of a statement, as they come. Out: claims, and what the statement itself makes up for by a
better source. Called by :mod:`rows`. Pure.
"""

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from ibconnect.projections.statements.coverage import Lost, Range, best, bit_of, bits
from ibconnect.projections.statements.sections import BY_SECTION, SOURCES, Source, Span


class Where(NamedTuple):
    """What rows of a statement have in common. ``order``: how its days with slashes are meant."""

    statement: int
    position: int
    account: str
    from_day: date | None
    to_day: date | None
    generated: datetime | None
    order: str


class Claims(NamedTuple):
    """By account: for which days a statement would hold; and which of these it would hold twice."""

    made: list[tuple[str, Range]]
    surplus: list[tuple[str, Lost]]


class Speaking:
    """Of one statement."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._present: dict[str, set[str]] = {}
        self._seen: set[tuple[str, Source]] = set()
        self._outside: dict[tuple[str, date], int] = {}

    def section(self, name: str, account: str) -> None:
        """It has a section, with rows of an account or without any."""
        self._present.setdefault(name, set()).add(account)

    def sections(self) -> set[str]:
        """The names of those that it has."""
        return set(self._present)

    def row(self, source: Source, account: str, on: date | None) -> None:
        """It has a row of a source, of a day of its period or one that it only mentions."""
        self._seen.add((account, source))
        if on is None or self._is_own(source, on):
            return
        key = account, on
        self._outside[key] = self._outside.get(key, 0) | bit_of(source)

    def _is_own(self, source: Source, on: date) -> bool:
        first, last = self._where.from_day, self._where.to_day
        if first is None or last is None:
            return False
        return (last if source.span is Span.END else first) <= on <= last

    def claims(self) -> Claims:
        """All of them, once its last row is known."""
        made, surplus = list[tuple[str, Range]](), list[tuple[str, Lost]]()
        for account, begin, end, sections, mentioned in (*self._own(), *self._mentioned()):
            kept = best(sections)
            generated = self._where.generated
            made.append((account, Range(begin, end, kept, mentioned, self._where.statement, generated)))
            for bit in bits(sections & ~kept):
                source = SOURCES[bit.bit_length() - 1]
                surplus.append((account, Lost(self._where.statement, source, begin, end)))
        return Claims(made, surplus)

    def _own(self) -> Iterator[tuple[str, date, date, int, bool]]:
        first, last = self._where.from_day, self._where.to_day
        if first is None or last is None:
            return
        spoken: dict[tuple[str, date], int] = {}
        for name, accounts in self._present.items():
            for source in BY_SECTION.get(name, ()):
                for account in accounts:
                    if not self._speaks(source, account):
                        continue
                    key = account, last if source.span is Span.END else first
                    spoken[key] = spoken.get(key, 0) | bit_of(source)
        for (account, begin), sections in spoken.items():
            yield account, begin, last, sections, False

    def _mentioned(self) -> Iterator[tuple[str, date, date, int, bool]]:
        for (account, on), sections in self._outside.items():
            yield account, on, on, sections, True

    def _speaks(self, source: Source, account: str) -> bool:
        """Whether a source that is there speaks for its days: an empty one does where no row means none."""
        is_complete = source.span is Span.PERIOD or (source.span is Span.END and not source.topic)
        return is_complete or (account, source) in self._seen
