"""The recorded events as they lie in the table: message fields or facts, and when each arrived."""

from base64 import b64decode
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import psycopg

# Topic → message id and version, which its states leave out.
_CONSTANTS = {
    "v": ["6", "2"],
    "p": ["7", "8"],
    "t": ["8", "1"],
    "a": ["15", "1"],
    "d": ["54", "1"],
    "n": ["4", "2"],
    "m": [],
}


class Event(NamedTuple):
    """``fields``: of a message, its id first; ``facts``: of what the recorder did; ``at``: microseconds since 1970.

    ``stored``: the array of a state without its time.
    """

    position: int
    session: UUID
    version: int
    topic: str
    fields: list[str]
    facts: dict[str, Any]
    at: int
    stored: list[str]

    @property
    def message(self) -> list[str]:
        """The message as it came: a notice with a time has no version, which ``fields`` have all the same."""
        return ["4", *self.fields[2:]] if _is_timed(self.topic, self.stored) else self.fields


def _is_timed(topic: str, stored: list[str]) -> bool:
    return topic == "n" and bool(stored) and not isinstance(stored[-1], str)


def read_events(url: str) -> list[Event]:
    """All of them, in the order of positions."""
    query = """
        SELECT notification_id, originator_id, originator_version, topic, state
        FROM stored_events
        ORDER BY notification_id
    """
    times: dict[UUID, int] = {}
    found = []
    with psycopg.connect(url) as connection:
        for position, session, version, topic, state in connection.execute(query):
            facts, stored = _taken_apart(orjson.loads(bytes(state)))
            if "t" in facts:
                times[session] = facts["t"]
            found.append(
                Event(position, session, version, topic, _fields(topic, stored), facts, times.get(session, 0), stored)
            )
    return found


def _taken_apart(state: Any) -> tuple[dict[str, Any], list[str]]:
    if isinstance(state, dict):
        return state, []
    at = {"t": state[0]} if isinstance(state[0], int) else {}
    return at, state[len(at) :]


def _fields(topic: str, stored: list[str]) -> list[str]:
    if _is_timed(topic, stored):
        # Codes and texts then stand where they do in those with a version.
        return ["4", "2", *map(str, stored)]
    if topic != "x":
        return [*_CONSTANTS.get(topic, []), *stored]
    # One frame that is no text; of a row of small ones nothing is to be had.
    return b64decode(stored[0]).decode("cp1252", "replace").split("\0") if len(stored) == 1 else []
