"""What a refresh that was cut off need not ask for again, and in which order accounts are asked for."""

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.gateway.collectors.accounts.unfinished import FRESH_S, Done, Unfinished
from ibconnect.gateway.schedule import has_tick
from ibconnect.times import parse_rfc3339, to_micros

ACCOUNTS = [f"DU{number}" for number in range(5)]
S = 1_000_000
STEPS = st.lists(
    st.one_of(
        st.just(("begin",)),
        st.just(("end", True)),
        st.just(("end", False)),
        st.tuples(st.just("done"), st.sampled_from(ACCOUNTS), st.none() | st.integers(1, 5)),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 100.0, FRESH_S, -5.0])),
    ),
    max_size=25,
)


@given(STEPS, st.none() | st.integers(1, 5), st.frozensets(st.sampled_from(ACCOUNTS)))
def test_only_what_the_refresh_that_was_cut_off_has_found_lately_for_every_request(
    steps: list[tuple], request: int | None, troubled: frozenset[str]
) -> None:
    unfinished, now = Unfinished(), 10_000 * S
    found: dict[str, tuple[int, int | None]] | None = None
    last: dict[str, int] = {}
    for name, *facts in steps:
        if name == "begin":
            unfinished.begin(now)
            found = {}
        elif name == "end":
            unfinished.end(is_cut_short=facts[0])
            last = last if facts[0] else {}
            found = None
        elif name == "done":
            unfinished.note(facts[0], Done(now, facts[1]))
            if found is not None:
                found[facts[0]], last[facts[0]] = (now, facts[1]), now
        else:
            now += int(facts[0] * S)
    expected = {
        code
        for code, (at, served) in (found or {}).items()
        if 0 <= now - at <= FRESH_S * S and (request is None or (served or 0) >= request)
    }
    assert unfinished.done(now, request).keys() == expected
    assert (unfinished.created is None) == (found is None)
    order = unfinished.in_order(ACCOUNTS, troubled)
    assert order == sorted(ACCOUNTS, key=lambda code: (code in troubled, last.get(code, 0), ACCOUNTS.index(code)))


def test_refreshes_that_are_always_cut_off_come_to_every_account() -> None:
    """IB is lost after each ten of a thousand: after a hundred refreshes each has been asked for."""
    unfinished, accounts, asked = Unfinished(), [f"DU{number:04}" for number in range(1_000)], set[str]()
    for number in range(100):
        unfinished.begin(number * S)
        for place, code in enumerate(unfinished.in_order(accounts, frozenset())[:10]):
            unfinished.note(code, Done(number * S + place, None))
            asked.add(code)
        unfinished.end(is_cut_short=True)
    assert asked == set(accounts)


def test_a_tick_of_the_schedule_is_a_refresh_of_its_own() -> None:
    def at(text: str) -> int:
        return to_micros(parse_rfc3339(text))

    assert not has_tick("@hourly", at("2026-01-05T10:00:00Z"), at("2026-01-05T10:59:59Z"))
    assert has_tick("@hourly", at("2026-01-05T10:59:59Z"), at("2026-01-05T11:00:00Z"))
    assert has_tick("@hourly", at("2026-01-05T10:00:00Z"), at("2026-01-05T11:00:00Z"))
