"""Tables begin with the currencies that are known, and take any other code that IB sends."""

from ibconnect.database.migrations import migrate
from ibconnect.database.pools import LIVE_SCHEMA, connect
from ibconnect.projections.accounts.currencies import known
from ibconnect.projections.upkeep import ensure


def test_new_tables_hold_all_that_are_known(database_url: str) -> None:
    migrate(database_url)
    ensure(database_url)
    with connect(database_url, name="test", search_path=LIVE_SCHEMA) as connection:
        rows = connection.execute("SELECT id, code, iso_4217_code, name FROM currency ORDER BY id").fetchall()
    assert rows == [(number, *currency) for number, currency in enumerate(known(), 1)]
