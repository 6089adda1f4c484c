"""Every tag that IB documents, or that a gateway was seen to send, has a meaning, a unit and a sign."""

import json

import pytest

from ibconnect.http.openapi.document import make_document
from ibconnect.http.resources.registry import RESOURCES
from ibconnect.meanings import MEANINGS, OTHER_SPELLINGS, SEEN, SEGMENTS, SIGNS, SOURCES, UNITS, Meaning
from ibconnect.simulator.scenario.figures import LEDGER_KEYS
from ibconnect.tags import ATTRIBUTE_TAGS, LEDGER_TAGS, SEGMENT_TAGS, split_key
from tests.paths import CAPTURES


def captured() -> set[str]:
    """The keys of all account values in the captures."""
    lines = [json.loads(line) for path in CAPTURES.glob("*.jsonl") for line in path.read_text().splitlines()]
    return {fields[2] for fields in lines if fields[0] == "6"} | {fields[5] for fields in lines if fields[0] == "73"}


def test_each_tag_has_a_meaning():
    known = {*SEGMENT_TAGS, *LEDGER_TAGS, *ATTRIBUTE_TAGS, *LEDGER_KEYS, "Cushion", "LookAheadNextChange"}
    seen = {split_key(key).tag for key in captured()}
    assert len(seen) > 60
    assert (known | seen) - set(MEANINGS) == set()


def test_each_segment_that_was_seen_has_a_meaning():
    seen = {split_key(key).segment for key in captured()} - {None}
    assert {"S", "C"} <= seen <= set(SEGMENTS)


def test_other_spellings_lead_to_tags():
    assert set(OTHER_SPELLINGS.values()) <= set(MEANINGS)
    assert not set(OTHER_SPELLINGS) & set(MEANINGS)


@pytest.mark.parametrize("tag", MEANINGS)
def test_a_meaning_is_whole(tag: str):
    meaning: Meaning = MEANINGS[tag]
    assert meaning.unit in UNITS
    assert (meaning.sign is None) == (meaning.unit in ("text", "flag") or tag == "ColumnPrio")
    assert meaning.sign is None or meaning.sign in SIGNS
    assert meaning.source == SEEN or SOURCES[meaning.source].startswith("https://")
    for text in (meaning.text, meaning.differs):
        assert text == text.strip()
        assert not text.endswith("."), "it is shown within a sentence"


@pytest.mark.parametrize(
    ("tag", "neighbour"),
    [
        ("TotalCashBalance", "TotalCashValue"),
        ("TotalCashValue", "TotalCashBalance"),
        ("CashBalance", "TotalCashBalance"),
        ("NetLiquidation", "NetLiquidationByCurrency"),
        ("NetLiquidation", "master account"),
        ("NetLiquidation", "FuturesPNL"),
        ("FuturesPNL", "MarketValue"),
        ("GrossPositionValue", "StockMarketValue"),
        ("AvailableFunds", "ExcessLiquidity"),
        ("AccruedDividend", "NetDividend"),
        ("FundValue", "MutualFundValue"),
    ],
)
def test_what_is_mistaken_for_another_says_how_it_differs(tag: str, neighbour: str):
    assert neighbour in MEANINGS[tag].text + MEANINGS[tag].differs


def test_the_schema_says_of_each_tag_what_it_is():
    """Where it is shown by its name, and in one list of all."""
    schemas = make_document(RESOURCES)["components"]["schemas"]
    for tag, meaning in MEANINGS.items():
        says = schemas["Tag"]["x-figures"]["properties"][tag]
        assert says["description"].startswith(meaning.text)
        assert meaning.differs in says["description"]
        assert (says["x-unit"], says["x-sign"], says["x-source"]) == (meaning.unit, meaning.sign, meaning.source)
    for tag, member in schemas["Balance"]["properties"].items():
        assert member["description"].startswith(MEANINGS[tag].text)
        assert member["x-unit"] == MEANINGS[tag].unit
    value = schemas["Position"]["properties"]["MarketValue"]["description"]
    assert "NetLiquidation" in value
    assert "FuturesPNL" in value


def test_figures_that_are_named_in_a_meaning_exist():
    """A meaning that speaks of a tag which was renamed would lead nowhere."""
    words = {word.strip(".,;:()…'") for each in MEANINGS.values() for word in f"{each.text} {each.differs}".split()}
    camel = {word for word in words if word[:1].isupper() and any(letter.isupper() for letter in word[1:])}
    prose = {
        "LookAhead",
        "F",
        "IB",
        "IB's",
        "UK",
        "US",
        "TWS",
        "CFDs",
        "BASE",
        "INDIVIDUAL",
        "CORPORATION",
        "UNIVERSAL",
        "STKNOPT",
    }
    assert camel - set(MEANINGS) - prose <= {"MarketValue", "STKCASH", "YYYYMMDD:amount"}
