"""The queries of docs/projections.md: each gives rows, the same whatever zone a session is in, and goes by indexes."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from psycopg import Connection

from ibconnect.database.pools import connect
from ibconnect.database.sql import queries
from ibconnect.projections.upkeep import ensure
from ibconnect.times import to_micros
from tests import profits
from tests.conftest import create_database, drop_database
from tests.directory import reference_world
from tests.executions import History, commission, fill, told
from tests.orders import order_world
from tests.paths import ROOT
from tests.projecting import Stream, position, project_all, record, value
from tests.statements import cash, document, element, flows, nav, navs, section, statement, take

Row = tuple[Any, ...]
ZONES = ("Pacific/Kiritimati", "America/New_York", "Europe/London")
ACCOUNTS = ("DU1000001", "DU1000002")
PAGE = (ROOT / "docs" / "projections.md").read_text(encoding="utf-8")
QUERIES = {
    query.splitlines()[0].removeprefix("-- "): query for query in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
}


@pytest.fixture(scope="module")
def connection(server_url: str, template: str) -> Iterator[Connection[Row]]:
    """A database with what the page asks for: readings on both sides of midnight in several zones."""
    url = create_database(server_url, "view_queries", template)
    stream = Stream(at=to_micros(datetime(2025, 12, 30, tzinfo=UTC)))
    for hours in range(0, 24 * 6, 5):
        created = datetime(2025, 12, 30, 2, 30, tzinfo=UTC) + timedelta(hours=hours)
        stream.at = to_micros(created) + 1000
        stream.refresh({account: messages(account, hours) for account in ACCOUNTS}, created=to_micros(created))
        for number, contract in ((2 * hours + 1, 0), (2 * hours + 2, 265598)):
            profits.ask(stream, number, ACCOUNTS[0], contract)
            figures = [f"{hours}.25", "1.00", "2.00"]
            profits.answer(stream, number, *(["100", *figures, "9"] if contract else figures))
    record(url, stream.events)
    record(url, order_world(ACCOUNTS[0], at=datetime(2026, 1, 5, 15, tzinfo=UTC)).events)
    record(url, reference_world(datetime(2026, 1, 5, 15, tzinfo=UTC)).events)
    take(url, stated())
    project_all(url)
    told(url, traded())
    with connect(url, name="test", search_path="public") as connection:
        yield connection
    drop_database(server_url, "view_queries")


def stated() -> bytes:
    """What the page asks of statements: values, payments, a trade that no gateway tells, and what makes no sense."""
    trade = element("Trade", ibExecID="a.1.01.01", dateTime="20260105;093100", quantity="5", tradePrice="9.5")
    paid = cash("Deposits/Withdrawals", "1000.00"), cash("Dividends", "12.50", conid="x")
    return document(statement(navs(nav("1000.00")), flows(*paid), section("Trades", trade), account=ACCOUNTS[0]))


def traded() -> History:
    """What the page asks of executions: fills of two months, one of them corrected, and a day without a question."""
    history = History(now=datetime(2026, 1, 5, 15, tzinfo=UTC))
    session = history.session(told="20260105 10:00:00 EST")
    for day, number in ((5, "01"), (5, "02"), (9, "01")):
        history.now = datetime(2026, 1, day, 15, tzinfo=UTC)
        execution = f"a.{day}.01.{number}"
        message = fill(execution, ACCOUNTS[0], time=f"202601{day:02} 09:31:00 US/Eastern", price=f"1{number}.50")
        history.answer(session, day, [message, commission(execution, "1.25", "USD", "-7.5")])
    return history


def messages(account: str, number: int) -> list[Any]:
    return [
        value("AccountCode", account, account=account),
        value("NetLiquidation", f"{1000 + number}.10", "USD", account),
        value("NetLiquidation-S", f"{900 + number}.10", "USD", account),
        value("InitMarginReq-S", "-0.00", "USD", account),
        value("CashBalance", f"{number}.5", "EUR", account),
        value("ExchangeRate", "1.2305", "EUR", account),
        value("TotalCashBalance", "12.50", "BASE", account),
        position(265598, price=f"{187 + number}.25", account=account),
        position(7, account=account, symbol="ES", sec_type="FUT", multiplier="50", currency="EUR"),
    ]


def answers(connection: Connection[Row], query: str) -> list[list[Row]]:
    """What a query gives in each zone."""
    found = []
    for zone in ZONES:
        connection.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
        found.append(connection.execute(query.encode()).fetchall())
    return found


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_of_the_page_gives_the_same_rows_in_any_zone(connection: Connection[Row], query: str) -> None:
    first, *others = answers(connection, query)
    assert first
    assert all(other == first for other in others)


def test_the_test_finds_what_depends_on_the_zone(connection: Connection[Row]) -> None:
    first, *others = answers(connection, "SELECT DISTINCT created::date FROM v_account_amount ORDER BY 1")
    assert all(other != first for other in others)


def test_the_days_are_those_of_the_zone_that_is_named(connection: Connection[Row]) -> None:
    (query,) = (query for query in QUERIES.values() if "DISTINCT ON (account_code, day)" in query)
    found = connection.execute(query.encode()).fetchall()
    assert [(row[0], str(row[1]), str(row[2])) for row in found if row[0] == ACCOUNTS[0]] == [
        # The last before midnight in New York, which is 05:00 in UTC; readings come every five hours from 02:30 on.
        (ACCOUNTS[0], "2026-01-01", "1070.10"),
        (ACCOUNTS[0], "2026-01-02", "1095.10"),
        (ACCOUNTS[0], "2026-01-03", "1120.10"),
        (ACCOUNTS[0], "2026-01-04", "1140.10"),
    ]


def test_a_day_of_profits_ends_at_the_reset(connection: Connection[Row]) -> None:
    (query,) = (query for query in QUERIES.values() if "DISTINCT ON (day)" in query)
    found = connection.execute(query.encode()).fetchall()
    # The samples are those of half past two and every five hours from then on; in UTC a day ends at 04:55.
    assert [(str(row[0]), str(row[2])) for row in found][:3] == [
        ("2026-01-01", "70.25"),
        ("2026-01-02", "95.25"),
        ("2026-01-03", "120.25"),
    ]


# Tables that grow with every snapshot or event, as far as they have grown here.
GROWN = """
    SELECT relname FROM pg_class
    WHERE (relname ~ '^(account_(snapshot|segment|ledger|value|position|contract)|stored_events_.*)$'
           OR relname IN ('execution', 'commission', 'placed_order', 'order_state'))
      AND reltuples > 1000
"""
# 20,000 snapshots of 20 accounts, an hour apart, around the beginning of 2026: enough for an index to be worth while.
FILL = """
SET search_path = accounts, public;
INSERT INTO gateway VALUES (1, 'gateway');
INSERT INTO session VALUES (1, gen_random_uuid(), 1, 1, '', '', '', '', now());
INSERT INTO account SELECT n, 'DU100' || lpad(n::text, 4, '0') FROM generate_series(1, 20) AS n;
INSERT INTO gateway_account (id, gateway_id, account_id, is_listed, is_owner, is_conflict)
    SELECT n, 1, n, true, true, false FROM generate_series(1, 20) AS n;
INSERT INTO security_type VALUES (1, 'STK');
INSERT INTO exchange VALUES (1, 'NASDAQ');
INSERT INTO symbol SELECT n, CASE n WHEN 1 THEN 'AAPL' ELSE 'S' || n END FROM generate_series(1, 400) AS n;
INSERT INTO contract (
    id, ib_contract_id, symbol_id, security_type_id, last_trade_date, strike, option_right, multiplier, exchange_id,
    currency_id, local_symbol_id, trading_class_id, described
)
SELECT n, 265597 + n, n, 1, '', '0', '', '', 1, 1, n, n, 1 FROM generate_series(1, 400) AS n;
INSERT INTO attribute_set VALUES (1, 'one');
INSERT INTO account_attribute VALUES (1, 1, 'AccountType', NULL, NULL, 'INDIVIDUAL');
INSERT INTO refresh
    SELECT n, 1, 1, timestamptz '2025-11-20 00:00:00+00' + n * interval '1 hour', '', now(), '', 20
    FROM generate_series(0, 999) AS n;
INSERT INTO account_snapshot (
    id, account_id, created, completed, refresh_id, gateway_id, attribute_set_id, base_currency_id, ready, is_repeat,
    is_foreign, has_models, has_inexact, source, ended, account_code
)
SELECT
    n, account.id, refresh.created, refresh.created, refresh.id, 1, 1, 1, true, false, false, false, n % 2 = 0, '', '',
    account.code
FROM generate_series(1, 20000) AS n
JOIN account ON account.id = n % 20 + 1
JOIN refresh ON refresh.id = (n - 1) / 20;
INSERT INTO account_segment (account_snapshot_id, segment, net_liquidation)
    SELECT n, segment, n FROM generate_series(1, 20000) AS n, unnest(ARRAY['', 'S']) AS segment;
INSERT INTO account_ledger (account_snapshot_id, currency_id, cash_balance)
    SELECT n, currency, n FROM generate_series(1, 20000) AS n, generate_series(1, 3) AS currency;
INSERT INTO account_value
    SELECT n, number, 'Tag' || number, NULL, 1, false, '1.0E7', 10000000
    FROM generate_series(1, 20000) AS n, generate_series(1, 2) AS number;
INSERT INTO account_position (account_snapshot_id, contract_id, position)
    SELECT n, number * 100 - n % 100, 1 FROM generate_series(1, 20000) AS n, generate_series(1, 4) AS number;
INSERT INTO account_contract
    SELECT account_id, contract_id, 1, false FROM account_position JOIN account_snapshot ON id = account_snapshot_id
    GROUP BY account_id, contract_id;
INSERT INTO executions.account SELECT 'DU100' || lpad(n::text, 4, '0') FROM generate_series(1, 20) AS n;
INSERT INTO executions.execution (
    account, execution_id, key, correction, is_current, position, received, gateway, digest, moment, at, time, zone,
    contract_id, symbol, security_type, expiry, strike, option_right, multiplier, contract_exchange, currency,
    local_symbol, trading_class, exchange, side, shares, price, order_ref, ev_rule, model_code, submitter, remarks
)
SELECT
    'DU100' || lpad((n % 20 + 1)::text, 4, '0'), 'a.' || n || '.01', 'a.' || n, 1, n % 50 <> 0, n, at, 'gateway', '',
    at, at, '', '', n % 400, 'S' || n % 400, 'STK', '', '', '', '', '', 'USD', 'S' || n % 400, '', '', 'BOT', 1, n, '',
    '', '', '', '{}'
FROM generate_series(1, 20000) AS n
CROSS JOIN LATERAL (SELECT timestamptz '2025-11-20 00:00:00+00' + n * interval '3 minutes') AS _ (at);
INSERT INTO executions.commission (
    execution_id, key, correction, position, received, gateway, digest, commission, currency, realized_pnl,
    redemption_date
)
SELECT execution_id, key, 1, position, received, 'gateway', '', 1, 'USD', 1, '' FROM executions.execution;
SET search_path = orders, public;
INSERT INTO gateway VALUES (1, 'gateway');
INSERT INTO placed_order (
    id, perm_id, account, gateway_id, order_id, status, states, is_open, changed, first_seen, last_seen, first_position,
    described
)
SELECT
    n, 1234560000 + n, 'DU100' || lpad((n % 20 + 1)::text, 4, '0'), 1, n,
    CASE WHEN n > 19980 THEN 'Submitted' ELSE 'Filled' END,
    2, n > 19980, seen.at, seen.at, seen.at, n, n
FROM generate_series(1, 20000) AS n
CROSS JOIN LATERAL (SELECT timestamptz '2025-11-20 00:00:00+00' + n * interval '10 minutes' AS at) AS seen;
INSERT INTO order_state (placed_order_id, ordinal, status, gateway_id, position, first_seen, last_seen, account)
SELECT id, ordinal, status, 1, id, first_seen, last_seen, account
FROM placed_order, generate_series(1, 2) AS ordinal;
INSERT INTO stored_events (originator_version, originator_id, topic, state)
    SELECT n, '01980000-0000-7000-8000-000000000000', 'v', convert_to('["a"]', 'UTF8')
    FROM generate_series(1, 2000) AS n;
"""


@pytest.fixture(scope="module")
def grown(server_url: str, template: str) -> Iterator[Connection[Row]]:
    """A database whose tables have grown."""
    url = create_database(server_url, "grown_views", template)
    ensure(url)
    with connect(url, name="test", search_path="public") as connection:
        connection.execute("SET session_replication_role = replica")  # Foreign keys are checked elsewhere.
        connection.execute(FILL.encode())
        connection.execute("SET search_path = public")
        connection.execute("VACUUM ANALYZE")
        yield connection
    drop_database(server_url, "grown_views")


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def plan_of(connection: Connection[Row], query: str, **parameters: object) -> list[dict[str, Any]]:
    ((plan,),) = connection.execute(f"EXPLAIN (FORMAT JSON) {query}".encode(), parameters or None).fetchall()
    return list(nodes(plan[0]["Plan"]))


def read_in_full(connection: Connection[Row], plan: list[dict[str, Any]]) -> set[str]:
    """The grown tables that a plan reads as a whole."""
    grown = {name for (name,) in connection.execute(GROWN)}
    assert len(grown) >= 6
    return grown & {node["Relation Name"] for node in plan if node["Node Type"] == "Seq Scan"}


OF_ONE_ACCOUNT = "WHERE account_code = 'DU1000007'"
NEWEST = [
    f"SELECT * FROM {view} {where} ORDER BY created DESC LIMIT 1"
    for view in ("v_account_amount", "v_account_segment", "v_account_ledger", "v_account_position", "v_account_value")
    for where in ("", OF_ONE_ACCOUNT)
]


@pytest.mark.parametrize("query", [*QUERIES.values(), *NEWEST])
def test_no_table_that_grows_is_read_as_a_whole(grown: Connection[Row], query: str) -> None:
    assert read_in_full(grown, plan_of(grown, query)) == set()


@pytest.mark.parametrize("query", NEWEST)
def test_the_newest_row_is_read_from_the_end_of_an_index(grown: Connection[Row], query: str) -> None:
    plan = plan_of(grown, query)
    assert not [node for node in plan if node["Node Type"] == "Sort"]
    assert [node["Index Name"] for node in plan if node.get("Scan Direction") == "Backward"]


def test_the_newest_row_of_an_account_that_was_closed_is_not_looked_for_among_those_of_others(
    grown: Connection[Row],
) -> None:
    """Of two accounts the planner would read from the end of all: it must not know that there are so few."""
    with grown.transaction(force_rollback=True):
        grown.execute(
            "UPDATE accounts.account_snapshot SET account_code = CASE WHEN id <= 10000 THEN 'closed' ELSE 'open' END"
        )
        grown.execute("ANALYZE accounts.account_snapshot")
        for also in ("", "AND ready"):
            query = f"SELECT * FROM v_account_amount WHERE account_code = 'closed' {also} ORDER BY created DESC LIMIT 1"
            used = [node["Index Name"] for node in plan_of(grown, query) if node.get("Scan Direction") == "Backward"]
            assert [name.startswith("account_snapshot_account_code_") for name in used] == [True]


@pytest.mark.parametrize("where", ["", OF_ONE_ACCOUNT])
def test_the_newest_time_is_the_end_of_an_index(grown: Connection[Row], where: str) -> None:
    plan = plan_of(grown, f"SELECT max(created) FROM v_account_amount {where}")
    assert {node["Node Type"] for node in plan} <= {"Result", "Limit", "Index Scan", "Index Only Scan"}


def test_a_position_never_held_needs_no_snapshot(grown: Connection[Row]) -> None:
    query = queries("http/history")["position_exists"].rstrip(";").replace("FROM account_c", "FROM accounts.account_c")
    query = query.replace("FROM contract", "FROM accounts.contract")
    for contract in (265598, 1):
        plan = plan_of(grown, query, account=7, contract=contract, gateway=None)
        assert read_in_full(grown, plan) == set()
        assert {node["Relation Name"] for node in plan if "Relation Name" in node} <= {"contract", "account_contract"}
    found = [grown.execute(query, {"account": 7, "contract": 265597 + n, "gateway": None}).fetchone() for n in (94, 95)]
    assert found == [(True,), (False,)]


def test_the_last_position_of_the_events_is_known_without_any_of_their_times(grown: Connection[Row]) -> None:
    for asked in ("max(position)", "count(*)"):
        plan = plan_of(grown, f"SELECT {asked} FROM v_event")
        assert not [node for node in plan if str(node.get("Alias", "")).startswith("earlier")]
    plan = plan_of(grown, "SELECT max(position) FROM v_event")
    assert read_in_full(grown, plan) == set()


def test_the_test_finds_what_reads_all(grown: Connection[Row]) -> None:
    assert read_in_full(grown, plan_of(grown, "SELECT sum(net_liquidation) FROM v_account_amount")) == {
        "account_snapshot"
    }
    assert read_in_full(grown, plan_of(grown, "SELECT count(*) FROM v_event"))


OF_ORDERS = ("is_open", "first_seen <", "perm_id =")


def test_the_page_bounds_what_grows() -> None:
    """By an account's newest snapshots, by a span of times or positions, or by a number of rows."""
    bounds = (
        "v_account_snapshot_latest",
        "LIMIT 1",
        "created <",
        "at <",
        "ib_contract_id =",
        "v_account_directory_entry",
        "executed <",
        "BETWEEN",
        "max(position)",
        "_gap",
    )
    assert [name for name, query in QUERIES.items() if not any(bound in query for bound in (*bounds, *OF_ORDERS))] == []
    assert len(QUERIES) >= 11
    assert all(first != second for first, second in pairwise(sorted(QUERIES)))
