"""Returns over HTTP: one account and sets of them, from statements and from the recorder, each odd case of the docs."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa
import pytest
from psycopg.sql import SQL, Identifier, Placeholder

from ibconnect.database.pools import connect
from ibconnect.projections.upkeep import ensure
from tests.holders import parsed
from tests.serving import PROBLEM, Served, serving
from tests.stated import Stated

ONE, TWO, THREE = "U0000001", "U0000002", "U0000003"
FULL, LIMITED = "reads-everything-there-is", "reads-one-account-alone"
MONDAY = date(2024, 1, 1)
DAY = timedelta(days=1)
_STATEMENT = {"position": 1, "number": 0, "elements": 1, "unread": 0, "oddities": 0, "account": ONE}


class World:
    """Values and flows of accounts, written day by day."""

    def __init__(self, url: str) -> None:
        ensure(url)
        self.url = url
        self.stated = Stated(url)
        self._statements = 0

    def values(self, account: str, values: Mapping[int, str], currency: str | None = "USD", **more: Any) -> None:
        """Values of days, which are counted from a Monday."""
        for number, total in values.items():
            self.stated.add("nav", account, day(number), total=Decimal(total), currency=currency, **more)
        self._insert("statement", id=self._number(), received=datetime.now(UTC), stream=UUID(int=1), **_STATEMENT)

    def flow(self, account: str, number: int, amount: str | None, **more: Any) -> None:
        """A deposit, or a withdrawal."""
        figure = None if amount is None else Decimal(amount)
        usual = {"external": True, "scope": "firm", "currency": "USD", "amount": figure, "amount_in_base": figure}
        self.stated.add("cash_flow", account, day(number), **{**usual, **more})

    def rate(self, account: str, number: int, currency: str, to: str, rate: str) -> None:
        """A conversion rate of a day."""
        self.stated.add("conversion_rate", account, day(number), currency=currency, to_currency=to, rate=Decimal(rate))

    def cover(self, account: str, first: int, last: int) -> None:
        """Days for which a statement holds."""
        days = {"from_day": date.fromisoformat(day(first)), "to_day": date.fromisoformat(day(last))}
        self._insert("covered", account=account, statement=1, sections=1, mentioned=False, **days)
        self.values(account, {})

    def _number(self) -> int:
        self._statements += 1
        return self._statements

    def _insert(self, table: str, **row: Any) -> None:
        query = SQL("INSERT INTO {} ({}) VALUES ({})").format(
            Identifier("statements", table), SQL(", ").join(map(Identifier, row)), SQL(", ").join(map(Placeholder, row))
        )
        with connect(self.url, name="test") as connection:
            connection.execute(query, row)

    def change(self, account: str, first: int, last: int, **figures: str) -> None:
        """What a statement says of its period."""
        amounts = {name: Decimal(figure) for name, figure in figures.items()}
        days = {"from_day": date.fromisoformat(day(first)), "to_day": date.fromisoformat(day(last))}
        self.stated.add("nav_change", account, day(last), currency="USD", **days, **amounts)
        self.values(account, {})


def day(number: int) -> str:
    return (MONDAY + number * DAY).isoformat()


@pytest.fixture
def world(database_url: str) -> World:
    return World(database_url)


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.url, API_TOKENS=f"{FULL}@* {LIMITED}@{ONE},read") as server:
        server.client.headers["Authorization"] = f"Bearer {FULL}"
        yield server


async def asked(served: Served, path: str) -> dict[str, Any]:
    """The document, its figures as decimals."""
    async with served.get(path) as response:
        assert response.status == 200, await response.text()
        return parsed(await response.text())


async def of(served: Served, *accounts: str, query: str = "") -> dict[str, Any]:
    """Of an account, or of several taken together."""
    if len(accounts) == 1:
        return await asked(served, f"/v1/accounts/{accounts[0]}/performance?{query}")
    return await asked(served, f"/v1/performance?account={','.join(accounts)}&{query}")


def gaps(document: Mapping[str, Any]) -> dict[str, tuple[str, str, str | None]]:
    """By code the days and the detail."""
    return {gap["Code"]: (gap["From"], gap["To"], gap["Detail"]) for gap in document["Gaps"]}


async def test_an_account_with_a_deposit(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "176", 3: "176", 4: "88"})
    world.flow(ONE, 2, "50")
    found = await of(served, ONE, query="step=1d")
    assert found["AccountCodes"] == [ONE]
    assert (found["Currency"], found["Since"], found["Until"]) == ("USD", day(0), day(4))
    amounts = [found[name] for name in ("StartValue", "EndValue", "Flows", "Inflows", "Outflows", "Gain")]
    assert amounts == ["100", "88", "50", "50", "0", "-62"]
    assert found["TimeWeightedReturn"] == "-0.395"
    assert found["AnnualizedReturn"] is None
    assert found["MoneyWeightedReturn"]["Solutions"] == "one"
    assert found["MaximumDrawdown"] == {"Depth": "-0.5", "Peak": day(3), "Trough": day(4), "Recovered": None}
    assert found["BestDay"] == {"Day": day(1), "Return": "0.1"}
    assert found["WorstDay"] == {"Day": day(4), "Return": "-0.5"}
    assert found["Months"] == [{"Period": "2024-01", "Return": "-0.395", "Gain": "-62", "Flows": "50"}]
    assert found["Years"] == [{"Period": "2024", "Return": "-0.395", "Gain": "-62", "Flows": "50"}]
    assert found["Method"]["Days"] == {"simple": "3", "modified-dietz": "1"}
    assert found["Source"] == [{"Source": "statement", "From": day(1), "To": day(4), "Days": "4"}]
    assert found["Gaps"] == []
    assert [row["Return"] for row in found["Series"]] == ["0.1", "0.1", "0", "-0.5"]
    assert [row["Linked"] for row in found["Series"]] == ["0.1", "0.21", "0.21", "-0.395"]
    assert found["Series"][1] == {
        "Since": day(1),
        "Day": day(2),
        "StartValue": "110",
        "EndValue": "176",
        "Flows": "50",
        "Gain": "16",
        "Return": "0.1",
        "Linked": "0.21",
        "Sources": ["statement"],
        "Methods": ["modified-dietz"],
    }


async def test_the_convention_is_a_setting(world: World) -> None:
    world.values(ONE, {0: "100", 1: "165"})
    world.flow(ONE, 1, "50")
    for convention, right in (("start", "0.1"), ("mid", "0.12"), ("end", "0.15")):
        async with serving(world.url, PERF_FLOWS=convention) as served:
            found = await of(served, ONE)
            assert (found["TimeWeightedReturn"], found["Method"]["Flows"]) == (right, convention)


async def test_a_span_begins_with_the_value_before_it(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121", 3: "100", 4: "50"})
    found = await of(served, ONE, query=f"from={day(2)}&to={day(3)}")
    assert (found["Since"], found["Until"]) == (day(1), day(3))
    assert found["Gain"] == "-10"
    assert (await of(served, ONE, query=f"from={day(30)}"))["TimeWeightedReturn"] is None
    assert (await of(served, ONE, query=f"to={day(0)}"))["Series"] == []


async def test_steps(world: World, served: Served) -> None:
    world.values(ONE, {number: str(100 + number) for number in range(100) if number % 7 < 5})
    for step, count in (("1d", 71), ("1w", 15), ("1mo", 4), ("1q", 2), ("1y", 1)):
        rows = (await of(served, ONE, query=f"step={step}"))["Series"]
        assert len(rows) == count
        assert rows[-1]["Linked"] == "0.99"
        product = Decimal(1)
        for row in rows:
            product *= 1 + Decimal(row["Return"])
        assert abs(product - Decimal("1.99")) < Decimal("1e-10")


async def test_holidays_and_missing_days(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 2: "110", 4: "121"})
    missing = [(gap["Code"], gap["From"], gap["To"]) for gap in (await of(served, ONE))["Gaps"]]
    assert missing == [("missing", day(1), day(1)), ("missing", day(3), day(3))]
    world.cover(ONE, 0, 2)
    assert gaps(await of(served, ONE)) == {"missing": (day(3), day(3), None)}


async def test_flows_of_a_weekend_count_on_monday(world: World, served: Served) -> None:
    world.values(ONE, {4: "100", 7: "165"})
    world.flow(ONE, 5, "50")
    found = await of(served, ONE)
    assert found["TimeWeightedReturn"] == "0.1"
    assert gaps(found) == {"moved-flow": (day(5), day(7), None)}


async def test_a_flow_without_an_amount_costs_its_day(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121", 3: "121"})
    world.flow(ONE, 2, None)
    found = await of(served, ONE, query="step=1d")
    assert found["TimeWeightedReturn"] is None
    assert [row["Return"] for row in found["Series"]] == ["0.1", None, "0"]
    assert [row["Linked"] for row in found["Series"]] == ["0.1", None, None]
    assert set(gaps(found)) == {"flow-not-in-base", "unknown-flows"}


async def test_flows_that_only_a_statement_tells(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "165", 2: "165", 3: "181.5", 4: "181.5"})
    world.change(ONE, 1, 1, deposits_withdrawals="40", grant_activity="10")
    found = await of(served, ONE)
    assert (found["TimeWeightedReturn"], found["Flows"]) == ("0.21", "50")
    # Of a longer period nobody knows on which day.
    world.change(ONE, 2, 3, deposits_withdrawals="7")
    found = await of(served, ONE)
    assert gaps(found)["unknown-flows"] == (day(2), day(3), ONE)


async def test_flows_that_differ_from_the_statement_are_said(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "165"})
    world.flow(ONE, 1, "50")
    world.change(ONE, 1, 1, deposits_withdrawals="50.004")
    assert not gaps(await of(served, ONE))
    world.change(ONE, 1, 1, deposits_withdrawals="60")
    assert gaps(await of(served, ONE)) == {"flows-differ": (day(1), day(1), f"{ONE}: 60, 50 listed")}


async def test_a_statement_that_prints_another_return_is_said(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121", 3: "181.5"})
    world.flow(ONE, 3, "44")
    world.change(ONE, 1, 1, starting="100", ending="110", twr="10")
    world.change(ONE, 2, 2, starting="110", ending="121", twr="10.000000001")
    world.change(ONE, 3, 3, starting="121", ending="181.5", deposits_withdrawals="44", twr="10.000000000")
    world.change(ONE, 1, 3, starting="100", ending="181.5", deposits_withdrawals="44", twr="33.1")
    world.change(ONE, 1, 2, starting="100", ending="121", twr="21.1")
    differing = [gap for gap in (await of(served, ONE))["Gaps"] if gap["Code"] == "differs-from-statement"]
    assert sorted((gap["From"], gap["To"], gap["Detail"]) for gap in differing) == [
        (day(1), day(2), "21.1, here 21.0"),
        (day(2), day(2), "10.000000001, here 10.000000000"),
    ]


async def test_odd_values(world: World, served: Served) -> None:
    world.values(ONE, {0: "0", 1: "101", 2: "0", 3: "0", 4: "110"})
    world.flow(ONE, 1, "100")
    world.flow(ONE, 2, "-101")
    world.flow(ONE, 4, "100")
    found = await of(served, ONE, query="step=1d")
    assert [row["Return"] for row in found["Series"]] == ["0.01", "0", "0", "0.1"]
    assert set(gaps(found)) == {"opened", "closed", "other-convention", "empty"}
    world.values(TWO, {0: "100", 1: "110", 2: "-5", 3: "4", 4: "5"})
    found = await of(served, TWO, query="step=1d")
    assert [row["Return"] for row in found["Series"]] == ["0.1", None, None, "0.25"]
    assert gaps(found) == {"below-zero": (day(2), day(3), None)}


# --- Sets


async def test_a_set_is_the_sum_of_its_accounts(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121"})
    world.values(TWO, {0: "300", 1: "330", 2: "250"})
    world.flow(TWO, 2, "-80")
    found = await of(served, ONE, TWO)
    assert found["AccountCodes"] == [ONE, TWO]
    assert (found["StartValue"], found["EndValue"], found["Flows"], found["Gain"]) == ("400", "371", "-80", "51")
    assert found["TimeWeightedReturn"] == str((Decimal("1.1") * 371 / 360 - 1).quantize(Decimal("1e-12")))
    every = await asked(served, "/v1/performance")
    assert (every["AccountCodes"], every["TimeWeightedReturn"]) == ([ONE, TWO], found["TimeWeightedReturn"])


async def test_transfers_within_a_set_cancel(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "60", 3: "60"})
    world.values(TWO, {0: "100", 1: "110", 2: "160", 3: "160"})
    within: dict[str, Any] = {"scope": "account"}
    world.flow(ONE, 2, "-50", counterparty=TWO, **within)
    world.flow(TWO, 2, "50", counterparty=ONE, **within)
    alone, together = await of(served, ONE), await of(served, ONE, TWO)
    assert (alone["Flows"], alone["Outflows"]) == ("-50", "-50")
    assert [together[name] for name in ("Flows", "Inflows", "Outflows")] == ["0", "0", "0"]
    assert together["TimeWeightedReturn"] == "0.1"
    assert together["Gaps"] == []


async def test_a_transfer_that_takes_days_is_under_way(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "50", 2: "50", 3: "50"})
    world.values(TWO, {0: "100", 1: "100", 2: "100", 3: "160"})
    world.flow(ONE, 1, "-50", counterparty=TWO, scope="account")
    world.flow(TWO, 3, "50", counterparty=ONE, scope="account")
    found = await of(served, ONE, TWO, query="step=1d")
    assert [row["EndValue"] for row in found["Series"]] == ["200", "200", "210"]
    assert [row["Return"] for row in found["Series"]] == ["0", "0", "0.05"]
    assert gaps(found) == {"in-transit": (day(1), day(3), None)}


async def test_an_account_whose_other_side_is_not_recorded_has_a_flow(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "50"})
    world.values(TWO, {0: "100", 1: "100"})
    world.flow(ONE, 1, "-50", counterparty=TWO, scope="account")
    assert (await of(served, ONE, TWO))["Flows"] == "-50"


async def test_accounts_join_and_leave_with_their_values(world: World, served: Served) -> None:
    world.values(ONE, dict.fromkeys(range(30), "100"))
    world.values(TWO, {1: "1000", 2: "1100", 3: "1100"})
    found = await of(served, ONE, TWO, query="step=1d")
    assert [row["StartValue"] for row in found["Series"]][:5] == ["100", "1100", "1200", "100", "100"]
    assert found["TimeWeightedReturn"] == str((Decimal(1200) / 1100 - 1).quantize(Decimal("1e-12")))
    assert (found["Gain"], found["Flows"]) == ("100", "-100")
    said = gaps(found)
    assert said["account-begins"] == (day(1), day(1), TWO)
    assert said["account-ends"] == (day(3), day(3), TWO)


async def test_a_day_on_which_one_account_has_no_value_has_none(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "100", 2: "110", 3: "110"})
    world.values(TWO, {0: "100", 2: "110"})
    found = await of(served, ONE, TWO, query="step=1d")
    assert [row["Day"] for row in found["Series"]] == [day(2)]
    assert gaps(found)["incomplete"][:2] == (day(1), day(1))
    assert "missing" not in gaps(found)


async def test_models_of_an_account_are_added_up(world: World, served: Served) -> None:
    for model, value in (("Growth", "60"), (None, "40")):
        world.values(ONE, {0: value, 1: value}, model=model)
    world.values(TWO, {0: "100", 1: "100"})
    assert (await of(served, ONE, TWO))["EndValue"] == "200"


# --- Currencies


async def test_values_and_flows_go_by_the_rate_of_their_day(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "165"})
    world.flow(ONE, 2, "55")
    for number, rate in enumerate(("0.8", "1", "1.25")):
        world.rate(ONE, number, "EUR", "USD", rate)
    found = await of(served, ONE, query="currency=EUR&step=1d")
    assert found["Currency"] == "EUR"
    assert [row["EndValue"] for row in found["Series"]] == ["110", "132"]
    assert found["Flows"] == "44"
    assert found["TimeWeightedReturn"] == str((Decimal(110) / 125 * Decimal(132) / 154 - 1).quantize(Decimal("1e-12")))


async def test_rates_lead_over_a_third_currency(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"}, currency="CHF")
    for number in (0, 1):
        world.rate(TWO, number, "CHF", "USD", "1.2")
        world.rate(TWO, number, "EUR", "USD", "1.5")
    found = await of(served, ONE, query="currency=EUR")
    assert (found["StartValue"], found["EndValue"]) == ("80", "88")


async def test_without_a_rate_a_day_has_no_value(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121"})
    for number in (0, 2):
        world.rate(ONE, number, "EUR", "USD", "1")
    found = await of(served, ONE, query="currency=EUR&step=1d")
    assert [row["Return"] for row in found["Series"]] == ["0.21"]
    assert gaps(found) == {"no-rate": (day(1), day(1), None)}


async def test_several_base_currencies_want_one_named(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    world.values(TWO, {0: "100", 1: "110"}, currency="EUR")
    async with served.get("/v1/performance") as response:
        assert (response.status, response.content_type) == (400, PROBLEM)
        assert "EUR, USD" in (await response.json())["detail"]
    for number in (0, 1):
        world.rate(TWO, number, "USD", "EUR", "0.5")
    assert (await asked(served, "/v1/performance?currency=EUR"))["StartValue"] == "150"
    assert (await asked(served, "/v1/performance?currency=USD"))["StartValue"] == "300"


# --- Who, and in what


async def test_a_limited_token_sees_its_accounts_alone(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    world.values(TWO, {0: "100", 1: "300"})
    served.client.headers["Authorization"] = f"Bearer {LIMITED}"
    assert (await asked(served, "/v1/performance"))["AccountCodes"] == [ONE]
    for path in (f"/v1/accounts/{TWO}/performance", f"/v1/performance?account={ONE},{TWO}"):
        async with served.get(path) as response:
            assert response.status == 404
            assert (await response.json())["type"].endswith("unknown-account")


async def test_who_is_not_known_is_404(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    world.stated.know(THREE)
    for path in ("/v1/accounts/U9999999/performance", f"/v1/performance?account={ONE},U9999999"):
        async with served.get(path) as response:
            assert response.status == 404
    nothing = await of(served, THREE)
    assert (nothing["Series"], nothing["TimeWeightedReturn"], nothing["Months"]) == ([], None, [])


async def test_the_series_is_a_table(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110", 2: "121"})
    path = f"/v1/accounts/{ONE}/performance?step=1d"
    async with served.get(f"{path}&format=csv") as response:
        rows = list(csv.DictReader(io.StringIO(await response.text())))
        assert [row["Return"] for row in rows] == ["0.1", "0.1"]
        assert rows[0]["AccountCodes"] == ONE
        assert f"{ONE}-performance.csv" in response.headers["Content-Disposition"]
    async with served.get(f"{path}&format=arrow") as response:
        table = pa.ipc.open_stream(await response.read()).read_all()
        assert table["Day"].to_pylist() == [MONDAY + DAY, MONDAY + 2 * DAY]
        assert table["EndValue"].to_pylist() == [110, 121]
    async with served.get(path) as response:
        tag = response.headers["ETag"]
    async with served.get(path, headers={"If-None-Match": tag}) as response:
        assert response.status == 304


async def test_what_is_new_is_in_the_next_answer(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "110"})
    assert (await of(served, ONE))["EndValue"] == "110"
    world.values(ONE, {2: "121"})
    assert (await of(served, ONE))["EndValue"] == "121"


@pytest.mark.parametrize(
    "query", ["riskfree=2", "riskfree=x", "step=2d", "currency=usd", "from=2024-02-01&to=2024-01-01"]
)
async def test_what_is_wrong_is_refused(world: World, served: Served, query: str) -> None:
    async with served.get(f"/v1/performance?{query}") as response:
        assert response.status == 400


async def test_the_risk_free_rate_is_in_the_ratios(world: World, served: Served) -> None:
    world.values(ONE, {0: "100", 1: "101", 2: "99.99", 3: "102.9897"})
    plain, less = await of(served, ONE), await of(served, ONE, query="riskfree=0.0252")
    assert Decimal(less["SharpeRatio"]) < Decimal(plain["SharpeRatio"])
    assert less["Method"]["RiskFreeRate"] == "0.0252"
    assert orjson.dumps(plain["Volatility"]) == orjson.dumps(less["Volatility"])
