"""What a report is to the engine: which events it is made of, and who makes rows of them.

A report's package makes one :class:`Projection`, which :mod:`ibconnect.projections.registry` lists. Its tables, views
and version are in ``sql/projections/<name>/``: ``schema.sql`` (begins with the version), ``constraints.sql`` (keys
that a rebuild adds after loading) and ``views.sql`` (public views).

Events become rows in two steps, so that a rebuild can do them at once on two cores: a :class:`Reader` understands the
events of a batch and reads what else it needs of them; a :class:`Fold` writes rows. What no table can hold is set
aside by either; whatever exception either raises costs the event that it is about.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from uuid import UUID
from zlib import crc32

from psycopg import Connection

from ibconnect.database.tables import report_of
from ibconnect.events.codec import MESSAGE


class Event(NamedTuple):
    """A stored event. ``timed_state``: of a message, the state that says when it arrived."""

    position: int
    session: UUID
    version: int
    topic: str
    state: bytes
    timed_state: bytes | None = None


class SetAside(NamedTuple):
    """An event that cannot be applied, and why."""

    position: int
    session: UUID
    version: int
    topic: str
    reason: str


class Understood(NamedTuple):
    """What a reader made of events: what its fold is given, and what it could make nothing of."""

    work: Any
    set_aside: Sequence[SetAside] = ()


class Reader(Protocol):
    """Understands a report's events in the order of positions, and keeps in memory what later ones build on."""

    def read(self, connection: Connection[Any], events: Sequence[Event]) -> Understood:
        """Move on over these events. The connection is for what belongs to them elsewhere in the store."""

    def dump(self) -> bytes:
        """What is kept in memory, as JSON: another reader goes on with it."""


class Stateless:
    """The reader of a report each of whose events stands for itself: the fold is given the events."""

    def __init__(self, _open: Any = None) -> None:
        pass

    def read(self, _connection: Connection[Any], events: Sequence[Event]) -> Understood:
        """The events as they are."""
        return Understood(events)

    def dump(self) -> bytes:
        """Nothing."""
        return b"{}"


class Written(NamedTuple):
    """What a fold has written: how much of what the report counts, what it set aside, and what is worth reporting."""

    made: int = 0
    set_aside: Sequence[SetAside] = ()
    news: Sequence[Any] = ()


class Fold(Protocol):
    """Writes a report's rows, and keeps in memory what it needs of those that there are."""

    def load(self, connection: Connection[Any]) -> None:
        """Learn what has been written since the last call, by whomever."""

    def write(self, connection: Connection[Any], work: Any) -> Written:
        """Write the rows of what the reader understood, in the caller's transaction."""


class Turn(NamedTuple):
    """What one has at a time, of all that work on a report's tables: its name in ``coordination.held``.

    ``lock`` is the number of the advisory lock that goes with it: roles that only make backups have that alone.
    """

    turn: str
    lock: int


def _report_nothing(_made: int, _news: Sequence[Any]) -> None:
    pass


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """One report.

    :param name: also of its schema and of its directory in ``sql/projections``
    :param topics: the events that it is made of
    :param message_ids: and these messages, of those that have no topic of their own
    :param reader: makes a reader, given what another one dumped (None: at the first event)
    :param fold: makes a fold
    :param report: called after each commit with what the fold counted and what is worth reporting
    :param seed: writes the rows that are there from the start
    :param former_schema: where its tables lie in a database of an earlier version
    :param former_turns: its turns by what they are for, where earlier versions know them by other names
    """

    name: str
    topics: tuple[str, ...]
    reader: Callable[[Any], Reader]
    fold: Callable[[], Fold]
    message_ids: tuple[str, ...] = ()
    report: Callable[[int, Sequence[Any]], None] = _report_nothing
    seed: Callable[[Connection[Any]], None] | None = None
    former_schema: str = ""
    former_turns: tuple[tuple[str, Turn], ...] = ()

    @property
    def version(self) -> int:
        """Of the tables that this code makes."""
        return report_of(self.name).version

    @property
    def title(self) -> str:
        """What people call its tables."""
        return report_of(self.name).title

    @property
    def next_schema(self) -> str:
        """Where the tables are built again."""
        return report_of(self.name).next_schema

    @property
    def old_schema(self) -> str:
        """Where the former tables lie until they are dropped."""
        return report_of(self.name).old_schema

    @property
    def leftovers(self) -> list[str]:
        """The schemas of what earlier rebuilds may have left."""
        former = [f"{self.former_schema}_{end}" for end in ("next", "old")] if self.former_schema else []
        return [self.next_schema, self.old_schema, *former]

    @property
    def apply(self) -> Turn:
        """Whoever applies events has this turn; and whoever swaps the tables."""
        return self._turn("apply")

    @property
    def rebuild(self) -> Turn:
        """Whoever builds the tables again holds this name; and a backup, which keeps rebuilds away."""
        return self._turn("rebuild")

    @property
    def ensure(self) -> Turn:
        """Whoever makes the tables or the views has this turn."""
        return self._turn("ensure")

    def wants(self, event: Event) -> bool:
        """Whether the report is made of this event, among others."""
        if event.topic in self.topics:
            return True
        return event.topic == MESSAGE and message_id_of(event.state) in self.message_ids

    def _turn(self, what: str) -> Turn:
        name = f"{what} {self.name}"
        return dict(self.former_turns).get(what) or Turn(name, crc32(name.encode()) & 0x7FFF_FFFF)


def message_id_of(state: bytes) -> str:
    """The id of a message that has no topic of its own: its first field."""
    return state.split(b'"', 2)[1].decode() if state.count(b'"', 0, 40) > 1 else ""


def one_lined(exc: BaseException) -> str:
    """What an exception says, as a table can hold it."""
    return f"{type(exc).__name__}: {exc}".replace("\0", "?")
