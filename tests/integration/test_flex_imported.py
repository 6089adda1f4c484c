"""Statements of the simulated Flex service become the same tables, however their query prints them."""

from datetime import date
from functools import cache

import pytest

from ibconnect.simulator import Scenario
from ibconnect.simulator.flex import Query, ScenarioBooks
from ibconnect.simulator.flex.documents import document
from tests.statements import imported, rows

FORMATS = (
    Query("1", dates="yyyy-MM-dd", times="HH:mm:ss", separator="space"),
    Query("1", dates="MM/dd/yyyy", separator="comma"),
    Query("1", dates="dd/MM/yyyy", times="HH:mm:ss", separator="space"),
    Query("1", dates="MM/dd/yy", separator="none", columns="few"),
    Query("1", dates="dd-MMM-yy", times="HH:mm:ss zone", separator="T"),
    Query("1", breakout=False),
    Query("1", breakout=False, dates="yyyy-MM-dd", times="HH:mm:ss zone", repeat=2, columns="few"),
)


@cache
def books() -> ScenarioBooks:
    """The days do not depend on when the test runs."""
    return ScenarioBooks(Scenario(seed=21, accounts=3, advisor=True).world, 120)


def told(query: Query) -> bytes:
    books().prepare()
    return document(books().statements(date.min, date.max, query, True), query).encode()


def tables(url: str) -> dict[str, list[tuple[object, ...]]]:
    """What does not depend on how days are cut."""
    columns = {
        "nav": "total, cash, stock, options, bonds, crypto, dividend_accruals, interest_accruals, currency",
        "cash_flow": "at, settle_day, type, external, scope, amount, currency, rate_to_base, counterparty, id",
        "trade": "at, exec_id, order_id, contract, quantity, price, commission, proceeds, realized, notes",
        "transfer": "at, id, type, direction, counterparty, quantity, price, amount, cash",
        "conversion_rate": "currency, to_currency, rate",
    }
    return {
        table: rows(url, f"SELECT account, day, {wanted} FROM {table} WHERE current ORDER BY 1, 2, 3, {wanted}")
        for table, wanted in columns.items()
    }


@cache
def expected() -> dict[str, int]:
    """How many rows each table has to have, by the books."""
    days = [day for account in books().accounts() for day in books().days(account)]
    kinds = [type(each).__name__ for day in days for each in day.happenings]
    return {"nav": len(days), "trade": kinds.count("Deal"), "transfer": kinds.count("Transfer")}


def test_nothing_is_odd_and_flows_are_those_of_the_change_in_value(database_url: str) -> None:
    assert imported(database_url, told(Query("1"))) == []
    assert rows(database_url, "SELECT * FROM oddity") == []
    assert rows(database_url, "SELECT DISTINCT name FROM section WHERE unread > 0") == [("CarbonFootprint",)]
    found = tables(database_url)
    assert {table: len(found[table]) for table in expected()} == expected()
    wrong = """
        SELECT c.account, c.to_day, coalesce(f.flows, 0),
               c.deposits_withdrawals + c.internal_cash_transfers + c.asset_transfers
        FROM nav_change c
        LEFT JOIN (
            SELECT account, day, sum(amount_in_base) AS flows FROM cash_flow WHERE current AND external GROUP BY 1, 2
        ) f ON f.account = c.account AND f.day = c.to_day
        WHERE c.current AND coalesce(f.flows, 0)
            <> c.deposits_withdrawals + c.internal_cash_transfers + c.asset_transfers
    """
    assert rows(database_url, wrong) == []
    within = "SELECT account, day, sum(amount_in_base) FROM cash_flow WHERE scope = 'account' GROUP BY 1, 2"
    assert rows(database_url, within) != []


@pytest.mark.parametrize("query", FORMATS, ids=lambda query: f"{query.dates} {query.times} {query.breakout}")
def test_every_format_gives_the_same_tables(database_url: str, query: Query) -> None:
    assert imported(database_url, told(query)) == []
    assert rows(database_url, "SELECT * FROM oddity") == []
    found = tables(database_url)
    imported(database_url, told(Query("1")))
    usual = tables(database_url)
    for table, wanted in usual.items():
        assert found[table] == wanted, table
