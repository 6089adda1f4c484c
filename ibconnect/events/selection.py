"""What is wanted of the events, and which of the rows that Postgres finds are that; for any reader, without a database.

In: :class:`Wanted`, and the rows that answer a :class:`Question`. Out: questions, and :class:`Stored` events with their
times of arrival, which the store keeps only once for each read of the socket. Called by the reader of the command line
and by that of HTTP: one waits in a thread, the other in the event loop.

Postgres leaves out what is not wanted by topic, and what does not hold the text of the account; what is left is held
against the rule of :mod:`~ibconnect.events.accounts` here. Beside what may be wanted it gives those events that say
when others arrived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from ibconnect.events.accounts import ABOUT_TOPICS, LIST_TOPIC, Sight, names, plain_part
from ibconnect.events.codec import FRAME, time_in

Row = Sequence[Any]
"""Position, the 16 bytes of the session's UUID, version, topic, state."""

# Codes that Postgres looks for in each state; of more it is not worth while.
_MOST_TEXTS = 16
# Sessions whose last time is remembered; what is forgotten is looked up again.
_MOST_TIMES = 1000
_NEVER = 2**63
_BRACKET, _QUOTE = b'["'
# A statement that takes longer looks through too much, one that gives less than this share of its rows through little.
_LONG_S = 0.4
_SPARSE = 0.25
_DENSE = 0.5


class Stored(NamedTuple):
    """One stored event.

    ``session``: the 16 bytes of its UUID. ``arrived``: microseconds since the epoch, UTC, also where an event before
    it says it.
    """

    position: int
    session: bytes
    version: int
    topic: str
    arrived: int
    state: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events: all conditions hold together, None sets none.

    ``after``: positions above it. ``topics``: stored names of kinds. ``account``: events that name this account code.
    ``since``, ``until``: time of arrival in microseconds since the epoch, UTC, both included. ``sight``: events that
    somebody is shown who may see some accounts only.
    """

    session: UUID | None = None
    gateway: str | None = None
    topics: frozenset[str] | None = None
    account: str | None = None
    since: int | None = None
    until: int | None = None
    after: int = 0
    sight: Sight | None = None

    @property
    def asks_for_sessions(self) -> bool:
        """Whether it can be answered from some of the sessions alone."""
        return self.gateway is not None or self.since is not None or self.until is not None

    @property
    def is_plain(self) -> bool:
        """Whether everything is wanted, but for its place and time."""
        return self.topics is None and self.account is None and self.sight is None

    def filters(self) -> dict[str, Any]:
        """What the filtered queries take besides the bounds."""
        return {
            "topics": None if self.topics is None else sorted(self.topics),
            "about": sorted(ABOUT_TOPICS) if self.sight else None,
            "patterns": self._patterns(),
            "list": LIST_TOPIC if self.sight else None,
            "frame": FRAME,
        }

    def _patterns(self) -> list[bytes] | None:
        """What a wanted state is LIKE; None if that cannot be said."""
        codes = [self.account] if self.account is not None else sorted(self.sight.about) if self.sight else []
        parts = [plain_part(code) for code in codes]
        return [_pattern(part) for part in parts] if 0 < len(parts) <= _MOST_TEXTS and all(parts) else None

    def admits(self, topic: str, state: bytes) -> bool:
        """Whether an event is wanted by what it says."""
        return (self.account is None or names(topic, state, self.account)) and (
            self.sight is None or self.sight.shows(topic, state)
        )


def _pattern(part: bytes) -> bytes:
    for special in (b"\\", b"%", b"_"):
        part = part.replace(special, b"\\" + special)
    return b"%" + part + b"%"


Times = dict[bytes, int]
"""When the last event of each session arrived, as far as the reading is."""


def unknown(rows: Sequence[Row], times: Times) -> dict[bytes, int]:
    """The sessions whose first event in these rows does not say when it arrived, nor do ``times``; its version.

    Look up their times before :func:`choose`.
    """
    if len(times) > _MOST_TIMES:
        times.clear()
    new = {row[1] for row in rows}.difference(times)
    found: dict[bytes, int] = {}
    for _, session, version, _, state in rows if new else ():
        if session in new:
            new.remove(session)
            if time_in(state) is None:
                found[session] = version
    return found


def choose(rows: Sequence[Row], wanted: Wanted, times: Times) -> list[Stored]:
    """Those of consecutive rows that are wanted; ``times`` go on.

    :param times: knows of every session that :func:`unknown` names
    """
    chosen: list[Stored] = []
    low, high = wanted.since or 0, _NEVER if wanted.until is None else wanted.until
    after, topics, sight = wanted.after, wanted.topics, wanted.sight
    admits = wanted.admits if wanted.account is not None or sight is not None else None
    # The named tuple's own constructor would take a third of the time of all of this.
    new = tuple.__new__
    for position, session, version, topic, state in rows:
        # An array that begins with a text has no time.
        arrived = None if state[1] == _QUOTE and state[0] == _BRACKET else time_in(state)
        if arrived is None:
            arrived = times[session]
        else:
            times[session] = arrived
        if sight is not None and topic == LIST_TOPIC:
            sight.learn(state)
        if (
            position > after
            and low <= arrived <= high
            and (topics is None or topic in topics)
            and (admits is None or admits(topic, state))
        ):
            chosen.append(new(Stored, (position, session, version, topic, arrived, state)))
    return chosen


class Question(NamedTuple):
    """What to ask Postgres: a query of sql/events/reader.sql by its name, and its parameters."""

    query: str
    parameters: dict[str, Any]


# The query, the names of its bounds, and where a row has what they bound.
_BY_POSITION = "events", ("low", "high"), 0
_BY_VERSION = "stream_events", ("above", "upto"), 2


class Walk:
    """One pass over the events that are wanted, for a reader that waits for Postgres in its own way.

    Ask :meth:`question` and have it answered, look up the times of :meth:`unknown`, then :meth:`take` the rows; again
    while there is a question. Each looks through little where much is found, through much where little is, and never
    for long.

    :param start: a position, or with ``by_version`` a version of the session, behind which the walk begins
    :param by_version: through the versions of one session; else through positions
    :param end: the last one; may be moved on
    :param rows: the most that is read, and so held in memory, at a time
    :param most: the most that is looked through at a time
    :param within: further bounds of all questions: ``session``, or by position ``sessions`` (a list)
    """

    def __init__(
        self, wanted: Wanted, start: int, end: int, *, rows: int, most: int, by_version: bool = False, **within: Any
    ) -> None:
        self.at = start
        self.end = end
        self._wanted = wanted
        self._rows = rows
        self._most = most
        self._span = rows
        self._upto = start
        self._query, self._bounds, self._place = _BY_VERSION if by_version else _BY_POSITION
        self._within = {"session": None, "sessions": None, "rows": rows, **within}
        self._filters = {} if wanted.is_plain else wanted.filters()
        self._is_filtered = not wanted.is_plain
        self._times: Times = {}

    def question(self) -> Question | None:
        """What to ask next; None at the end."""
        if self.at >= self.end:
            return None
        self._upto = min(self.at + self._span, self.end)
        bounds = self._within | dict(zip(self._bounds, (self.at, self._upto), strict=True))
        if self._is_filtered:
            return Question(f"filtered_{self._query}", bounds | self._filters)
        return Question(self._query, bounds)

    def unknown(self, rows: Sequence[Row]) -> dict[bytes, int]:
        """The sessions, with a version of each, for which the time before that version has to be looked up.

        Give it to :meth:`know` before the rows are taken.
        """
        return unknown(rows, self._times)

    def know(self, session: bytes, arrived: int) -> None:
        """The last event of a session arrived then."""
        self._times[session] = arrived

    def take(self, rows: Sequence[Row], seconds: float) -> list[Stored]:
        """The wanted ones of the rows that answer the question; the answer took so long."""
        found = choose(rows, self._wanted, self._times)
        is_cut = len(rows) >= self._rows
        came_to = rows[-1][self._place] if is_cut else self._upto
        # Where most is wanted anyway, to have everything costs Postgres less than to choose.
        self._is_filtered = not self._wanted.is_plain and len(found) < (came_to - self.at) * _DENSE
        self.at = came_to
        if is_cut or seconds > _LONG_S:
            self._span = max(self._span // 2, self._rows)
        elif len(rows) < self._rows * _SPARSE and seconds < _LONG_S / 4:
            self._span = min(self._span * 2, self._most)
        return found
