"""Whether a gateway is connected to IB, by what it says and sends."""

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.gateway.connectivity import SETTLE_S, Connectivity


def lost(code: str = "1100") -> Connectivity:
    """A connection that lost IB at second 0."""
    found = Connectivity()
    found.note(code, "lost", 0.0)
    assert found.is_stale
    assert found.why == (code, "lost")
    return found


def becomes_fresh(found: Connectivity, now: float) -> bool:
    """Whether it is fresh once it has settled."""
    found.advance(now + 2 * SETTLE_S)
    return not found.is_stale


def test_what_is_said_to_be_back_is_fresh_when_it_has_held_for_a_moment() -> None:
    for back in ("1101", "1102"):
        found = lost()
        found.note(back, "back", 5.0)
        assert found.is_stale
        assert not found.advance(5.0 + SETTLE_S / 2)
        assert found.advance(5.0 + SETTLE_S)
        assert not found.is_stale
        assert not found.advance(100.0), "it tells so once"


def test_2110_says_the_same_as_1100() -> None:
    assert lost("2110").is_stale


def test_farms_alone_say_nothing_of_accounts() -> None:
    found = lost()
    for code in ("2103", "2104", "2106", "2158"):
        found.note(code, "", 1.0)
    assert not becomes_fresh(found, 100.0)


def test_data_beside_a_farm_that_is_ok_again_says_that_ib_is_back() -> None:
    for first, second in (("farm", "data"), ("data", "farm")):
        found = lost()
        for what in (first, second):
            if what == "farm":
                found.note("2104", "OK", 1.0)
            else:
                found.note_data(1.0)
        assert becomes_fresh(found, 1.0)


def test_data_right_after_the_loss_is_what_was_in_hand() -> None:
    found = lost()
    found.note_data(0.2)
    assert not becomes_fresh(found, 0.2)
    found.note_data(30.0)
    assert becomes_fresh(found, 30.0), "nothing old comes half a minute later"


def test_a_farm_that_was_ok_before_the_loss_says_nothing() -> None:
    found = Connectivity()
    found.note("2104", "OK", 0.0)
    found.note("1100", "lost", 1.0)
    found.note_data(1.1)
    assert not becomes_fresh(found, 1.1)


def test_an_answer_of_ib_says_that_it_is_back() -> None:
    found = lost()
    found.note_answer(20.0)
    assert becomes_fresh(found, 20.0)


def test_ib_is_asked_less_and_less_often() -> None:
    found = lost()
    asked = [second for second in range(3600) if found.wants_probe(float(second))]
    assert asked[0] == 15
    assert asked[1] - asked[0] == 30
    assert 10 < len(asked) < 20
    found.note("1102", "", 3600.0)
    assert not found.wants_probe(10_000.0), "it is about to be fresh"


def test_flapping_is_one_loss() -> None:
    found, changes = Connectivity(), 0
    now = 0.0
    for _ in range(40):
        for code in ("1100", "2110", "2103"):
            was = found.is_stale
            found.note(code, "", now)
            changes += found.is_stale and not was
        now += 0.1
        changes += found.advance(now)
        found.note("1102", "", now)
        now += 0.05
        changes += found.advance(now)
    assert (changes, found.is_stale) == (1, True)
    assert becomes_fresh(found, now)


def test_who_is_lost_again_and_again_takes_longer_to_count_as_back() -> None:
    found, waits, now = Connectivity(), [], 0.0
    for _ in range(8):
        found.note("1100", "", now)
        found.note("1102", "", now)
        assert found.settles_at is not None
        waits.append(found.settles_at - now)
        now = found.settles_at
        assert found.advance(now)
        now += 1.0
    assert waits[:3] == [2.0, 4.0, 8.0]
    assert max(waits) == 60.0
    found.note("1100", "", now + 3600.0)
    found.note("1102", "", now + 3600.0)
    assert found.settles_at == now + 3602.0, "after a quiet hour it is trusted again"


EVENTS = st.sampled_from(["1100", "2110", "1101", "1102", "2104", "2103", "9999", "data", "answer", "advance"])


@given(st.lists(st.tuples(EVENTS, st.floats(0.0, 40.0)), max_size=60))
def test_it_is_fresh_only_after_a_moment_without_a_loss(events: list[tuple[str, float]]) -> None:
    found, now, lost_at = Connectivity(), 0.0, None
    for what, pause in events:
        now += pause
        was_stale = found.is_stale
        if what == "data":
            found.note_data(now)
        elif what == "answer":
            found.note_answer(now)
        elif what != "advance":
            found.note(what, "", now)
            lost_at = now if what in ("1100", "2110") else lost_at
        became_fresh = found.advance(now)
        assert became_fresh == (was_stale and not found.is_stale)
        if became_fresh:
            assert lost_at is not None
            assert now - lost_at >= SETTLE_S
        if lost_at is None:
            assert not found.is_stale
