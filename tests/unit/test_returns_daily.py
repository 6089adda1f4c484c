"""The return of a day: each case that docs/performance-figures.md lists, and what holds of any series."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.returns.daily import Rule, day_returns
from ibconnect.returns.figures import EXACT, Code, Flows, Mark, Method, Series, Source, Valued
from ibconnect.returns.linking import annual, linked, month_of, periods, trimmed

MONDAY = date(2024, 1, 1)
DAY = timedelta(days=1)
START, MID, END = (Rule(flows) for flows in Flows)


def valued(*amounts: str, first: date = MONDAY) -> list[Valued]:
    """Values of days in a row."""
    return [Valued(first + number * DAY, Decimal(text)) for number, text in enumerate(amounts)]


def flow(number: int, amount: str) -> dict[date, Decimal]:
    """A flow of a day, counted from the first."""
    return {MONDAY + number * DAY: Decimal(amount)}


def codes(series: Series) -> list[Code]:
    """What is said of it."""
    return [gap.code for gap in series.gaps]


def quotient(exact: Fraction) -> Decimal:
    """A fraction with the digits of a factor."""
    return EXACT.divide(Decimal(exact.numerator), Decimal(exact.denominator))


def factor(series: Series) -> Decimal:
    """The linked factor."""
    found = linked(series.days)
    assert found is not None
    return found


def test_without_flows_it_is_the_change_of_the_value() -> None:
    series = day_returns(valued("100", "110", "99"), {})
    assert [each.factor for each in series.days] == [Decimal("1.1"), Decimal("0.9")]
    assert [each.gain for each in series.days] == [10, -11]
    assert not series.gaps


@pytest.mark.parametrize(("rule", "right"), [(START, "165/150"), (MID, "140/125"), (END, "115/100")])
def test_a_flow_counts_by_the_convention(rule: Rule, right: str) -> None:
    (day,) = day_returns(valued("100", "165"), flow(1, "50"), rule=rule).days
    assert day.method is Method.DIETZ
    assert day.factor == quotient(Fraction(right))
    assert [day.flow, day.gain] == [50, 15]


def test_a_large_flow_is_valued_at_its_time() -> None:
    marks = {MONDAY + DAY: [Mark(Decimal(110), Decimal(90))]}
    (day,) = day_returns(valued("100", "210"), flow(1, "90"), marks=marks).days
    assert (day.method, day.factor) == (Method.AT_FLOW, Decimal("1.1") * Decimal("1.05"))


@pytest.mark.parametrize(
    "mark", [Mark(Decimal(110), Decimal(9)), Mark(Decimal(110), Decimal(80))], ids=["small", "not all of the day"]
)
def test_other_flows_are_not(mark: Mark) -> None:
    amount = "9" if mark.flow == 9 else "90"
    (day,) = day_returns(valued("100", "210"), flow(1, amount), marks={MONDAY + DAY: [mark]}).days
    assert day.method is Method.DIETZ


def test_an_account_opens_from_nothing_whatever_the_convention() -> None:
    for rule, method in ((START, Method.DIETZ), (END, Method.FALLBACK)):
        series = day_returns(valued("0", "101"), flow(1, "100"), rule=rule)
        assert (series.days[0].factor, series.days[0].method) == (Decimal("1.01"), method)
        assert Code.OPENED in codes(series)


def test_an_account_closes_with_the_return_of_its_last_day() -> None:
    series = day_returns(valued("100", "0"), flow(1, "-105"))
    assert (series.days[0].factor, series.days[0].method) == (Decimal("1.05"), Method.FALLBACK)
    assert codes(series) == [Code.OTHER_CONVENTION, Code.CLOSED]
    assert day_returns(valued("100", "0"), flow(1, "-105"), rule=END).days[0].method is Method.DIETZ


def test_an_account_that_closes_with_a_loss_has_not_lost_all() -> None:
    """By the convention, what is left as the base of that day would be the loss itself."""
    series = day_returns(valued("100", "0"), flow(1, "-95"))
    assert (series.days[0].factor, series.days[0].method) == (Decimal("0.95"), Method.FALLBACK)
    assert codes(series) == [Code.OTHER_CONVENTION, Code.CLOSED]
    assert day_returns(valued("100", "0"), flow(1, "-95"), rule=END).days[0].method is Method.DIETZ


def test_days_worth_nothing_are_linked_over() -> None:
    flows = flow(1, "-100") | flow(4, "50")
    series = day_returns(valued("100", "0", "0", "0", "55"), flows)
    assert factor(series) == Decimal("1.1")
    assert [each.method for each in series.days][1:3] == [Method.EMPTY] * 2
    assert (gap := next(gap for gap in series.gaps if gap.code is Code.EMPTY)).days == 2
    assert (gap.first, gap.last) == (MONDAY + 2 * DAY, MONDAY + 3 * DAY)


def test_a_value_lost_entirely_is_a_return_of_minus_one() -> None:
    assert day_returns(valued("100", "0"), {}).days[0].factor == 0


@pytest.mark.parametrize(
    ("amounts", "flows"),
    [(("100", "-5"), {}), (("-5", "-4"), {}), (("-5", "3"), {}), (("-5", "3"), flow(1, "2")), (("0", "-3"), {})],
)
def test_below_zero_there_is_no_return(amounts: tuple[str, ...], flows: dict[date, Decimal]) -> None:
    series = day_returns(valued(*amounts), flows)
    assert series.days[0].factor is None
    assert codes(series)[0] is Code.BELOW_ZERO
    assert linked(series.days) is None


def test_what_lifts_a_debt_is_the_base_of_its_day() -> None:
    assert day_returns(valued("-5", "99"), flow(1, "95")).days[0].factor == Decimal("1.1")


def test_a_value_out_of_nothing_without_a_flow_has_no_return() -> None:
    series = day_returns(valued("0", "3"), {})
    assert (series.days[0].factor, codes(series)) == (None, [Code.UNKNOWN_FLOWS])


def test_a_weekend_is_no_gap_and_its_flows_are_of_monday() -> None:
    friday = date(2024, 1, 5)
    values = [Valued(friday, Decimal(100)), Valued(friday + 3 * DAY, Decimal(165))]
    series = day_returns(values, {friday + DAY: Decimal(50)})
    assert series.days[0].factor == Decimal("1.1")
    assert series.days[0].days == 1
    assert codes(series) == [Code.MOVED_FLOW]


def test_a_holiday_is_none_either() -> None:
    values = [Valued(MONDAY, Decimal(100)), Valued(MONDAY + 2 * DAY, Decimal(110))]
    assert not day_returns(values, {}, holidays={MONDAY + DAY}).gaps
    (gap,) = day_returns(values, {}).gaps
    assert gap == (Code.MISSING, MONDAY + DAY, MONDAY + DAY, 1, "")


def test_a_weekday_that_is_missing_makes_the_span_longer() -> None:
    values = [Valued(MONDAY, Decimal(100)), Valued(MONDAY + 4 * DAY, Decimal(165))]
    series = day_returns(values, flow(1, "50"), rule=END)
    # On the first of four days, at its end.
    base = 100 + 50 * Fraction(3, 4)
    assert series.days[0].factor == quotient((base + 15) / base)
    assert series.days[0].days == 4
    assert [(gap.code, gap.days) for gap in series.gaps] == [(Code.MISSING, 3)]


def test_flows_before_the_first_value_are_in_it() -> None:
    assert day_returns(valued("100", "110"), flow(0, "100")).days[0].factor == Decimal("1.1")


def recorded(number: int, amount: str, gain: str | None) -> Valued:
    """What the recorder knows of a day."""
    return Valued(MONDAY + number * DAY, Decimal(amount), Source.RECORDER, None if gain is None else Decimal(gain))


def test_where_there_is_no_statement_the_flow_is_estimated() -> None:
    values = [*valued("100", "110"), recorded(2, "171", "11"), recorded(3, "180", "9")]
    series = day_returns(values, {})
    assert [each.factor for each in series.days] == [
        Decimal("1.1"),
        *map(quotient, (Fraction(171, 160), Fraction(180, 171))),
    ]
    assert [each.flow for each in series.days] == [0, 50, 0]
    assert [each.method for each in series.days][1:] == [Method.ESTIMATED] * 2
    assert [(gap.code, gap.days, gap.detail) for gap in series.gaps] == [
        (Code.SOURCE_CHANGE, 1, "recorder"),
        (Code.ESTIMATED, 2, ""),
    ]


def test_without_the_days_profit_there_is_none() -> None:
    values = [*valued("100"), recorded(1, "171", None), recorded(2, "180", "9")]
    series = day_returns(values, {})
    assert [each.factor for each in series.days] == [None, quotient(Fraction(180, 171))]
    assert Code.UNKNOWN_FLOWS in codes(series)


def test_profit_of_one_day_does_not_tell_of_several() -> None:
    series = day_returns([*valued("100"), recorded(3, "171", "11")], {})
    assert series.days[0].factor is None


def test_a_flow_that_cannot_be_counted_costs_its_day_alone() -> None:
    series = day_returns(valued("100", "110", "121"), {}, unknown={MONDAY + DAY})
    assert [each.factor for each in series.days] == [None, Decimal("1.1")]
    assert codes(series) == [Code.UNKNOWN_FLOWS]


def test_days_at_both_ends_that_have_no_return_are_left_out() -> None:
    unknown = {MONDAY + DAY, MONDAY + 4 * DAY}
    series = day_returns(valued("100", "110", "121", "130", "140"), {}, unknown=unknown)
    days, gaps = trimmed(series.days)
    assert [each.day for each in days] == [MONDAY + 2 * DAY, MONDAY + 3 * DAY]
    assert [(gap.code, gap.first) for gap in gaps] == [(Code.CUT, MONDAY + DAY), (Code.CUT, MONDAY + 4 * DAY)]


def test_what_joins_after_a_day_is_in_the_base_of_the_next() -> None:
    values = valued("100", "110", "231")
    values[1] = values[1]._replace(carried=Decimal(100))
    series = day_returns(values, {})
    assert [each.factor for each in series.days] == [Decimal("1.1"), Decimal("1.1")]
    (whole,) = periods(series.days, lambda _: None)
    assert [whole.gain, whole.flow, whole.factor] == [31, 100, Decimal("1.21")]


def test_nothing_and_one_value_have_no_return() -> None:
    assert not day_returns([], {}).days
    assert not day_returns(valued("1"), {}).days
    assert trimmed([]) == ([], [])


def test_a_year_is_said_of_a_year_or_more() -> None:
    assert annual(Decimal("1.21"), 730) == Decimal("1.1")
    assert annual(Decimal("1.21"), 364) is None
    assert annual(Decimal(0), 730) is None


AMOUNTS = st.decimals(min_value=1, max_value=10**9, places=4)
CHANGES = st.decimals(min_value=-1000, max_value=10**6, places=2)
RULES = st.sampled_from([START, MID, END])


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Valued], dict[date, Decimal]]:
    """Values of weekdays in a row, and flows of any days."""
    amounts = draw(st.lists(AMOUNTS, min_size=2, max_size=30))
    days = (MONDAY + number * DAY for number in range(1000))
    weekdays = [day for day, _ in zip((day for day in days if day.weekday() < 5), amounts, strict=False)]
    values = [Valued(day, amount) for day, amount in zip(weekdays, amounts, strict=True)]
    flows = draw(st.dictionaries(st.integers(1, (weekdays[-1] - MONDAY).days), CHANGES, max_size=10))
    return values, {MONDAY + number * DAY: amount for number, amount in flows.items()}


def near(one: Decimal | None, other: Decimal | None) -> bool:
    """Equal but for the rounding of quotients."""
    if one is None or other is None:
        return one is other
    return abs(one - other) <= Decimal("1e-20") * max(abs(one), abs(other))


@given(st.lists(AMOUNTS, min_size=2, max_size=30), RULES)
def test_without_flows_the_link_is_last_over_first(amounts: list[Decimal], rule: Rule) -> None:
    values = [Valued(MONDAY + number * DAY, amount) for number, amount in enumerate(amounts)]
    assert near(factor(day_returns(values, {}, rule=rule)), amounts[-1] / amounts[0])


@given(histories(), RULES, st.decimals(min_value="0.001", max_value=1000, places=3))
def test_the_unit_of_money_does_not_matter(
    history: tuple[list[Valued], dict[date, Decimal]], rule: Rule, unit: Decimal
) -> None:
    values, flows = history
    scaled = [each._replace(value=each.value * unit) for each in values]
    series = day_returns(values, flows, rule=rule)
    other = day_returns(scaled, {day: amount * unit for day, amount in flows.items()}, rule=rule)
    for one, two in zip(series.days, other.days, strict=True):
        assert near(one.factor, two.factor)
        assert one.method is two.method


@given(histories(), RULES, st.data())
def test_a_period_that_is_split_links_to_the_same(
    history: tuple[list[Valued], dict[date, Decimal]], rule: Rule, data: st.DataObject
) -> None:
    values, flows = history
    cut = data.draw(st.integers(0, len(values) - 1))
    whole = linked(day_returns(values, flows, rule=rule).days)
    parts = [linked(day_returns(part, flows, rule=rule).days) for part in (values[: cut + 1], values[cut:])]
    assert near(whole, None if None in parts else parts[0] * parts[1])  # type: ignore[operator]
    months = [each.factor for each in periods(day_returns(values, flows, rule=rule).days, month_of)]
    product = Decimal(1)
    for each in months:
        product *= each or 0
    assert None in months or near(whole, product)


@given(histories(), RULES)
def test_gain_and_flows_are_the_change_of_the_value(
    history: tuple[list[Valued], dict[date, Decimal]], rule: Rule
) -> None:
    values, flows = history
    days = day_returns(values, flows, rule=rule).days
    assert sum(each.gain + each.flow for each in days) == values[-1].value - values[0].value
    assert sum(each.flow for each in days) == sum(flows.values())


@given(histories(), RULES)
def test_each_day_is_the_modified_dietz_of_exact_fractions(
    history: tuple[list[Valued], dict[date, Decimal]], rule: Rule
) -> None:
    values, flows = history
    share = {Flows.START: Fraction(1), Flows.MID: Fraction(1, 2), Flows.END: Fraction(0)}[rule.flows]
    for each in day_returns(values, flows, rule=rule).days:
        inflow = sum((Fraction(amount) for day, amount in flows.items() if each.since < day <= each.day), Fraction())
        base = Fraction(each.start) + share * inflow
        if each.factor is None or each.method is Method.FALLBACK or base <= 0:
            assert base <= 0 or base + Fraction(each.gain) < 0
            continue
        right = 1 + (Fraction(each.value) - Fraction(each.start) - inflow) / base
        assert near(each.factor, Decimal(right.numerator) / Decimal(right.denominator))
