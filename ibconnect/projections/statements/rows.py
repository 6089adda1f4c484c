"""One FlexStatement as rows: its elements one after another, then what it is as a whole.

In: items of :mod:`ibconnect.flex_xml` between the beginning and the end of a statement. Out: rows, given away as soon
as they are known, so that memory is flat; at the end the statement, its sections and its claims. Called by the fold.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

import orjson

from ibconnect.flex_xml import Row
from ibconnect.projections.engine.copying import escape, line
from ibconnect.projections.statements import flows
from ibconnect.projections.statements.cells import Cells, Oddity, cells_of, written
from ibconnect.projections.statements.period import counted_day
from ibconnect.projections.statements.sections import (
    FLOW_OF_LINE,
    PART_OF_TRADE,
    PARTS,
    SPECS,
    TRANSFER_OF_LINE,
    Source,
    Span,
    Spec,
    tables,
)
from ibconnect.projections.statements.speaking import Claims, Speaking, Where
from ibconnect.wire_numbers import NULL

TABLES = tables()
_CELLS = {table: columns[:-1] for table, columns in TABLES.items()}
_ELEMENT_LEVELS = {
    "Order": "ORDER",
    "SymbolSummary": "SYMBOL_SUMMARY",
    "AssetSummary": "ASSET_SUMMARY",
    "Lot": "CLOSED_LOT",
    "WashSale": "WASH_SALE",
}
# Tables whose amounts are in the base currency of the account, which not every query says there.
_IN_BASE = frozenset({"nav", "nav_change"})
_HOLDER = ("AccountInformation", "AccountInformation")
# Transfers wait for the end of their statement, where it is known how their values are signed.
_MOST_WAITING = 5_000


class Made(NamedTuple):
    """A row of a table of facts, but for whether it is current. ``level``: its rank, 0 for the best."""

    table: str
    text: str
    statement: int
    account: str
    source: Source | None
    day: date | None
    level: int


@dataclass(slots=True)
class _Section:
    rows: int = 0
    unread: int = 0
    others: Counter[str] = field(default_factory=Counter)


class _Place(NamedTuple):
    """Of a row: ``number``: of its element in the statement; ``on``: the day on which it counts."""

    number: int
    section: str
    account: str
    level: str
    source: Source | None
    on: date | None = None


class Statement:
    """A statement that is being read.

    :param give: takes each row
    :param note: takes lines of the tables ``oddity`` and ``section``
    """

    def __init__(self, where: Where, give: Callable[[Made], None], note: Callable[[str, str], None]) -> None:
        self.where = where
        self.elements = self.unread = self.oddities = 0
        self.periods: list[tuple[str, date, date]] = []
        self.levels: dict[tuple[str, Source], set[int]] = {}
        self._give, self._note = give, note
        self._sections: dict[tuple[str, str], _Section] = {}
        self._speaking = Speaking(where)
        self._bases: dict[str, str] = {}
        self._waiting: list[tuple[_Place, Mapping[str, str]]] = []
        self._moved: dict[str, Decimal] = {}
        self._by_direction: dict[str, bool] | None = None

    def section(self, name: str) -> None:
        """A section begins."""
        self._speaking.section(name, self.where.account)

    def row(self, row: Row) -> None:
        """An element."""
        self.elements += 1
        account = row.attributes.get("accountId") or self.where.account
        counts = self._sections.setdefault((account, row.section), _Section())
        counts.rows += 1
        kind = row.section, row.element
        specs = SPECS.get(kind)
        if specs is None:
            self._unread(row, account, counts)
            return
        self._speaking.section(row.section, account)
        level = row.attributes.get("levelOfDetail") or _ELEMENT_LEVELS.get(row.element, "")
        if specs[0].table == "trade" and level.upper() in PARTS:
            specs = (PART_OF_TRADE,)
        for number, spec in enumerate(specs):
            place = _Place(self.elements, row.section, account, level, spec.source)
            self._make(spec, row.attributes, place, counts if number == 0 else None)

    @property
    def base_currency(self) -> str | None:
        """Of its account, if it says so."""
        return self._bases.get(self.where.account) or next(iter(self._bases.values()), None)

    def _unread(self, row: Row, account: str, counts: _Section) -> None:
        if (row.section, row.element) == _HOLDER:
            # Names and addresses stay in the document.
            if currency := row.attributes.get("currency"):
                self._bases[account] = currency
        else:
            counts.unread += 1
            self.unread += 1
        counts.others.update(name for name, text in row.attributes.items() if text)

    def _make(self, spec: Spec, attributes: Mapping[str, str], place: _Place, counts: _Section | None) -> None:
        """``counts``: None for what else is made of an element, all of which is in its first row."""
        cells = cells_of(attributes, spec.columns, self.where.order)
        cells.of.update(spec.fixed)
        on = self._day(cells, spec, attributes)
        if counts is None:
            cells.more, cells.oddities = {}, []
            if place.source is not None and place.source.topic == "nav" and "total" not in cells.of:
                return
        else:
            counts.others.update(cells.more.keys())
        place = place._replace(on=on)
        self._derive(spec.table, cells.of, place)
        self._put(spec.table, cells, place)

    def _derive(self, table: str, cells: dict[str, str], place: _Place) -> None:
        """What a row says beside what stands in it, and which other rows follow from it."""
        if table in _IN_BASE and place.account in self._bases:
            cells.setdefault("currency", escape(self._bases[place.account]))
        if table == "transfer":
            self._wait(place, dict(cells))
        elif table == "cash_flow":
            if place.section == "StockGrantActivities":
                flows.grant(cells)
            else:
                flows.cash_transaction(cells, place.account)
        elif table == "fund_line":
            if flow := flows.fund_line(cells, place.account, place.level):
                source = TRANSFER_OF_LINE if flow.get("scope") == "account" else FLOW_OF_LINE
                self._put("cash_flow", Cells(flow), place._replace(source=source))
        elif table == "nav_change":
            self._moved[place.account] = Decimal(cells.get("asset_transfers", "0"))
            self._note_period(cells, place.account)

    def _note_period(self, cells: dict[str, str], account: str) -> None:
        """Of a change of value, which has that of the statement if it names none."""
        for name, value in (("from_day", self.where.from_day), ("to_day", self.where.to_day)):
            if name not in cells and value is not None:
                cells[name] = written(value)
        if "from_day" in cells and "to_day" in cells:
            begin, end = (date.fromisoformat(cells[name]) for name in ("from_day", "to_day"))
            self.periods.append((account, begin, end))

    def _day(self, cells: Cells, spec: Spec, attributes: Mapping[str, str]) -> date | None:
        """The day on which the statement counts an element: of what happened one of its period."""
        first, last = self.where.from_day, self.where.to_day
        name = next((name for name in spec.days if attributes.get(name)), "")
        if not name:
            return last
        text = attributes[name]
        cells.more.pop(name, None)
        on: date | None = None
        counted = last
        try:
            on = counted = counted_day(text, self.where.order)
        except ValueError as exc:
            odd = Oddity(name, text, str(exc))
            cells.oddities += [] if odd in cells.oddities else [odd]
        if counted is not None and first and last and spec.source is not None and spec.source.span is Span.PERIOD:
            counted = min(max(counted, first), last)
        if counted != on or on is None:
            cells.as_sent["day"] = text
        return counted

    def _put(self, table: str, cells: Cells, place: _Place) -> None:
        where, of = self.where, cells.of
        of["statement"], of["position"], of["line"] = str(where.statement), str(where.position), str(place.number)
        of["account"] = escape(place.account)
        of["origin"] = place.source.origin if place.source else place.section
        if place.on is not None:
            of["day"] = written(place.on)
        if place.level:
            of["level"] = escape(place.level)
        if cells.more:
            of["more"] = escape(orjson.dumps(cells.more).decode())
        if cells.as_sent:
            of["as_sent"] = escape(orjson.dumps(cells.as_sent).decode())
        self.note_odd(cells.oddities, place.number, place.account, place.section)
        text = "\t".join([of.get(column, NULL) for column in _CELLS[table]])
        self._give(Made(table, text, where.statement, place.account, place.source, place.on, self._rank(place)))
        if place.source is not None:
            self._speaking.row(place.source, place.account, place.on)

    def note_odd(self, oddities: Sequence[Oddity], number: int, account: str, section: str) -> None:
        """Values that could not be understood. ``number``: of the element; 0 for the statement itself."""
        for oddity in oddities:
            self.oddities += 1
            self._note("oddity", line((self.where.statement, number, account, section, *oddity)))

    def _rank(self, place: _Place) -> int:
        source = place.source
        if source is None or not source.levels:
            return 0
        known = place.level.upper()
        rank = source.levels.index(known if known in source.levels else "")
        self.levels.setdefault((place.account, source), set()).add(rank)
        return rank

    def _wait(self, place: _Place, transfer: Mapping[str, str]) -> None:
        if self._by_direction is not None:
            self._transferred(place, transfer)
            return
        self._waiting.append((place, transfer))
        if len(self._waiting) >= _MOST_WAITING:
            self._settle_transfers()

    def _settle_transfers(self) -> None:
        """Decide how the values of transfers are signed, and make cash flows of those that waited."""
        waiting, self._waiting = self._waiting, []
        whole = [(place.account, transfer) for place, transfer in waiting if place.level.upper() != "LOT"]
        self._by_direction = {
            account: flows.signed_by_direction(
                [transfer for whose, transfer in whole if whose == account], self._moved.get(account)
            )
            for account in {account for account, _ in whole}
        }
        for place, transfer in waiting:
            self._transferred(place, transfer)

    def _transferred(self, place: _Place, transfer: Mapping[str, str]) -> None:
        by_direction = (self._by_direction or {}).get(place.account, False)
        for flow in flows.transfers(transfer, place.account, by_direction=by_direction):
            self._put("cash_flow", Cells(flow), place)

    def end(self) -> Claims:
        """Nothing more comes of it: its claims."""
        self._settle_transfers()
        for (account, name), counts in self._sections.items():
            others = orjson.dumps(counts.others).decode() if counts.others else None
            cells = (self.where.statement, account, name, counts.rows, counts.unread, others)
            self._note("section", line(cells))
        for name in sorted(self._speaking.sections() - {name for _, name in self._sections}):
            self._note("section", line((self.where.statement, self.where.account, name, 0, 0, None)))
        return self._speaking.claims()
