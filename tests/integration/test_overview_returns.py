"""Returns in the overview: those of performance, of the days that statements tell; and why there is none."""

import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.holders import PERIODS, parsed
from tests.integration import test_http_performance, test_http_performance_recorded
from tests.integration.test_http_performance import day
from tests.serving import Served, serving

ONE, TWO, THREE = "DU0000001", "DU0000002", "DU0000003"
RETURNS = tuple(f"Return{period}" for period in PERIODS)
# A Wednesday in March; the year began on a Monday, day 0.
LAST = 79


class World:
    """Statements, and a report of each account, without which it is in no overview."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.of_statements = test_http_performance.World(url)
        self.of_reports = test_http_performance_recorded.World(url)

    def report(self, *accounts: str, base: str = "USD", number: int = -100) -> None:
        self.of_reports.reports({number: dict.fromkeys(accounts, "1")}, base=base)


@pytest.fixture
def world(database_url: str) -> World:
    return World(database_url)


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.url) as server:
        yield server


async def of(served: Served, path: str) -> dict[str, Any]:
    async with served.get(path) as response:
        assert response.status == 200, await response.text()
        return parsed(await response.text())


async def overview(served: Served, at: str = day(LAST), more: str = "") -> dict[str, Any]:
    return await of(served, f"/v1/overview?at={at}{more}")


def by_code(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["AccountCode"]: row for row in document["Accounts"]}


def weekdays(first: int, last: int) -> list[int]:
    return [number for number in range(first, last + 1) if number % 7 < 5]


async def test_the_last_day_the_month_and_the_year(world: World, served: Served) -> None:
    world.report(ONE)
    # The last days of December, February and March: 2024 is a leap year.
    world.of_statements.values(ONE, {-3: "100", 1: "110", 59: "121", 60: "133.1", LAST - 1: "146.41", LAST: "292.82"})
    world.of_statements.flow(ONE, 1, "5")
    row = by_code(await overview(served))[ONE]
    assert [row[name] for name in RETURNS[:2]] == ["1", "1.42"]
    assert row["FlowsUntil"] == day(LAST)
    found = await of(served, f"/v1/accounts/{ONE}/performance?from={day(0)}&to={day(LAST)}")
    assert row["ReturnYearToDate"] == found["TimeWeightedReturn"]


async def test_a_day_that_is_not_over_has_none_and_what_is_told_goes_on_being_shown(
    world: World, served: Served
) -> None:
    world.report(ONE)
    world.of_statements.values(ONE, {-3: "100", 59: "110", 63: "121"})
    row = by_code(await overview(served, f"{day(64)}T12:00:00Z"))[ONE]
    assert [row[name] for name in RETURNS] == [None, "0.1", "0.21"]
    assert row["FlowsUntil"] == day(63)
    document = await overview(served, day(95))
    row = by_code(document)[ONE]
    assert [row[name] for name in RETURNS] == [None, None, "0.21"]
    assert document["Why"] == dict.fromkeys(RETURNS, "no-cash-flows")
    # As of a time before, nothing of what came later is told.
    row = by_code(await overview(served, day(59)))[ONE]
    assert (row["FlowsUntil"], row["ReturnYearToDate"]) == (day(59), "0.1")
    now = by_code(await of(served, "/v1/overview"))[ONE]
    assert [now[name] for name in RETURNS] == [None] * 3


async def test_days_without_a_return_and_other_currencies_are_reasons(world: World, served: Served) -> None:
    world.report(ONE, TWO)
    world.report(THREE, base="EUR", number=-99)
    world.of_statements.values(ONE, {-3: "100", 59: "110", 60: "121", LAST: "130"})
    world.of_statements.flow(ONE, 60, None)
    world.of_statements.values(TWO, {-3: "100", 59: "110"})
    world.of_statements.values(TWO, {60: "110", LAST: "120"}, currency="EUR")
    world.of_statements.values(THREE, {-3: "100", LAST: "120"})
    rows = by_code(await overview(served, more="&currency=USD"))
    returns = {code: [each for each in row["Why"] if each.startswith("Return")] for code, row in rows.items()}
    assert returns[ONE] == ["ReturnMonthToDate=no-return", "ReturnYearToDate=no-return"]
    assert returns[TWO] == returns[THREE] == [f"{name}=other-base" for name in RETURNS]


async def test_the_total_is_of_the_accounts_taken_together(world: World, served: Served) -> None:
    world.report(ONE, TWO)
    world.of_statements.values(ONE, {-3: "100", 59: "110", LAST: "121"})
    world.of_statements.values(TWO, {-3: "300", 59: "330", LAST: "330"})
    world.of_statements.flow(TWO, 59, "7")
    total = (await overview(served))["Total"]
    found = await of(served, f"/v1/performance?from={day(0)}&to={day(LAST)}")
    assert total["ReturnYearToDate"] == found["TimeWeightedReturn"]
    assert total["ReturnMonthToDate"] == "0.025"
    assert (total["FlowsUntil"], total["Why"]) == (day(LAST), {})
    in_euro = (await overview(served, more="&currency=EUR"))["Total"]
    assert in_euro["ReturnYearToDate"] is None


async def test_rows_are_sorted_by_returns(world: World, served: Served) -> None:
    world.report(ONE, TWO, THREE)
    world.of_statements.values(ONE, {-3: "100", LAST: "110"})
    world.of_statements.values(TWO, {-3: "100", LAST: "120"})
    assert list(by_code(await overview(served, more="&sort=-ReturnYearToDate"))) == [TWO, ONE, THREE]
    assert list(by_code(await overview(served, more="&sort=ReturnYearToDate"))) == [ONE, TWO, THREE]


async def test_what_is_kept_is_of_the_newest_statements(world: World, served: Served) -> None:
    world.report(ONE)
    world.of_statements.values(ONE, {-3: "100", 59: "110"})
    assert by_code(await overview(served))[ONE]["ReturnYearToDate"] == "0.1"
    world.of_statements.values(ONE, {LAST: "121"})
    row = by_code(await overview(served))[ONE]
    assert (row["ReturnYearToDate"], row["FlowsUntil"]) == ("0.21", day(LAST))


@pytest.mark.parametrize("seed", range(8))
async def test_returns_are_those_of_performance(world: World, served: Served, seed: int) -> None:
    """Accounts with gaps, holidays, flows of every kind, values that fall to nothing."""
    chance = random.Random(seed)
    world.report(ONE, TWO, THREE)
    for account in (ONE, TWO, THREE):
        days = [number for number in weekdays(-4, LAST) if chance.random() > 0.15]
        values = {number: str(Decimal(chance.randint(900, 1400)) / 7).rstrip()[:12] for number in days}
        if account == THREE:
            values[days[len(days) // 2]] = chance.choice(["0", "-5", "0.00"])
        world.of_statements.values(account, values)
        for number in chance.sample(range(-4, LAST), 6):
            amount = chance.choice(["10", "-20.5", "150", "-90", None if chance.random() > 0.8 else "3"])
            world.of_statements.flow(account, number, amount)
        first = chance.randint(0, 40)
        world.of_statements.cover(account, first, first + chance.randint(0, 30))
        world.of_statements.change(account, first, first, deposits_withdrawals=str(chance.randint(1, 9)))
        world.of_statements.change(account, 62, 63, deposits_withdrawals=chance.choice(["0", "4"]))
    rows = by_code(await overview(served))
    for account, row in rows.items():
        for name, first in (("ReturnMonthToDate", 60), ("ReturnYearToDate", 0)):
            path = f"/v1/accounts/{account}/performance?step=1d&from={day(first)}&to={row['FlowsUntil']}"
            found = await of(served, path)
            is_whole = not any(gap["Code"] == "cut" for gap in found["Gaps"])
            assert row[name] == (found["TimeWeightedReturn"] if is_whole else None), (account, name, found["Gaps"])
