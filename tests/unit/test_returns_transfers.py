"""Transfers within a set of accounts: both sides on a day, days apart, the wrong way round, alone."""

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ibconnect.returns.transfers import LONGEST_DAYS, Side, Transit, matched

FIRST = date(2024, 1, 1)


def side(number: int, account: str, counterparty: str, amount: int, what: str = "USD 5") -> Side:
    """A side of a transfer, on a day counted from the first."""
    return Side(FIRST + timedelta(days=number), account, counterparty, what, Decimal(amount))


def test_both_sides_on_one_day_cancel() -> None:
    assert matched([side(1, "A", "B", -5), side(1, "B", "A", 5)]) == ([], [])


def test_what_arrives_later_is_under_way() -> None:
    found = matched([side(3, "B", "A", 6), side(1, "A", "B", -5)])
    assert found == ([], [Transit(FIRST + timedelta(days=1), FIRST + timedelta(days=3), Decimal(5))])


def test_what_arrives_before_it_leaves_is_in_two_places() -> None:
    (transit,) = matched([side(1, "B", "A", 5), side(3, "A", "B", -5)]).transits
    assert transit.amount == -5


def test_others_stay_flows() -> None:
    alone = [
        side(1, "A", "B", -5),
        side(1, "B", "C", 5),
        side(2, "B", "A", 5, "USD 7"),
        side(1 + LONGEST_DAYS + 1, "B", "A", 5),
    ]
    assert sorted(matched(alone).flows) == sorted(alone)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, LONGEST_DAYS), st.integers(1, 9)), max_size=20))
def test_every_transfer_within_a_set_cancels(moves: list[tuple[int, int, int]]) -> None:
    sides = []
    for number, (day, later, amount) in enumerate(moves):
        what = f"USD {number}"
        sides += [side(day, "A", "B", -amount, what), side(day + later, "B", "A", amount, what)]
    found = matched(sides)
    assert not found.flows
    assert len(found.transits) == sum(later > 0 for _, later, _ in moves)
