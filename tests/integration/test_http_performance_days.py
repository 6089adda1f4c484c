"""Returns as a curve of days: every column, gaps, sets, the running day, and as a table."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.integration.test_http_performance import ONE, TWO, World, asked, day
from tests.serving import PROBLEM, Served, serving


@pytest.fixture
def world(database_url: str) -> World:
    return World(database_url)


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.url) as server:
        yield server


async def of(served: Served, *accounts: str, query: str = "") -> dict[str, Any]:
    if len(accounts) == 1:
        return await asked(served, f"/v1/accounts/{accounts[0]}/performance?series=days&{query}")
    return await asked(served, f"/v1/performance?series=days&account={','.join(accounts)}&{query}")


async def test_each_column(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110.00", 2: "176", 3: "88", 4: "44"})
    world.flow(ONE, 2, "50")
    found = await of(served, ONE)
    assert found["Series"] == {
        "Day": [day(number) for number in range(5)],
        "Value": ["100", "110", "176", "88", "44"],
        "Flow": [None, "0", "50", "0", "0"],
        "Return": [None, "0.1", "0.1", "-0.5", "-0.5"],
        "Index": ["1", "1.1", "1.21", "0.605", "0.3025"],
        "Drawdown": ["0", "0", "0", "-0.5", "-0.75"],
        "Method": [None, "simple", "modified-dietz", "simple", "simple"],
        "Source": ["statement"] * 5,
        "Days": ["1"] * 5,
    }
    # All else is what it is without.
    assert {**found, "Series": None} == {**await asked(served, f"/v1/accounts/{ONE}/performance"), "Series": None}
    assert found["TimeWeightedReturn"] == "-0.6975"


async def test_values_add_up_by_flows_and_gains(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121", 3: "121", 4: "133.1"})
    world.values(TWO, {2: "50", 3: "55", 4: "60.5"})
    world.flow(TWO, 3, "5")
    found = await of(served, ONE, TWO)
    series = found["Series"]
    # An account joins after the end of its first day, and so counts from the next on.
    assert series["Value"] == ["100", "110", "121", "176", "193.6"]
    assert series["Flow"] == [None, "0", "0", "55", "0"]
    assert sum(Decimal(flow) for flow in series["Flow"][1:]) == Decimal(found["Flows"])
    steps = await asked(served, f"/v1/performance?account={ONE},{TWO}&step=1d")
    assert series["Return"][1:] == [row["Return"] for row in steps["Series"]]
    assert [Decimal(level) - 1 for level in series["Index"][1:]] == [Decimal(row["Linked"]) for row in steps["Series"]]


async def test_days_without_a_return_keep_their_values(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121", 3: "133.1", 4: "146.41"})
    for number in (1, 3):
        world.flow(ONE, number, None)
    found = await of(served, ONE)
    series = found["Series"]
    assert series["Value"] == ["100", "110", "121", "133.1", "146.41"]
    assert series["Method"] == [None, "none", "simple", "none", "simple"]
    assert series["Return"] == [None, None, "0.1", None, "0.1"]
    assert series["Index"] == [None, "1", "1.1", None, None]
    assert series["Drawdown"] == [None, "0", "0", None, None]


async def test_a_return_over_missing_days_says_so(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 4: "121"})
    series = (await of(served, ONE))["Series"]
    assert (series["Day"], series["Days"]) == ([day(0), day(1), day(4)], ["1", "1", "3"])


async def test_a_span_begins_with_the_value_before_it(world: World, served: Served) -> None:
    world.values(ONE, {number: str(100 + number) for number in range(5)})
    found = await of(served, ONE, query=f"from={day(2)}&to={day(3)}")
    assert found["Series"]["Day"] == [day(1), day(2), day(3)]
    assert found["Since"] == day(1)
    assert {len(column) for column in (await of(served, ONE, query=f"from={day(50)}"))["Series"].values()} <= {0, 1}


async def test_as_tables(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "99"})
    path = f"/v1/accounts/{ONE}/performance?series=days"
    async with served.get(f"{path}&format=csv") as response:
        assert f"{ONE}-performance-days.csv" in response.headers["Content-Disposition"]
        rows = list(csv.DictReader(io.StringIO(await response.text())))
    assert [(row["Day"], row["Value"], row["Index"], row["Drawdown"]) for row in rows] == [
        (day(0), "100", "1", "0"),
        (day(1), "110", "1.1", "0"),
        (day(2), "99", "0.99", "-0.1"),
    ]
    async with served.get(f"{path}&format=arrow") as response:
        table = pa.ipc.open_stream(await response.read()).read_all()
    assert table["Index"].to_pylist() == [Decimal(1), Decimal("1.1"), Decimal("0.99")]
    assert table["Day"].to_pylist()[0] == date.fromisoformat(day(0))


async def test_nothing_is_known(world: World, served: Served) -> None:
    world.cover(ONE, 0, 3)
    assert set(map(len, (await of(served, ONE))["Series"].values())) == {0}


async def test_other_steps_are_refused(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    async with served.get(f"/v1/accounts/{ONE}/performance?series=days&step=1w") as response:
        assert (response.status, response.content_type) == (400, PROBLEM)
    assert (await of(served, ONE, query="step=1d"))["Series"]["Value"] == ["100", "110"]
