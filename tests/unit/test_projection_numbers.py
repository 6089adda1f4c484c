"""Which texts are numbers that come back letter for letter."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.tags import UNSET_TEXTS
from ibconnect.wire_numbers import are_exact, is_exact, is_unset, number_of

EXACT = ["0", "0.00", "1", "-1", "62.6", "-0.50", "7421167.7441", "1.7976", "-0.001", "10", "100.000"]
INEXACT = ["", "-0", "-0.00", "007", "1.", ".5", "+5", "1E5", "1,000.00", " 1", "1 ", "1\t2", "NaN", "٣", "1\n", r"\N"]


@pytest.mark.parametrize("text", EXACT)
def test_plain_decimals_are_exact(text):
    assert is_exact(text)
    assert are_exact([text, text])


@pytest.mark.parametrize("text", [*INEXACT, *sorted(UNSET_TEXTS)])
def test_other_forms_and_unset_numbers_are_not(text):
    assert not is_exact(text)
    assert not are_exact(["0", text])
    assert not are_exact([text, "0"])
    assert not are_exact([text])


@given(st.lists(st.one_of(st.decimals(allow_nan=False, allow_infinity=False).map(str), st.text()), min_size=1))
def test_many_at_once_are_exact_only_if_each_is(texts):
    assert not are_exact(texts) or all(is_exact(text) for text in texts)


@pytest.mark.parametrize("text", [*EXACT, "-0.00", "007", ".5", "5.", "+5", "1.0E-5", "1.2345678e7"])
def test_any_decimal_is_a_number(text):
    assert number_of(text) == text
    assert Decimal(text).is_finite()


@pytest.mark.parametrize("text", ["", "abc", "NaN", "Infinity", "1e999", "--1", *sorted(UNSET_TEXTS)])
def test_what_is_no_number(text):
    assert number_of(text) is None


def test_unset_is_told_from_wrong():
    assert is_unset("")
    assert is_unset("1.7976931348623157E308")
    assert not is_unset("cheap")
