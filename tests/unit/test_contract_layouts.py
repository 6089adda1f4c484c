"""Contract details of every server version, as IB's own client reads them; the simulated gateway's messages are written
by tables of its own, so three readers have to agree."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ibapi.contract import ContractDetails
from ibapi.decoder import Decoder
from ibapi.wrapper import EWrapper

from ibconnect.contracts import FIRST_REQUEST, contract_of_request, request_of_contract
from ibconnect.projections.contracts.details import detail_of
from ibconnect.projections.contracts.layout import values_of
from ibconnect.simulator.wire.details import BOND_DETAILS, CONTRACT_DETAILS
from ibconnect.simulator.wire.layout import F, Layout, Many, When

VERSIONS = st.integers(157, 200)
COUNT = st.integers(1, 3)
NUMERIC = {
    *("reqId", "strike", "conId", "minTick", "mdSizeMultiplier", "priceMagnifier", "underConId", "evMultiplier"),
    *("aggGroup", "sizeMinTick", "minSize", "sizeIncrement", "suggestedSizeIncrement", "coupon"),
    *("convertible", "callable", "putable", "nextOptionPartial"),
    *("fundClosed", "fundClosedForNewInvestors", "fundClosedForNewMoney"),
}
# What ours are called, where that is not how IB's client spells it.
OURS = {
    **{name: name for name in ("symbol", "exchange", "currency", "cusip", "coupon", "ratings", "callable", "putable")},
    **{name: name for name in ("strike", "multiplier", "industry", "category", "subcategory", "notes", "convertible")},
    "secType": "security_type",
    "lastTradeDateOrContractMonth": "expiry",
    "maturity": "expiry",
    "right": "option_right",
    "conId": "contract_id",
    "timeZoneId": "time_zone",
    "underConId": "under_contract_id",
    "descAppend": "description",
    "underSecType": "under_security_type",
}


def ours(name: str) -> str:
    """What a field is called in the tables."""
    return OURS.get(name) or "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


class Heard(EWrapper):
    """What IB's own client understood."""

    def __init__(self) -> None:
        super().__init__()
        self.found: ContractDetails | None = None

    def contractDetails(self, reqId: int, contractDetails: ContractDetails) -> None:  # noqa: N802, N803
        self.found = contractDetails

    bondContractDetails = contractDetails  # noqa: N815


@st.composite
def messages(draw: st.DrawFn, layout: Layout) -> tuple[int, list[str], dict[str, Any]]:
    """A server version, a message each of whose fields differs from all others, and what it says."""
    version, number = draw(VERSIONS), iter(range(2, 10_000))
    values: dict[str, Any] = {"secType": draw(st.sampled_from(["STK", "FUND", "OPT"]))}

    def fill(items: Any) -> None:
        for item in items:
            if isinstance(item, F) and item.name not in ("version", "secType"):
                values[item.name] = f"{next(number)}" if item.name in NUMERIC else f"text {next(number)}"
            elif isinstance(item, Many):
                rows = range(draw(st.integers(0, 3)))
                values[item.name] = [{field.name: f"text {next(number)}" for field in item.items} for _ in rows]
            elif isinstance(item, When):
                fill(item.items)

    fill(layout.items)
    return version, list(layout.encode(version, values)), values


def official(version: int, fields: list[str]) -> ContractDetails:
    """What IB's own client makes of the fields after the id."""
    heard = Heard()
    decoder = Decoder(heard, version)
    read = decoder.processContractDataMsg if fields[0] == "10" else decoder.processBondContractDataMsg
    read(iter([field.encode() for field in fields[1:]]))
    assert heard.found is not None
    return heard.found


@settings(max_examples=60)
@given(messages(CONTRACT_DETAILS))
def test_a_contract_reads_as_ibs_client_reads_it(case: tuple[int, list[str], dict[str, Any]]) -> None:
    version, fields, values = case
    found, theirs = values_of(fields, version), official(version, fields)
    written = CONTRACT_DETAILS.decode(version, fields)
    for name in written.keys() - {"version", "reqId", "mdSizeMultiplier", "sizeMinTick", "secIdList"}:
        if name == "ineligibilityReasonList":
            continue
        assert found.texts[ours(name)] == values[name], name
    assert found.pairs["security_ids"] == [(row["tag"], row["value"]) for row in values["secIdList"]]
    assert [(each.tag, each.value) for each in theirs.secIdList or ()] == found.pairs["security_ids"]
    reasons = [(row["id"], row["description"]) for row in values["ineligibilityReasonList"]]
    assert found.pairs.get("ineligibility", []) == (reasons if version >= 186 else [])
    contract = theirs.contract
    assert (contract.symbol, str(contract.conId)) == (found.texts["symbol"], found.texts["contract_id"])
    assert theirs.longName == found.texts["long_name"]
    assert (theirs.industry, theirs.liquidHours) == (found.texts["industry"], found.texts["liquid_hours"])
    assert (theirs.stockType, theirs.marketRuleIds) == (found.texts["stock_type"], found.texts["market_rule_ids"])
    assert str(theirs.minSize if version >= 164 else "") == found.texts.get("min_size", "")
    assert (theirs.fundName or "") == found.texts.get("fund_name", "")


@settings(max_examples=40)
@given(messages(BOND_DETAILS))
def test_a_bond_reads_as_ibs_client_reads_it(case: tuple[int, list[str], dict[str, Any]]) -> None:
    version, fields, values = case
    found, theirs = values_of(fields, version), official(version, fields)
    written = BOND_DETAILS.decode(version, fields)
    for name in written.keys() - {"version", "reqId", "mdSizeMultiplier", "secIdList"}:
        assert found.texts[ours(name)] == values[name], name
    assert [(each.tag, each.value) for each in theirs.secIdList or ()] == found.pairs["security_ids"]
    assert (theirs.cusip, str(theirs.contract.conId)) == (found.texts["cusip"], found.texts["contract_id"])
    assert (theirs.longName, theirs.notes) == (found.texts["long_name"], found.texts["notes"])
    assert (theirs.timeZoneId or "") == found.texts.get("time_zone", "")


@settings(max_examples=40)
@given(st.one_of(messages(CONTRACT_DETAILS), messages(BOND_DETAILS)), st.data())
def test_a_message_that_is_too_short_is_refused_and_one_that_is_longer_is_not(
    case: tuple[int, list[str], dict[str, Any]], data: st.DataObject
) -> None:
    version, fields, _ = case
    kept = data.draw(st.integers(1, len(fields) - 1))
    with pytest.raises(ValueError, match="too short"):
        values_of(fields[:kept], version)
    assert values_of([*fields, "of tomorrow"], version) == values_of(fields, version)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12))
def test_whatever_stands_in_the_place_of_a_figure_or_a_name(text: str) -> None:
    values = {"secType": "STK", "conId": "265598", "strike": text, "minTick": text, "longName": text}
    detail = detail_of(list(CONTRACT_DETAILS.encode(178, values)), 178)
    assert detail.contract_id == 265598
    assert detail.cells["strike"] == (text or None)
    assert detail.cells["strike_number"] in (None, text)


@pytest.mark.parametrize("text", ["", "0", "-1", "x", "²", "9" * 19, "1.0"])
def test_a_contract_without_an_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no id of a contract"):
        detail_of(list(CONTRACT_DETAILS.encode(178, {"secType": "STK", "conId": text})), 178)


def test_hours_of_the_days_ahead_are_no_news_and_anything_else_is() -> None:
    def digest(**values: str) -> bytes:
        said = {"secType": "STK", "conId": "265598", **values}
        return detail_of(list(CONTRACT_DETAILS.encode(178, said)), 178).digest

    assert digest(tradingHours="20260105:0400") == digest(tradingHours="20260106:0400", liquidHours="20260106:0930")
    assert len({digest(), digest(longName="A"), digest(symbol="A"), digest(multiplier="A")}) == 4


def test_a_name_is_read_with_its_escapes() -> None:
    fields = CONTRACT_DETAILS.encode(178, {"secType": "STK", "conId": "1", "longName": r"NESTL\u00c9 SA \ud83d"})
    assert detail_of(list(fields), 178).cells["long_name"] == r"NESTLÉ SA \ud83d"


@given(st.integers(-5, 3_000_000_000))
def test_the_number_of_a_request_says_its_contract(contract: int) -> None:
    number = request_of_contract(contract)
    assert (number is not None) == (0 < contract < 2**31 - 1 - FIRST_REQUEST)
    if number is not None:
        assert contract_of_request(str(number)) == contract
    assert contract_of_request(str(min(contract, FIRST_REQUEST))) is None


@pytest.mark.parametrize("text", ["", "-1", "1", "x", "²000000000", "2147483647", "1000000000", "99999999999"])
def test_other_numbers_say_none(text: str) -> None:
    assert contract_of_request(text) is None
