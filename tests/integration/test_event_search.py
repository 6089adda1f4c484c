"""Searching recorded events, by HTTP and on the command line alike: exact for every account, filter, span and token.

Each example adds random messages of several accounts, of several sessions at once, to one store, and asks only for what
is behind the former ones. What should be found is worked out here, message by message, by a rule of its own.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

import orjson
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ibconnect.events.codec import encode_message
from ibconnect.events.reader import Reader
from ibconnect.events.selection import Wanted
from ibconnect.http.server.parameters import EVENT_TYPES
from tests.messages import completed_order, fill, open_order
from tests.projecting import START, Stream, position, project, record, value
from tests.serving import Served, rfc3339, serving

CODES = ("DU1", "DU11", "U1", "DU1-A", "DU2", "F9000017")
TOKENS_OF = {frozenset(CODES[:1]): "token-of-du1-0123456789", frozenset(CODES[2:5]): "token-of-three-0123456789"}
FULL = "token-of-everybody-0123456789"
TOKENS = " ".join([FULL, *(f"{token}@{','.join(sorted(codes))}" for codes, token in TOKENS_OF.items())])
EXAMPLES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Said:
    """A message: its fields, or topic and state of what is no message; whom it names, and whom it is about."""

    fields: tuple[str, ...]
    named: frozenset[str]
    about: str | None = None
    topic: str = ""
    facts: tuple[tuple[str, object], ...] = ()
    state: bytes = b""


def one(make: Callable[[str], tuple[str, ...]], *, is_about: bool = True) -> st.SearchStrategy[Said]:
    """A message that names one account."""
    return CODE.map(lambda code: Said(make(code), frozenset({code}), code if is_about else None))


def frame(code: str) -> Said:
    """A fill with a text that is not UTF-8, and so kept in base64."""
    payload = "".join(f"{field}\0" for field in fill(code, reference="Müller")).encode("latin-1")
    topic, state = encode_message(payload, None)
    return Said((), frozenset({code}), None, topic, (), state)


def ours(topic: str, facts: Callable[[str], dict[str, object]]) -> st.SearchStrategy[Said]:
    """Something that we did for one account."""
    return CODE.map(lambda code: Said((), frozenset({code}), code, topic, tuple(facts(code).items())))


CODE = st.sampled_from(CODES)
SEVERAL = st.lists(CODE, unique=True, max_size=4)
NOBODY = st.sampled_from(
    [("8", "1", "10:00"), ("9", "1", "7"), ("59", "1", "0000e0d5", "1.0"), ("4", "2", "-1", "2104", "OK:usfarm", "")]
)
SAID = st.one_of(
    one(lambda code: value("NetLiquidation", "1.50", "USD", code)),
    one(lambda code: tuple(position(265598, account=code))),
    one(lambda code: ("54", "1", code)),
    one(lambda code: ("61", "3", code, "265598", "AAPL", "STK")),
    one(lambda code: ("63", "1", "9", code, "Cushion", "1", "")),
    one(lambda code: ("71", "1", "9", code, "265598", "AAPL")),
    one(lambda code: ("73", "1", "9", code, "", "Cushion", "1", "")),
    one(fill),
    one(open_order),
    one(completed_order),
    one(lambda code: ("5", "34", *open_order(code)[1:]), is_about=False),
    one(lambda code: ("6", "2", "too few", code), is_about=False),
    one(lambda code: ("99", "1", code), is_about=False),
    one(lambda code: ("4", "2", "7", "321", f"Invalid account code '{code}'.", ""), is_about=False),
    one(lambda code: ("16", "1", "3", f"<account>{code}</account>"), is_about=False),
    st.tuples(CODE, CODE).map(lambda two: Said(fill(two[0], reference=two[1]), frozenset(two), two[0])),
    CODE.map(frame),
    SEVERAL.map(lambda codes: Said(("15", "1", ", ".join(codes)), frozenset(codes))),
    SEVERAL.map(lambda codes: Said((), frozenset(codes), None, "rs", (("created", 1), ("accounts", codes)))),
    SEVERAL.map(lambda codes: Said((), frozenset(codes), None, "re", (("missing", dict.fromkeys(codes, "321")),))),
    ours("as", lambda code: {"account": code, "source": "updates"}),
    ours("ac", lambda code: {"account": code, "ended": "quiet"}),
    st.sampled_from(
        [("8", "1", "10:00"), ("9", "1", "7"), ("59", "1", "0000e0d5", "1.0"), ("4", "2", "1", "1", "")]
    ).map(lambda fields: Said(fields, frozenset())),
)


@dataclass(frozen=True)
class Recorded:
    """What an example stored: where, when it arrived, and what it says."""

    position: int
    arrived: int
    event: StoredEvent
    said: Said

    def is_shown_to(self, allowed: frozenset[str]) -> bool:
        """Whether somebody who may see these accounts only may see it."""
        return self.said.about in allowed and self.said.named <= allowed


Example = list[tuple[Said, int, bool]]
MESSAGES: st.SearchStrategy[Example] = st.lists(st.tuples(SAID, st.integers(0, 2), st.booleans()), max_size=40)


class Store:
    """The store of all examples, and a server of it."""

    def __init__(self, url: str, served: Served) -> None:
        self.url = url
        self.served = served
        self.position = 0

    def add(self, example: Example) -> list[Recorded]:
        """Store the messages of an example, each in one of three sessions, with a time of its own or without."""
        with Reader(self.url) as reader:
            self.position = reader.head()
        streams = [Stream(at=START + number * 7) for number in range(3)]
        added: list[Recorded] = [
            Recorded(self.position + number, stream.at, stream.events[0], Said((), frozenset()))
            for number, stream in enumerate(streams, 1)
        ]
        times = [stream.at for stream in streams]
        for said, which, timed in example:
            stream = streams[which]
            if said.state:
                event, is_timed = stream.add(said.topic, said.state), False
            elif said.topic:
                event, is_timed = stream.own(said.topic, **dict(said.facts)), True
            else:
                event, is_timed = stream.message(*said.fields, timed=timed), timed
            times[which] = stream.at if is_timed else times[which]
            added.append(Recorded(added[-1].position + 1, times[which], event, said))
        record(self.url, [each.event for each in added])
        return added

    async def ask(self, query: str, token: str = FULL) -> bytes:
        """The answer to a search behind the former examples."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self.served.get(f"/v1/events?after={self.position}{query}", headers=headers) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def found(self, query: str, token: str = FULL) -> "Found":
        """Position, session and time of what is found."""
        lines = [orjson.loads(line) for line in (await self.ask(query, token)).splitlines()]
        return [(line["Position"], line["Session"], line["Timestamp"]) for line in lines]


Found = list[tuple[int, str, str]]


def as_found(recorded: Iterable[Recorded]) -> Found:
    """What a search for just these should find."""
    return [(each.position, str(each.event.originator_id), rfc3339(each.arrived)) for each in recorded]


@pytest.fixture
async def store(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store in which the accounts are known, read in pages so small that every example has several."""
    for page in ("http.resources.event_scan.EVENTS_PAGE", "events.reader.PAGE"):
        monkeypatch.setattr(f"ibconnect.{page}", 4)
    for most in ("http.resources.event_scan.EVENTS_SCANNED", "events.reader._MOST"):
        monkeypatch.setattr(f"ibconnect.{most}", 16)
    monkeypatch.setattr("ibconnect.events.selection._SPARSE", 0.8)
    stream = Stream()
    stream.message("15", "1", ",".join(CODES), timed=True)
    record(database_url, stream.events)
    project(database_url)
    async with serving(database_url, API_TOKENS=TOKENS) as served:
        yield Store(database_url, served)


def read(store: Store, wanted: Wanted) -> Found:
    """What the command line's reader finds."""
    with Reader(store.url) as reader:
        events = [stored for page in reader.pages(wanted) for stored in page.events]
    return [(event.position, str(UUID(bytes=event.session)), rfc3339(event.arrived)) for event in events]


@EXAMPLES
@given(example=MESSAGES)
async def test_for_each_account_just_the_events_that_name_it(store: Store, example: Example) -> None:
    recorded = store.add(example)
    for code in CODES:
        naming = as_found(each for each in recorded if code in each.said.named)
        assert await store.found(f"&account={code}") == naming
        assert read(store, Wanted(account=code, after=store.position)) == naming


@EXAMPLES
@given(example=MESSAGES)
async def test_a_limited_token_sees_what_is_about_its_accounts_and_no_code_of_others(
    store: Store, example: Example
) -> None:
    recorded = store.add(example)
    for allowed, token in TOKENS_OF.items():
        shown = [each for each in recorded if each.is_shown_to(allowed)]
        assert await store.found("", token) == as_found(shown)
        words = set(re.findall(r"[\w-]+", (await store.ask("", token)).decode()))
        assert words.isdisjoint(set(CODES) - allowed)
        for code in allowed:
            about = as_found(each for each in shown if each.said.about == code)
            assert await store.found(f"&account={code}", token) == about


KINDS = st.none() | st.lists(st.sampled_from(sorted(EVENT_TYPES)), min_size=1, max_size=3, unique=True)
# Types, an account, and which of the sessions.
FILTERS = st.tuples(KINDS, st.none() | CODE, st.none() | st.integers(0, 2))


@EXAMPLES
@given(example=MESSAGES, filters=FILTERS, data=st.data())
async def test_filters_hold_together(
    store: Store, example: Example, filters: tuple[list[str] | None, str | None, int | None], data: st.DataObject
) -> None:
    kinds, code, which = filters
    recorded = store.add(example)
    low, high = sorted(data.draw(st.lists(st.sampled_from(recorded), min_size=2, max_size=2), "span"), key=arrival)
    limit = data.draw(st.integers(1, 10), "limit")
    if data.draw(st.booleans(), "whether the tables know of the sessions"):
        project(store.url)
    topics = None if kinds is None else frozenset(EVENT_TYPES[kind] for kind in kinds)
    session = None if which is None else recorded[which].event.originator_id
    expected = as_found(
        each
        for each in recorded
        if (topics is None or each.event.topic in topics)
        and (code is None or code in each.said.named)
        and (session is None or each.event.originator_id == session)
        and low.arrived <= each.arrived <= high.arrived
    )
    query = f"&from={rfc3339(low.arrived)}&to={rfc3339(high.arrived)}"
    query += f"&type={','.join(kinds)}" if kinds else ""
    query += f"&account={code}" if code else ""
    query += f"&session={session}" if session else ""
    assert await store.found(query) == expected
    assert await store.found(f"{query}&limit={limit}") == expected[:limit]
    wanted = Wanted(session, None, topics, code, low.arrived, high.arrived, store.position)
    assert read(store, wanted) == expected


def arrival(recorded: Recorded) -> int:
    """When it arrived."""
    return recorded.arrived
