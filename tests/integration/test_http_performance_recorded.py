"""Returns of days without a statement: values of reports, flows estimated from the day's profit, values at flows."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import ensure
from tests.holders import Figures, build_holders, parsed
from tests.serving import GATEWAY, Served, serving
from tests.stated import Stated

pytestmark = pytest.mark.with_tables

ONE, TWO = "DU0000001", "DU0000002"
MONDAY = date(2024, 1, 1)
DAY = timedelta(days=1)
NEW_YORK = ZoneInfo("America/New_York")


def day(number: int) -> str:
    return (MONDAY + number * DAY).isoformat()


def at(number: int, clock: time = time(16)) -> datetime:
    """A time of a day in New York, whose days end at 23:55."""
    return datetime.combine(MONDAY + number * DAY, clock, NEW_YORK).astimezone(UTC)


class World:
    """Reports and samples of profit, at the close of days."""

    def __init__(self, url: str) -> None:
        self.url = url
        ensure(url)
        self.stated = Stated(url)

    def reports(self, values: Mapping[int, Mapping[str, str]], *, base: str = "USD", clock: time = time(16)) -> None:
        """What accounts are worth on days."""
        rounds = [
            (at(number, clock), {code: Figures(base, net, rates={"EUR": "1.25"}) for code, net in said.items()})
            for number, said in values.items()
        ]
        build_holders(self.url, rounds, [sorted({code for _, said in rounds for code in said})] * len(rounds))

    def profits(self, account: str, profits: Mapping[int, str], clock: time = time(16)) -> None:
        """Profit of days."""
        with connect(self.url, name="test") as connection:
            for number, daily in profits.items():
                connection.execute(
                    "INSERT INTO pnl.sample (at, contract, position, account, gateway, daily)"
                    " VALUES (%s, 0, 1, %s, %s, %s)",
                    (at(number, clock), account, GATEWAY, daily),
                )

    def values(self, account: str, values: Mapping[int, str]) -> None:
        """What statements say."""
        for number, total in values.items():
            self.stated.add("nav", account, day(number), total=total, currency="USD")


@pytest.fixture
def world(database_url: str) -> World:
    return World(database_url)


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.url) as server:
        yield server


async def of(served: Served, *accounts: str, query: str = "step=1d") -> dict[str, Any]:
    path = f"/v1/accounts/{accounts[0]}/performance" if len(accounts) == 1 else "/v1/performance"
    named = "" if len(accounts) == 1 else f"account={','.join(accounts)}&"
    async with served.get(f"{path}?{named}{query}") as response:
        assert response.status == 200, await response.text()
        return parsed(await response.text())


def gaps(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {gap["Code"]: (gap["From"], gap["To"]) for gap in document["Gaps"]}


async def test_without_statements_flows_are_estimated(world: World, served: Served) -> None:
    world.reports({0: {ONE: "100"}, 1: {ONE: "110"}, 2: {ONE: "171"}, 3: {ONE: "171"}})
    world.profits(ONE, {1: "10", 2: "11", 3: "11"})
    found = await of(served, ONE)
    assert [row["Return"] for row in found["Series"]] == ["0.1", "0.06875", "0"]
    assert [row["Flows"] for row in found["Series"]] == ["0", "50", "0"]
    assert {row["Sources"][0] for row in found["Series"]} == {"recorder"}
    assert {row["Methods"][0] for row in found["Series"]} == {"estimated"}
    assert gaps(found) == {"estimated": (day(1), day(3))}
    assert (found["Flows"], found["Gain"], found["Currency"]) == ("50", "21", "USD")


async def test_after_the_last_statement_the_recorder_goes_on(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    world.reports({1: {ONE: "999"}, 2: {ONE: "121"}, 3: {ONE: "242"}})
    world.profits(ONE, {2: "11", 3: "22"})
    found = await of(served, ONE)
    assert [row["EndValue"] for row in found["Series"]] == ["110", "121", "242"]
    assert [row["Return"] for row in found["Series"]] == ["0.1", "0.1", "0.1"]
    assert [row["Sources"] for row in found["Series"]] == [["statement"], ["recorder"], ["recorder"]]
    assert gaps(found) == {"source-change": (day(2), day(2)), "estimated": (day(2), day(3))}
    assert found["Source"] == [
        {"Source": "statement", "From": day(1), "To": day(1), "Days": "1"},
        {"Source": "recorder", "From": day(2), "To": day(3), "Days": "2"},
    ]


async def test_without_the_days_profit_there_is_no_return(world: World, served: Served) -> None:
    world.reports({number: {ONE: str(100 + number)} for number in range(5)})
    world.profits(ONE, {1: "1", 3: "1"})
    found = await of(served, ONE)
    assert [row["Return"] is None for row in found["Series"]] == [False, True, False]
    assert found["TimeWeightedReturn"] is None
    assert gaps(found) == {"unknown-flows": (day(4), day(4)), "estimated": (day(3), day(3)), "cut": (day(4), day(4))}


async def test_a_day_without_a_statement_among_others_is_the_recorders(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 3: "133.1"})
    world.reports({1: {ONE: "1"}, 2: {ONE: "121"}, 3: {ONE: "1"}})
    world.profits(ONE, {2: "11"})
    found = await of(served, ONE)
    assert [row["Return"] for row in found["Series"]] == ["0.1", "0.1", "0.1"]
    assert [row["Sources"] for row in found["Series"]] == [["statement"], ["recorder"], ["statement"]]


async def test_a_day_that_is_not_over_does_not_count(world: World, served: Served) -> None:
    today = datetime.now(NEW_YORK).date()
    number = (today - MONDAY).days
    world.reports({number - 400: {ONE: "100"}, number: {ONE: "500"}}, clock=time(0, 1))
    assert (await of(served, ONE))["Series"] == []


async def test_a_set_goes_on_with_those_of_both_sources(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121"})
    world.values(TWO, {0: "100", 1: "100"})
    world.reports({2: {TWO: "160"}})
    world.profits(TWO, {2: "10"})
    found = await of(served, ONE, TWO)
    assert [row["EndValue"] for row in found["Series"]] == ["210", "281"]
    assert found["Series"][1]["Flows"] == "50"
    assert found["Series"][1]["Gain"] == "21"
    assert found["Series"][1]["Sources"] == ["recorder"]


async def test_ledgers_give_rates_where_statements_have_none(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    world.reports({0: {ONE: "1"}, 1: {ONE: "1"}})
    found = await of(served, ONE, query="step=1d&currency=EUR")
    assert [(row["StartValue"], row["EndValue"]) for row in found["Series"]] == [("80", "88")]


async def test_a_large_flow_is_valued_at_its_time(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "210", 2: "220"})
    world.reports({1: {ONE: "110"}}, clock=time(11))
    for number, amount, clock in ((1, "90", time(11, 30)), (2, "5", time(11, 30))):
        world.stated.add(
            "cash_flow",
            ONE,
            day(number),
            external=True,
            scope="firm",
            amount=amount,
            amount_in_base=amount,
            currency="USD",
            at=at(number, clock),
        )
    found = await of(served, ONE)
    assert [row["Methods"][0] for row in found["Series"]] == ["valued-at-flow", "modified-dietz"]
    assert found["Series"][0]["Return"] == "0.155"
    async with serving(world.url, PERF_LARGE_FLOW="1") as other:
        assert (await of(other, ONE))["Series"][0]["Methods"] == ["modified-dietz"]


def running_day() -> int:
    """The day that is not over, counted from the Monday; where that is on a weekend, there is none."""
    return (datetime.now(NEW_YORK).date() - MONDAY).days


def weekday_before(number: int) -> int:
    """A day is of the recorder on weekdays only."""
    return number - (3 if (MONDAY + number * DAY).weekday() == 0 else 1)


@pytest.mark.skipif((MONDAY + running_day() * DAY).weekday() >= 5, reason="no market is open on a weekend")
async def test_the_day_that_is_not_over_is_the_last_of_a_curve(world: World, served: Served) -> None:
    today = running_day()
    before = weekday_before(today)
    world.values(ONE, {weekday_before(before): "100", before: "110"})
    world.reports({today: {ONE: "171"}}, clock=time(0, 1))
    world.profits(ONE, {today: "11"}, clock=time(0, 1))
    found = await of(served, ONE, query="series=days")
    series = found["Series"]
    assert series["Day"][1:] == [day(before), day(today)]
    assert series["Value"] == ["100", "110", "171"]
    assert series["Source"] == ["statement", "statement", "running"]
    assert (series["Flow"][-1], series["Return"][-1], series["Method"][-1]) == ("50", "0.06875", "estimated")
    assert series["Index"] == ["1", "1.1", "1.175625"]
    # What is of days that are over stays so.
    assert (found["Until"], found["EndValue"], found["Gaps"]) == (day(before), "110", [])
    assert (await of(served, ONE, query=f"series=days&to={day(before)}"))["Series"]["Value"] == ["100", "110"]


@pytest.mark.skipif((MONDAY + running_day() * DAY).weekday() >= 5, reason="no market is open on a weekend")
async def test_the_running_day_of_a_set_needs_all_of_it(world: World, served: Served) -> None:
    today = running_day()
    before = weekday_before(today)
    for account in (ONE, TWO):
        world.values(account, {weekday_before(before): "100", before: "110"})
    world.reports({today: {ONE: "121"}}, clock=time(0, 1))
    assert (await of(served, ONE, TWO, query="series=days"))["Series"]["Value"] == ["200", "220"]
    world.reports({today: {TWO: "100"}}, clock=time(0, 2))
    series = (await of(served, ONE, TWO, query="series=days"))["Series"]
    assert (series["Value"], series["Return"][-1]) == (["200", "220", "221"], None)
    assert series["Index"] == ["1", "1.1", None]


async def test_a_moment_within_a_day_is_answered_as_it_was_then(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121"})
    world.reports({2: {ONE: "119"}}, clock=time(11))
    world.reports({2: {ONE: "171"}}, clock=time(13))
    world.profits(ONE, {2: "9"}, clock=time(11))
    world.profits(ONE, {2: "11"}, clock=time(13))
    found = await of(served, ONE, query=f"series=days&to={day(2)}T17:00:00Z")
    series = found["Series"]
    assert (found["Until"], found["EndValue"]) == (day(1), "110")
    assert (series["Value"], series["Source"][-1]) == (["100", "110", "119"], "running")
    assert (series["Flow"][-1], series["Method"][-1]) == ("0", "estimated")
    later = (await of(served, ONE, query=f"series=days&to={day(2)}T19:00:00Z"))["Series"]
    assert (later["Value"][-1], later["Flow"][-1]) == ("171", "50")
    earlier = await of(served, ONE, query=f"series=days&to={day(2)}T14:00:00Z")
    assert earlier["Series"]["Value"] == ["100", "110"]
    whole = await of(served, ONE, query=f"series=days&to={day(2)}")
    assert (whole["Until"], whole["Series"]["Value"]) == (day(2), ["100", "110", "121"])
