"""The parts of a difference in value add up to it to the last digit, and are what they are called."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.http.resources.accounts.positions import Contract
from ibconnect.http.resources.changes.facts import ContractKey, Facts, Held, Value, ValueKey
from ibconnect.http.resources.compare.difference import Difference, difference_of
from ibconnect.http.resources.compare.moved import Moved, Unknown, uncovered

BASE = "USD"
FIGURES = st.decimals(-(10**9), 10**9, allow_nan=False, places=4).map(str)
SENT = st.none() | FIGURES
RATES = st.none() | st.decimals("0.0001", 200, places=7).map(str)
CURRENCIES = ("USD", "EUR", "JPY")
KINDS = ("STK", "OPT", "FUT", "CASH", "BOND")


def contract(number: int, kind: str, currency: str) -> Contract:
    return Contract("", "", "", currency, (number, "S", "L", kind))


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    rates = {currency: draw(RATES) for currency in CURRENCIES}
    positions = {}
    for number in draw(st.sets(st.integers(1, 5))):
        kind, currency = KINDS[number - 1], CURRENCIES[number % 3]
        held = Held(
            currency, draw(SENT), draw(SENT), draw(SENT), rates[currency], BASE, contract(number, kind, currency)
        )
        positions[ContractKey(number, None, draw(st.sampled_from((None, None, "Growth"))))] = held
    cash = {}
    for currency in draw(st.sets(st.sampled_from(CURRENCIES))):
        amount = draw(FIGURES)
        cash[currency] = Held(currency, amount, None, amount, rates[currency], BASE)
    values = {}
    if draw(st.booleans()) or draw(st.booleans()):
        worth = draw(FIGURES)
        values[ValueKey("NetLiquidation", None, BASE, False, None)] = Value(worth, worth)
    if draw(st.booleans()):
        gain = draw(FIGURES)
        values[ValueKey("FuturesPNL", None, "BASE", True, None)] = Value(gain, gain)
    return Facts(BASE, positions, cash, values)


AMOUNTS = st.decimals(-(10**6), 10**6, allow_nan=False, places=6)
MOVED = st.sampled_from(Unknown) | st.builds(
    Moved, AMOUNTS, st.lists(st.tuples(st.sampled_from(("Dividends", "Fees")), AMOUNTS), max_size=3).map(tuple)
)


@given(before=facts(), after=facts(), moved=MOVED)
def test_the_parts_add_up_to_the_last_digit(before: Facts, after: Facts, moved: Moved | Unknown) -> None:
    found = difference_of(before, after, moved)
    key = ValueKey("NetLiquidation", None, BASE, False, None)
    if found is None:
        assert key not in before.values or key not in after.values
        return
    old, new = (Fraction(str(each.values[key].figure)) for each in (before, after))
    assert (Fraction(found.before), Fraction(found.after), Fraction(found.whole)) == (old, new, new - old)
    parts = (found.flows, found.positions, found.currencies, found.income, found.trading, found.moved, found.rest)
    assert sum((Fraction(part) for part in parts if part is not None), Fraction(0)) == new - old
    is_known = isinstance(moved, Moved)
    assert [part is not None for part in (found.flows, found.income, found.trading)] == [is_known] * 3
    assert (found.moved is None) == is_known


@given(facts(), MOVED)
def test_nothing_differs_from_itself(same: Facts, moved: Moved | Unknown) -> None:
    found = difference_of(same, same, moved)
    if found is not None:
        assert (found.whole, found.positions, found.currencies) == (0, 0, 0)


def held(size: str, value: str, kind: str = "STK", currency: str = BASE, rate: str = "1") -> Held:
    return Held(currency, size, None, value, rate, BASE, contract(1, kind, currency))


def world(worth: str, position: Held | None = None, unsettled: str = "0", **cash: tuple[str, str]) -> Facts:
    figures = {("NetLiquidation", BASE, False): worth, ("FuturesPNL", "BASE", True): unsettled}
    return Facts(
        BASE,
        {} if position is None else {ContractKey(1, None, None): position},
        {currency: Held(currency, amount, None, amount, rate, BASE) for currency, (amount, rate) in cash.items()},
        {
            ValueKey(tag, None, currency, level, None): Value(text, text)
            for (tag, currency, level), text in figures.items()
        },
    )


def compared(before: Facts, after: Facts, flows: str = "0", income: str = "0") -> Difference:
    found = difference_of(before, after, Moved(Decimal(flows), (("Dividends", Decimal(income)),)))
    assert found is not None
    return found


def test_each_part_is_what_it_is_called() -> None:
    before = world("7100", held("100", "1000"), USD=("5000", "1"), EUR=("1000", "1.1"))
    # 50 bought at 11 with a commission of 1; 1,000 paid in, a dividend of 24, the euro dearer.
    after = world("8473", held("150", "1800"), USD=("5473", "1"), EUR=("1000", "1.2"))
    found = compared(before, after, "1000", "24")
    assert (found.flows, found.income, found.rest, found.unsplit) == (1000, 24, 0, 0)
    assert (found.positions, found.currencies) == (300, 100)
    assert found.trading == -51, "bought dearer than it was at first"


def test_what_is_opened_and_closed_has_gained_by_trading() -> None:
    cash, bought = world("1000", USD=("1000", "1")), world("1019", held("10", "120"), USD=("899", "1"))
    opened = compared(cash, bought)
    assert (opened.positions, opened.trading, opened.rest) == (0, 19, 0)
    closed = compared(bought, world("1029", USD=("1029", "1")))
    assert (closed.positions, closed.trading, closed.rest) == (0, 10, 0)


def test_a_future_counts_by_its_gain() -> None:
    before = world("1000", held("1", "50000", "FUT"), USD=("1000", "1"))
    # 300 of the gain are settled, 50 not yet.
    after = world("1350", held("1", "50350", "FUT"), "50", USD=("1300", "1"))
    found = compared(before, after)
    assert (found.positions, found.trading, found.currencies, found.rest) == (350, 0, 0, 0)
    foreign = compared(
        world("1000", held("1", "50000", "FUT", "EUR", "1.1"), USD=("1000", "1")),
        world("1000", held("1", "50000", "FUT", "EUR", "1.2"), USD=("1000", "1")),
    )
    assert foreign.currencies == 0, "what it is worth is no part of the account's value"


def test_a_currency_pair_is_cash_already() -> None:
    pair = world("1100", held("1000", "1100", "CASH"), EUR=("1000", "1.1"))
    dearer = world("1200", held("1000", "1200", "CASH"), EUR=("1000", "1.2"))
    found = compared(pair, dearer)
    assert (found.positions, found.currencies, found.rest) == (0, 100, 0)


def test_what_is_not_known_is_told_together() -> None:
    before, after = world("1000", USD=("1000", "1")), world("1500", USD=("1500", "1"))
    found = difference_of(before, after, Unknown.NOT_YET)
    assert found is not None
    assert (found.flows, found.income, found.trading, found.moved, found.rest) == (None, None, None, 500, 0)


MONDAY, FRIDAY = date(2026, 1, 5), date(2026, 1, 9)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("covered", "first", "last", "why"),
    [
        ((None, None, 0), MONDAY, FRIDAY, Unknown.NO_STATEMENT),
        ((MONDAY, FRIDAY, 0), MONDAY, FRIDAY, None),
        ((MONDAY, FRIDAY - DAY, 0), MONDAY, FRIDAY, Unknown.NOT_YET),
        ((MONDAY, FRIDAY, 0), MONDAY, FRIDAY + 2 * DAY, None),
        ((MONDAY, FRIDAY, 0), MONDAY, FRIDAY + 3 * DAY, Unknown.NOT_YET),
        ((MONDAY, FRIDAY, 5), MONDAY, FRIDAY, Unknown.DAYS_MISSING),
        ((MONDAY, FRIDAY, 4), MONDAY, FRIDAY, None),
        ((MONDAY, FRIDAY, 0), MONDAY - 3 * DAY, FRIDAY, None),
        ((MONDAY, FRIDAY, 0), MONDAY - 7 * DAY, FRIDAY, Unknown.DAYS_MISSING),
        ((MONDAY, MONDAY, 0), FRIDAY, FRIDAY, None),
    ],
)
def test_all_days_have_to_have_a_statement(
    covered: tuple[date | None, date | None, int], first: date, last: date, why: Unknown | None
) -> None:
    assert uncovered(*covered, first=first, last=last) == why
