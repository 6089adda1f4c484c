"""A change of value and its parts: they add up to the last digit, and each is what it is said to be."""

from decimal import Context, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.http.resources.changes.split import Change, Parts, Side, Why, change_of, difference, split

_WIDE = Context(prec=3000)


def figure(digits: int, decimals: int) -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda number, places: Decimal(number).scaleb(-places, _WIDE),
        st.integers(-(10**digits), 10**digits),
        st.integers(0, decimals),
    )


# Money and sizes as IB sends them, and the widest that a table holds.
VALUES = figure(9, 4) | figure(230, 199)
SIZES = VALUES.filter(bool)
RATES = figure(6, 7) | figure(230, 199)
SIDES = st.builds(Side, SIZES, VALUES, RATES, st.just("USD"))
CLOSED = st.builds(Side, st.just(Decimal("0.00")), st.none() | VALUES, st.none() | RATES, st.just("EUR"))
MAYBE = st.none() | SIDES | CLOSED


def side(size: str | None, value: str | None, rate: str | None, base: str = "USD") -> Side:
    return Side(*(None if text is None else Decimal(text) for text in (size, value, rate)), base)


def worth(one: Side | None) -> Fraction:
    return Fraction(0) if one is None or not one.size else Fraction(one.value or 0) * Fraction(one.rate or 0)


@given(before=MAYBE, after=MAYBE)
def test_parts_add_up_to_the_whole_digit_by_digit(before: Side | None, after: Side | None) -> None:
    parts = split(before, after)
    assert isinstance(parts, Parts), "nothing is missing of what is held"
    texts = (parts.whole, parts.by_size, parts.by_price, parts.by_currency)
    assert len({len(text.partition(".")[2]) for text in texts}) == 1, "they can be added column by column"
    assert not any(text.startswith("-") and not text.strip("-0.") for text in texts), "a zero has no sign"
    whole, *three = map(Fraction, texts)
    assert whole == worth(after) - worth(before)
    assert sum(three) == whole


@given(before=SIDES, after=SIDES)
def test_each_part_is_what_it_is_said_to_be(before: Side, after: Side) -> None:
    parts = split(before, after)
    assert isinstance(parts, Parts)
    size, value, rate = (Fraction(each or 0) for each in (before.size, before.value, before.rate))
    new_size, new_value, new_rate = (Fraction(each or 0) for each in (after.size, after.value, after.rate))
    assert Fraction(parts.by_currency) == new_value * (new_rate - rate)
    last_digit = Fraction(1, 10 ** len(parts.whole.partition(".")[2]))
    exact = value / size * (new_size - size) * rate
    assert abs(Fraction(parts.by_size) - exact) <= last_digit / 2
    if new_size == size:
        assert not Fraction(parts.by_size)
    if new_value / new_size == value / size and exact == Fraction(parts.by_size):
        assert not Fraction(parts.by_price), "a unit is worth as much as before"


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        # 50 more at 187.25, then 100 + 50 of them up by 2.75.
        (side("100", "18725.00", "1"), side("150", "28500.00", "1"), ("9775.00", "9362.50", "412.50", "0.00")),
        # A rate alone.
        (side("10", "100", "1.1"), side("10", "100", "1.2"), ("10.0", "0.0", "0.0", "10.0")),
        # From long to short.
        (side("10", "100", "1"), side("-5", "-55", "1"), ("-155", "-150", "-5", "0")),
        # A third has no last digit: what is rounded is in the part of the price.
        (side("3", "100.00", "1"), side("4", "133.33", "1"), ("33.33", "33.33", "0.00", "0.00")),
        # Opened and closed, by one who has no rate where nothing is held.
        (None, side("7", "233.33", "1.5"), ("349.995", "349.995", "0.000", "0.000")),
        (side("7", "233.33", "1.5"), side("0", None, None), ("-349.995", "-349.995", "0.000", "0.000")),
        # Worth nothing at first: whatever it is worth now is the price's.
        (side("5", "0.00", "1"), side("10", "30.00", "1"), ("30.00", "0.00", "30.00", "0.00")),
    ],
)
def test_what_people_reckon(before: Side | None, after: Side | None, parts: tuple[str, ...]) -> None:
    assert split(before, after) == Parts(*parts)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (side(None, "1", "1"), side("1", "1", "1"), Why.NO_SIZE),
        (None, side(None, "1", "1"), Why.NO_SIZE),
        (side("1", None, "1"), side("1", "1", "1"), Why.NO_VALUE),
        (side("1", "1", "1"), side("2", "2", None), Why.NO_RATE),
        (side("1", "1", None), None, Why.NO_RATE),
        (side("1", "1", "1", "USD"), side("1", "1", "1", "EUR"), Why.OTHER_BASE),
    ],
)
def test_what_cannot_be_split_says_why(before: Side | None, after: Side | None, why: Why) -> None:
    assert split(before, after) is why


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (None, side("1", "1", "1"), Change.OPENED),
        (side("0", None, None), side("-1", "1", "1"), Change.OPENED),
        (side("1", "1", "1"), None, Change.CLOSED),
        (side("1", "1", "1"), side("0.0", "0", "1"), Change.CLOSED),
        (side("1", "1", "1"), side("-1", "-1", "1"), Change.RESIZED),
        (side("1", "1", "1"), side("1.00", "2", "1"), Change.REVALUED),
        (side(None, "1", "1"), side("1", "2", "1"), Change.UNKNOWN),
    ],
)
def test_what_became_of_a_position(before: Side | None, after: Side | None, change: Change) -> None:
    assert change_of(before, after) is change


@given(before=VALUES, after=VALUES)
def test_a_difference_has_every_digit(before: Decimal, after: Decimal) -> None:
    text = difference(f"{before:f}", f"{after:f}")
    assert Fraction(text) == Fraction(after) - Fraction(before)
    assert text != "-0"
