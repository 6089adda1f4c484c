"""Messages with the connection over which they came, for reports whose messages do not say which gateway that was.

In: the events that open and close a session, and a report's messages, in the order of positions. Out: each message with
its fields, when it arrived, its gateway and server version. A report whose reader this is lists :data:`SESSIONS` among
its topics. Called by the engine.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import Connection

from ibconnect.errors import IbConnectError, ProjectionError
from ibconnect.events.codec import fields_of, time_in
from ibconnect.events.types import SessionClosed, SessionOpened
from ibconnect.projections.engine.projection import Event, SetAside, Understood, one_lined

SESSIONS = (SessionOpened.TOPIC, SessionClosed.TOPIC)


class Peer(NamedTuple):
    """Who sent it: the gateway as in ``IB_GW``, and the version of the protocol that was agreed upon; 0: none."""

    gateway: str
    server_version: int


class Heard(NamedTuple):
    """A message: its fields, the id first; when it arrived, in microseconds since the epoch, UTC."""

    event: Event
    peer: Peer
    fields: list[str]
    at: int

    def set_aside(self, exc: Exception) -> SetAside:
        """It cannot be applied."""
        return SetAside(*self.event[:4], one_lined(exc))


class HeardReader:
    """Knows which sessions are open."""

    def __init__(self, opened: Any) -> None:
        self._open = {UUID(key): Peer(*peer) for key, peer in (opened or {}).items()}

    def read(self, _connection: Connection[Any], events: Sequence[Event]) -> Understood:
        """The messages of these events."""
        heard: list[Heard] = []
        refused: list[SetAside] = []
        for event in events:
            try:
                if event.topic == SessionOpened.TOPIC:
                    self._open[event.session] = _peer(event)
                elif event.topic == SessionClosed.TOPIC:
                    self._open.pop(event.session, None)
                else:
                    heard.append(self._heard(event))
            except (IbConnectError, LookupError, TypeError, ValueError, OverflowError, AttributeError) as exc:
                refused.append(SetAside(*event[:4], one_lined(exc)))
        return Understood(heard, refused)

    def _heard(self, event: Event) -> Heard:
        peer = self._open.get(event.session)
        if peer is None:
            raise ProjectionError(f"session {event.session} is not open")
        at = time_in(event.timed_state or b"")
        if at is None:
            raise ProjectionError("no event of the session so far says when it arrived")
        return Heard(event, peer, fields_of(event.topic, event.state), at)

    def dump(self) -> bytes:
        """The sessions that are open."""
        return orjson.dumps({str(key): list(peer) for key, peer in self._open.items()})


def _peer(event: Event) -> Peer:
    state = orjson.loads(event.state)
    gateway, version = state["gateway"], state.get("server_version", "")
    if not isinstance(gateway, str) or "\0" in gateway:
        raise ProjectionError("'gateway' is not text that a table can hold")
    is_number = isinstance(version, str) and version.isascii() and version.isdigit() and len(version) < 6
    return Peer(gateway, int(version) if is_number else 0)
