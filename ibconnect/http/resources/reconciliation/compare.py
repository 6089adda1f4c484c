"""Two witnesses compared: what a statement says of a day, and the report nearest to its close.

In: figures of both, as texts. Out: rows of a reconciliation. Pure. Called by the handler of this package.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from ibconnect.http.resources.reconciliation.columns import (
    CASH,
    DIFFERS,
    FILL,
    GAP,
    NAV,
    NO_CONTRACT,
    NO_FIGURE,
    NO_PRICES,
    NO_REPORT,
    NOT_RECORDED,
    NOT_STATED,
    OTHER_CURRENCY,
    POSITION,
)
from ibconnect.http.resources.witnesses import MONEY, PRICE, difference, tolerance
from ibconnect.http.server.columns import Row

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """A row: one figure of one thing on one day."""

    day: date
    kind: str
    figure: str
    currency: str | None = None
    contract: int | None = None
    symbol: str | None = None
    execution: str | None = None
    stated: str | None = None
    recorded: str | None = None
    difference: Decimal | None = None
    within: Decimal | None = None
    agrees: bool | None = None
    why: str | None = None
    at: datetime | None = None
    distance: int | None = None
    statement: int | None = None

    def row(self, account: str) -> Row:
        """Its cells."""
        return (
            account, self.day, self.kind, self.figure, self.currency, self.contract, self.symbol, self.execution,
            self.stated, self.recorded, self.difference, self.within, self.agrees, self.why, self.at, self.distance,
            self.statement,
        )  # fmt: skip


class Report(NamedTuple):
    """The report nearest to a close. ``distance``: how many seconds after it."""

    snapshot: int
    at: datetime
    distance: int
    has_prices: bool
    currency: str | None
    value: str | None


class Holding(NamedTuple):
    """A position, of a statement or of a report."""

    contract: int | None
    symbol: str | None
    currency: str | None
    position: str | None
    price: str | None
    value: str | None
    statement: int | None = None


@dataclass(slots=True)
class Day:
    """What both know of a day. ``cash``: by currency, with the statement; ``report``: None: none is near the close."""

    day: date
    nav: tuple[str | None, str | None, int] | None = None
    cash: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    positions: list[Holding] = field(default_factory=list)
    report: Report | None = None
    recorded_cash: Mapping[str, str | None] = field(default_factory=dict)
    recorded_positions: Iterable[Holding] = ()


def compared(line: Line, least: int | None) -> Line:
    """The same with what comes of it: figures that are not there cannot be compared."""
    if line.stated is None or line.recorded is None:
        return replace(line, why=line.why or NO_FIGURE)
    stated, recorded = Decimal(line.stated), Decimal(line.recorded)
    left, within = difference(recorded, stated), tolerance(stated, recorded, least)
    is_same = abs(left) <= within
    return replace(line, difference=left, within=within, agrees=is_same, why=None if is_same else DIFFERS)


def lines_of(day: Day) -> Iterator[Line]:
    """The rows of value, cash and positions of a day."""
    report = day.report
    if report is None:
        for kind, figure, is_stated in (
            (NAV, "NetLiquidation", day.nav is not None),
            (CASH, "TotalCashBalance", bool(day.cash)),
            (POSITION, "Position", bool(day.positions)),
        ):
            if is_stated:
                yield Line(day.day, kind, figure, why=NO_REPORT)
        return
    seen = {"at": report.at, "distance": report.distance}
    if day.nav is not None:
        yield _nav(day, report, seen)
    if day.cash:
        yield from _cash(day, seen)
    if day.positions:
        yield from _positions(day, report, seen)


def _nav(day: Day, report: Report, seen: Mapping[str, Any]) -> Line:
    assert day.nav is not None
    total, currency, statement = day.nav
    line = Line(
        day.day,
        NAV,
        "NetLiquidation",
        report.currency,
        stated=total,
        recorded=report.value,
        statement=statement,
        **seen,
    )
    if currency is not None and currency != report.currency:
        return replace(line, currency=currency, why=OTHER_CURRENCY)
    return compared(line, MONEY)


def _cash(day: Day, seen: Mapping[str, Any]) -> Iterator[Line]:
    for currency in sorted({*day.cash, *day.recorded_cash}):
        stated, statement = day.cash.get(currency, ("0", None))
        recorded = day.recorded_cash.get(currency, "0")
        if currency not in day.cash and _is_zero(recorded):
            continue
        if currency not in day.recorded_cash and _is_zero(stated):
            continue
        line = Line(
            day.day, CASH, "TotalCashBalance", currency, stated=stated, recorded=recorded, statement=statement, **seen
        )
        yield compared(line, MONEY)


def _positions(day: Day, report: Report, seen: Mapping[str, Any]) -> Iterator[Line]:
    recorded = {holding.contract: holding for holding in day.recorded_positions}
    for stated in day.positions:
        line = Line(
            day.day, POSITION, "Position", stated.currency, stated.contract, stated.symbol, statement=stated.statement,
            stated=stated.position, **seen,
        )  # fmt: skip
        if stated.contract is None:
            yield replace(line, why=NO_CONTRACT)
            continue
        held = recorded.pop(stated.contract, None)
        if held is None:
            if not _is_zero(stated.position):
                yield replace(line, agrees=False, why=NOT_RECORDED)
            continue
        yield compared(replace(line, recorded=held.position), None)
        no_prices = None if report.has_prices else NO_PRICES
        price, value = (held.price, held.value) if report.has_prices else (None, None)
        priced = replace(line, why=no_prices)
        yield compared(replace(priced, figure="MarketPrice", stated=stated.price, recorded=price), PRICE)
        yield compared(replace(priced, figure="MarketValue", stated=stated.value, recorded=value), MONEY)
    # One that the statement names without an id may be any of those that are left.
    agrees, why = (None, NO_CONTRACT) if any(each.contract is None for each in day.positions) else (False, NOT_STATED)
    for held in recorded.values():
        line = Line(day.day, POSITION, "Position", held.currency, held.contract, held.symbol, **seen)
        yield replace(line, recorded=held.position, agrees=agrees, why=why)


def _is_zero(text: str | None) -> bool:
    return text is not None and Decimal(text) == _ZERO


class Told(NamedTuple):
    """A fill as a statement tells of it, and as a gateway does (``execution`` None: it does not)."""

    day: date
    id: str | None
    contract: int | None
    symbol: str | None
    currency: str | None
    quantity: str | None
    price: str | None
    commission: str | None
    statement: int
    execution: str | None
    recorded_quantity: str | None
    recorded_price: str | None
    recorded_commission: str | None
    is_known: bool


def lines_of_fill(fill: Told) -> Iterator[Line]:
    """The rows of a fill that a statement tells of."""
    line = Line(
        fill.day, FILL, "Shares", fill.currency, fill.contract, fill.symbol, fill.id, fill.quantity,
        statement=fill.statement,
    )  # fmt: skip
    if fill.execution is None:
        yield replace(line, agrees=False, why=NOT_RECORDED) if fill.is_known else replace(line, why=GAP)
        return
    if fill.id is not None and fill.execution != fill.id:
        line = replace(line, execution=fill.execution)
    yield compared(replace(line, recorded=fill.recorded_quantity), None)
    for figure, stated, recorded in (
        ("Price", fill.price, fill.recorded_price),
        ("Commission", fill.commission, fill.recorded_commission),
    ):
        yield compared(replace(line, figure=figure, stated=stated, recorded=recorded), PRICE)


def line_of_execution(day: date, execution: str, *about: Any) -> Line:
    """The row of an execution of which no statement tells, although one has trades of the day."""
    contract, symbol, currency, quantity, _ = about
    return Line(
        day, FILL, "Shares", currency, contract, symbol, execution, recorded=quantity, agrees=False, why=NOT_STATED
    )
