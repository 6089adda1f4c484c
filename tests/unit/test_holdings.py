"""What accounts have ever held, whatever the order of their snapshots."""

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.projections.accounts.holdings import Holder, Holdings

HOLDERS = st.builds(Holder, st.integers(1, 3), st.integers(1, 2), st.booleans())
SNAPSHOTS = st.lists(st.tuples(HOLDERS, st.frozensets(st.integers(1, 5), max_size=5), st.booleans()), max_size=40)


@given(snapshots=SNAPSHOTS)
def test_whatever_was_held_is_written_and_what_is_held_on_is_written_once(
    snapshots: list[tuple[Holder, frozenset[int], bool]],
) -> None:
    holdings = Holdings()
    written: list[tuple[Holder, int]] = []
    last: dict[Holder, frozenset[int]] = {}
    for holder, contracts, is_taken in snapshots:
        holdings.hold(holder, contracts)
        if is_taken:
            fresh = holdings.take_fresh()
            assert len(set(fresh)) == len(fresh)
            written += fresh
        if last.get(holder) == contracts and is_taken:
            holdings.hold(holder, contracts)
            assert holdings.take_fresh() == []
        last[holder] = contracts
    written += holdings.take_fresh()
    assert set(written) == {(holder, number) for holder, contracts, _ in snapshots for number in contracts}
