"""Which accounts an event names and is about, and what somebody is shown who may see some accounts only."""

import json
from base64 import b64encode
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ibapi.contract import Contract
from ibapi.decoder import Decoder
from ibapi.execution import Execution
from ibapi.order import Order
from ibapi.order_state import OrderState
from ibapi.orderdecoder import OrderDecoder
from ibapi.wrapper import EWrapper

from ibconnect.events.accounts import Sight, account_in, account_of, names, plain_part
from ibconnect.events.codec import encode_message
from ibconnect.events.layouts import LAYOUTS, account_field
from ibconnect.projections.accounts.download import Messages, parse
from ibconnect.projections.accounts.facts import Downloaded
from tests.messages import ORDER, completed_order, fill, open_order

Event = tuple[str, bytes]
ABOUT_ONE = {number: layout for number, layout in LAYOUTS.items() if layout.account is not None}


def sent(*fields: str, encoding: str = "utf-8", timed: bool = False) -> Event:
    """The event that a message of the gateway becomes."""
    return encode_message("".join(f"{field}\0" for field in fields).encode(encoding), 5 if timed else None)


def own(topic: str, **facts: object) -> Event:
    """An event of our own."""
    return topic, orjson.dumps({"t": 5, **facts})


POSITION = ["265598", "AAPL", "STK", "", "0", "0", "", "NASDAQ", "USD", "AAPL", "NMS", "100", "1", "1", "1", "1", "1"]

ABOUT = [
    (sent("6", "2", "Cushion", "1", "", "DU1"), "DU1"),
    (sent("6", "2", "Cushion", "1", "", "DU1", "new"), "DU1"),
    (sent("7", "8", *POSITION, "DU2"), "DU2"),
    (sent("54", "1", "DU3", timed=True), "DU3"),
    (sent("73", "1", "5", "DU4", "", "Cushion", "1", "", timed=True), "DU4"),
    (sent("71", "1", "5", "DU4", *POSITION[:11], "10", "9.25", "Model"), "DU4"),
    (sent("63", "1", "5", "DU4", "Cushion", "1", ""), "DU4"),
    (sent("61", "3", "DU5", "1"), "DU5"),
    (sent(*fill("DU6")), "DU6"),
    (sent(*open_order("DU7")), "DU7"),
    (sent(*completed_order("DU8")), "DU8"),
    (own("as", account="DU9", source="updates"), "DU9"),
    (own("ac", account="DU9", ended="quiet"), "DU9"),
    (own("qa", report="pnl", request=7, account="DU9"), "DU9"),
    (own("qa", report="pnl", request=8, account="DU9", contract=265598), "DU9"),
]
NOT_ABOUT = [
    sent("61", "3"),
    sent("61", "2", "DU5", "1"),
    sent("6", "2", "too few", "DU1"),
    sent("6", "3", "Cushion", "1", "", "DU1"),
    sent("5", "34", *open_order("DU7")[1:]),
    sent(*fill("DU6")[:16]),
    sent("15", "1", "DU1"),
    sent("8", "1", "10:00"),
    sent("4", "2", "1", "321", "DU1", ""),
    sent("99", "DU1"),
    sent("6", "2", "Cushion", "\xe9", "", "DU1", encoding="latin-1"),
    own("rs", created=1, trigger="start", accounts=["DU1"]),
    own("re", created=1, outcome="partial", missing={"DU1": "321"}),
    own("so", gateway="DU1"),
    own("as"),
    own("qa", report="pnl", request=7),
    ("as", b"not JSON"),
    ("m", b"{}"),
    ("of tomorrow", b'{"t":1,"account":"DU1"}'),
]


@pytest.mark.parametrize(("event", "account"), ABOUT)
def test_the_account_that_an_event_is_about(event: Event, account: str) -> None:
    assert account_of(*event) == account
    assert names(*event, account)


@pytest.mark.parametrize("event", NOT_ABOUT)
def test_an_event_of_another_layout_or_about_several_is_about_none(event: Event) -> None:
    assert account_of(*event) is None


@pytest.mark.parametrize(
    ("event", "named", "unnamed"),
    [
        (sent("15", "1", "DU1, DU2,,DU3,"), ["DU1", "DU2", "DU3"], ["DU", "", "DU1, DU2"]),
        (sent("6", "2", "Cushion", "1", "", "DU1"), ["DU1"], ["DU11", "U1", "Cush"]),
        (sent("4", "2", "1", "321", "Invalid code 'DU1', use DU2.", ""), ["DU1", "DU2"], ["DU", "U1", "DU11"]),
        (sent("4", "7", "321", "not ACC 1/A", "", "1700000000000"), ["ACC 1/A", "ACC 1"], ["CC 1/A"]),
        (sent("4", "2", "7", "201", "refused", '{"account":"DU1"}'), ["DU1"], ["DU"]),
        (sent("4", "2", "-1", "2104", "DU1_backup, xDU2"), [], ["DU1", "DU2"]),
        (sent("4", "2", "-1", "2104", "DU1-A or .DU2.B- (DU3-)"), ["DU1-A", "DU2.B", "DU3"], ["DU1", "DU2", "A", "B"]),
        (sent("16", "1", "3", "<account>DU1</account><alias>Anna</alias>"), ["DU1", "Anna"], ["DU"]),
        (sent("78", "2", "DU1", "", "DU2", "F1"), ["DU1", "DU2"], ["DU3"]),
        (sent(*fill("DU1", reference="DU2")), ["DU1", "DU2"], ["DU3"]),
        (sent(*open_order("DU1"), "", "DU2"), ["DU1", "DU2"], ["DU3"]),
        (sent("61", "2", "DU5", "1"), ["DU5"], ["DU"]),
        (sent("6", "2", "too few", "DU1"), ["DU1"], ["too"]),
        (sent("99", "DU1"), ["DU1"], []),
        (sent("6", "2", "Cushion", "1", "", "Zoë"), ["Zoë"], ["Zo"]),
        (sent("6", "2", "Cushion", "1", "", r"Zo\u00eb"), ["Zoë", r"Zo\u00eb"], ["Zo"]),
        (sent("15", "1", r"DU1,Zo\u00eb"), ["Zoë", "DU1"], ["Zo"]),
        (sent(*fill("DU1", reference="Müller"), encoding="latin-1"), ["DU1"], ["DU2"]),
        (("x", orjson.dumps([b64encode(b"DU1").decode()])), [], ["DU1"]),
        (own("ac", account="DU1", ended="quiet"), ["DU1"], ["quiet"]),
        (own("rs", created=1, trigger="start", accounts=["DU1", "DU2"]), ["DU1", "DU2"], ["start"]),
        (own("re", created=1, outcome="partial", missing={"DU1": "321"}), ["DU1"], ["321", "partial"]),
        (own("so", gateway="here:1"), [], ["here:1"]),
        (("m", b"[]"), [], ["DU1"]),
        (("m", b'["61","3","DU1"'), ["DU1"], ["DU2"]),
    ],
)
def test_events_name_accounts_as_whole_fields_or_words(event: Event, named: list[str], unnamed: list[str]) -> None:
    assert [account for account in named if not names(*event, account)] == []
    assert [account for account in unnamed if names(*event, account)] == []


def escaped(text: str) -> str:
    """Text as a server from version 153 on sends it."""
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)


FIELD = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["DU1", "DU2", '"', "\\", r"\u00e9", "ACC 1"]),
)
CODE = st.one_of(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", fullmatch=True),
    st.text(st.characters(exclude_characters="\0,", exclude_categories=["Cs"]), min_size=1, max_size=9),
)


@given(st.sampled_from(sorted(ABOUT_ONE)), CODE, st.lists(FIELD, max_size=5), st.booleans(), st.booleans())
def test_what_postgres_looks_for_stands_in_every_state_that_names_the_account(
    number: str, code: str, more: list[str], timed: bool, is_escaped: bool
) -> None:
    layout, at = ABOUT_ONE[number], account_field(number)
    fields = [number, *["0"] * max(at, layout.mark)]
    fields[layout.mark] = min(layout.marks)
    fields[at] = escaped(code) if is_escaped else code
    topic, state = sent(*fields, *more, timed=timed)
    assert account_in([*fields, *more]) == account_of(topic, state) == fields[at]
    assert names(topic, state, code)
    assert plain_part(code) in state


@given(st.text(max_size=3).filter(lambda text: text not in ABOUT_ONE), st.lists(FIELD, max_size=25))
def test_a_message_without_a_place_is_about_nobody(number: str, fields: list[str]) -> None:
    assert account_in([number, *fields]) is None
    assert account_in([]) is None


def test_the_marks_of_orders_are_their_actions() -> None:
    assert open_order("DU1")[LAYOUTS["5"].mark] == completed_order("DU1")[LAYOUTS["101"].mark] == ORDER[0]


@pytest.mark.parametrize(("event", "account"), ABOUT)
def test_a_sight_shows_what_is_about_its_accounts_alone(event: Event, account: str) -> None:
    known = [f"DU{number}" for number in range(1, 12)]
    assert Sight(frozenset({account}), frozenset({account}), known).shows(*event)
    assert not Sight(frozenset({"DU11"}), frozenset({"DU11"}), known).shows(*event)
    both = frozenset({account, "DU11"})
    assert Sight(both, frozenset({account}), known).shows(*event)
    assert not Sight(both, frozenset({"DU11"}), known).shows(*event)


@pytest.mark.parametrize("event", NOT_ABOUT)
def test_a_sight_never_shows_what_may_name_several(event: Event) -> None:
    everybody = frozenset({"DU1", "DU5", "DU6", "DU7"})
    assert not Sight(everybody, everybody, ()).shows(*event)


@pytest.mark.parametrize(
    ("text", "is_shown"),
    [
        ("DU1", True),
        ("DU22", True),
        ("hedge of DU1", True),
        ("DU2", False),
        ("hedge of DU2", False),
        ("x_DU2", False),
        ('"DU2"', False),
        ("\nDU2", False),
        ("DU2\\", False),
        (r"\u0044U2", False),
        ("Group/1", False),
        ("of Group/1.", False),
        ("Zoë", False),
        (r"an Zo\u00eb", False),
    ],
)
def test_a_sight_hides_what_holds_the_code_of_another(text: str, is_shown: bool) -> None:
    sight = Sight(frozenset({"DU1"}), frozenset({"DU1"}), ["DU1", "DU2", "Group/1", "Zoë"])
    assert sight.shows(*sent(*fill("DU1", reference=text))) is is_shown
    assert sight.shows(*own("ac", account="DU1", ended="rejected", detail=text)) is is_shown


def test_a_code_within_a_longer_one_is_not_that_of_another() -> None:
    sight = Sight(frozenset({"DU1-A"}), frozenset({"DU1-A"}), ["DU1", "DU1-A", "DU1-B", "A"])
    assert sight.shows(*sent(*fill("DU1-A")))
    assert sight.shows(*sent("54", "1", "DU1-A"))
    for other in ("DU1", "DU1-B", "DU1-AB", "A"):
        assert not sight.shows(*sent(*fill("DU1-A", reference=other)))


def test_a_sight_learns_of_accounts_as_they_are_listed() -> None:
    sight = Sight(frozenset({"DU1"}), frozenset({"DU1"}), ["DU1"])
    event = sent(*fill("DU1", reference="DU2"))
    assert sight.shows(*event)
    sight.learn(b"not JSON")
    sight.learn(sent("15", "1", "DU1, DU2,", timed=True)[1])
    assert not sight.shows(*event)
    assert sight.shows(*sent(*fill("DU1")))


_ORDER = ("Action", "TotalQuantity", "OrderType", "LmtPrice", "AuxPrice", "TIF", "OcaGroup", "Account")
_STEPS = ("ContractFields", *_ORDER)


class _Told(EWrapper):  # type: ignore[misc]
    """Keeps the account of each fill that the official client decodes."""

    def __init__(self) -> None:
        super().__init__()
        self.accounts: list[str] = []

    def execDetails(self, reqId: int, contract: Contract, execution: Execution) -> None:  # noqa: N802, N803
        self.accounts.append(execution.acctNumber)


@pytest.mark.parametrize("version", [157, 178, 200])
def test_the_places_are_those_of_the_official_client(version: int) -> None:
    told = _Told()
    execution = [*fill("DU1"), "submitter"]
    Decoder(told, version).processExecutionDataMsg(iter([field.encode() for field in execution[1:]]))
    assert told.accounts == ["DU1"]
    for fields, steps in ((open_order("DU1"), ("OrderId", *_STEPS)), (completed_order("DU1"), _STEPS)):
        order, rest = Order(), iter([field.encode() for field in fields[1:]])
        decoder = OrderDecoder(Contract(), order, OrderState(), version, version)
        for step in steps:
            getattr(decoder, f"decode{step}")(rest)
        assert (order.account, order.action) == ("DU1", "BUY")


def downloaded(account: str, source: str) -> Downloaded:
    return Downloaded(UUID(int=1), 1, 99, account, source, "7", "8", 1, "gateway", 0, 0, "download-end")


SHORT = st.sampled_from(["1", "2", "7", "8", "", "DU1", "DU2", "Cushion", "USD"])
VALUE_FIELDS = st.tuples(st.sampled_from(["1", "2", "3"]), *[SHORT] * 3, st.sampled_from(["DU1", "DU2", ""]))
MULTI_VALUE = st.tuples(
    st.sampled_from(["1", "2"]), st.sampled_from(["7", "8"]), st.sampled_from(["DU1", "DU2"]), SHORT
)


@given(st.lists(VALUE_FIELDS | MULTI_VALUE, max_size=8), st.sampled_from(["DU1", "DU2"]), st.booleans())
def test_the_projection_counts_to_an_account_what_is_about_it_and_nothing_else(
    rows: list[tuple[str, ...]], account: str, is_multi: bool
) -> None:
    """Whoever may see the account is shown, of its messages, exactly those that its reports are made of."""
    events = []
    for number, row in enumerate(rows):
        key = f"Key{number}"
        fields = ("73", *row, key, "1", "USD") if len(row) == 4 else ("6", row[0], key, *row[2:])
        events.append((key, sent(*fields)))
    topics = ("m",) if is_multi else ("v",)
    states = b",".join(state for _, (topic, state) in events if topic in topics) or None
    messages = Messages(None, None, states) if is_multi else Messages(states, None, None)
    found = parse(messages, downloaded(account, "multi" if is_multi else "updates"))
    counted = {key for part in (found, *found.models.values()) for key in part.values.keys}
    about = {key for key, (topic, state) in events if topic in topics and account_of(topic, state) == account}
    asked = {f"Key{number}" for number, row in enumerate(rows) if len(row) == 5 or row[1] == "7"}
    wanted = {key for key in about & asked if is_multi == (len(rows[int(key[3:])]) == 4)}
    assert counted == wanted
