"""The public views, as people query them."""

import pytest

from ibconnect.database.pools import connect
from ibconnect.events.types import TYPES
from ibconnect.projections.upkeep import ensure
from tests.paths import CAPTURES, ROOT
from tests.projecting import START, Stream, capture, position, project, read_values, record, value


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


def test_example_queries_of_the_page_run(connection):
    page = (ROOT / "docs" / "projections.md").read_text()
    queries = [part.split("```")[0] for part in page.split("```sql\n")[1:]]
    assert len(queries) >= 5
    for query in queries:
        assert connection.execute(query).description
