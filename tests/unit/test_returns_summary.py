"""Linked, money-weighted and risk figures against published examples, other libraries and exact fractions."""

import random
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import numpy_financial
import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.returns import ibkr
from ibconnect.returns.daily import Rule, day_returns
from ibconnect.returns.figures import DayReturn, Flows, Source, Valued
from ibconnect.returns.linking import linked, month_of, periods, year_of
from ibconnect.returns.money_weighted import Solutions, rate_of
from ibconnect.returns.risk import drawdown, extremes, spread
from ibconnect.returns.summary import summary_of

DAY = timedelta(days=1)
FIRST = date(2023, 1, 2)
SEPTEMBER = date(2024, 9, 30)


def series(*amounts: str, every: int = 1) -> list[DayReturn]:
    """The returns of values that stand so many days apart, without flows."""
    values = [Valued(FIRST + number * every * DAY, Decimal(text)) for number, text in enumerate(amounts)]
    return list(day_returns(values, {}, holidays=[FIRST + number * DAY for number in range(10_000)]).days)


def rounded(value: Decimal | None, digits: str) -> Decimal:
    """As an example prints it."""
    assert value is not None
    return value.quantize(Decimal(digits), ROUND_HALF_EVEN)


# CFA Program, Level III, "Evaluating Portfolio Performance" (Bailey, Richards, Tierney): a month of 30 days.
MONTH_FLOWS = {SEPTEMBER + 5 * DAY: Decimal(30_000), SEPTEMBER + 16 * DAY: Decimal(20_000)}


def test_time_weighted_as_the_cfa_example_values_at_flows() -> None:
    amounts = ((0, 1_000_000), (5, 1_045_000), (16, 1_060_000), (30, 1_080_000))
    values = [Valued(SEPTEMBER + number * DAY, Decimal(amount)) for number, amount in amounts]
    days = day_returns(values, MONTH_FLOWS, rule=Rule(Flows.END)).days
    assert [rounded(each.factor, "0.0001") for each in days] == [
        Decimal(text) for text in ("1.0150", "0.9952", "1.0189")
    ]
    assert rounded(linked(days), "0.0001") == Decimal("1.0292")


def test_money_weighted_as_the_cfa_example() -> None:
    found = rate_of(SEPTEMBER, Decimal(1_000_000), MONTH_FLOWS, SEPTEMBER + 30 * DAY, Decimal(1_080_000))
    assert found.solutions is Solutions.ONE
    assert rounded(found.over, "0.0001") == Decimal("0.0290")


def test_modified_dietz_as_the_gips_example() -> None:
    """CFA Program, Level III, GIPS: a composite's October, 585.60 to 602.34, its return printed as 2.45 %."""
    flows = {5: "-15.05", 9: "19.82", 15: "16.42", 24: "-18.96"}
    values = [Valued(SEPTEMBER, Decimal("585.60")), Valued(SEPTEMBER + 31 * DAY, Decimal("602.34"))]
    given = {SEPTEMBER + number * DAY: Decimal(amount) for number, amount in flows.items()}
    (month,) = day_returns(values, given, rule=Rule(Flows.END)).days
    assert rounded(month.factor, "0.0001") == Decimal("1.0245")


@pytest.mark.parametrize(
    ("bought", "sold", "paid", "time_weighted", "money_weighted"),
    [
        # CFA Program, Level I, quantitative methods: a share at 200, another at 225, both sold at 235, 5 each a year.
        ((200, 225), 235, 5, "0.108", "0.094"),
        # The same reading in Schweser's notes: 100, 120, both sold at 130, 2 each a year.
        ((100, 120), 130, 2, "0.158", "0.139"),
    ],
)
def test_two_years_as_the_cfa_examples(
    bought: tuple[int, int], sold: int, paid: int, time_weighted: str, money_weighted: str
) -> None:
    one, two, three = date(2021, 1, 1), date(2022, 1, 1), date(2023, 1, 1)
    # The dividend is taken out as it is paid: what flows in for the second share is its price less that.
    values = [
        Valued(one, Decimal(bought[0])),
        Valued(two, Decimal(2 * bought[1])),
        Valued(three, Decimal(2 * sold + 2 * paid)),
    ]
    flows = {two: Decimal(bought[1] - paid)}
    days = day_returns(values, flows, rule=Rule(Flows.END)).days
    found = summary_of(days, flows)
    assert found is not None
    assert found.annual is not None
    assert rounded(found.annual, "0.001") == Decimal(time_weighted)
    assert rounded(found.money_weighted.annual, "0.001") == Decimal(money_weighted)


def test_modified_dietz_of_two_years_as_wikipedia_has_it() -> None:
    """Article "Modified Dietz method": 100 to 300 in two years, 50 in after the first: 120 %."""
    first = date(2021, 1, 1)
    values = [Valued(first, Decimal(100)), Valued(first + 730 * DAY, Decimal(300))]
    (whole,) = day_returns(values, {first + 365 * DAY: Decimal(50)}, rule=Rule(Flows.END)).days
    assert whole.factor == Decimal("2.2")


@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=20),
    st.floats(-0.5, 3.0),
)
@settings(max_examples=200)
def test_xirr_of_regular_flows_is_numpy_financials_irr(paid: list[int], rate: float) -> None:
    days = [FIRST + number * 365 * DAY for number in range(len(paid) + 1)]
    worth = sum(amount * (1 + rate) ** (len(paid) - number) for number, amount in enumerate(paid))
    final = Decimal(worth).quantize(Decimal("0.0001"))
    flows = {day: Decimal(amount) for day, amount in zip(days[1:-1], paid[1:], strict=False)}
    found = rate_of(days[0], Decimal(paid[0]), flows, days[-1], final)
    right = numpy_financial.irr([*(-amount for amount in paid), float(final)])
    assert found.solutions is Solutions.ONE
    assert found.annual is not None
    assert abs(float(found.annual) - float(right)) < 1e-6


@given(st.lists(st.tuples(st.integers(1, 3650), st.integers(-(10**5), 10**6)), max_size=30), st.integers(1, 10**8))
def test_xirr_of_random_flows_is_pyxirrs_and_its_worth_is_nothing(flows: list[tuple[int, int]], value: int) -> None:
    given = {FIRST + number * DAY: Decimal(amount) for number, amount in flows}
    last = FIRST + 3651 * DAY
    found = rate_of(FIRST, Decimal(10**6), given, last, Decimal(value))
    if found.annual is None:
        assert found.solutions is not Solutions.ONE
        return
    days = [FIRST, *given, last]
    paid = [-(10.0**6), *(-float(amount) for amount in given.values()), float(value)]
    worth = pyxirr.xnpv(float(found.annual), days, paid)
    scale = sum(abs(each) for each in paid)
    assert worth is not None
    assert abs(worth) < 1e-5 * scale * max(1.0, (1 + float(found.annual)) ** -10)


def test_xirr_says_that_there_is_none_or_are_several() -> None:
    year = 365 * DAY
    none = rate_of(FIRST, Decimal(100), {}, FIRST + year, Decimal(0))
    assert none == (Solutions.NONE, None, None)
    # -100, +230, -132: worth nothing at 10 % and at 20 %.
    several = rate_of(FIRST, Decimal(100), {FIRST + year: Decimal(-230)}, FIRST + 2 * year, Decimal(-132))
    assert several.solutions is Solutions.SEVERAL
    assert several.annual is None
    no_root = rate_of(FIRST, Decimal(100), {FIRST + year: Decimal(-150)}, FIRST + 2 * year, Decimal(-100))
    assert no_root.solutions is Solutions.NONE
    assert rate_of(FIRST, Decimal(100), {}, FIRST, Decimal(100)).solutions is Solutions.NONE


@given(st.lists(st.tuples(st.integers(1, 363), st.integers(-(10**5), 10**6)), max_size=30), st.integers(1, 10**8))
def test_less_than_a_year_with_money_in_and_out_has_a_rate_or_says_why_not(
    flows: list[tuple[int, int]], value: int
) -> None:
    given = {FIRST + number * DAY: Decimal(amount) for number, amount in flows}
    found = rate_of(FIRST, Decimal(10**6), given, FIRST + 364 * DAY, Decimal(value))
    assert (found.over is not None) is (found.solutions is Solutions.ONE)


def test_of_less_than_a_year_one_rate_is_found_among_deposits_and_withdrawals() -> None:
    flows = {FIRST + 100 * DAY: Decimal(-5000), FIRST + 200 * DAY: Decimal(5000)}
    found = rate_of(FIRST, Decimal(100_000), flows, FIRST + 364 * DAY, Decimal(110_000))
    assert found.solutions is Solutions.ONE
    assert found.over is not None
    assert Decimal("0.09") < found.over < Decimal("0.11")


def test_spread_of_a_year() -> None:
    """Computed by hand: returns 1 %, -1 %, 3 %."""
    found = spread(series("100", "101", "99.99", "102.9897"), Decimal("0.0252"))
    variance = Fraction(4, 10_000)
    assert found.observations == 3
    assert found.volatility is not None
    assert abs(found.volatility**2 - Decimal(variance.numerator) / variance.denominator * 252) < Decimal("1e-25")
    # Mean 1 % less 0.01 % a day, over deviations of 2 % and sqrt(0.0101^2 / 3).
    assert rounded(found.sharpe, "0.000001") == rounded(
        Decimal("0.0099") / Decimal("0.02") * Decimal(252).sqrt(), "0.000001"
    )
    downside = (Decimal("0.0101") ** 2 / 3).sqrt()
    assert rounded(found.sortino, "0.000001") == rounded(Decimal("0.0099") / downside * Decimal(252).sqrt(), "0.000001")


def test_what_does_not_differ_has_no_ratio() -> None:
    found = spread(series("100", "110", "121", "133.1"))
    assert found.volatility == 0
    assert found.sharpe is found.sortino is None
    assert spread(series("100", "110")) == (1, None, None, None)


def test_drawdown_has_its_dates() -> None:
    days = series("100", "120", "90", "100", "60", "119", "120", "110")
    found = drawdown(days)
    assert found is not None
    assert rounded(found.depth, "1e-25") == Decimal("-0.5")
    assert found[1:] == (FIRST + DAY, FIRST + 4 * DAY, FIRST + 6 * DAY)
    assert drawdown(days[:-2]) == found._replace(recovered=None)
    assert drawdown(series("100", "101", "102")) is None
    assert drawdown(series("100", "50")) == (Decimal("-0.5"), FIRST, FIRST + DAY, None)
    assert drawdown([]) is None


def test_best_and_worst() -> None:
    best_and_worst = extremes(series("100", "110", "99", "99"))
    assert best_and_worst == ((Decimal("0.1"), FIRST + DAY), (Decimal("-0.1"), FIRST + 2 * DAY))
    assert extremes([]) is None


def test_summary_of_months_and_years() -> None:
    days = series("100", "110", "121", "133.1", every=300)
    found = summary_of(days, {})
    assert found is not None
    assert [(each.day.year, each.factor) for each in found.years] == [
        (2023, Decimal("1.1")),
        (2024, Decimal("1.1")),
        (2025, Decimal("1.1")),
    ]
    assert found.gain == Decimal("33.1")
    assert not any((found.flows, found.inflows, found.outflows))
    assert found.time_weighted == Decimal("0.331")
    assert summary_of([], {}) is None
    assert [each.level for each in periods(days, year_of)][-1] == Decimal("1.331")
    assert len(periods(days, month_of)) == 3


def test_estimated_flows_are_flows_of_the_summary() -> None:
    values = [Valued(FIRST, Decimal(100)), Valued(FIRST + DAY, Decimal(160), Source.RECORDER, Decimal(10))]
    found = summary_of(day_returns(values, {}).days, {})
    assert found is not None
    assert [found.flows, found.inflows, found.gain] == [50, 50, 10]


# --- What IBKR prints


def percent(exact: Fraction) -> Decimal:
    """Nine decimals, half to even, of an exact fraction: by whole numbers alone."""
    return Decimal(round(exact * 100 * 10**9)).scaleb(-9)


def test_the_twr_of_a_day_with_fees() -> None:
    """As a real statement has it: profit, a dividend accrual, a fee and its tax, no flow."""
    start = Decimal("8123.405881249")
    end = start + Decimal("7.18") + Decimal("0.61") - Decimal("4.5") - Decimal("0.9")
    values = [Valued(FIRST, start), Valued(FIRST + DAY, end)]
    assert ibkr.twr(values, {}) == Decimal("0.029421157")
    assert ibkr.conventions(values, {}, Decimal("0.029421157")) == tuple(Flows)
    assert ibkr.conventions(values, {}, Decimal("0.029421158")) == ()


@pytest.mark.parametrize("convention", Flows)
def test_the_twr_of_2000_random_statements(convention: Flows) -> None:
    """Of periods of one to thirty days with and without flows, held against exact fractions, to all nine digits."""
    chance = random.Random(f"statements {convention}")
    share = {Flows.START: Fraction(1), Flows.MID: Fraction(1, 2), Flows.END: Fraction(0)}[convention]
    for _ in range(2000):
        value = Decimal(chance.randrange(10**3, 10**9)).scaleb(-chance.choice((0, 2, 9)))
        exact, values, flows = Fraction(1), [Valued(FIRST, value)], dict[date, Decimal]()
        for number in range(1, chance.choice((1, 1, 2, 5, 30)) + 1):
            flow = (
                (value * chance.randrange(-30, 80) / 100).quantize(Decimal("0.01"))
                if chance.random() < 0.3
                else Decimal(0)
            )
            ended = (value + flow) * Decimal(chance.randrange(9 * 10**8, 11 * 10**8)).scaleb(-9)
            base = Fraction(value) + share * Fraction(flow)
            exact *= 1 + (Fraction(ended) - Fraction(value) - Fraction(flow)) / base
            value = ended
            values.append(Valued(FIRST + number * DAY, value))
            flows[FIRST + number * DAY] = flow
        assert ibkr.twr(values, flows, Rule(convention)) == percent(exact - 1)
        assert convention in ibkr.conventions(values, flows, percent(exact - 1))
