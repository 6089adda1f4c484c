"""Events as facts about orders, each connection's by the layouts of its server version.

In: sessions, lists of accounts and the messages 5, 3, 53, 101 and 102, in the order of positions. Out: facts. Called by
the engine. Kept in memory, and with the position reached: which sessions are open, what each list has named so far, and
openOrders whose orderStatus is still to come: the two are one state of an order, and half of it would be a state that
never was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from uuid import UUID

import orjson
from psycopg import Connection

from ibconnect.codes import listed_codes
from ibconnect.errors import EventError, ProjectionError
from ibconnect.events.codec import split_state, time_in
from ibconnect.events.types import AccountsListed, SessionClosed, SessionOpened
from ibconnect.projections.engine.projection import Event, SetAside, Understood
from ibconnect.projections.orders.facts import Fact, Key, Kind, ListEnded, Of, Said, said_of
from ibconnect.projections.orders.messages import MESSAGES, read

TOPICS: tuple[str, ...] = (SessionOpened.TOPIC, SessionClosed.TOPIC, AccountsListed.TOPIC)
OPEN_END, COMPLETED_END = "53", "102"
MESSAGE_IDS: tuple[str, ...] = (*MESSAGES, OPEN_END, COMPLETED_END)

# What a gateway may send without end is not kept without end.
_MOST_WAITING, _MOST_LISTED = 1_000, 100_000


@dataclass(slots=True)
class OpenSession:
    """A session that has not been closed. ``codes``: the accounts that its gateway lists; None until it has.

    ``waiting``: openOrders whose orderStatus may still come; ``listed``: what came since the last list of open orders
    ended, None if that is too much to keep. ``has_ended``: nothing came since: another end is the same once more.
    ``is_late``: the rest of a session that another instance had closed.
    """

    gateway: str
    version: int
    is_late: bool
    codes: list[str] | None = None
    waiting: list[Said] = field(default_factory=list)
    listed: list[Key] | None = field(default_factory=list)
    has_ended: bool = False

    def take(self, said: Said) -> Iterator[Fact]:
        """A message about an order: what is known now for certain."""
        self.has_ended = False
        same = next((each for each in self.waiting if _is_same_order(each.key, said.key)), None)
        if said.kind is Kind.OPEN:
            self._list(said.key)
        is_followed = same is not None and said.kind is Kind.STATUS
        if same is not None:
            self.waiting.remove(same)
            if is_followed:
                said = same.followed_by(said)
            elif not same.says_the_same(said):
                yield self._fact(same)
        if said.kind is Kind.OPEN and not is_followed:
            self.waiting.append(said)
            if len(self.waiting) > _MOST_WAITING:
                yield self._fact(self.waiting.pop(0))
        else:
            yield self._fact(said)

    def _list(self, key: Key) -> None:
        if self.listed is not None:
            self.listed.append(key)
            if len(self.listed) > _MOST_LISTED:
                self.listed = None

    def end_list(self, kind: Kind, position: int, at: int) -> Iterator[Fact]:
        """A list has ended. What was listed in a session that others had closed meanwhile says nothing of now."""
        yield from self.let_go()
        is_repeat, self.has_ended = self.has_ended and kind is Kind.OPEN, kind is Kind.OPEN
        listed: list[Key] | None = []
        if kind is Kind.OPEN:
            listed, self.listed = self.listed, []
        if listed is not None and not is_repeat and not self.is_late:
            codes = None if self.codes is None else frozenset(self.codes)
            yield ListEnded(self.gateway, kind, frozenset(listed), codes, position, at)

    def let_go(self) -> Iterator[Fact]:
        """Nothing more is waited for."""
        waiting, self.waiting = self.waiting, []
        yield from map(self._fact, waiting)

    def _fact(self, said: Said) -> Fact:
        return Of(self.gateway, said, self.is_late)


def _is_same_order(one: Key, other: Key) -> bool:
    """Whether two names that one connection uses are of the same order."""
    if one.perm_id and other.perm_id:
        return one.perm_id == other.perm_id
    return one.order_id != 0 and one[1:] == other[1:]


class OrdersReader:
    """What is open at a position, read on from there."""

    def __init__(self, opened: Any) -> None:
        self._open = {UUID(key): _load(session) for key, session in (opened or {}).items()}

    def read(self, _connection: Connection[Any], events: Sequence[Event]) -> Understood:
        """The facts that these events make."""
        facts: list[Fact] = []
        refused: list[SetAside] = []
        for event in events:
            try:
                facts += _APPLY.get(event.topic, _message)(self._open, event)
            except (EventError, ProjectionError, LookupError, TypeError, ValueError, AttributeError) as exc:
                refused.append(SetAside(*event[:4], str(exc)))
        return Understood(facts, refused)

    def dump(self) -> bytes:
        """What is open."""
        return orjson.dumps({str(key): _dumped(session) for key, session in self._open.items()})


def _dumped(session: OpenSession) -> dict[str, Any]:
    waiting = [(said.kind, tuple(said.key), *said[2:]) for said in session.waiting]
    listed = None if session.listed is None else [tuple(key) for key in session.listed]
    return {**asdict(replace(session, waiting=[], listed=[])), "waiting": waiting, "listed": listed}


def _load(dumped: Any) -> OpenSession:
    session = OpenSession(**dumped)
    session.waiting = [said_of(each) for each in dumped["waiting"]]
    session.listed = None if dumped["listed"] is None else [Key(*each) for each in dumped["listed"]]
    return session


_Sessions = dict[UUID, OpenSession]


def _opened(sessions: _Sessions, event: Event) -> Sequence[Fact]:
    state = orjson.loads(event.state)
    version = str(state.get("server_version", ""))
    is_late = bool(state.get("continues"))
    number = int(version) if version.isascii() and version.isdigit() else 0
    sessions[event.session] = OpenSession(str(state["gateway"]), number, is_late)
    return ()


def _closed(sessions: _Sessions, event: Event) -> Sequence[Fact]:
    session = _of(sessions, event)
    del sessions[event.session]
    return list(session.let_go())


def _listed(sessions: _Sessions, event: Event) -> Sequence[Fact]:
    _, fields = split_state(event.state)
    _of(sessions, event).codes = list(listed_codes(fields[0]))
    return ()


def _message(sessions: _Sessions, event: Event) -> Sequence[Fact]:
    session = _of(sessions, event)
    _, fields = split_state(event.state)
    at = time_in(event.timed_state or b"") or 0
    number = fields[0]
    if number in MESSAGES:
        return list(session.take(read(fields, session.version, event.position, at)))
    return list(session.end_list(Kind.OPEN if number == OPEN_END else Kind.COMPLETED, event.position, at))


def _of(sessions: _Sessions, event: Event) -> OpenSession:
    try:
        return sessions[event.session]
    except KeyError:
        raise ProjectionError(f"session {event.session} is not open") from None


_APPLY: dict[str, Callable[[_Sessions, Event], Sequence[Fact]]] = {
    SessionOpened.TOPIC: _opened,
    SessionClosed.TOPIC: _closed,
    AccountsListed.TOPIC: _listed,
}
