"""Returns as a curve: the level is the linked return, the deepest drawdown that of the summary."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.returns.curve import NOTHING, curve
from ibconnect.returns.figures import EXACT, ONE, ZERO, DayReturn, Method, Source
from ibconnect.returns.linking import each_day, periods, trimmed
from ibconnect.returns.risk import drawdown

MONDAY = date(2024, 1, 1)
FACTORS = st.decimals("0.5", "1.5", allow_nan=False, places=4)


def days_of(factors: list[Decimal | None]) -> list[DayReturn]:
    """Days one after the other; a factor of None is a day without a return."""
    return [
        DayReturn(
            MONDAY + timedelta(days=number + 1),
            MONDAY + timedelta(days=number),
            ONE,
            ONE,
            ZERO,
            factor,
            Method.NONE if factor is None else Method.SIMPLE,
            Source.STATEMENT,
        )
        for number, factor in enumerate(factors)
    ]


@given(st.lists(FACTORS))
def test_levels_and_drawdowns_are_those_of_the_figures(factors: list[Decimal | None]) -> None:
    days = days_of(factors)
    first, *points = curve(days)
    assert [each.level for each in points] == [each.level for each in periods(days, each_day)]
    if days:
        assert (first.level, first.drawdown) == (ONE, ZERO)
        deepest = min((each.drawdown for each in points if each.drawdown is not None), default=ZERO)
        fall = drawdown(days)
        assert deepest == (ZERO if fall is None else fall.depth)


@given(st.lists(st.none() | FACTORS))
def test_a_level_begins_with_the_first_return_and_ends_with_the_first_gap(factors: list[Decimal | None]) -> None:
    days = days_of(factors)
    points = list(curve(days))
    assert len(points) == len(days) + 1
    kept, _ = trimmed(days)
    begin = days.index(kept[0]) if kept else len(days)
    assert points[:begin] == [NOTHING] * begin
    level: Decimal | None = ONE
    for each, point in zip(days[begin:], points[begin + 1 :], strict=True):
        level = None if level is None or each.factor is None else EXACT.multiply(level, each.factor)
        assert point.level == level
        assert (point.drawdown is None) is (level is None)
