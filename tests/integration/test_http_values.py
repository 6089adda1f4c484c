"""What all accounts were worth day by day: of statements and reports, together in one currency, and as tables."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import date, datetime, time
from typing import Any

import pytest

from tests.holders import parsed
from tests.integration.test_http_performance_recorded import DAY, MONDAY, NEW_YORK, ONE, TWO, World, day
from tests.serving import PROBLEM, Served, serving

FULL, LIMITED = "reads-everything-there-is", "reads-one-account-alone"
SPAN = f"from={day(0)}&to={day(4)}"


@pytest.fixture
def world(database_url: str) -> World:
    return World(database_url)


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.url, API_TOKENS=f"{FULL}@* {LIMITED}@{ONE},read") as server:
        server.client.headers["Authorization"] = f"Bearer {FULL}"
        yield server


async def of(served: Served, query: str = SPAN, token: str = FULL) -> dict[str, Any]:
    async with served.get(f"/v1/values?{query}", headers={"Authorization": f"Bearer {token}"}) as response:
        assert response.status == 200, await response.text()
        return parsed(await response.text())


def by_code(document: dict[str, Any]) -> dict[str, list[str | None]]:
    return {row["AccountCode"]: row["Values"] for row in document["Accounts"]}


async def test_statements_come_first_and_the_recorder_goes_on(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110.00"})
    world.reports({1: {ONE: "999"}, 2: {ONE: "121.50", TWO: "7"}, 4: {ONE: "130"}})
    found = await of(served)
    assert found["Days"] == [day(number) for number in range(5)]
    assert by_code(found) == {ONE: ["100", "110.00", "121.50", None, "130"], TWO: [None, None, "7", None, None]}
    assert (found["Step"], found["Running"]) == ("1d", False)
    assert found["Accounts"][0]["Currency"] == "USD"
    # Each account counts with its last value.
    assert found["Total"] == {
        "Currency": "USD",
        "Values": ["100", "110", "128.5", "128.5", "137"],
        "Accounts": ["1", "1", "2", "2", "2"],
    }


async def test_an_account_counts_from_its_value_before_the_span_and_not_for_ever(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    world.values(TWO, {number: "1" for number in range(60) if number % 7 < 5})
    found = await of(served, f"from={day(2)}&to={day(3)}")
    assert (by_code(found)[ONE], found["Total"]["Values"]) == ([None, None], ["111", "111"])
    late = await of(served, f"from={day(30)}&to={day(31)}")
    assert (list(by_code(late)), late["Total"]["Values"]) == ([TWO], ["1", "1"])
    ended = await of(served, f"from={day(0)}&to={day(30)}&total=only")
    assert (ended["Accounts"], ended["Total"]["Values"][-1]) == ([], "1")


async def test_the_total_is_in_one_currency_by_the_rates_of_each_day(world: World, served: Served) -> None:
    world.reports({0: {ONE: "100"}, 1: {ONE: "100"}}, base="USD")
    world.reports({0: {TWO: "80"}, 2: {TWO: "88"}}, base="EUR", clock=time(15))
    several = (await of(served))["Total"]
    assert (several["Currency"], set(several["Values"])) == (None, {None})
    assert several["Accounts"] == ["2"] * 5
    # One euro is 1.25 dollars, as the ledger of the account in dollars says; of a day without a rate the one before.
    total = (await of(served, f"{SPAN}&currency=USD"))["Total"]
    assert (total["Currency"], total["Values"]) == ("USD", ["200", "200", "210", "210", "210"])
    assert set((await of(served, f"{SPAN}&currency=JPY"))["Total"]["Values"]) == {None}


async def test_longer_steps_have_the_last_value_of_each(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 2: "102", 7: "107"})
    world.reports({3: {ONE: "103"}, 10: {ONE: "110"}})
    found = await of(served, f"from={day(0)}&to={day(13)}&step=1w")
    assert (found["Days"], by_code(found)[ONE]) == ([day(4), day(11)], ["103", "110"])
    found = await of(served, f"from={day(0)}&to={day(60)}&step=1mo&total=only")
    assert (found["Days"][0], found["Total"]["Values"]) == ("2024-01-31", ["110", None, None])


async def test_what_is_of_a_weekend_is_of_monday(world: World, served: Served) -> None:
    world.reports({4: {ONE: "100"}, 6: {ONE: "106"}})
    found = await of(served, f"from={day(4)}&to={day(8)}")
    assert (found["Days"], by_code(found)[ONE]) == ([day(4), day(7), day(8)], ["100", "106", None])


async def test_the_last_step_is_of_now(world: World, served: Served) -> None:
    number = (datetime.now(NEW_YORK).date() - MONDAY).days
    world.reports({number: {ONE: "500"}}, clock=time(0, 1))
    found = await of(served, "")
    assert (by_code(found)[ONE][-1], found["Running"]) == ("500", True)
    assert date.fromisoformat(found["Days"][-1]) - date.fromisoformat(found["Days"][0]) >= 28 * DAY


async def test_models_of_an_account_are_added_up(world: World, served: Served) -> None:
    for model, total in (("a", "40"), ("b", "2.5")):
        world.stated.add("nav", ONE, day(0), total=total, currency="USD", model=model)
    assert by_code(await of(served))[ONE][0] == "42.5"


async def test_values_in_another_base_currency_are_none_of_the_row(world: World, served: Served) -> None:
    world.reports({0: {ONE: "100"}}, base="EUR")
    world.reports({1: {ONE: "110"}}, base="USD")
    found = await of(served)
    assert (found["Accounts"][0]["Currency"], by_code(found)[ONE][:2]) == ("USD", [None, "110"])
    async with served.get(f"/v1/values?{SPAN}&format=csv") as response:
        rows = list(csv.DictReader(io.StringIO(await response.text())))
    assert [(row["Day"], row["Value"], row["Currency"]) for row in rows] == [
        (day(0), "100", "EUR"),
        (day(1), "110", "USD"),
    ]


async def test_as_tables(world: World, served: Served) -> None:
    world.values(ONE, {0: "100"})
    world.reports({1: {ONE: "110", TWO: "7"}})
    async with served.get(f"/v1/values?{SPAN}&format=csv") as response:
        rows = list(csv.reader(io.StringIO(await response.text())))
    assert rows == [
        ["AccountCode", "Day", "Value", "Currency", "Source", "Running"],
        [ONE, day(0), "100", "USD", "statement", "false"],
        [ONE, day(1), "110", "USD", "recorder", "false"],
        [TWO, day(1), "7", "USD", "recorder", "false"],
    ]
    async with served.get(f"/v1/values?from={day(0)}&to={day(1)}&format=csv&total=only") as response:
        rows = list(csv.reader(io.StringIO(await response.text())))
    assert rows[1:] == [[day(0), "100", "USD", "1", "false"], [day(1), "117", "USD", "2", "false"]]


async def test_who_may_see_one_account_sees_nothing_of_others(world: World, served: Served) -> None:
    world.values(ONE, {0: "100"})
    world.values(TWO, {0: "200"})
    limited = await of(served, token=LIMITED)
    assert (list(by_code(limited)), limited["Total"]["Values"][0]) == ([ONE], "100")
    assert list(by_code(await of(served, f"{SPAN}&account={TWO}"))) == [TWO]
    for query, token in ((f"account={TWO}", LIMITED), ("account=DU9999999", FULL)):
        async with served.get(f"/v1/values?{query}", headers={"Authorization": f"Bearer {token}"}) as response:
            assert (response.status, response.content_type) == (404, PROBLEM)


async def test_too_many_values_are_refused(world: World, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibconnect.http.resources.values.handlers.VALUES_MAX", 4)
    world.values(ONE, {0: "100"})
    async with served.get(f"/v1/values?{SPAN}") as response:
        assert (response.status, response.content_type) == (400, PROBLEM)
    assert (await of(served, f"{SPAN}&step=1w"))["Days"] == [day(4)]


async def test_nothing_is_there(served: Served) -> None:
    found = await of(served)
    assert (found["Accounts"], set(found["Total"]["Values"])) == ([], {None})
    assert (await of(served, "from=2100-01-01"))["Days"] == []


async def test_a_moment_within_a_day_is_answered_as_it_was_then(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "120"})
    world.reports({2: {ONE: "119"}}, clock=time(11))
    world.reports({2: {ONE: "121"}}, clock=time(13))
    found = await of(served, f"from={day(0)}&to={day(2)}T17:00:00Z")
    assert (found["Days"], by_code(found)[ONE]) == ([day(0), day(1), day(2)], ["100", "110", "119"])
    assert found["Running"] is True
    # Before the first report of the day nothing is known of it.
    found = await of(served, f"from={day(0)}&to={day(2)}T14:00:00Z")
    assert (by_code(found)[ONE], found["Total"]["Values"]) == (["100", "110", None], ["100", "110", "110"])
    assert by_code(await of(served, f"from={day(0)}&to={day(2)}"))[ONE] == ["100", "110", "120"]


@pytest.mark.parametrize("path", ["/v1/values", "/v1/performance", f"/v1/accounts/{ONE}/performance"])
async def test_moments_at_the_ends_of_the_calendar_are_moments(world: World, served: Served, path: str) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    world.stated.know(ONE)
    for moment in ("0001-01-01T00:00:01Z", "1969-12-31T10:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31"):
        for name in ("from", "to"):
            for zone in ("America/New_York", "Asia/Tokyo"):
                async with served.get(f"{path}?{name}={moment}&tz={zone}") as response:
                    assert response.status == 200, (path, name, moment, await response.text())
