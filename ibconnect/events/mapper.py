"""Event objects ↔ stored events, as a mapper of the eventsourcing library.

Called wherever events are wanted as objects: audit, export, tests. The recorder's hot path encodes messages
without making objects, in the same form.
"""

from typing import Any, cast
from uuid import UUID

import orjson
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from ibconnect.errors import EventError
from ibconnect.events.codec import encode_message, fields_of, payload_of, split_state
from ibconnect.events.frames import SmallFrames
from ibconnect.events.types import Event, FrameReceived, InboundEvent, OwnEvent, class_of, own_fields


def encode_own(event: OwnEvent) -> bytes:
    """The state of an own event: a JSON object with its time (microseconds) under ``t``.

    A field that Python would not let be called as its key is has a ``_`` at the end, which its key has not.

    :raises EventError: the event has no time
    """
    if event.arrived is None:
        raise EventError(f"{type(event).__name__} has no time")
    values = {name: getattr(event, name) for name in own_fields(type(event))}
    state = {
        "t": event.arrived,
        **{name.rstrip("_"): value for name, value in values.items() if value not in (None, "", {}, [])},
    }
    if event.class_version > 1:
        state["class_version"] = event.class_version
    return orjson.dumps(state)


class EventMapper(Mapper[UUID]):
    """Maps our events; usable wherever the library wants a ``Mapper``."""

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """Encode an event object.

        :raises EventError: it is not one of ours
        """
        topic, state = self._encoded(domain_event)
        return StoredEvent(domain_event.originator_id, domain_event.originator_version, topic, state)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """Decode a stored event (also a ``Notification``).

        :raises UnknownTopic: no class of this version owns its topic
        :raises EventError: its state is not what the topic promises
        """
        kind = class_of(stored_event.topic)
        base: dict[str, Any] = {
            "originator_id": stored_event.originator_id,
            "originator_version": stored_event.originator_version,
        }
        if issubclass(kind, OwnEvent):
            try:
                return kind(**base, **_own_state(kind, stored_event.state))
            except TypeError as exc:
                raise EventError(f"the state of a stored {kind.__name__} lacks a fact: {exc}") from exc
        arrived, _ = split_state(stored_event.state)
        if issubclass(kind, FrameReceived):
            payload = payload_of(stored_event.topic, stored_event.state)
            return kind(**base, arrived=arrived, payload=bytes(payload), is_row=isinstance(payload, SmallFrames))
        wire = tuple(fields_of(stored_event.topic, stored_event.state))
        return cast(type[InboundEvent], kind)(**base, arrived=arrived, fields=wire)

    @staticmethod
    def _encoded(event: Event) -> tuple[str, bytes]:
        if isinstance(event, OwnEvent):
            return event.TOPIC, encode_own(event)
        if isinstance(event, FrameReceived):
            return encode_message(SmallFrames(event.payload) if event.is_row else event.payload, event.arrived)
        if isinstance(event, InboundEvent):
            return encode_message("".join(f"{text}\0" for text in event.fields).encode(), event.arrived)
        raise EventError(f"{type(event).__name__} is not an event of ours")


def _own_state(kind: type[Event], state: bytes) -> dict[str, Any]:
    try:
        values = orjson.loads(state)
        version = values.pop("class_version", 1)
        arrived = values.pop("t")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as exc:
        raise EventError(f"the state of a stored {kind.__name__} is not a JSON object with a time: {exc!r}") from exc
    while version < kind.class_version:
        getattr(kind, f"upcast_v{version}_v{version + 1}")(values)
        version += 1
    known = {name.rstrip("_"): name for name in own_fields(kind)}
    return {"arrived": arrived, **{known[key]: value for key, value in values.items() if key in known}}
