"""Which field of a message is the account: written once, and everybody who makes or takes messages agrees with it."""

from decimal import Decimal

import pytest

from ibconnect.events.accounts import account_in, account_of, place_in_state
from ibconnect.events.codec import encode_message, split_state
from ibconnect.events.layouts import LAYOUTS, TOPICS, account_field
from ibconnect.gateway.collectors.accounts.received import Received
from ibconnect.simulator.captures.file import account_of as account_in_a_capture
from ibconnect.simulator.scenario import encoding as rows
from ibconnect.simulator.scenario.source import Scenario
from ibconnect.simulator.wire.frames import Fields, payload
from tests.messages import completed_order, fill, open_order

SCENARIO = Scenario(seed=3, accounts=1, positions=2)
((CODE, ACCOUNT),) = SCENARIO.world.accounts.items()
POSITION = next(iter(ACCOUNT.positions.values()))
VALUES = SCENARIO.values(CODE)
TAGS = ["NetLiquidation"]

SAID: dict[str, Fields] = {
    "6": rows.value_rows(VALUES, CODE)[0],
    "7": rows.portfolio_row(POSITION, SCENARIO.world.market, CODE),
    "54": ("54", "1", CODE),
    "61": rows.position_row(POSITION, CODE),
    "63": rows.summary_rows(VALUES, 5, CODE, TAGS, ledger_only=False)[0],
    "71": rows.position_multi_row(POSITION, 5, CODE, ""),
    "73": rows.multi_rows(VALUES, 5, CODE, "")[0],
    "5": tuple(open_order(CODE)),
    "11": tuple(fill(CODE)),
    "101": tuple(completed_order(CODE)),
}


def test_every_message_that_is_about_an_account_is_tried() -> None:
    assert set(SAID) == {number for number, layout in LAYOUTS.items() if layout.account is not None}


@pytest.mark.parametrize("number", SAID)
def test_the_account_of_what_a_gateway_says_is_in_its_place(number: str) -> None:
    fields = SAID[number]
    topic, state = encode_message(payload(fields), None)
    assert account_in(fields) == account_of(topic, state) == account_in_a_capture(fields) == CODE
    assert fields[account_field(number)] == CODE
    if topic in TOPICS:
        assert split_state(state)[1][place_in_state(topic)] == CODE


@pytest.mark.parametrize("number", ["6", "7"])
def test_what_waits_for_a_download_finds_the_account_in_the_same_place(number: str) -> None:
    received = Received()
    arrivals = received.watch(CODE)
    received.take([payload(SAID[number])], 1.0, 5)
    received.settle()
    assert (arrivals.messages, arrivals.last) == (1, 5)


def test_what_is_about_no_account_has_no_field_of_one() -> None:
    for number in set(LAYOUTS) - set(SAID):
        with pytest.raises(LookupError):
            account_field(number)
    with pytest.raises(LookupError):
        account_field("999")


@pytest.mark.parametrize("number", LAYOUTS)
def test_a_topic_says_what_its_states_leave_out(number: str) -> None:
    layout = LAYOUTS[number]
    if not layout.topic:
        assert (layout.constants, layout.prefix) == ((), b"")
        return
    assert layout.prefix == b"\0".join(field.encode() for field in layout.constants) + b"\0"
    assert layout.constants[0] == number
    assert len(layout.constants) == 2
    assert Decimal(layout.constants[1]) > 0
