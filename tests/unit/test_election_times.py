"""A state that time alone moves is woken in time: at the very moment that it names, by any clock."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.cluster.decision import decide, wake_at
from ibconnect.cluster.states import Mode, Passed, State

IN_DOUBT = State(Mode.IN_DOUBT, has_peers=True)


@pytest.mark.parametrize(
    ("state", "moments"),
    [
        (State(Mode.HOLDING_OFF), ["since"]),
        (State(Mode.RESTING), ["given_up_at"]),
        (replace(IN_DOUBT, has_servers_word=True), ["since", "sure_at"]),
        (replace(IN_DOUBT, since=0.0), ["sure_at"]),
        (replace(IN_DOUBT, since=0.0, is_admitted=True), ["sure_at", "nobody_had_it_at"]),
        (replace(IN_DOUBT, since=0.0, needs_nobodys_word=True), ["sure_at"]),
    ],
)
@given(at=st.floats(1.0, 1e7))
def test_it_moves_at_the_moment_for_which_it_is_woken(state: State, moments: list[str], at: float) -> None:
    figures: dict[str, Any] = dict.fromkeys(moments, at)
    began = replace(state, **figures)
    assert decide(began, Passed(), at) == (began, ()), "not before"
    due = wake_at(began, at)
    assert due is not None
    assert decide(began, Passed(), due)[0].mode is not state.mode
