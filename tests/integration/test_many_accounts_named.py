"""A gateway that never ends to name other accounts fills neither the tables nor memory; what is known stays."""

import pytest

from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import rebuild
from tests.owners import A, B, Gateway, figures
from tests.projecting import project, read_tables

MOST, IN_A_LIST = 300, 100
NAMED = "SELECT count(*) FROM gateway_account INNER JOIN gateway ON gateway.id = gateway_id WHERE gateway.name = %s"
LISTED = f"{NAMED} AND is_listed"


def lists_of(first: int, lists: int) -> list[str]:
    """As many lists as are said, each of other accounts."""
    starts = range(first, first + lists * IN_A_LIST, IN_A_LIST)
    return [",".join(f"U{number}" for number in range(start, start + IN_A_LIST)) for start in starts]


def test_of_what_a_gateway_merely_lists_a_bounded_number_is_kept(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enough = MOST // IN_A_LIST
    monkeypatch.setattr("ibconnect.projections.accounts.owners.MOST_NAMED", MOST)
    good, hostile = Gateway(database_url, A, gateways=None), Gateway(database_url, B, gateways={A: [], B: ["U77"]})
    good.lists("DU1")
    good.refreshes(0, {"DU1": figures("1.10")})
    for codes in lists_of(1_000_000, enough + 2):
        hostile.lists(codes)
    project(database_url)

    def count(query: str, gateway: str) -> int:
        with connect(database_url, name="test") as connection:
            row = connection.execute(query.encode(), (gateway,)).fetchone()
            assert row is not None
            return int(row[0])

    assert count(NAMED, B) == MOST
    assert count(LISTED, B) == 0, "its newest list is of accounts that are not kept"
    hostile.refreshes(1, {})
    hostile.lists("U77,U1000000,U9")
    project(database_url)
    assert count(LISTED, B) == 2, "one that is pinned, and one that was known"
    good.lists("DU1,DU2")
    project(database_url)
    assert count(LISTED, A) == 2, "another gateway has a bound of its own"
    live = read_tables(database_url)
    rebuild(database_url)
    assert read_tables(database_url) == live
