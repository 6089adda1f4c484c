"""Rows of many statements into the tables, with which of them are current.

In: rows as statements give them, and their claims. Out: rows in the caller's transaction, added by COPY, table by
table. Called by the fold. No query is run for a row: one for the days of all accounts of a flush, and one for each
statement that lost days, which is rare.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from ibconnect.database.sql import queries
from ibconnect.projections.engine.copying import line
from ibconnect.projections.statements.cells import written
from ibconnect.projections.statements.coverage import LONGEST, Account, Lost, Range
from ibconnect.projections.statements.rows import TABLES, Made, Statement
from ibconnect.projections.statements.sections import Source

Q = queries("projections/statements/load")

_OWN: Mapping[str, tuple[str, ...]] = {
    "statement": (
        *("id", "position", "received", "generated", "stream", "size", "number", "elements", "unread", "oddities"),
        *(
            "from_day",
            "to_day",
            "account",
            "generated_text",
            "period",
            "query",
            "kind",
            "base_currency",
            "name",
            "source",
        ),
        *("sha256", "more"),
    ),
    "section": ("statement", "account", "name", "rows", "unread", "others"),
    "oddity": ("statement", "line", "account", "section", "attribute", "value", "reason"),
    "covered": ("account", "from_day", "to_day", "sections", "mentioned", "statement", "generated"),
}
_MOST_ROWS, _MOST_STATEMENTS = 20_000, 1_000

Days = dict[tuple[int, str, Source], list[tuple[date, date]]]


class Writer:
    """What is to be written and is not yet. ``connection``: in whose transaction it is."""

    def __init__(self, connection: Connection[Any], newest: int) -> None:
        self._connection = connection
        self._written = newest
        self._newest = newest
        self._made: list[Made] = []
        self._lines: dict[str, list[str]] = {}
        self._noted = 0
        self._claims: list[tuple[str, Range]] = []
        self._lost: list[tuple[str, Lost]] = []
        self._best: dict[tuple[int, str, Source], int] = {}
        self._lesser: list[tuple[int, str, Source]] = []
        self._periods: list[tuple[str, date, date]] = []
        self._open: Statement | None = None
        self._has_time = False

    def begin(self, statement: Statement) -> None:
        """Rows of it follow."""
        self._open = statement

    def give(self, made: Made) -> None:
        """A row of a table of facts."""
        self._made.append(made)
        if len(self._made) + self._noted >= _MOST_ROWS:
            self._flush_early()

    def note(self, table: str, text: str) -> None:
        """A line of a table in which nothing is replaced."""
        self._lines.setdefault(table, []).append(text)
        self._noted += 1
        if self._noted >= _MOST_ROWS:
            self._flush_early()

    def end(self, statement: Statement, cells: tuple[object, ...]) -> None:
        """It is over. ``cells``: of its own row."""
        claims = statement.end()
        self._claims += claims.made
        self._lost += claims.surplus
        self._periods += statement.periods
        number = statement.where.statement
        for (account, source), ranks in statement.levels.items():
            self._best[number, account, source] = min(ranks)
            if number <= self._written and len(ranks) > 1:
                self._lesser.append((number, account, source))
        self._lines.setdefault("statement", []).append(line(cells))
        self._open, self._newest = None, number
        if len(self._made) + self._noted >= _MOST_ROWS or len(self._lines["statement"]) >= _MOST_STATEMENTS:
            self._flush_early()

    def _flush_early(self) -> None:
        """Write what there is, and have time for what follows: a large document is one transaction."""
        if not self._has_time:
            self._connection.execute(Q["take_time"])
            self._has_time = True
        self.flush()

    def flush(self) -> None:
        """Write all of it."""
        accounts = self._accounts()
        lost = [
            *self._lost,
            *((account, each) for account, claim in self._claims for each in accounts[account].claim(claim)),
        ]
        self._copy(accounts, _days_of(lost))
        self._replace(lost)
        self._cover(accounts)
        self._settle_changes()
        self._made, self._lines, self._noted, self._periods = [], {}, 0, []
        self._claims, self._lost, self._best, self._lesser = [], [], {}, []
        # Of a statement that goes on some rows are written now.
        self._written = self._open.where.statement if self._open else self._newest

    def _accounts(self) -> dict[str, Account]:
        """What is known of the days that matter."""
        spans: dict[str, tuple[date, date]] = {}
        for account, claim in [*self._claims, *self._open_claims()]:
            begin, end = spans.get(account, (claim.from_day, claim.to_day))
            spans[account] = min(begin, claim.from_day), max(end, claim.to_day)
        ranges: dict[str, list[Range]] = {account: [] for account in spans}
        wanted = {
            "accounts": list(spans),
            "begins": [_before(begin) for begin, _ in spans.values()],
            "ends": [end for _, end in spans.values()],
        }
        if spans:
            for account, *known in self._connection.execute(Q["covered"], wanted):
                ranges[account].append(Range(*known))
        return {account: Account(known) for account, known in ranges.items()}

    def _open_claims(self) -> list[tuple[str, Range]]:
        """What rows of the statement that goes on may claim: one day each."""
        if self._open is None:
            return []
        number, where = self._open.where.statement, self._open.where
        days = {(made.account, made.day) for made in self._made if made.statement == number and made.day}
        return [(account, Range(on, on, 0, self._is_outside(on), number, where.generated)) for account, on in days]

    def _is_outside(self, on: date) -> bool:
        first, last = (self._open.where.from_day, self._open.where.to_day) if self._open else (None, None)
        return first is None or last is None or not first <= on <= last

    def _copy(self, accounts: Mapping[str, Account], lost: Days) -> None:
        lines: dict[str, list[str]] = {}
        open_claims = {(account, claim.from_day): claim for account, claim in self._open_claims()}
        for made in self._made:
            claim = open_claims.get((made.account, made.day)) if self._is_open(made) and made.day else None
            if claim is not None and made.source is not None:
                is_current = accounts[made.account].would_hold(made.source, claim)
            else:
                is_current = self._is_current(made, lost)
            lines.setdefault(made.table, []).append(f"{made.text}\t{'t' if is_current else 'f'}")
        for table, texts in lines.items():
            self._add(table, TABLES[table], texts)
        for table, texts in self._lines.items():
            self._add(table, _OWN[table], texts)

    def _is_open(self, made: Made) -> bool:
        return self._open is not None and made.statement == self._open.where.statement

    def _is_current(self, made: Made, lost: Days) -> bool:
        if made.source is None or made.day is None:
            return True
        key = made.statement, made.account, made.source
        if made.source.levels and made.level > self._best.get(key, made.level):
            return False
        return not any(begin <= made.day <= end for begin, end in lost.get(key, ()))

    def _add(self, table: str, columns: tuple[str, ...], texts: list[str]) -> None:
        names = SQL(", ").join(map(Identifier, columns))
        statement = SQL(Q["copy"]).format(Identifier(table), names)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write("\n".join(texts) + "\n")

    def _replace(self, lost: list[tuple[str, Lost]]) -> None:
        """Rows that were written before and have lost their days."""
        for account, each in lost:
            if each.statement <= self._written:
                for table in each.source.tables:
                    self._connection.execute(
                        SQL(Q["replaced"]).format(Identifier(table)),
                        {
                            "statement": each.statement,
                            "account": account,
                            "origin": each.source.origin,
                            "from_day": each.from_day,
                            "to_day": each.to_day,
                        },
                    )
        for number, account, source in self._lesser:
            best = source.levels[self._best[number, account, source]]
            for table in source.tables:
                self._connection.execute(
                    SQL(Q["lesser_levels"]).format(Identifier(table)),
                    {"statement": number, "account": account, "origin": source.origin, "level": best},
                )

    def _cover(self, accounts: Mapping[str, Account]) -> None:
        gone = [{"account": name, **each._asdict()} for name, known in accounts.items() for each in known.removed]
        if gone:
            with self._connection.cursor() as cursor:
                cursor.executemany(Q["uncover"], gone)
        texts = [_range_line(name, each) for name, known in accounts.items() for each in sorted(known.added, key=_key)]
        if texts:
            self._add("covered", _OWN["covered"], texts)

    def _settle_changes(self) -> None:
        """Of changes of value over the same period the newest is current."""
        if not self._periods:
            return
        periods = list(dict.fromkeys(self._periods))
        accounts, begins, ends = (list(values) for values in zip(*periods, strict=True))
        known: dict[tuple[Any, ...], list[int]] = {}
        wanted = {"accounts": accounts, "begins": begins, "ends": ends}
        for *period, statement in self._connection.execute(Q["same_period"], wanted):
            known.setdefault(tuple(period), []).append(statement)
        several = {period: sorted(set(numbers)) for period, numbers in known.items() if len(set(numbers)) > 1}
        made = self._generated([number for numbers in several.values() for number in numbers])
        for period, numbers in several.items():
            newest = max(numbers, key=lambda number: (made[number] is not None, made[number], number))
            for number in numbers:
                if number != newest:
                    older = dict(zip(("account", "from_day", "to_day"), period, strict=True))
                    self._connection.execute(Q["older_change"], {**older, "statement": number})

    def _generated(self, numbers: list[int]) -> dict[int, datetime | None]:
        if not numbers:
            return {}
        return dict(self._connection.execute(Q["generated"], {"statements": numbers}).fetchall())


def _before(day: date) -> date:
    return max(day, date.min + timedelta(days=LONGEST)) - timedelta(days=LONGEST)


def _days_of(lost: list[tuple[str, Lost]]) -> Days:
    found: Days = {}
    for account, each in lost:
        found.setdefault((each.statement, account, each.source), []).append((each.from_day, each.to_day))
    return found


def _key(each: Range) -> tuple[int, date, date, int]:
    return each.statement, each.from_day, each.to_day, each.sections


def _range_line(account: str, each: Range) -> str:
    generated = None if each.generated is None else written(each.generated)
    cells = written(each.from_day), written(each.to_day), each.sections, "t" if each.mentioned else "f", each.statement
    return line((account, *cells, generated))
