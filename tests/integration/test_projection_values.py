"""The law of the snapshot tables: the last value of every key of a download comes back out of them, text by text."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.database.pools import connect
from ibconnect.projections.accounts.download import MAX_KEY_BYTES
from ibconnect.projections.upkeep import rebuild
from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, UNSET_TEXTS
from tests.last_values import last_values
from tests.projecting import Stream, position, project, read_columns, read_tables, read_values, record, value

pytestmark = pytest.mark.with_tables

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
KEYS = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "$LEDGER-"]),
        st.sampled_from([*SEGMENT_TAGS, *LEDGER_TAGS, *sorted(ATTRIBUTE_TAGS), "Cushion", "LookAheadNextChange"]),
        st.sampled_from(["", "", "-S", "-C"]),
    ),
    TEXT.filter(lambda text: len(text.encode()) <= MAX_KEY_BYTES),
)
TEXTS = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.decimals().map(str),
    st.sampled_from(sorted(UNSET_TEXTS)),
    st.sampled_from(["-0.00", "007", r"\N", r"\.", "", "NULL", "1E5", "a\tb\n\\"]),
    TEXT,
)
CURRENCIES = st.one_of(st.sampled_from(["", "BASE", "USD", "EUR", "CNH"]), st.text("ABC", max_size=4))


IDENTITY = [value("AccountCode", "DU1"), value("NetLiquidation", "1.00", "USD")]
DOWNLOAD = st.lists(st.tuples(KEYS, TEXTS, CURRENCIES), max_size=40)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(downloads=st.lists(DOWNLOAD, min_size=1, max_size=5))
def test_tables_give_back_the_last_value_of_every_key_text_by_text(database_url, downloads):
    stream = Stream()
    for sent in downloads:
        stream.refresh({"DU1": [value(key, text, currency) for key, text, currency in sent]})
    record(database_url, stream.events)
    project(database_url)
    with connect(database_url, name="test") as connection:
        query = "SELECT max(id), (SELECT count(*) FROM poison_event) FROM account_snapshot"
        newest, poison = connection.execute(query).fetchone() or (0, 0)
    assert poison == 0
    for snapshot_id, sent in enumerate(downloads, newest - len(downloads) + 1):
        expected = [(*name[:3], text) for name, text in last_values(sent).items()]
        assert read_values(database_url, snapshot_id) == sorted(expected)


@pytest.fixture
def one(database_url):
    """Project one refresh and read the tables."""

    def project_one(downloads, **facts):
        stream = Stream()
        stream.refresh(downloads, **facts)
        record(database_url, stream.events)
        project(database_url)
        return read_tables(database_url)

    return project_one


def test_contract_that_changes_has_a_row_for_each_description(one):
    tables = one({"DU1": [position(1, local_symbol="FB")], "DU2": [position(1, account="DU2", local_symbol="META")]})
    assert len(tables["contract"]) == 2
    assert {row[1] for row in tables["contract"]} == {"1"}


def test_snapshots_of_an_account_never_share_a_time(one):
    first = one({"DU1": [], "DU2": []}, created=1_700_000_000_000_000)
    assert len({row[2] for row in first["account_snapshot"]}) == 1
    again = one({"DU1": []}, created=1_700_000_000_000_000)
    created = sorted(row[2] for row in again["account_snapshot"] if row[1] == first["account_snapshot"][0][1])
    assert created == ["2023-11-14 22:13:20+00", "2023-11-14 22:13:20.000001+00"]


def test_attributes_are_stored_once(one):
    values = [value("AccountType", "INDIVIDUAL"), value("Currency", "USD", "USD")]
    one({"DU1": values})
    tables = one({"DU1": values, "DU2": [(*fields[:5], "DU2") for fields in values]})
    assert len(tables["attribute_set"]) == 1
    assert len(tables["account_attribute"]) == 2


@pytest.mark.parametrize(
    ("key", "text", "ready"),
    [
        ("AccountReady", "true", "true"),
        ("AccountReady", "false", "false"),
        ("AccountReady", "False", "false"),
        ("accountReady", "false", "false"),
        ("ACCOUNTREADY", " FALSE ", "false"),
        ("AccountReady-S", "false", "false"),
        ("accountReady", "true", "true"),
    ],
)
def test_snapshot_of_a_resetting_server_says_so(one, database_url, key, text, ready):
    one({"DU1": [*IDENTITY, value("AccountReady", "true"), value(key, text), value("AccountReady", "true")]})
    ((found, remarks),) = read_columns(database_url, "account_snapshot", "ready", "remarks")
    assert found == ready
    assert ("not-ready" in (remarks or "")) == (ready == "false")


def test_accounts_that_a_gateway_no_longer_lists(database_url):
    stream = Stream()
    stream.message("15", "1", "DU1,DU2", timed=True)
    stream.message("15", "1", "DU2,DU3")
    record(database_url, stream.events)
    project(database_url)
    tables = read_tables(database_url)
    codes = {row[0]: row[1] for row in tables["account"]}
    assert {codes[row[2]]: row[5] for row in tables["gateway_account"]} == {
        "DU1": "false",
        "DU2": "true",
        "DU3": "true",
    }


@pytest.mark.parametrize("name", ["local_symbol", "symbol"])
def test_a_contract_is_shown_as_it_was_described_last(database_url, name):
    """By messages of positions alone, and by the view of contracts: also if it was described so once before."""
    stream, stored = Stream(), 0
    for described in ("FB", "META", "FB", "FB", "META", "FB"):
        stream.refresh({"DU1": [value("AccountCode", "DU1"), position(5, **{"symbol": "X", name: described})]})
        stream.own("rs", created=stream.at, trigger="test")
        stream.own("as", account="DU1", source="multi", values_request=7, positions_request=8)
        contract = ["5", described if name == "symbol" else "X", "STK", "", "0", "0", "", "", "USD", "", ""]
        stream.message("71", "1", "8", "DU1", *contract, "1", "2", "")
        stream.own("ac", account="DU1", ended="download-end")
        stream.own("re", created=stream.at, outcome="complete")
        record(database_url, stream.events[stored:])
        stored = len(stream.events)
        # By a projector that has just been started each time.
        project(database_url)
        with connect(database_url, name="test") as connection:
            query = f"SELECT {name}, exchange FROM v_account_position WHERE market_price IS NULL ORDER BY created DESC"
            by_multi = connection.execute(query).fetchone()
            newest = connection.execute(f"SELECT {name} FROM v_contract WHERE is_newest").fetchall()
        assert (by_multi, newest) == ((described, "NASDAQ"), [(described,)])
    live = read_tables(database_url)
    rebuild(database_url)
    assert read_tables(database_url) == live
    assert len(live["contract"]) == 2


def test_download_beside_another_program_has_no_prices(database_url):
    stream = Stream()
    stream.own("rs", created=stream.at, trigger="test")
    stream.own("as", account="DU1", source="multi", values_request=7, positions_request=8)
    for currency, text in (("USD", "1.00"), ("USD", "2")):
        stream.message("73", "1", "7", "DU1", "", "AccruedCash", text, currency, timed=True)
    stream.message("73", "1", "7", "DU1", "", "NetLiquidation", "9.00", "USD")
    stream.message(*value("NetLiquidation", "5.00", "USD"))
    contract = ["265598", "AAPL", "STK", "", "0.0", "", "", "NASDAQ", "USD", "AAPL", "NMS"]
    stream.message("71", "1", "8", "DU1", *contract, "-110", "201.8829709", "")
    stream.own("ac", account="DU1", ended="download-end")
    stream.own("re", created=stream.at, outcome="complete")
    record(database_url, stream.events)
    project(database_url)
    tables = read_tables(database_url)
    assert read_columns(database_url, "account_snapshot", "source", "ended") == [("multi", "download-end")]
    assert [row[2:] for row in tables["account_position"]] == [("-110", None, None, "201.8829709", None, None)]
    assert [row[2] for row in tables["account_segment"]] == ["1.00"]
    assert [row[2] for row in tables["account_ledger"]] == ["2"]
    assert ("NetLiquidation", "", "USD", "9.00") in read_values(database_url, 1)
