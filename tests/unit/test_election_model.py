"""Who records a gateway, whatever goes wrong once or twice, at any time and in any order (tests/cluster_model.py)."""

import pytest

from tests.cluster_model import World
from tests.exploring import explore


@pytest.mark.parametrize(
    ("count", "same_client", "faults"), [(1, True, 2), (2, True, 1), (2, False, 1), (3, True, 1)], ids=str
)
def test_what_is_promised_holds(count: int, same_client: bool, faults: int) -> None:
    found = explore(World(count, same_client), faults)
    assert (found.broken, found.way) == ("", ())
    assert found.steps > 1000, "it has looked at something"
