"""Returns as a curve: a row for each day with a value, with what 1 has become by then and how far it has fallen.

In: what was made of a set. Out: columns, rows of cells. Called by the handlers. Digits are those of the summary:
amounts have every one, returns, levels and drawdowns are shares with twelve decimals.
"""

from collections.abc import Sequence

from ibconnect.http.resources.performance.making import Made
from ibconnect.http.resources.performance.writing import less_one, plain, share
from ibconnect.http.server.columns import Column, Row, Type
from ibconnect.returns.curve import Point, curve
from ibconnect.returns.figures import EXACT

STEPWISE, DAYS = "steps", "days"
"""What a series may have."""

RUNNING = "running"
"""The source of the day that is not over: the newest report."""

DAY_COLUMNS = (
    Column(
        "AccountCodes", Type.TEXTS, "The accounts of the set, where they are named", is_nullable=False, in_head=True
    ),
    Column("Currency", Type.TEXT, "What amounts are in", in_head=True),
    Column("Day", Type.DATE, "A day with a value; the first is the one that the span begins with", is_nullable=False),
    Column("Value", Type.FIGURE, "What it ends with", is_nullable=False),
    Column("Flow", Type.FIGURE, "What came in, or went out, since the row before: flows, and accounts that joined"),
    Column("Return", Type.FIGURE, "Time-weighted, of the day, as a share; null: it has none"),
    Column(
        "Index",
        Type.FIGURE,
        "What 1 has become: 1 before the first return, linked; null before that, and from a day without a return on",
    ),
    Column("Drawdown", Type.FIGURE, "How far Index is below its highest before: -0.2: by a fifth; null where it is"),
    Column("Method", Type.TEXT, "How the return came about; null: of the first row"),
    Column("Source", Type.TEXT, f"statement, recorder; {RUNNING}: the newest report of a day that is not over"),
    Column("Days", Type.INTEGER, "1; more: the return goes over so many days, of all but the last no value is known"),
)


def days_of(made: Made, codes: Sequence[str]) -> list[Row]:
    """The rows, oldest first: none where there is no value at all."""
    if made.opening is None:
        return []
    head = (codes, made.currency or None)
    first, *points = curve(made.every)
    before, opening = made.opening.value, made.opening
    rows: list[Row] = [
        (*head, opening.day, plain(before), None, None, *_cells(first), None, opening.source.value, 1),
    ]
    for each, point in zip(made.every, points, strict=True):
        source = RUNNING if each is made.running else each.source.value
        change = EXACT.subtract(each.start, before) if each.start != before else None
        flow = each.flow if change is None else EXACT.add(each.flow, change)
        rows.append(
            (
                *head,
                each.day,
                plain(each.value),
                plain(flow),
                less_one(each.factor),
                *_cells(point),
                each.method.value,
                source,
                each.days,
            )
        )
        before = each.value
    return rows


def _cells(point: Point) -> tuple[str | None, str | None]:
    return share(point.level), share(point.drawdown)
