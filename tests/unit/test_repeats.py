"""What is told once more is known as such; anything between makes it new."""

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.projections.engine.repeats import Repeats


@given(told=st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=2), st.integers(0, 1)), max_size=60))
def test_a_repeat_is_what_was_said_last_of_the_same(told: list[tuple[str, str, int]]) -> None:
    repeats, last = Repeats(), dict[str, tuple[int, str]]()
    days = 0
    for key, said, later in told:
        days += later
        day, text = last.get(key, (days, None))
        assert repeats.is_one(key, said, days) == (text == said and days - day < 2)
        last[key] = (days, said)


def test_of_too_many_those_that_were_told_longest_ago_are_forgotten() -> None:
    repeats = Repeats(most=2)
    told = [repeats.is_one(key, "same", 1) for key in "abcaadefa"]
    assert told == [False, False, False, True, True, False, False, False, False]
