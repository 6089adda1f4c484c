"""What a gateway may send: any real one, whenever it likes; no more than the bound, whatever it does."""

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.codes import MOST_LISTED
from ibconnect.config import load
from ibconnect.events.notices import LABELS, OTHER, label
from ibconnect.gateway.allowance import OVER_S, Allowance
from ibconnect.gateway.collectors.accounts.roster import Roster

DEFAULT = load({})


def usual() -> Allowance:
    return Allowance(DEFAULT.gateway_max_bytes, DEFAULT.gateway_max_events)


def test_a_firm_of_a_thousand_accounts_is_no_flood() -> None:
    """Two downloads of all in a minute, 300 rows each, at once; then 5,000 messages a second for an hour."""
    allowance, codes = usual(), [f"DU{number}" for number in range(1000)]
    assert allowance.list(codes, 0, 0.0) == ""
    for second in range(60):
        assert allowance.use(10_000 * 50, 10_000, float(second)) == ""
        assert allowance.list(codes, 0, float(second)) == ""
    for second in range(60, 3660):
        assert allowance.use(5000 * 50, 5000, float(second)) == ""
        assert allowance.list(codes, 0, float(second)) == ""


def test_what_was_not_used_for_long_is_no_more_than_a_minute() -> None:
    allowance = Allowance(1000, 10**6)
    assert allowance.use(int(1000 * OVER_S), 0, 1e6) == ""
    assert "1000 bytes a second over 60 s, which GATEWAY_MAX_BYTES allows" in allowance.use(1, 0, 1e6)
    assert allowance.use(1000, 0, 1e6 + 1.01) == ""


def test_each_bound_is_named() -> None:
    assert "GATEWAY_MAX_BYTES" in Allowance(1000, 1000).use(10**9, 1, 0.0)
    assert "GATEWAY_MAX_EVENTS" in Allowance(1000, 1000).use(1, 10**9, 0.0)
    allowance = usual()
    said = [allowance.list([f"A{turn}-{number}" for number in range(5000)], 0, 0.0) for turn in range(3)]
    assert said[:2] == ["", ""]
    assert "new accounts" in said[2]
    assert "new accounts" in usual().list([], 2 * MOST_LISTED, 0.0)
    assert "lists of accounts" in [usual_list(allowance, number) for number in range(3 * 12_000)][-1]


def usual_list(allowance: Allowance, number: int) -> str:
    return allowance.list([], 0, number / 1000)


def test_accounts_that_come_back_are_not_new() -> None:
    """A gateway that restarts lists none for a while, and then all again."""
    allowance, codes = usual(), [f"DU{number}" for number in range(MOST_LISTED)]
    for hour in range(1, 20):
        assert allowance.list([], 0, hour * 3600.0) == ""
        assert allowance.list(codes, 0, hour * 3600.0) == ""


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 5)), min_size=1, max_size=200))
def test_nobody_gets_more_than_the_bound(sent: list[tuple[int, float]]) -> None:
    allowance, now, total = Allowance(100, 10**9), 0.0, 0
    for size, pause in sent:
        now += pause
        if not allowance.use(size, 0, now):
            total += size
    assert total <= 100 * OVER_S + 100 * now + 1


def test_codes_of_notices_are_counted_under_a_closed_list() -> None:
    assert {label(str(code)) for code in range(100_000)} == LABELS | {OTHER}
    assert label("1100") == "1100"
    assert label("1100 ") == label("") == label("x" * 10**6) == OTHER
    assert len(LABELS) < 80


def test_a_roster_of_ever_other_accounts_stays_small() -> None:
    roster = Roster()
    for turn in range(20):
        roster.note([f"DU{turn}-{number}" for number in range(MOST_LISTED)], float(turn))
    assert len(roster.missing(20.0)) <= 2 * MOST_LISTED
    roster.note([], 21.0)
    assert roster.missing(20.0 + 120) == []
