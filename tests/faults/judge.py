"""Compares what simulated gateways sent with what a database holds, and says what the promises of the recorder forbid.

In: gateways that keep a log of what they sent, the URL of a database. Out: a :class:`Verdict`; :meth:`Judge.check`
fails the test if anything is missing, twice, out of order, or invented. See docs/mechanisms.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from ibconnect.database.pools import connect
from ibconnect.events.codec import is_inbound, payloads_of
from ibconnect.events.continuation import continuation_of
from ibconnect.simulator import Gateway, Scenario
from ibconnect.simulator.connection import Connection

SESSIONS = """
    SELECT originator_id, array_agg(originator_version ORDER BY originator_version),
        array_agg(topic ORDER BY originator_version), array_agg(state ORDER BY originator_version)
    FROM public.stored_events
    WHERE (originator_id > %(after)s OR originator_id = ANY (%(also)s))
      AND (%(only)s::text[] IS NULL OR originator_id = ANY (
          SELECT opened.originator_id FROM public.stored_events AS opened
          WHERE opened.topic = 'so' AND convert_from(opened.state, 'UTF8')::json ->> 'gateway' = ANY (%(only)s)
      ))
    GROUP BY originator_id
    ORDER BY originator_id
"""
# In the layout of versions up to 193, and of those from 194 on.
_LOGINS = (b"4\x002\x00-1\x002107\0login ", b"4\x00-1\x002107\0login ")
NONE, LAST = UUID(int=0), UUID(int=2**128 - 1)


class Marked(Scenario):
    """A login whose every connection begins with a notice of its own, so that sessions can be told apart."""

    def __init__(self, **plan: Any) -> None:
        super().__init__(**plan)
        self.logins = 0

    def notices(self) -> list[tuple[str, ...]]:
        """The usual ones, and one that no other connection of any gateway gets."""
        self.logins += 1
        return [*super().notices(), ("4", "2", "-1", "2107", f"login {id(self)} {self.logins}", "")]


class Session(NamedTuple):
    """A stored session; ``continues``: the one that it goes on with, which another instance had closed."""

    id: UUID
    continues: UUID | None
    gateway: str
    instance: str
    opened: int
    last: int
    """Time of the last event that its own recorder made or received."""
    reason: str | None
    inbound: list[bytes]
    topics: list[str]


@dataclass
class Verdict:
    """What was found wrong, and how much was compared."""

    sessions: int = 0
    messages: int = 0
    wrong: list[str] = field(default_factory=list)


def sessions(url: str, after: UUID = NONE, also: Iterable[UUID] = (), only: list[str] | None = None) -> list[Session]:
    """The stored sessions whose ids are greater, and some others, in order; fails on what a stream may never be.

    ``only``: those with these gateways.
    """
    asked = {"after": after, "also": list(also), "only": only}
    with connect(url, name="judge") as connection:
        return [_session(*row) for row in connection.execute(SESSIONS, asked)]


def _session(stream: UUID, versions: list[int], topics: list[str], states: list[bytes]) -> Session:
    assert versions == list(range(1, len(versions) + 1)), f"{stream} has a hole: {len(versions)} of {versions[-1]}"
    assert topics[0] == "so", f"{stream} begins with {topics[0]}"
    assert "sc" not in topics[:-1], f"{stream} goes on after its end"
    opened = orjson.loads(states[0])
    closed = orjson.loads(states[-1]) if topics[-1] == "sc" else None
    times = [time for state in states if (time := time_of(state)) is not None]
    assert times == sorted(times), f"the times of {stream} go back"
    is_orphan = closed is not None and closed["reason"] == "orphaned"
    return Session(
        stream,
        UUID(opened["continues"]) if "continues" in opened else None,
        opened["gateway"],
        opened["instance"],
        opened["t"],
        times[-2] if is_orphan and len(times) > 1 else times[-1],
        closed["reason"] if closed else None,
        [
            payload
            for topic, state in zip(topics, states, strict=True)
            if is_inbound(topic)
            for payload in payloads_of(topic, state)
        ],
        topics,
    )


def time_of(state: bytes) -> int | None:
    """The time in an event's state, if it says one."""
    value = orjson.loads(state)
    if isinstance(value, dict):
        return int(value["t"])
    return value[0] if isinstance(value[0], int) else None


class Judge:
    """Knows the gateways' logs, and how far it has compared them; what was stored before it came is none of its.

    ``has_others``: gateways that it does not know are recorded as well.
    """

    def __init__(self, url: str, gateways: Sequence[Gateway], *, has_others: bool = False) -> None:
        self.url = url
        self._has_others = has_others
        self.gateways = {f"127.0.0.1:{gateway.port}": gateway for gateway in gateways}
        self.verdict = Verdict()
        self._after = _latest(url)
        self._judged: set[UUID] = set()
        self._continuations: set[UUID] = set()
        """Streams that may still come: what an instance has of a session that another one had closed."""
        self._spans: dict[str, list[tuple[int, int, UUID]]] = {}
        self.held: dict[tuple[str, int], int] = {}
        """How many messages of each connection are stored, of those whose session has ended."""
        self.left: dict[tuple[str, int], int] = {}
        """When the recorder itself ended each (µs of the epoch); what it read later reaches nobody, as it should."""

    def connection(self, session: Session) -> Connection | None:
        """The connection that a session has recorded; None if it recorded too little to tell."""
        return self._connection(session.gateway, session.inbound)

    def _connection(self, name: str, inbound: list[bytes]) -> Connection | None:
        gateway = self.gateways[name]
        marks = [payload for payload in inbound if payload.startswith(_LOGINS)]
        if not marks:
            return None
        (found,) = [each for each in gateway.connections if marks[0] in each.sent[:20]]
        return found

    def check(self) -> Verdict:
        """Compare every session that has ended since the last call."""
        is_gapless = True
        for session in sessions(self.url, self._after, self._continuations, self._only()):
            if session.reason is None:
                is_gapless = False
            elif session.id not in self._judged:
                self._judged.add(session.id)
                self._check(session)
            if is_gapless:
                self._after = max(self._after, session.id)
        self._check_spans()
        assert not self.verdict.wrong, "\n".join(self.verdict.wrong)
        return self.verdict

    def _only(self) -> list[str] | None:
        return list(self.gateways) if self._has_others else None

    def _check(self, session: Session) -> None:
        wrong, whole = self.verdict.wrong, self._whole(session)
        connection = self._connection(session.gateway, whole)
        self._continuations.discard(session.id)
        self._continuations.add(continuation_of(session.id))
        self.verdict.sessions += 1
        self.verdict.messages += len(session.inbound)
        if connection is None:
            sent = [each.readable()[: len(whole)] for each in self.gateways[session.gateway].connections]
            if whole and whole not in sent:
                wrong.append(f"{session.id}: {whole[:3]} was never sent")
            return
        sent = connection.readable()
        if whole != sent[: len(whole)]:
            wrong.append(f"{session.id}: no prefix of what {session.gateway} sent; {_difference(whole, sent)}")
        key = (session.gateway, connection.number)
        if key in self.held and session.continues is None:
            wrong.append(f"{session.id}: connection {key} is recorded twice")
        self.held[key] = len(whole)
        if session.reason not in (None, "orphaned"):
            self.left[key] = session.last
        self._spans.setdefault(session.gateway, []).append((session.opened, session.last, session.id))

    def _whole(self, session: Session) -> list[bytes]:
        """What is stored of a connection: the messages of a session, after those of the one that it continues."""
        if session.continues is None:
            return session.inbound
        (before,) = sessions(self.url, LAST, [session.continues])
        return self._whole(before) + session.inbound

    def _check_spans(self) -> None:
        """No two sessions that a gateway had let in overlap."""
        for gateway, spans in self._spans.items():
            spans.sort()
            for (_, ended, one), (began, _, other) in pairwise(spans):
                if began < ended:
                    self.verdict.wrong.append(f"{gateway}: {other} began {ended - began} us before the end of {one}")

    def lost(self, sent: Mapping[tuple[str, int], int]) -> int:
        """How many of these messages (so many of each connection) are not stored, though their sessions have ended."""
        self.check()
        return sum(max(0, count - self.held.get(key, 0)) for key, count in sent.items())


def _difference(inbound: list[bytes], sent: list[bytes]) -> str:
    for number, (got, wanted) in enumerate(zip(inbound, sent, strict=False)):
        if got != wanted:
            return f"message {number} is {got!r}, not {wanted!r}"
    return f"{len(inbound)} stored, {len(sent)} sent"


def _latest(url: str) -> UUID:
    with connect(url, name="judge") as connection:
        query = "SELECT originator_id FROM public.stored_events ORDER BY 1 DESC LIMIT 1"
        row = connection.execute(query).fetchone()
    return row[0] if row else NONE
