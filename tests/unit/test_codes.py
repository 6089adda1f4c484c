"""Which texts name an account: one rule, written so that every program that reads the API's description can use it."""

import re

import jsonschema_rs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ibconnect.codes import CODE_PATTERN, is_code
from ibconnect.http.server.parameters import ACCOUNT

INVISIBLE = "\0\t\n\x1f\x7f\x85\xa0\xad\u200b\u200f\u2028\u202e\u2060\ufeff"
ANY_LETTER = st.sampled_from("U1.é账 ," + INVISIBLE)
LETTERS = ANY_LETTER | st.characters()


def by_words(text: str) -> bool:
    """The rule as the documentation says it."""
    is_visible = not any(letter in INVISIBLE or letter == "," or 0xD800 <= ord(letter) <= 0xDFFF for letter in text)
    return is_visible and 1 <= len(text) <= 64 and text == text.strip(" ") and text not in {".", ".."}


@given(st.text(ANY_LETTER | st.just("\ud800"), max_size=5) | st.text(st.sampled_from("U. "), min_size=62))
@example("...")
@example(".U")
@example("U.")
@example("U" * 64)
@example("U" * 65)
@example("U1\n")
def test_a_code_is_what_the_documentation_says(text: str) -> None:
    assert is_code(text) == by_words(text)


@given(st.text(LETTERS.filter(lambda letter: not "\ud800" <= letter <= "\udfff"), max_size=66))
def test_the_pattern_means_the_same_to_other_programs(text: str) -> None:
    validator = jsonschema_rs.Draft202012Validator({"pattern": CODE_PATTERN})
    assert validator.is_valid(text) == (re.search(CODE_PATTERN[:-1] + r"\Z", text) is not None) == is_code(text)


@given(st.from_regex(CODE_PATTERN, fullmatch=True).filter(lambda text: not re.search(r"[\ud800-\udfff]", text)))
def test_what_the_pattern_makes_is_accepted(text: str) -> None:
    assert ACCOUNT.parse(text) == text


@pytest.mark.parametrize("text", ["", ".", "..", " U1", "U1 ", "U1,U2", "U" * 65, "U\ud800", "U\n"])
def test_what_is_no_code_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(text))):
        ACCOUNT.parse(text)
