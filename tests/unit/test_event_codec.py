"""The law of the recorder at its narrowest place: what is stored turns back into what was sent, byte for byte."""

import json
from collections.abc import Iterator

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import resolve_topic
from hypothesis import given
from hypothesis import strategies as st
from uuid_utils.compat import uuid7

from ibconnect.errors import EventError, UnknownTopic
from ibconnect.events.codec import RUN_STARTS, encode_message, encode_run, fields_of, is_malformed, payload_of
from ibconnect.events.copy_format import Row, decode_rows, encode_row, encode_rows
from ibconnect.events.layouts import LAYOUTS
from ibconnect.events.mapper import EventMapper
from ibconnect.events.types import TYPES, AccountValueUpdated, MessageReceived, SessionOpened, class_of
from tests.paths import CAPTURES

FIELD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
WIRE_TEXT = st.one_of(
    FIELD,
    st.sampled_from(
        ["", "0.00", "-0.50", "7421167.7441", "1.7976931348623157E308", "62.6", '"', "\\", "\\u00e9", "\t", "é"]
    ),
)
KNOWN_START = st.sampled_from([list(layout.constants) for layout in LAYOUTS.values() if layout.topic])
NUMBER = st.one_of(st.sampled_from(["2", "-1", "0", "321", "00", "-0", "+1", "9" * 19]), st.integers().map(str))
NOTICE_FIELD = st.one_of(NUMBER, WIRE_TEXT)
# Notices of both layouts, and what could be taken for either.
NOTICE = st.lists(NOTICE_FIELD, min_size=3, max_size=8).map(lambda rest: ["4", *rest])
MESSAGE = st.one_of(
    st.lists(WIRE_TEXT, min_size=1, max_size=25),
    st.builds(lambda start, rest: start + rest, KNOWN_START, st.lists(WIRE_TEXT, max_size=25)),
    NOTICE,
)


def payload(fields: list[str]) -> bytes:
    return "".join(f"{field}\0" for field in fields).encode()


def captured() -> Iterator[list[str]]:
    for path in sorted(CAPTURES.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


@given(MESSAGE, st.one_of(st.none(), st.integers(0, 2**53)))
def test_any_message_comes_back_field_for_field(fields: list[str], arrived: int | None) -> None:
    topic, state = encode_message(payload(fields), arrived)
    assert fields_of(topic, state) == fields
    assert payload_of(topic, state) == payload(fields)


@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(0, 2**53)))
def test_any_bytes_come_back(data: bytes, arrived: int | None) -> None:
    topic, state = encode_message(data, arrived)
    assert payload_of(topic, state) == data
    stated = json.loads(state)
    assert (stated[0] == arrived) if arrived is not None else isinstance(stated[0], str)


PLAIN = st.text(st.characters(codec="ascii", exclude_characters='"\\', min_codepoint=32, max_codepoint=127), max_size=9)
ACCOUNT_DATA = st.one_of(
    st.builds(lambda rest: ["6", "2", *rest], st.lists(PLAIN, min_size=4, max_size=6)),
    st.builds(lambda rest: ["7", "8", *rest], st.lists(PLAIN, min_size=18, max_size=19)),
    st.builds(lambda text: ["8", "1", text], PLAIN),
)


@given(st.lists(ACCOUNT_DATA, max_size=8), st.one_of(st.none(), st.integers(0, 2**53)), st.integers(1, 2**40))
def test_a_run_is_encoded_as_its_messages_are_one_by_one(
    messages: list[list[str]], arrived: int | None, version: int
) -> None:
    payloads = [payload(fields) for fields in messages]
    singly = [encode_message(each, None if number else arrived) for number, each in enumerate(payloads)]
    assert encode_run(payloads, arrived) == singly
    session = uuid7().bytes
    rows = [encode_row(session, version + n, topic.encode(), state) for n, (topic, state) in enumerate(singly)]
    assert encode_rows(session, version, singly) == b"".join(rows)


@given(st.lists(ACCOUNT_DATA.map(payload), max_size=3), st.one_of(MESSAGE.map(payload), st.binary(max_size=60)))
def test_a_run_with_any_other_message_in_it_is_refused_or_right(plain: list[bytes], other: bytes) -> None:
    for payloads in ([*plain, other], [other, *plain]):
        run = encode_run(payloads, None)
        assert run is None or run == [encode_message(each, None) for each in payloads]


def test_captured_account_data_makes_runs() -> None:
    payloads = [payload(fields) for fields in captured()]
    run = [each for each in payloads if each.startswith(RUN_STARTS)]
    assert len(run) > 700
    assert encode_run(run, None) == [encode_message(each, None) for each in run]
    assert encode_run(payloads, None) is None


def test_every_captured_message_comes_back_and_has_the_layout_of_its_id() -> None:
    messages = list(captured())
    assert len(messages) > 800
    for fields in messages:
        topic, state = encode_message(payload(fields), None)
        assert fields_of(topic, state) == fields
        assert not is_malformed(topic, payload(fields))


def test_state_is_compact_json_with_the_wire_text_verbatim() -> None:
    message = payload(["6", "2", "NetLiquidation", "7421167.7441", "EUR", "DU0000001"])
    assert encode_message(message, 1_398_140_645_776_394) == (
        "v",
        b'[1398140645776394,"NetLiquidation","7421167.7441","EUR","DU0000001"]',
    )
    assert encode_message(message, None)[1] == b'["NetLiquidation","7421167.7441","EUR","DU0000001"]'


def test_an_odd_layout_is_kept_whole_and_known_as_odd() -> None:
    short = payload(["54", "1"])
    assert encode_message(short, None) == ("m", b'["54","1"]')
    assert is_malformed("m", short)
    other_version = payload(["6", "3", "Key", "1", "EUR", "DU1"])
    assert encode_message(other_version, None)[0] == "m"


TOPICS = {
    "v": "AccountValueUpdated",
    "p": "PortfolioUpdated",
    "t": "AccountTimeUpdated",
    "a": "AccountsListed",
    "d": "AccountDownloadEnded",
    "n": "GatewayNotice",
    "m": "MessageReceived",
    "x": "FrameReceived",
    "so": "SessionOpened",
    "sc": "SessionClosed",
    "rs": "RefreshStarted",
    "as": "AccountSubscribed",
    "ac": "AccountConcluded",
    "pr": "PositionsRequested",
    "qa": "QuestionAsked",
    "re": "RefreshEnded",
    "df": "DecodeFailed",
    "ri": "RecordingInterrupted",
    "sb": "StatementBegan",
    "sp": "StatementPart",
    "se": "StatementEnded",
}


def test_topics_are_the_golden_ones() -> None:
    """Stored topics are data: a change here makes recorded events unreadable."""
    assert {topic: kind.__name__ for topic, kind in TYPES.items()} == TOPICS
    for topic in TOPICS:
        assert resolve_topic(topic) is TYPES[topic]


def test_the_mapper_gives_back_events_of_both_sorts() -> None:
    session = uuid7()
    value = AccountValueUpdated(
        originator_id=session, originator_version=2, arrived=5, fields=("6", "2", "Cushion", "1", "", "DU1")
    )
    opened = SessionOpened(
        originator_id=session,
        originator_version=1,
        arrived=4,
        gateway="127.0.0.1:4002",
        client_id=5555,
        server_version="178",
        connection_time="20250425 15:23:54 EST",
        instance="a",
        software="ibconnect",
    )
    mapper = EventMapper()
    for event in (value, opened):
        assert mapper.to_domain_event(mapper.to_stored_event(event)) == event


def test_unknown_topics_and_broken_states_are_named() -> None:
    mapper, session = EventMapper(), uuid7()
    with pytest.raises(UnknownTopic, match="'zz'"):
        class_of("zz")
    with pytest.raises(EventError, match="not JSON"):
        mapper.to_domain_event(StoredEvent(session, 1, "v", b"{"))
    with pytest.raises(EventError, match="SessionClosed"):
        mapper.to_domain_event(StoredEvent(session, 1, "sc", b"[]"))


@given(
    st.lists(
        st.builds(
            Row,
            st.binary(min_size=16, max_size=16),
            st.integers(1, 2**40),
            st.sampled_from([b"v", b"so"]),
            st.binary(max_size=50),
        )
    )
)
def test_rows_come_back_and_a_cut_is_noticed(rows: list[Row]) -> None:
    data = b"".join(encode_row(*row) for row in rows)
    assert list(decode_rows(data)) == rows
    if data:
        with pytest.raises(EventError):
            list(decode_rows(data[:-1] if rows[-1].state or rows[-1].topic else data + b"x"))


def test_generic_messages_keep_id_and_version() -> None:
    topic, state = encode_message(payload(["9", "1", "17"]), None)
    assert TYPES[topic] is MessageReceived
    assert state == b'["9","1","17"]'
