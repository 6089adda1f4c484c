"""The public views, as people query them."""

import pytest

from ibconnect.database.pools import connect
from ibconnect.database.tables import view_names
from ibconnect.events.types import TYPES
from ibconnect.projections.upkeep import ensure
from ibconnect.tags import LEDGER_TAGS, SEGMENT_TAGS, column
from tests.paths import CAPTURES
from tests.projecting import START, Stream, capture, position, project, read_values, record, value

pytestmark = pytest.mark.with_tables


@pytest.fixture
def connection(database_url):
    """A connection to a database with some snapshots, as somebody outside has it."""
    stream = Stream(at=START)
    stream.message("15", "1", "DU0000001,DU2,DU3", timed=True)
    stream.refresh({"DU0000001": capture(CAPTURES / "eur-commodities-fx.jsonl")})
    stream.refresh({"DU0000001": capture(CAPTURES / "eur-margin.jsonl"), "DU2": []})
    stream.refresh(
        {
            "DU2": [
                value("AccountCode", "DU2", "", "DU2"),
                value("NetLiquidation", "3", "USD", "DU2"),
                position(1, account="DU2"),
            ]
        }
    )
    record(database_url, stream.events)
    project(database_url)
    with connect(database_url, name="test", search_path="public") as connection:
        yield connection


def rows(connection, query):
    """All rows of a query."""
    return connection.execute(query).fetchall()


def test_latest(connection):
    found = rows(
        connection,
        "SELECT account_code, base_currency, ready, ended, latest IS NULL FROM v_account_snapshot_latest ORDER BY 1",
    )
    assert found == [
        ("DU0000001", "EUR", True, "download-end", False),
        ("DU2", "USD", True, "download-end", False),
        ("DU3", None, None, None, True),
    ]


def test_amounts(connection):
    found = rows(
        connection,
        "SELECT account_type, base_currency, net_liquidation::text, cushion::text, total_cash_balance::text"
        " FROM v_account_amount WHERE account_code = 'DU0000001' ORDER BY created",
    )
    assert [row[0] for row in found] == ["CORPORATION", "INDIVIDUAL"]
    assert found[1][2:] == ("2500.00", "1", "2499.998")


def test_positions_and_contracts(connection):
    found = rows(connection, "SELECT symbol, local_symbol, currency, security_type FROM v_account_position ORDER BY 1")
    assert found == [("AAPL", "AAPL", "USD", "STK"), *found[1:]]
    assert {row[3] for row in found} == {"STK", "CASH"}
    contracts = rows(connection, "SELECT ib_contract_id, currency_name, iso_4217_code FROM v_contract ORDER BY 1")
    assert contracts[0] == (1, "US Dollar", 840)


def test_values_are_those_of_the_tables(connection, database_url):
    for (snapshot_id,) in rows(connection, "SELECT account_snapshot_id FROM v_account_amount"):
        found = connection.execute(
            "SELECT tag, coalesce(segment, ''), coalesce(currency, ''), value"
            " FROM v_account_value WHERE account_snapshot_id = %s",
            (snapshot_id,),
        ).fetchall()
        assert sorted(found) == read_values(database_url, snapshot_id)


def test_events_carry_their_time_forward(connection):
    found = rows(
        connection,
        "SELECT position, version, kind, extract(epoch FROM arrived) * 1000000, state FROM v_event"
        " WHERE position <= 5 ORDER BY position",
    )
    assert [row[2] for row in found] == [
        "SessionOpened",
        "AccountsListed",
        "RefreshStarted",
        "AccountSubscribed",
        "AccountsListed",
    ]
    assert found[0][3] == START + 1000
    assert found[1][4] == [START + 1010, "DU0000001,DU2,DU3"]
    later = rows(connection, "SELECT count(*), count(arrived), count(DISTINCT arrived) FROM v_event")[0]
    assert later[0] == later[1] > later[2]


def test_every_kind_of_event_has_its_name(connection):
    definition = rows(connection, "SELECT pg_get_viewdef('v_event')")[0][0]
    for topic, kind in TYPES.items():
        assert f"WHEN '{topic}'::text THEN '{kind.__name__}'::text" in definition


def test_views_that_changed_are_replaced_at_start(connection, database_url):
    connection.execute("DROP VIEW v_contract")
    connection.execute("CREATE OR REPLACE VIEW v_account_snapshot_latest AS SELECT * FROM v_account_snapshot_latest")
    connection.execute("CREATE VIEW v_contract AS SELECT 1 AS other")
    ensure(database_url)
    assert len(rows(connection, "SELECT trading_class FROM v_contract")) > 1


def test_every_column_of_every_view_says_what_it_is(connection):
    found = rows(
        connection,
        "SELECT relname, attname, col_description(pg_class.oid, attnum) FROM pg_class"
        " JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0"
        " WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace ORDER BY relname, attnum",
    )
    assert {view for view, *_ in found} == set(view_names())
    assert [row for row in found if not (row[2] or "").strip()] == []
    said = {(view, name): text for view, name, text in found}
    for view, tags in (("v_account_segment", SEGMENT_TAGS), ("v_account_ledger", LEDGER_TAGS)):
        for tag in tags:
            assert said[view, column(tag)].startswith(f"IB's {tag}. ")
    assert said["v_event", "position"] == "The event's place among all events; positions only grow, and may have gaps."


def test_every_figure_of_segments_and_ledger_has_its_column(connection):
    for view, tags in (("v_account_segment", SEGMENT_TAGS), ("v_account_ledger", LEDGER_TAGS)):
        names = [each.name for each in connection.execute(f"SELECT * FROM {view} LIMIT 0").description]
        assert [name for name in names if name in set(map(column, tags))] == list(map(column, tags))


def test_a_join_with_contracts_does_not_multiply(connection, database_url):
    stream = Stream(at=START + 10**12)
    for symbol in ("FB", "META"):
        names = {5: [symbol], 0: [symbol, f"{symbol}2"]}
        held = [position(number, symbol=name, account="DU9") for number, some in names.items() for name in some]
        stream.refresh({"DU9": [value("NetLiquidation", "1", "USD", "DU9"), *held]})
    record(database_url, stream.events)
    project(database_url)
    joined = rows(
        connection,
        "SELECT created, contract_id, held.symbol = described.symbol, described.symbol, is_newest"
        " FROM v_account_position AS held JOIN v_contract AS described USING (contract_id)"
        " WHERE account_code = 'DU9' AND held.ib_contract_id = 5 ORDER BY created",
    )
    assert [row[2:] for row in joined] == [(True, "FB", False), (True, "META", True)]
    newest = "SELECT symbol FROM v_contract WHERE is_newest AND ib_contract_id = %s ORDER BY symbol"
    assert connection.execute(newest, (5,)).fetchall() == [("META",)]
    assert len(connection.execute(newest, (0,)).fetchall()) == 4
    held = "SELECT count(*) FROM accounts.account_contract JOIN accounts.account ON id = account_id WHERE code = 'DU9'"
    assert rows(connection, held) == [(6,)]


TERMS = {
    "4500.5": "4500.5",
    "0.0": "0.0",
    "1.0E2": "100",
    "": None,
    "1.7976931348623157E308": None,
    "one": None,
    "1e999999": None,
}


def test_strike_and_multiplier_are_numbers_where_they_are_numbers(connection, database_url):
    stream = Stream(at=START + 10**12)
    terms = [position(100 + n, strike=text, multiplier=text, account="DU9") for n, text in enumerate(TERMS)]
    stream.refresh({"DU9": [value("NetLiquidation", "1", "USD", "DU9"), *terms]})
    record(database_url, stream.events)
    project(database_url)
    for view in ("v_account_position", "v_contract"):
        found = rows(
            connection,
            f"SELECT strike::text, multiplier::text, pg_typeof(strike)::text FROM {view}"
            " WHERE ib_contract_id >= 100 AND ib_contract_id < 200 ORDER BY ib_contract_id",
        )
        assert found == [(number, number, "numeric") for number in TERMS.values()]


def test_positions_have_their_value_in_the_base_currency(connection, database_url):
    stream = Stream(at=START + 10**12)
    values = [
        value("NetLiquidation", "1", "USD", "DU9"),
        value("ExchangeRate", "1.2305", "EUR", "DU9"),
        value("ExchangeRate", "1.50E-1", "SEK", "DU9"),
    ]
    held = [position(n, currency=code, account="DU9") for n, code in enumerate(("EUR", "SEK", "JPY"), 1)]
    stream.refresh({"DU9": [*values, *held]})
    record(database_url, stream.events)
    project(database_url)
    found = rows(
        connection,
        "SELECT currency, base_currency, exchange_rate::text, market_value_base::text FROM v_account_position"
        " WHERE account_code = 'DU9' ORDER BY ib_contract_id",
    )
    assert found == [
        ("EUR", "USD", "1.2305", "23041.112500"),
        ("SEK", "USD", "0.150", "2808.75000"),
        ("JPY", "USD", None, None),
    ]


def test_whatever_is_of_a_snapshot_says_which_it_is(connection):
    of_snapshot = "account_code, created, account_snapshot_id, ready, completed, gateway, is_repeat"
    known = set(rows(connection, f"SELECT {of_snapshot} FROM v_account_amount"))
    for name in ("segment", "ledger", "position", "value"):
        found = set(rows(connection, f"SELECT {of_snapshot} FROM v_account_{name}"))
        assert found
        assert found <= known
