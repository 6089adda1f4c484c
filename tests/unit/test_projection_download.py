"""One account's download, taken apart."""

from uuid import UUID

import orjson
import pytest

from ibconnect.projections.accounts.download import Irregular, Messages, examine, parse
from ibconnect.projections.accounts.facts import Downloaded
from ibconnect.projections.engine.projection import Event
from tests.projecting import START, position, value

SESSION = UUID(int=1)


def fact(source="updates"):
    """A download of DU1."""
    return Downloaded(SESSION, 1, 99, "DU1", source, "7", "8", 1, "g", START, START, "download-end")


def states(*messages, after=2):
    """Messages without id and version, as they are stored; the first with its time."""
    fields = [list(message[after:]) for message in messages]
    fields[0].insert(0, START)
    return b",".join(orjson.dumps(item) for item in fields)


def test_values_of_other_accounts_are_left_out():
    sent = states(value("NetLiquidation", "1", "USD"), value("NetLiquidation", "2", "USD", "DU2"))
    found = parse(Messages(sent, None, None), fact())
    assert found.values == (("NetLiquidation",), ("1",), ("USD",), ())


def test_empty_account():
    assert parse(Messages(None, None, None), fact()).is_empty


def test_last_row_of_a_contract_wins_and_a_closed_position_stays():
    sent = states(position(1, size="5"), position(2), position(1, size="0"), position(3, account="DU2"))
    found = parse(Messages(None, sent, None), fact())
    assert [(item.contract[0], item.numbers[0]) for item in found.held] == [("1", "0"), ("2", "100")]


@pytest.mark.parametrize("text", ["1.7976931348623157E308", "", "2147483647"])
def test_unset_numbers_of_a_position_are_null(text):
    found = parse(Messages(None, states(position(1, price=text)), None), fact())
    assert found.held[0].numbers[1] == r"\N"


def test_other_forms_of_numbers_of_a_position_are_numbers():
    found = parse(Messages(None, states(position(1, price="1.2345678E7", size="-.5")), None), fact())
    assert found.held[0].numbers[:2] == ["-.5", "1.2345678E7"]


def multi(request="7", account="DU1", model="", text="1.00"):
    """An accountUpdateMulti message."""
    return ["73", "1", request, account, model, "NetLiquidation", text, "USD"]


def multi_position(request="8", account="DU1", model=""):
    """A positionMulti message."""
    contract = ["265598", "AAPL", "STK", "", "0.0", "", "", "NASDAQ", "USD", "AAPL", "NMS"]
    return ["71", "1", request, account, *contract, "-110", "201.88", model]


def test_multi_takes_the_answers_to_its_requests_and_keeps_models_apart():
    sent = states(
        multi(text="1.00"),
        multi(request="6"),
        multi(account="DU2"),
        multi(model="m"),
        multi_position(),
        multi_position(request="7"),
        multi_position(model="m"),
        ["94", "7", "1", "2", "3"],
        after=0,
    )
    found = parse(Messages(None, None, sent), fact("multi"))
    assert found.values.texts == ("1.00",)
    assert list(found.models) == ["m"]
    assert found.models["m"].values.texts == ("1.00",)
    assert [item.numbers[0] for item in found.models["m"].held] == ["-110"]
    assert [(item.contract[0], item.contract[7], item.numbers) for item in found.held] == [
        ("265598", "NASDAQ", ["-110", r"\N", r"\N", "201.88", r"\N", r"\N"])
    ]


def control(version, topic, state):
    """A stored event."""
    return Event(100 + version, SESSION, version, topic, state)


def test_strange_messages_are_named_and_the_others_kept():
    good, bad = states(value("NetLiquidation", "1", "USD")), b'["NetLiquidation",2,"USD","DU1"]'
    with pytest.raises(Irregular):
        parse(Messages(good + b"," + bad, None, None), fact())
    found, poison = examine([control(2, "v", good), control(3, "v", bad)], Messages(None, None, None), fact())
    assert found.values.texts == ("1",)
    assert [(remark.code, remark.position) for remark in found.remarks] == [("set-aside", 103)]
    assert [(item.position, item.version, item.topic) for item in poison] == [(103, 3, "v")]
    assert "text" in poison[0].reason


def test_fields_that_a_newer_gateway_adds_are_passed_over():
    longer = orjson.dumps(["NetLiquidation", "1", "USD", "DU1", "new"])
    with pytest.raises(Irregular):
        parse(Messages(longer, None, None), fact())
    found, poison = examine([control(2, "v", longer)], Messages(None, None, None), fact())
    assert (found.values.texts, poison) == (("1",), [])


ODD = ["Infinity", "NaN", "-Infinity", "61,25", " 5.5", "5.5 ", "0x1F", "1E400", "1e-400", "1_000", "$1", "٣٤", "--1"]


@pytest.mark.parametrize("text", ODD)
def test_a_figure_that_is_no_number_costs_itself(text):
    odd, good = states(position(1, price=text)), states(position(2))
    with pytest.raises(Irregular):
        parse(Messages(None, odd + b"," + good, None), fact())
    events = [control(2, "p", odd), control(3, "p", good)]
    found, poison = examine(events, Messages(None, None, None), fact())
    assert poison == []
    assert [item.numbers[:2] for item in found.held] == [["100", r"\N"], ["100", "187.25"]]
    ((code, detail, where),) = found.remarks
    assert (code, where) == ("unreadable-figure", 102)
    assert "MarketPrice" in detail


@pytest.mark.parametrize("number", ["", "0"])
def test_contracts_that_share_an_id_stay_apart(number):
    sent = states(*(position(number, symbol=symbol, sec_type="BAG", local_symbol=symbol) for symbol in ("A", "B", "A")))
    events = [control(2 + place, "p", state) for place, state in enumerate(sent.replace(b"],[", b"]\n[").split(b"\n"))]
    found, poison = examine(events, Messages(None, None, None), fact())
    assert ([item.contract[1] for item in found.held], poison) == (["A", "B"], [])


def test_a_text_that_no_index_holds_costs_its_message():
    odd, good = states(position(1, symbol="S" * 3000)), states(position(2))
    found, poison = examine([control(2, "p", odd), control(3, "p", good)], Messages(None, None, None), fact())
    assert [item.contract[0] for item in found.held] == ["2"]
    assert [item.version for item in poison] == [2]
    assert "longer than" in poison[0].reason


def test_escapes_are_resolved_for_people():
    sent = states(value("AccountType", r"Zo\u00eb"), position(1, symbol=r"\u8fde"))
    values, positions = sent.split(b",[", 1)
    found = parse(
        Messages(values, b"[" + positions[0:0] + positions if positions[:1] != b"[" else positions, None), fact()
    )
    assert (found.values.texts, found.held[0].contract[1]) == (("Zoë",), "连")
