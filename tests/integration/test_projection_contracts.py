"""What IB says of contracts, as rows: what is new is a row, what is said again is none, what is refused is known."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ibconnect.contracts import request_of_contract
from ibconnect.database.pools import connect
from ibconnect.projections.contracts.projection import CONTRACTS
from ibconnect.projections.engine.rebuild import rebuild
from ibconnect.simulator.wire.details import BOND_DETAILS, CONTRACT_DETAILS
from ibconnect.times import from_micros
from tests.conftest import create_database, drop_database
from tests.projecting import START, Stream, project_report, record, rows_of_report

VERSIONS = st.sampled_from(["157", "163", "164", "178", "188", "200"])


def described(contract: int, version: str = "178", **values: Any) -> list[str]:
    """A message 10."""
    said = {"symbol": "AAPL", "secType": "STK", "longName": "APPLE INC", "conId": str(contract), **values}
    return list(CONTRACT_DETAILS.encode(int(version), said))


def query(url: str, text: str, *values: Any) -> list[tuple[Any, ...]]:
    with connect(url, name="test", search_path="public") as connection:
        return connection.execute(text.encode(), values).fetchall()


def refused(stream: Stream, contract: int, version: str = "178", code: str = "200") -> None:
    """A notice that refuses a request."""
    number = request_of_contract(contract)
    text = "No security definition has been found for the request"
    fields = ("4", "2", str(number), code, text, "")
    stream.message(*(fields if int(version) < 194 else (fields[0], *fields[2:], "1700000000000")), timed=True)


def test_the_newest_is_in_the_view_and_the_former_in_the_history(database_url: str) -> None:
    stream = Stream()
    ids = [{"tag": "ISIN", "value": "US0378331005"}, {"tag": "CUSIP", "value": "037833100"}]
    stream.message(*described(265598, secIdList=ids, minTick="0.0100", tradingHours="20260105"), timed=True)
    stream.at += 1_000_000
    stream.message(*described(265598, secIdList=ids, minTick="0.0100", tradingHours="20260205"), timed=True)
    stream.at += 1_000_000
    stream.message(*described(265598, secIdList=ids, minTick="-0.00", longName="APPLE CORP"), timed=True)
    record(database_url, stream.events)
    project_report(database_url, CONTRACTS)
    found = query(
        database_url,
        """
        SELECT long_name, isin, cusip, security_ids, min_tick::text, trading_hours, since = confirmed, gateway
        FROM v_contract_detail
        WHERE ib_contract_id = 265598
        """,
    )
    pairs = [["ISIN", "US0378331005"], ["CUSIP", "037833100"]]
    assert found == [("APPLE CORP", "US0378331005", "037833100", pairs, "0.00", None, True, stream.gateway)]
    assert query(database_url, "SELECT min_tick FROM contracts.contract_detail ORDER BY position") == [
        ("0.0100",),
        ("-0.00",),
    ]
    history = query(
        database_url,
        "SELECT long_name, min_tick::text, trading_hours, until FROM v_contract_detail_version ORDER BY since",
    )
    changed = from_micros(stream.at)
    assert history == [("APPLE INC", "0.0100", "20260205", changed), ("APPLE CORP", "0.00", None, None)]


def test_bonds_and_funds_and_what_ib_does_not_know(database_url: str) -> None:
    stream = Stream(server_version="200")
    bond = {"conId": "7", "secType": "BOND", "cusip": "912810TM0", "coupon": "4.000", "maturity": "20521115"}
    stream.message(*BOND_DETAILS.encode(200, bond), timed=True)
    fund = {"conId": "8", "secType": "FUND", "fundFamily": "Vanguard"}
    reasons = [{"id": "A", "description": "not for you"}]
    stream.message(*CONTRACT_DETAILS.encode(200, {**fund, "ineligibilityReasonList": reasons}), timed=True)
    refused(stream, 9, "200")
    refused(stream, 8, "200")
    stream.message("4", "1000000011", "321", "another refusal", "", "1700000000000", timed=True)
    stream.message("4", "17", "200", "of something else", "", "1700000000000", timed=True)
    stream.message("10", "1", "too", "short", timed=True)
    record(database_url, stream.events)
    step = project_report(database_url, CONTRACTS)
    assert [each.reason for each in step.set_aside] == ["ValueError: the message is too short for server version 200"]
    assert query(
        database_url,
        "SELECT ib_contract_id, cusip, coupon::text, expiry, fund FROM v_contract_detail ORDER BY 1",
    ) == [(7, "912810TM0", "4.000", "20521115", None), (8, None, None, None, {"fund_family": "Vanguard"})]
    requests = query(
        database_url, "SELECT ib_contract_id, is_known, left(detail, 11) FROM v_contract_request ORDER BY 1"
    )
    assert requests == [(7, True, None), (8, False, "No security"), (9, False, "No security")]


@dataclass
class Model:
    """What the tables are to say."""

    history: dict[int, list[list[Any]]] = field(default_factory=dict)
    refusals: dict[int, int] = field(default_factory=dict)

    def describe(self, contract: int, name: str, hours: str, at: int) -> None:
        """A message has come at that time."""
        told = self.history.setdefault(contract, [])
        if told and told[-1][4] > at:
            return
        if told and told[-1][0] == name:
            told[-1][1], told[-1][4] = hours, at
            return
        if told:
            told[-1][3] = at
        told.append([name, hours, at, None, at])


SAID = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["describe", "refuse", "reconnect"]),
        st.integers(1, 3),
        st.sampled_from(["A", "B"]),
        st.sampled_from(["mon", "tue"]),
        st.integers(-3, 5),
    ),
    max_size=25,
)


@settings(max_examples=8)
@given(said=SAID, version=VERSIONS, limit=st.integers(1, 30))
def test_whatever_is_said_by_several_gateways_in_any_order(
    server_url: str, template: str, said: list[tuple[int, str, int, str, str, int]], version: str, limit: int
) -> None:
    """Repeats, changes, refusals, reconnects, and clocks that are late: tables are as the model, rebuilt or live."""
    url = create_database(server_url, "contracts_said", template)
    try:
        streams = [Stream(f"g{number}:1", server_version=version) for number in range(3)]
        model, events = Model(), [stream.events[0] for stream in streams]
        for number, what, contract, name, hours, later in said:
            stream = streams[number]
            before = len(stream.events)
            stream.at = max(stream.at, START) + later * 1_000
            if what == "reconnect":
                stream.own("sc", reason="lost")
                events += stream.events[before:]
                streams[number] = Stream(stream.gateway, stream.at, server_version=version)
                events += streams[number].events
                continue
            if what == "describe":
                stream.message(*described(contract, version, longName=name, tradingHours=hours), timed=True)
                model.describe(contract, name, hours, stream.at)
            else:
                refused(stream, contract, version)
                model.refusals[contract] = max(model.refusals.get(contract, 0), stream.at)
            events += stream.events[before:]
        record(url, events)
        assert project_report(url, CONTRACTS, limit).set_aside == []
        live = rows_of_report(url, "contracts")
        found = query(
            url,
            "SELECT ib_contract_id, long_name, trading_hours, since, until, confirmed "
            "FROM v_contract_detail_version ORDER BY 1, since, until NULLS LAST",
        )
        expected = [
            (contract, name, hours, *(None if at is None else from_micros(at) for at in times))
            for contract, told in sorted(model.history.items())
            for name, hours, *times in sorted(told, key=lambda row: (row[2], row[3] is None, row[3]))
        ]
        assert found == expected
        assert query(url, "SELECT ib_contract_id, refused FROM contracts.contract_refusal ORDER BY 1") == [
            (contract, from_micros(at)) for contract, at in sorted(model.refusals.items())
        ]
        rebuild(url, [CONTRACTS])
        assert rows_of_report(url, "contracts") == live
    finally:
        drop_database(server_url, "contracts_said")
