"""Returns of simulated statements, imported: those that they print, computed apart in exact fractions."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

import pytest

from ibconnect.http.resources.performance.writing import less_one
from ibconnect.projections.upkeep import ensure
from ibconnect.returns import ibkr
from ibconnect.returns.daily import day_returns
from ibconnect.returns.figures import Valued
from ibconnect.returns.linking import linked
from ibconnect.simulator import Scenario
from ibconnect.simulator.flex import Query, ScenarioBooks
from ibconnect.simulator.flex.documents import document
from tests.conftest import create_database, drop_database
from tests.holders import parsed
from tests.projecting import project_all
from tests.serving import Served, serving
from tests.statements import rows, take

DAYS = 700
LEAST = 2_000


@cache
def books() -> ScenarioBooks:
    made = ScenarioBooks(Scenario(seed=18, accounts=4, advisor=True).world, DAYS)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def told_url(server_url: str, template: str) -> Iterator[str]:
    """Statements of some accounts, one a day."""
    url = create_database(server_url, name := "performance_of_statements", template)
    ensure(url)
    query = Query("1")
    take(url, document(books().statements(date.min, date.max, query, True), query).encode())
    project_all(url)
    yield url
    drop_database(server_url, name)


def test_the_twr_of_every_statement(told_url: str) -> None:
    """Each is of a day: the value before and at its end, and its flows, give what it prints."""
    changes = rows(
        told_url,
        """
        SELECT account, to_day, starting, ending, coalesce(as_sent ->> 'twr', twr::text),
            (SELECT sum(amount_in_base) FROM cash_flow
             WHERE current AND external AND account = nav_change.account AND day = to_day)
        FROM nav_change WHERE current ORDER BY account, to_day
        """,
    )
    assert len(changes) >= LEAST
    with_flows = 0
    for account, day, starting, ending, twr, flow in changes:
        with_flows += bool(flow)
        values = [Valued(day - timedelta(days=1), starting), Valued(day, ending)]
        found = ibkr.twr(values, {day: flow or Decimal(0)})
        # Of a day without any capital a statement prints 0.
        assert (found or Decimal(0)) == Decimal(twr), (account, day)
    assert with_flows > 20


def test_the_daily_values_are_those_of_the_change(told_url: str) -> None:
    wrong = """
        SELECT account, to_day FROM nav_change
        LEFT JOIN nav USING (account) WHERE nav_change.current AND nav.current AND nav.day = to_day AND total <> ending
    """
    assert rows(told_url, wrong) == []


def values_of(url: str, account: str) -> list[Valued]:
    """Values of days."""
    query = "SELECT day, total FROM nav WHERE current AND account = %(a)s ORDER BY 1"
    return [Valued(day, total) for day, total in rows(url, query, {"a": account})]


def flows_of(url: str, account: str) -> dict[date, Decimal]:
    """External flows of days."""
    query = """
        SELECT day, sum(amount_in_base) FROM cash_flow WHERE current AND external AND account = %(a)s GROUP BY 1
    """
    return dict(rows(url, query, {"a": account}))


async def served_series(served: Served, account: str) -> list[tuple[str, str | None]]:
    async with served.get(f"/v1/accounts/{account}/performance?step=1d") as response:
        found = parsed(await response.text())
    return [(row["Day"], row["Return"]) for row in found["Series"]]


async def test_what_is_served_is_the_product_of_what_is_printed(told_url: str) -> None:
    accounts = [code for (code,) in rows(told_url, "SELECT DISTINCT account FROM nav WHERE current ORDER BY 1")]
    async with serving(told_url) as served:
        for account in accounts:
            values, flows = values_of(told_url, account), flows_of(told_url, account)
            right = {each.day.isoformat(): less_one(each.factor) for each in day_returns(values, flows).days}
            series = await served_series(served, account)
            assert series
            assert all(right[day] == found for day, found in series)


async def test_between_accounts_of_the_firm_nothing_flows(told_url: str) -> None:
    within = rows(told_url, "SELECT count(*) FROM cash_flow WHERE current AND external AND scope = 'account'")[0][0]
    assert within
    async with serving(told_url) as served, served.get("/v1/performance?currency=USD&step=1d") as response:
        found = parsed(await response.text())
    assert found["Series"]
    of_firm = rows(
        told_url, "SELECT day::text FROM cash_flow WHERE current AND external AND scope = 'firm' AND amount <> 0"
    )
    with_flows = {row["Day"] for row in found["Series"] if Decimal(row["Flows"])}
    said = {gap["From"] for gap in found["Gaps"] if re.search("account-|in-transit", gap["Code"])}
    assert with_flows <= {day for (day,) in of_firm} | said


def test_linked_returns_of_statements_are_those_of_their_days(told_url: str) -> None:
    for (account,) in rows(told_url, "SELECT DISTINCT account FROM nav WHERE current ORDER BY 1"):
        values, flows = values_of(told_url, account), flows_of(told_url, account)
        query = "SELECT twr FROM nav_change WHERE current AND account = %(a)s AND to_day > %(first)s ORDER BY to_day"
        printed = Decimal(1)
        for (twr,) in rows(told_url, query, {"a": account, "first": values[0].day}):
            printed *= 1 + twr / 100
        exact = linked([each for each in day_returns(values, flows).days if each.factor])
        assert exact is not None
        assert abs(exact / printed - 1) < Decimal("1e-7")
