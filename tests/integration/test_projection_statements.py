"""Tables of Flex statements: what becomes of elements, and which rows are current."""

import pytest

from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.projections.statements.projection import STATEMENTS
from tests.projecting import rows_of_report
from tests.statements import (
    ACCOUNT,
    cash,
    document,
    element,
    flows,
    imported,
    nav,
    navs,
    rows,
    section,
    statement,
    texts,
    transfer,
)


def test_a_statement_becomes_rows(database_url: str) -> None:
    holder = element("AccountInformation", accountId=ACCOUNT, currency="USD", name="Somebody")
    trade = element(
        "Trade",
        accountId=ACCOUNT,
        symbol="AAPL",
        conid="265598",
        ibExecID="0000e0d5.1.01.01",
        dateTime="20260105;093000",
        reportDate="20260105",
        tradeDate="20260105",
        quantity="-10",
        tradePrice="187.250",
        ibCommission="-1.00",
        levelOfDetail="EXECUTION",
        clearingFirmID="",
        figi="BBG",
    )
    daily = document(
        statement(
            holder,
            navs(nav("1000.50", cash="1000.50", currency="USD")),
            flows(cash("Dividends", "12.5", currency="EUR", fxRateToBase="1.1")),
            section("Trades", trade),
            section("Inventions", element("Invention", a="1", b="")),
            section("Transfers"),
        )
    )
    assert imported(database_url, daily) == []
    assert texts(database_url, "nav", "account", "day", "total", "cash", "currency") == [
        (ACCOUNT, "2026-01-05", "1000.50", "1000.50", "USD")
    ]
    assert texts(database_url, "cash_flow", "type", "amount", "amount_in_base", "external", "scope") == [
        ("Dividends", "12.5", "13.75", "false", None)
    ]
    assert texts(database_url, "trade", "exec_id", "at", "quantity", "price", "contract", "level", "more") == [
        ("0000e0d5.1.01.01", "2026-01-05 14:30:00+00", "-10", "187.250", "265598", "EXECUTION", '{"figi": "BBG"}')
    ]
    assert rows(
        database_url, "SELECT account, base_currency, elements, unread, oddities, name, query FROM statement"
    ) == [(ACCOUNT, "USD", 5, 1, 0, "test.xml", "Daily")]
    assert rows(database_url, "SELECT name, rows, unread, others FROM section ORDER BY name") == [
        ("AccountInformation", 1, 0, {"accountId": 1, "currency": 1, "name": 1}),
        ("CashTransactions", 1, 0, None),
        ("EquitySummaryInBase", 1, 0, None),
        ("Inventions", 1, 1, {"a": 1}),
        ("Trades", 1, 0, {"figi": 1}),
        ("Transfers", 0, 0, None),
    ]


def test_a_value_that_cannot_be_understood_costs_itself(database_url: str) -> None:
    odd = document(
        statement(
            flows(
                cash("Dividends", "many", conid="x1", dateTime="20260105;996060"),
                cash("Dividends", "+1.50", reportDate="tomorrow", description="a\tb\\c"),
            )
        )
    )
    assert imported(database_url, odd) == []
    assert texts(database_url, "cash_flow", "day", "amount", "contract", "at", "as_sent", "description") == [
        (
            "2026-01-05",
            None,
            None,
            None,
            '{"at": "20260105;996060", "amount": "many", "contract": "x1"}',
            None,
        ),
        ("2026-01-05", "1.50", None, None, '{"day": "tomorrow", "amount": "+1.50"}', "a\tb\\c"),
    ]
    assert rows(database_url, "SELECT line, attribute, value, reason FROM oddity ORDER BY line, attribute") == [
        (1, "amount", "many", "'many' is not a number"),
        (1, "conid", "x1", "'x1' is not a whole number"),
        (1, "dateTime", "20260105;996060", "'20260105;996060' has no time that there is: hour must be in 0..23"),
        (2, "reportDate", "tomorrow", "'tomorrow' is not a day"),
    ]


def test_the_newest_statement_of_a_day_is_current(database_url: str) -> None:
    first = document(statement(navs(nav("100", "20260104"), nav("110")), flows(cash("Dividends", "1"))))
    corrected = document(statement(navs(nav("100", "20260104"), nav("111")), flows(), generated="20260107;010203"))
    older = document(statement(navs(nav("109")), flows(cash("Dividends", "9")), generated="20260105;230000"))
    assert imported(database_url, first) == []
    assert texts(database_url, "nav", "day", "total") == [("2026-01-04", "100"), ("2026-01-05", "110")]
    assert imported(database_url, corrected, older) == []
    assert texts(database_url, "nav", "day", "total", "statement") == [
        ("2026-01-04", "100", "2"),
        ("2026-01-05", "111", "2"),
    ]
    # The corrected one has a section of cash transactions that is empty.
    assert texts(database_url, "cash_flow", "amount") == []
    assert texts(database_url, "cash_flow", "amount", only_current=False) == [("1",), ("9",)]


@pytest.mark.parametrize(
    ("direction", "quantity", "amount", "gained"),
    [
        ("IN", "10", "1000", "1000"),
        ("IN", "-10", "-1000", "-1000"),
        ("IN", "-10", "1000", "-1000"),
        ("OUT", "-10", "-1000", "-1000"),
        ("OUT", "10", "1000", "1000"),
        ("OUT", "-10", "1000", "-1000"),
        ("OUT", "10", "-1000", "1000"),
    ],
    ids=["long in", "short in", "short in, size", "long out", "short out", "long out, size", "short out, value"],
)
def test_what_a_transfer_of_assets_adds(
    database_url: str, direction: str, quantity: str, amount: str, gained: str
) -> None:
    moved = transfer(
        type="ACATS",
        direction=direction,
        quantity=quantity,
        positionAmount=amount,
        positionAmountInBase=f"{amount}.0",
        currency="USD",
        cashTransfer="0",
        date="20260105",
    )
    assert imported(database_url, document(statement(section("Transfers", moved)))) == []
    assert texts(database_url, "cash_flow", "amount", "amount_in_base", "external", "scope", "is_asset") == [
        (gained, f"{gained}.0", "true", "firm", "true")
    ]
    assert texts(database_url, "transfer", "direction", "quantity", "amount") == [(direction, quantity, amount)]


@pytest.mark.parametrize(
    ("quantity", "amount", "gained"), [("10", "1000", "-1000"), ("-10", "-1000", "1000")], ids=["long", "short"]
)
def test_the_change_of_value_says_how_transfers_are_signed(
    database_url: str, quantity: str, amount: str, gained: str
) -> None:
    """Of a position that goes out some give its own value; what adds up to ChangeInNAV is believed."""
    moved = transfer(
        type="FOP",
        direction="OUT",
        quantity=quantity,
        positionAmount=amount,
        positionAmountInBase=amount,
        currency="USD",
        date="20260105",
    )
    change = element("ChangeInNAV", startingValue="0", endingValue="0", assetTransfers=gained)
    assert imported(database_url, document(statement(change, section("Transfers", moved)))) == []
    assert texts(database_url, "cash_flow", "amount") == [(gained,)]


def test_a_rebuild_makes_the_same_rows(database_url: str) -> None:
    imported(database_url, document(statement(navs(nav("110")), flows(cash("Dividends", "1")))), limit=2)
    imported(database_url, document(statement(navs(nav("111")), generated="20260107;010203")), limit=2)
    before = rows_of_report(database_url, "statements")
    rebuild(database_url, [STATEMENTS])
    assert rows_of_report(database_url, "statements") == before
