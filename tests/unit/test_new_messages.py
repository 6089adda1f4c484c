"""The law of the recorder, and whose a message is, over all that orders, executions, profits, contracts and names are
made of, in every server version from 157 to 200; and over notices in both of their layouts."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import uuid4

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibconnect.events.accounts import Sight, account_of, names
from ibconnect.events.codec import encode_message, fields_of, is_malformed, payload_of
from ibconnect.events.layouts import NOTICE, is_timed, with_version
from ibconnect.events.lines import line
from ibconnect.events.selection import Stored
from ibconnect.gateway.transport import NOTICE as NOTICE_NUMBER
from ibconnect.simulator.wire.details import BOND_DETAILS, CONTRACT_DETAILS
from ibconnect.simulator.wire.layout import Layout
from ibconnect.simulator.wire.layouts import COMPLETED_ORDER, EXECUTION, OPEN_ORDER, ORDER_STATUS
from ibconnect.simulator.wire.messages import for_version

VERSIONS = st.integers(157, 200)
ACTIONS = ("BUY", "SELL", "SSHORT", "SLONG")

# Each with the field that is the account, and what else must be said for a message to be one.
OF_AN_ACCOUNT: Mapping[str, tuple[Layout, str]] = {
    "5": (OPEN_ORDER, "account"),
    "11": (EXECUTION, "acctNumber"),
    "101": (COMPLETED_ORDER, "account"),
}
OF_NONE: Mapping[str, Layout] = {"3": ORDER_STATUS, "10": CONTRACT_DETAILS, "18": BOND_DETAILS}
# Those that have had one layout since 157: with what they say.
PLAIN: Mapping[str, Sequence[str]] = {
    "16": ("1", "3", '<?xml version="1.0"?><ListOfAccountAliases><AccountAlias><account>DU1</account></AccountAlias>'),
    "52": ("1", "7"),
    "53": ("1",),
    "55": ("1", "7"),
    "59": ("1", "0000e0d5.6553b0a1.01.01", "1.0", "USD", "1.7976931348623157E308", "1.7976931348623157E308", ""),
    "78": ("2", "DU1", "F1", "DU2", "F1"),
    "94": ("7", "-0.00", "1.7976931348623157E308", "1.0E7"),
    "95": ("7", "-0.5", "-0.00", "1.7976931348623157E308", "1.0E7", "12"),
    "102": (),
    "107": ("7", ""),
}

TEXT = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["", "-0.00", "1.0E7", "1.7976931348623157E308", '"', "\\", r"Zo\u00eb", "DU2", "2147483647"]),
)
ARRIVED = st.one_of(st.none(), st.integers(0, 2**53))


def payload(fields: Sequence[str]) -> bytes:
    return "".join(f"{field}\0" for field in fields).encode()


def keeps(fields: Sequence[str], arrived: int | None) -> tuple[str, bytes]:
    """The stored event, which gives the message back in all ways in which it is read."""
    sent = payload(fields)
    topic, state = encode_message(sent, arrived)
    assert payload_of(topic, state) == sent
    assert fields_of(topic, state) == list(fields)
    assert not is_malformed(topic, sent)
    stored = Stored(1, uuid4().bytes, 2, topic, 5, state)
    assert orjson.loads(line(stored, b"s", b"t"))["Message"] == list(fields)
    return topic, state


def message(layout: Layout, version: int, said: Mapping[str, str]) -> list[str]:
    return list(layout.encode(version, said))


def test_every_new_message_is_tried() -> None:
    tried = {*OF_AN_ACCOUNT, *OF_NONE, *PLAIN}
    assert tried == {"3", "5", "10", "11", "16", "18", "52", "53", "55", "59", "78", "94", "95", "101", "102", "107"}


@given(st.sampled_from(sorted(OF_AN_ACCOUNT)), VERSIONS, st.sampled_from(ACTIONS), TEXT, ARRIVED)
def test_what_is_of_an_account_comes_back_and_is_found_and_shown_by_it(
    number: str, version: int, action: str, text: str, arrived: int | None
) -> None:
    layout, account = OF_AN_ACCOUNT[number]
    event = keeps(message(layout, version, {account: "DU1", "action": action, "orderRef": text}), arrived)
    assert account_of(*event) == "DU1"
    assert names(*event, "DU1")
    known = ("DU1", "DU2", "DU3")
    assert Sight(frozenset({"DU1"}), frozenset({"DU1"}), known).shows(*event) is ("DU2" not in text)
    assert not Sight(frozenset({"DU3"}), frozenset({"DU3"}), known).shows(*event)


@given(
    st.sampled_from(sorted(OF_NONE)), VERSIONS, st.dictionaries(st.sampled_from(["symbol", "status"]), TEXT), ARRIVED
)
def test_what_names_no_account_comes_back_and_is_shown_to_nobody_who_may_see_some_alone(
    number: str, version: int, said: Mapping[str, str], arrived: int | None
) -> None:
    event = keeps(message(OF_NONE[number], version, said), arrived)
    assert account_of(*event) is None
    assert not Sight(frozenset({"DU1"}), frozenset({"DU1"}), ["DU1", "DU2"]).shows(*event)


@given(st.sampled_from(sorted(PLAIN)), ARRIVED, st.lists(TEXT, max_size=3))
def test_what_never_changed_comes_back_and_is_shown_to_nobody_who_may_see_some_alone(
    number: str, arrived: int | None, more: list[str]
) -> None:
    event = keeps([number, *PLAIN[number], *more], arrived)
    assert account_of(*event) is None
    assert not Sight(frozenset({"DU1"}), frozenset({"DU1"}), ["DU1"]).shows(*event)


@pytest.mark.parametrize("number", ["16", "78"])
def test_lists_of_an_advisor_are_found_by_each_account_in_them(number: str) -> None:
    event = keeps([number, *PLAIN[number]], None)
    assert names(*event, "DU1")
    assert not names(*event, "DU")


WORDS = TEXT.filter(lambda text: not text.lstrip("-").isdigit())
SAID = st.tuples(
    st.sampled_from(["-1", "0", "1", "2", "4", "7", "2147483647"]),
    st.sampled_from(["100", "321", "1100", "2100", "2104", "10197"]),
    WORDS,
    WORDS,
)


@given(VERSIONS, SAID, ARRIVED)
def test_a_notice_says_the_same_in_both_layouts(
    version: int, said: tuple[str, str, str, str], arrived: int | None
) -> None:
    fields = list(for_version(["4", "2", *said], version))
    assert is_timed(fields) is (version >= 194)
    topic, _ = keeps(fields, arrived)
    assert topic == NOTICE
    assert with_version(fields)[:5] == [str(NOTICE_NUMBER), "2", *said[:3]]


@given(VERSIONS, st.sampled_from(["-1", "2", "7"]))
def test_the_accounts_in_the_text_of_a_notice_are_found(version: int, request: str) -> None:
    fields = for_version(["4", "2", request, "321", "Invalid account code 'DU1'.", '{"of":"DU2"}'], version)
    event = keeps(list(fields), None)
    assert names(*event, "DU1")
    assert names(*event, "DU2") is (version >= 166)
    assert not names(*event, "DU")
    assert not Sight(frozenset({"DU1"}), frozenset({"DU1"}), ["DU1"]).shows(*event)


def test_the_time_of_a_notice_is_a_number_at_the_end_of_its_state() -> None:
    fields = ["4", "-1", "2104", "OK", "", "1795772393123"]
    assert encode_message(payload(fields), 5) == ("n", b'[5,"-1","2104","OK","",1795772393123]')
    assert encode_message(payload(fields), None) == ("n", b'["-1","2104","OK","",1795772393123]')
    old = ["4", "2", "-1", "2104", "OK", ""]
    assert encode_message(payload(old), None) == ("n", b'["-1","2104","OK",""]')


@pytest.mark.parametrize("time", ["", "-1", "0123", "1.5", "1795772393123 ", "9" * 19])
def test_a_time_that_no_number_gives_back_costs_the_layout_and_nothing_of_the_message(time: str) -> None:
    fields = ["4", "-1", "1100", "lost", "", time]
    topic, state = encode_message(payload(fields), None)
    assert (topic, fields_of(topic, state)) == ("m", fields)
    assert is_malformed(topic, payload(fields))
    # It is heeded all the same.
    assert with_version(fields)[:5] == ["4", "2", "-1", "1100", "lost"]


def test_figures_that_have_no_digits_of_a_float_come_back() -> None:
    """-0.00 and 1.0E7 are kept as IB wrote them, which no number type does."""
    assert str(Decimal("-0.00") + 0) != "-0.00"
    for number in ("94", "95", "59"):
        _, state = keeps([number, *PLAIN[number]], None)
        assert all(f'"{text}"'.encode() in state for text in PLAIN[number])
