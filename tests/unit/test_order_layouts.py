"""Every field of openOrder and completedOrder is found where IB's own client finds it, in every server version."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.projections.orders.layout import COMPLETED_ORDER, CONTRACT, OPEN_ORDER
from ibconnect.projections.orders.walk import walk
from tests.official_orders import COMPLETED, OPEN, differences, message

LAYOUTS = {OPEN: OPEN_ORDER, COMPLETED: COMPLETED_ORDER}
VERSIONS = range(157, 201)


@pytest.mark.parametrize("number", LAYOUTS)
@given(random=st.integers(0, 2**32).map(Random), version=st.sampled_from(VERSIONS))
@settings(max_examples=88)
def test_every_field_is_where_the_official_client_finds_it(number: int, version: int, random: Random) -> None:
    fields, found = message(number, version, random)
    walked = walk(LAYOUTS[number], fields, 1, version)
    assert walked.fault == ""
    assert differences(walked, found) == []
    longer = walk(LAYOUTS[number], [*fields, "a field", "of a later version"], 1, version)
    assert longer == walked
    assert walk(LAYOUTS[number], fields[:-1], 1, version).fault != "", "nothing is left over"


@pytest.mark.parametrize("number", LAYOUTS)
@given(random=st.integers(0, 2**32).map(Random), version=st.sampled_from(VERSIONS))
@settings(max_examples=20)
def test_what_is_cut_off_costs_what_is_behind(number: int, version: int, random: Random) -> None:
    fields, _ = message(number, version, random)
    whole = walk(LAYOUTS[number], fields, 1, version)
    end = random.randrange(1, len(fields))
    part = walk(LAYOUTS[number], fields[:end], 1, version)
    assert "it ends before its field" in part.fault
    # The price at which a trailing order stops is sent twice, and the second one holds.
    known = {name: text for name, text in part.values.items() if name != "trailStopPrice"}
    assert known.items() <= whole.values.items()
    assert all(items == whole.lists[name][: len(items)] for name, items in part.lists.items())
    assert len(part.values) >= min(end - 1, len(CONTRACT))


@pytest.mark.parametrize(
    ("count", "why"), [("x", "the count of comboLegs is 'x'"), ("99999999999", "count"), ("9", "ends")]
)
def test_a_count_that_is_none_costs_what_is_behind(count: str, why: str) -> None:
    fields, _ = message(OPEN, 178, Random(5))
    at = next(end for end in range(len(fields)) if "comboLegs" in walk(OPEN_ORDER, fields[:end], 1, 178).lists) - 1
    walked = walk(OPEN_ORDER, [*fields[:at], count], 1, 178)
    assert why in walked.fault
    assert walked.values["orderType"] == walk(OPEN_ORDER, fields, 1, 178).values["orderType"]
    assert walked.lists.get("comboLegs", []) == []


def test_an_unknown_condition_costs_what_is_behind() -> None:
    fields, version = message(COMPLETED, 200, Random(1))[0], 200
    at = (
        next(end for end in range(len(fields)) if "conditions" in walk(COMPLETED_ORDER, fields[:end], 1, 200).lists) - 1
    )
    walked = walk(COMPLETED_ORDER, [*fields[:at], "1", "8", "a", "1", "2", "3"], 1, version)
    assert walked.fault == "there is an item of kind '8' in conditions"
    assert walked.values["status"] == walk(COMPLETED_ORDER, fields, 1, 200).values["status"]


@pytest.mark.slow
@pytest.mark.parametrize("number", LAYOUTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_of_each_version(number: int, version: int) -> None:
    for seed in range(100):
        fields, found = message(number, version, Random(seed))
        walked = walk(LAYOUTS[number], fields, 1, version)
        assert (walked.fault, differences(walked, found)) == ("", [])
