"""Contracts by themselves: their details, by contract id or by what describes them."""

from ibconnect.simulator.connection import Connection
from ibconnect.simulator.parts import NO_DEFINITION, Message, Part, Request, Sorting, number, refused, text
from ibconnect.simulator.scenario.instruments import KINDS, Instrument
from ibconnect.simulator.scenario.reference import bond_details, details, isin_of, long_name
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.source import Question, Recordings, Refusal
from ibconnect.simulator.subscriptions import Subscriptions
from ibconnect.simulator.wire.details import BOND_DETAILS, CONTRACT_DETAILS
from ibconnect.simulator.wire.frames import Fields

_MOST = 100
_KINDS = frozenset((*KINDS, "BAG", "IND", "CFD", "FUND", "CMDTY", "WAR", "BILL", "IOPT"))
# Where the fields of a contract stand in a request.
_ID, _EXCHANGE = 3, 10
_TERMS = ("symbol", "sec_type", "expiry", "strike", "right", "multiplier", "", "", "currency", "local_symbol")
_ID_TYPE = 16


def _by_scenario(scenario: Scenario, request_id: int, asked: list[str], version: int) -> list[Fields]:
    found = _found(scenario, asked)
    if not found:
        raise Refusal(200, NO_DEFINITION)
    return [*(_row(scenario, i, request_id, version) for i in found[:_MOST]), _end(request_id)]


def _found(scenario: Scenario, asked: list[str]) -> list[Instrument]:
    contracts = scenario.world.instruments
    if asked[_ID] not in ("", "0"):
        found = contracts.get(int(asked[_ID])) if asked[_ID].isdecimal() else None
        # A contract id with an exchange at which it is not traded is nothing.
        places = ("", "SMART", found.exchange) if found else ()
        return [found] if found and asked[_EXCHANGE] in places else []
    if asked[_ID_TYPE : _ID_TYPE + 1] == ["ISIN"]:
        return [i for i in contracts.values() if isin_of(i) == asked[_ID_TYPE + 1]]
    return [i for i in contracts.values() if _is_meant(i, asked)] if asked[_ID + 1] or asked[13] else []


def _is_meant(instrument: Instrument, asked: list[str]) -> bool:
    for index, name in enumerate(_TERMS, _ID + 1):
        wanted = asked[index] if name else ""
        if wanted not in ("", "0", "0.0") and getattr(instrument, name) != wanted:
            return False
    return True


def _row(scenario: Scenario, instrument: Instrument, request_id: int, version: int) -> Fields:
    world = scenario.world
    name = world.long_names.get(instrument.con_id) or long_name(instrument)
    today = world.days.local(world.now).date()
    if instrument.sec_type == "BOND":
        return BOND_DETAILS.encode(version, {**bond_details(instrument, name, today), "reqId": str(request_id)})
    underlying = None
    if instrument.sec_type in ("OPT", "FOP"):
        kind = "STK" if instrument.sec_type == "OPT" else "FUT"
        underlying = next((i for i in world.pools[kind] if i.symbol == instrument.symbol), None)
    values = details(instrument, underlying, name, today)
    return CONTRACT_DETAILS.encode(version, {**values, "reqId": str(request_id)})


def _end(request_id: int) -> Fields:
    return ("52", "1", str(request_id))


def _by_recordings(recordings: Recordings, request_id: int, asked: list[str], version: int) -> list[Fields]:
    """What was recorded of the contract that is asked for by its id, or of all of them."""
    wanted = asked[_ID]
    rows = [row for row in recordings.rows("contracts", request_id) if row[0] != "52"]
    found = [row for row in rows if wanted in ("", "0") or wanted in _contract_ids(row)]
    if not found:
        raise Refusal(200, NO_DEFINITION)
    return [*found, _end(request_id)]


def _id_place(row: Fields) -> int:
    """Where the request id stands: before server version 164 a version is before it."""
    return 2 if row[4:5] and row[4] in _KINDS else 1


def _contract_ids(row: Fields) -> Fields:
    """The contract's id; from server version 182 on it stands one field later, so that there are two places for it."""
    first = _id_place(row) + (18 if row[0] == "18" else 11)
    return [field for field in row[first : first + 2] if field.isdecimal()]


CONTRACTS = Question(_by_scenario, _by_recordings)
"""By request id, the request's fields and server version."""


def _ask(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    request_id = number(fields, 2)
    text(fields, 14, "Trading Class")
    rows = subscriptions.source.answer(CONTRACTS, request_id, fields, connection.version)
    connection.send(rows)


def _matching_symbols(subscriptions: Subscriptions, connection: Connection, fields: list[str]) -> None:
    connection.send((("79", str(number(fields, 1)), "0"),))


PART = Part(
    requests={
        "9": Request(
            "reqContractDetails",
            _ask,
            "10 or 18, 52; 200; silence while IB is lost",
            2,
            of_ib=True,
            kind="contracts",
            about=(3,),
        ),
        "78": refused("reqSecDefOptParams", 200, NO_DEFINITION, 1),
        "81": Request(
            "reqMatchingSymbols",
            _matching_symbols,
            "79, without a symbol; silence while IB is lost",
            1,
            of_ib=True,
        ),
        "106": refused("cancelContractData", 300, "Can't find EId", 1),
    },
    messages={
        "10": Message("contractDetails", "contracts", Sorting.TOGETHER, _id_place, about=_contract_ids),
        "18": Message("bondContractDetails", "contracts", Sorting.TOGETHER, _id_place, about=_contract_ids),
        "52": Message("contractDetailsEnd", "contracts", Sorting.TOGETHER, 2, is_end=True),
        "79": Message("symbolSamples"),
    },
)
