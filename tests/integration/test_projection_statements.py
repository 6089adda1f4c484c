"""Tables of Flex statements: what becomes of elements, and which rows are current."""

import random
from base64 import b64encode
from typing import Any

import orjson
import pytest
import zstandard
from eventsourcing.persistence import StoredEvent
from psycopg.sql import SQL, Identifier
from uuid_utils.compat import uuid7

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.projections.engine.live import LiveTables
from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.projections.engine.schema import create
from ibconnect.projections.engine.tracking import path_of
from ibconnect.projections.statements import writing
from ibconnect.projections.statements.projection import STATEMENTS
from ibconnect.projections.upkeep import ensure
from tests.projecting import project_report, record, rows_of_report
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
    take,
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
            navs(nav("1000.50", cash="1000.50")),
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


def deposit(amount: str, day: str) -> str:
    """A line of the statement of funds."""
    return element("StatementOfFundsLine", activityCode="DEP", amount=amount, date=day, levelOfDetail="Currency")


CHANGES = (
    document(statement(navs(nav("100", "20260104"), nav("110")), flows(cash("Dividends", "1")))),
    document(statement(navs(nav("111")), flows(), generated="20260107;010203")),
    document(
        statement(
            navs(nav("105", "20260104"), nav("112"), nav("120", "20260106")),
            flows(cash("Dividends", "2"), cash("Other Fees", "-1", reportDate="20260106")),
            element("ChangeInNAV", startingValue="1", endingValue="2"),
            days=("20260104", "20260106"),
            generated="20260106;120000",
        )
    ),
    document(
        statement(
            element("ChangeInNAV", startingValue="1", endingValue="3"),
            section(
                "StmtFunds",
                element(
                    "StatementOfFundsLine", activityCode="DEP", amount="7", date="20260105", levelOfDetail="Currency"
                ),
                element(
                    "StatementOfFundsLine", activityCode="DEP", amount="8", date="20260107", levelOfDetail="Currency"
                ),
            ),
            section("OpenPositions"),
            days=("20260101", "20260131"),
            generated="20260201;120000",
        ),
        statement(
            element("ChangeInNAV", startingValue="1", endingValue="4"),
            days=("20260101", "20260131"),
            generated="20260202;120000",
        ),
    ),
    document(
        statement(
            section("OpenPositions", element("OpenPosition", symbol="A", position="5", reportDate="20260131")),
            flows(cash("Dividends", "3", reportDate="20251231"), cash("Dividends", "4", reportDate="20260205")),
            days=("20260110", "20260131"),
            generated="20260131;235959",
        )
    ),
)


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_imports_makes_no_difference(database_url: str, seed: int) -> None:
    order = random.Random(seed).sample(CHANGES, len(CHANGES))
    for each in order:
        assert imported(database_url, each, limit=1 + seed) == []
    assert texts(database_url, "nav", "day", "total", "origin") == [
        ("2026-01-04", "105", "EquitySummaryInBase"),
        ("2026-01-05", "111", "EquitySummaryInBase"),
        ("2026-01-06", "120", "EquitySummaryInBase"),
        ("2026-01-31", "4", "ChangeInNAV"),
    ]
    assert texts(database_url, "cash_flow", "day", "type", "amount", "as_sent") == [
        ("2026-01-06", "Other Fees", "-1", None),
        ("2026-01-07", "Deposits/Withdrawals", "8", None),
        # What a statement books late counts on a day of its own.
        ("2026-01-10", "Dividends", "3", '{"day": "20251231"}'),
        ("2026-01-31", "Dividends", "4", '{"day": "20260205"}'),
    ]
    assert texts(database_url, "nav_change", "from_day", "to_day", "ending") == [
        ("2026-01-04", "2026-01-06", "2"),
        ("2026-01-01", "2026-01-31", "4"),
    ]
    assert texts(database_url, "open_position", "symbol") == []
    live = rows_of_report(database_url, "statements")
    rebuild(database_url, [STATEMENTS])
    assert rows_of_report(database_url, "statements") == live


def test_a_year_does_not_hide_how_things_stood_on_its_days(database_url: str) -> None:
    held = element("OpenPosition", symbol="A", position="5", reportDate="20260105")
    daily = document(statement(section("OpenPositions", held)))
    whole = document(
        statement(
            section("OpenPositions", element("OpenPosition", symbol="A", position="9", reportDate="20261231")),
            days=("20260101", "20261231"),
            generated="20270101;000000",
        )
    )
    assert imported(database_url, daily, whole) == []
    assert texts(database_url, "open_position", "day", "quantity") == [("2026-01-05", "5"), ("2026-12-31", "9")]


def test_sums_and_lots_are_not_counted_twice(database_url: str) -> None:
    trades = [
        element("Trade", symbol="A", quantity="5", levelOfDetail=level)
        for level in ("EXECUTION", "ORDER", "CLOSED_LOT", "SYMBOL_SUMMARY")
    ]
    lots = [
        element("OpenPosition", symbol=symbol, position="5", reportDate="20260105", levelOfDetail=level)
        for symbol, level in (("A", "LOT"), ("A", "SUMMARY"), ("B", "SUMMARY"))
    ]
    paid = [cash("Dividends", "5", levelOfDetail=level) for level in ("DETAIL", "SUMMARY", "DETAIL")]
    whole = statement(
        section("Trades", *trades, element("Order", quantity="5"), element("Lot", quantity="5")),
        section("OpenPositions", *lots),
        flows(*paid),
    )
    alone = statement(section("OpenPositions", lots[0]), flows(paid[1]), account="U7654321")
    assert imported(database_url, document(whole, alone)) == []
    assert texts(database_url, "trade", "level") == [("EXECUTION",)]
    parts = [("ORDER",), ("CLOSED_LOT",), ("SYMBOL_SUMMARY",), ("ORDER",), ("CLOSED_LOT",)]
    assert texts(database_url, "trade_part", "level") == parts
    assert texts(database_url, "open_position", "account", "symbol", "level") == [
        (ACCOUNT, "A", "SUMMARY"),
        (ACCOUNT, "B", "SUMMARY"),
        ("U7654321", "A", "LOT"),
    ]
    assert texts(database_url, "cash_flow", "account", "level") == [
        (ACCOUNT, "DETAIL"),
        (ACCOUNT, "DETAIL"),
        ("U7654321", "SUMMARY"),
    ]


def test_who_is_on_the_other_side(database_url: str) -> None:
    moved = {"type": "INTERNAL", "currency": "USD", "date": "20260105", "fxRateToBase": "1"}
    given = document(
        statement(
            flows(
                cash("Deposits/Withdrawals", "100", description="CASH RECEIPTS / ELECTRONIC FUND TRANSFERS"),
                cash("Deposits/Withdrawals", "-30", description="System Transfer to U1234567C"),
                cash("Deposits/Withdrawals", "-20", description="TRANSFER FROM U1234567 TO U7654321"),
                cash("Withholding Tax", "-1", description="transfer to U7654321"),
            ),
            section(
                "Transfers",
                transfer(**moved, direction="OUT", account="U7654321", assetCategory="CASH", cashTransfer="-200"),
                transfer(**moved, direction="OUT", account="U1234567C", cashTransfer="-5"),
                transfer(
                    **{**moved, "type": "ACATS"},
                    direction="IN",
                    account="12345",
                    quantity="1",
                    positionAmount="50",
                    positionAmountInBase="55",
                    cashTransfer="3",
                ),
                transfer(**moved, direction="IN", positionAmount="0", cashTransfer="0"),
            ),
            section(
                "StockGrantActivities",
                element(
                    "StockGrantActivity", reportDate="20260105", value="12", currency="USD", activityDescription="Vest"
                ),
            ),
        )
    )
    assert imported(database_url, given) == []
    columns = ("amount", "external", "scope", "counterparty", "is_asset", "amount_in_base")
    assert sorted(texts(database_url, "cash_flow", *columns), key=str) == sorted(
        [
            ("100", "true", "firm", None, "false", "100"),
            ("-30", "false", "internal", "U1234567C", "false", "-30"),
            ("-20", "true", "account", "U7654321", "false", "-20"),
            ("-1", "false", None, None, "false", "-1"),
            ("-200", "true", "account", "U7654321", "false", "-200"),
            ("-5", "false", "internal", "U1234567C", "false", "-5"),
            ("50", "true", "firm", "12345", "true", "55"),
            ("3", "true", "firm", "12345", "false", "3"),
            ("12", "true", "firm", None, "true", None),
        ],
        key=str,
    )


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_batches_may_be_cut_anywhere(database_url: str, limit: int) -> None:
    assert imported(database_url, *CHANGES, limit=limit) == []
    assert len(rows(database_url, "SELECT FROM statement")) == 6
    assert texts(database_url, "nav", "total")[0] == ("105",)


BROKEN = {
    "part": ({"n": 0, "zstd": "AAAA"}, "part 0"),
    "bytes": ({"n": 0, "zstd": b64encode(zstandard.compress(b"<a/>")).decode()}, "FlexQueryResponse"),
    "digest": ({"n": 0, "zstd": b64encode(zstandard.compress(document(statement()))).decode()}, "not the bytes"),
    "none": (None, "part 0 is missing"),
}


@pytest.mark.parametrize(("part", "why"), BROKEN.values(), ids=BROKEN)
def test_a_document_that_cannot_be_applied_keeps_no_other_from_it(
    database_url: str, part: dict[str, Any] | None, why: str
) -> None:
    """Its parts are not what was imported; it is set aside by its name."""
    (first,) = take(database_url, CHANGES[0])
    began = {"t": 1, "sha256": "ab" * 32, "bytes": 9, "parts": 1, "encoding": "zstd", "source": "file", "name": "b.xml"}
    states = [("sb", began), *([("sp", part)] if part else []), ("se", {"t": 2, "statements": 1})]
    stream = uuid7()
    record(
        database_url,
        [StoredEvent(stream, number, topic, orjson.dumps(state)) for number, (topic, state) in enumerate(states, 1)],
    )
    (third,) = take(database_url, CHANGES[2])
    step = project_report(database_url, STATEMENTS)
    assert [(each.position, each.topic) for each in step.set_aside] == [(first.position + len(states), "se")]
    assert "the statement b.xml (abababababab): " in step.set_aside[0].reason
    assert why in step.set_aside[0].reason
    assert rows(database_url, "SELECT position, id FROM statement ORDER BY id") == [
        (first.position, 1),
        (third.position, 2),
    ]
    before = rows_of_report(database_url, "statements")
    rebuild(database_url, [STATEMENTS])
    assert rows_of_report(database_url, "statements") == before


def test_a_large_document_is_written_piece_by_piece(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written before the end of its statement is put right there: levels, sections that tell the same."""
    imported(database_url, CHANGES[0], CHANGES[1])
    monkeypatch.setattr(writing, "_MOST_ROWS", 3)
    lines = [deposit(str(each), "20260105") for each in range(10)]
    paid = [cash("Dividends", str(each), levelOfDetail="SUMMARY") for each in range(10)]
    paid += [cash("Dividends", str(each), levelOfDetail="DETAIL") for each in range(10, 20)]
    large = document(
        statement(section("StmtFunds", *lines), flows(*paid), navs(nav("5")), generated="20260106;120000"),
        statement(section("StmtFunds", *lines), flows(*paid), navs(nav("6")), generated="20260108;120000"),
    )
    assert imported(database_url, large) == []
    assert texts(database_url, "cash_flow", "amount", "statement") == [(str(each), "4") for each in range(10, 20)]
    assert texts(database_url, "nav", "day", "total") == [("2026-01-04", "100"), ("2026-01-05", "6")]
    assert texts(database_url, "fund_line", "statement") == [("4",)] * 10
    found = rows(database_url, "SELECT count(*), count(*) FILTER (WHERE current) FROM cash_flow")
    assert found == [(61, 10)]


def test_days_with_slashes_are_read_by_what_else_the_document_has(database_url: str) -> None:
    british = document(
        statement(
            flows(cash("Dividends", "1", reportDate="03/02/2026", dateTime="03/02/2026;093000")),
            days=("01/02/2026", "28/02/2026"),
            generated="01/03/2026;010203",
        )
    )
    american = document(
        statement(
            flows(cash("Dividends", "1", reportDate="03/02/2026")), days=("03/01/2026", "03/04/2026"), account="U2"
        )
    )
    assert imported(database_url, british, american) == []
    assert texts(database_url, "cash_flow", "account", "day", "at") == [
        (ACCOUNT, "2026-02-03", "2026-02-03 14:30:00+00"),
        ("U2", "2026-03-02", None),
    ]
    assert rows(database_url, "SELECT from_day::text, generated::text FROM statement WHERE id = 1") == [
        ("2026-02-01", "2026-03-01 06:02:03+00")
    ]


def test_a_consolidated_statement_has_rows_of_its_accounts(database_url: str) -> None:
    own = document(statement(navs(nav("7")), account="U7", generated="20260106;010203"))
    both = document(
        statement(
            navs(nav("5", accountId="U5"), nav("8", accountId="U7"), nav("13", accountId="-")),
            account="F1",
            generated="20260106;020304",
        )
    )
    assert imported(database_url, both, own) == []
    assert texts(database_url, "nav", "account", "total") == [("-", "13"), ("U5", "5"), ("U7", "8")]


def test_a_statement_without_a_period_speaks_for_the_days_of_its_rows(database_url: str) -> None:
    loose = document(
        statement(navs(nav("5"), nav("6", "20260106")), flows(cash("Dividends", "1", reportDate="")), days=("", ""))
    )
    better = document(statement(navs(nav("7")), generated="20260101;000000"))
    assert imported(database_url, loose, better) == []
    assert texts(database_url, "nav", "day", "total") == [("2026-01-05", "7"), ("2026-01-06", "6")]
    assert texts(database_url, "cash_flow", "day", "amount") == [(None, "1")]


def test_a_large_document_has_the_time_that_it_takes(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit of a live projector's transaction would have it begin again and again."""
    monkeypatch.setattr(writing, "_MOST_ROWS", 3)
    seen: list[str] = []
    former = writing.Writer.flush

    def flush(writer: Any) -> None:
        seen.extend(row[0] for row in writer._connection.execute("SELECT current_setting('transaction_timeout')"))
        former(writer)

    monkeypatch.setattr(writing.Writer, "flush", flush)
    take(database_url, document(statement(flows(*(cash("Dividends", str(each)) for each in range(7))))))
    ensure(database_url)
    with connect(database_url, name="test", search_path=path_of("statements")) as connection:
        connection.execute(queries("projections/engine/tracking")["live_settings"])
        assert not LiveTables(connection, STATEMENTS, 100).step().set_aside
        assert seen == ["0"] * len(seen) != []
        assert connection.execute("SELECT current_setting('transaction_timeout')").fetchone() == ("30s",)


LOADED = """
INSERT INTO covered (statement, sections, from_day, to_day, mentioned, account)
SELECT number, 1, day, day, FALSE, 'U' || number % 20
FROM (SELECT number, date '2015-01-01' + number / 20 AS day FROM generate_series(1, 60000) AS number) AS days;
INSERT INTO nav_change (statement, position, line, current, account, origin, from_day, to_day)
SELECT statement, 1, 1, TRUE, account, '', from_day, to_day FROM covered;
INSERT INTO statement (id, position, received, stream, number, elements, unread, oddities, account)
SELECT statement, 1, now(), gen_random_uuid(), 0, 0, 0, 0, account FROM covered;
INSERT INTO nav (statement, position, line, day, current, account, origin)
SELECT statement, 1, 1, from_day, TRUE, account, '' FROM covered
"""


def test_nothing_that_the_fold_asks_reads_a_whole_table(database_url: str) -> None:
    """Also while tables are built: they have no other indexes then, and the planner knows nothing of them."""
    of_one = {"account": "U7", "from_day": "2019-01-01", "to_day": "2019-01-01", "statement": 30_007}
    of_many = {
        "accounts": [f"U{number}" for number in range(20)],
        "begins": ["2019-01-01"] * 20,
        "ends": ["2019-01-01"] * 20,
    }
    asked = {
        "last_statement": {},
        "covered": {**of_many, "ends": ["2019-06-01"] * 20},
        "uncover": {**of_one, "sections": 1, "mentioned": False},
        "replaced": {**of_one, "origin": ""},
        "lesser_levels": {**of_one, "origin": "", "level": "DETAIL"},
        "same_period": of_many,
        "generated": {"statements": list(range(30_000, 30_020))},
        "older_change": of_one,
    }
    loading = queries("projections/statements/load")
    assert set(loading) - set(asked) == {"copy", "take_time", "firsts", "part"}
    with connect(database_url, name="test", search_path="public") as connection, connection.transaction():
        create(connection, STATEMENTS, "statements_next")
        for statement_ in LOADED.split(";"):
            connection.execute(statement_)
        for name, given in asked.items():
            query = SQL("EXPLAIN ") + SQL(loading[name]).format(Identifier("nav"))
            plan = [line for (line,) in connection.execute(query, given)]
            assert [line for line in plan if "Seq Scan" in line] == [], (name, plan)


def test_a_period_that_makes_no_sense_is_none(database_url: str) -> None:
    odd = document(
        statement(navs(nav("1")), days=("00010101", "99991231"), generated="soon"),
        statement(navs(nav("2"), nav("3", "99991231")), days=("20260131", "20260101"), account="U2"),
        statement(navs(nav("4", "20260106")), days=("20260106", "20260100"), account="U3"),
    )
    assert imported(database_url, odd) == []
    assert texts(database_url, "nav", "account", "day", "total") == [
        (ACCOUNT, "2026-01-05", "1"),
        ("U2", "2026-01-05", "2"),
        ("U3", "2026-01-06", "4"),
        ("U2", None, "3"),
    ]
    found = rows(
        database_url, "SELECT section, attribute, value, reason FROM oddity ORDER BY statement, line, attribute"
    )
    assert found == [
        ("FlexStatement", "fromDate", "00010101", "'00010101' is not a day between 1970-01-01 and 2199-12-31"),
        ("FlexStatement", "toDate", "99991231", "'99991231' is not a day between 1970-01-01 and 2199-12-31"),
        ("FlexStatement", "whenGenerated", "soon", "'soon' is not a time"),
        ("FlexStatement", "toDate", "20260101", "2026-01-31 to 2026-01-01 is no period of a statement"),
        ("EquitySummaryInBase", "reportDate", "99991231", "'99991231' is not a day between 1970-01-01 and 2199-12-31"),
        ("FlexStatement", "toDate", "20260100", "'20260100' is no day that there is: day is out of range for month"),
    ]


def test_what_two_sections_tell_of_is_counted_once(database_url: str) -> None:
    """Cash between accounts is in Transfers and in the statement of funds; cash transactions do not have it."""
    lines = section(
        "StmtFunds",
        *(
            element("StatementOfFundsLine", activityCode=code, amount=much, date="20260105", activityDescription=words)
            for code, much, words in (
                ("DEP", "100", "Electronic Fund Transfer"),
                ("WITH", "-40", "Cash transfer to U7654321"),
                ("DEP", "7", "Cash Transfer"),
                ("BUY", "-3", "Buy 1 AAPL"),
            )
        ),
    )
    paid = flows(cash("Deposits/Withdrawals", "100"))
    moved = section(
        "Transfers",
        transfer(type="INTERNAL", direction="OUT", account="U7654321", cashTransfer="-40", date="20260105"),
        transfer(type="INTERNAL", direction="IN", account="U7", cashTransfer="7", date="20260105"),
    )
    given = {"U1": (lines,), "U2": (lines, moved), "U3": (lines, paid), "U4": (lines, paid, moved)}
    assert imported(database_url, document(*(statement(*has, account=account) for account, has in given.items()))) == []
    found = texts(database_url, "cash_flow", "account", "amount", "scope", "origin")
    for account in given:
        assert sorted(row[1:3] for row in found if row[0] == account) == [
            ("-40", "account"),
            ("100", "firm"),
            ("7", "account"),
        ]
    assert {row[3] for row in found if row[0] == "U4"} == {"CashTransactions", "Transfers"}
