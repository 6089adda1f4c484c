"""What is asked of the event store to read it, and in which order: one reader, which waits for no database itself.

In: what is wanted (:class:`~ibconnect.events.selection.Wanted`), sessions, times. Out: programs. A program yields
:class:`~ibconnect.events.selection.Question` and is sent the :class:`Answer`; its value is what it returns. Whoever
runs one waits for Postgres in his own way: in a thread for the command line and the replay
(:mod:`ibconnect.events.reader`), in the event loop for HTTP (``http/resources/event_scan.py``). So an event is wanted,
and found, by the same rules wherever it is read.

It only reads, each page in a statement of its own, and so disturbs no recorder. Commits are in the order of positions,
so reading on from a position neither misses nor repeats anything while recording goes on.
"""

from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from ibconnect.events.accounts import plain_part
from ibconnect.events.codec import time_in
from ibconnect.events.selection import Question, Row, Stored, Walk

T = TypeVar("T")

# How far a machine's clock may have been set back within a session without an event being missed.
_CLOCK_SLACK = 60_000_000
_NEVER = 2**63
# How many events are looked through at first, and at most, for one that is not far.
_NEAR, _FAR = 1_000, 50_000

Range = tuple[int, int]
"""Positions: behind the first, up to the second."""


class Answer(NamedTuple):
    """The rows that answer a question, and how long Postgres took for them."""

    rows: Sequence[Row]
    seconds: float = 0.0


Program = Generator[Question, Answer, T]
Pages = Generator[Question | list[Stored], Any, None]
"""A program that yields pages as well; for a page it is sent nothing."""


class Span(NamedTuple):
    """Where a session lies: its times (microseconds since the epoch; ``closed`` None: it may go on), its positions."""

    session: UUID
    opened: int
    closed: int | None
    versions: int
    first: int
    last: int


def head() -> Program[int]:
    """The position of the newest event, 0 if there is none."""
    answer = yield Question("head", {})
    return int(answer.rows[0][0])


def ends(session: UUID) -> Program[Range]:
    """The positions between which a session has its events."""
    rows = (yield Question("ends", {"session": session})).rows
    return (rows[0][0] - 1, rows[0][1]) if rows else (0, 0)


def pages(walk: Walk) -> Pages:
    """The events that a walk is for, page by page, each with its time of arrival; a page may be empty.

    Of what nothing says when it arrived, as no recorder leaves it, the time is the beginning of the epoch.
    """
    while (asked := walk.question()) is not None:
        rows, seconds = yield asked
        for session, version in walk.unknown(rows).items():
            walk.know(session, (yield from _time_before(session, version)))
        yield walk.take(rows, seconds)


def _time_before(session: bytes, version: int) -> Program[int]:
    rows = (yield Question("timed_before", {"session": UUID(bytes=session), "version": version})).rows
    return (time_in(rows[0][0]) if rows else None) or 0


def between(spans: Iterable[Span], since: int | None, until: int | None) -> Program[Range | None]:
    """The positions that hold every event of some sessions that arrived between two times; None if there is none.

    Arrival times grow within a session (by the clock of its machine), not over sessions: a spool that was drained late,
    or two gateways, put older events behind newer ones. So each session is bisected.
    """
    low = 0 if since is None else max(0, since - _CLOCK_SLACK)
    high = _NEVER if until is None else until + _CLOCK_SLACK
    first, last = _NEVER, 0
    for span in spans:
        begins = span.first if span.opened >= low else (yield from _first_at(span, low))
        if begins is not None:
            is_over = high == _NEVER or (span.closed is not None and span.closed <= high)
            beyond = None if is_over else (yield from _first_at(span, high))
            first, last = min(first, begins - 1), max(last, beyond or span.last)
    return (first, last) if last else None


def _first_at(span: Span, instant: int) -> Program[int | None]:
    """The position of a session's first event at or after an instant, by bisection; None if there is none."""
    low, high, found = 1, span.versions, None
    while low <= high:
        middle = (low + high) // 2
        rows = (yield Question("timed_from", {"session": span.session, "version": middle})).rows
        if not rows:
            high = middle - 1
        elif (time_in(rows[0][2]) or 0) >= instant:
            found, high = rows[0][0], middle - 1
        else:
            low = rows[0][1] + 1
    return found


def version_at(session: UUID, versions: int, instant: int) -> Program[int | None]:
    """The version of a session's first event that says that it arrived at or after an instant; None if none does.

    :param versions: the version of its last event
    """
    rows = (yield Question("version_at", {"session": session, "versions": versions, "instant": instant})).rows
    return rows[0][0] if rows else None


def newest_before(session: UUID, version: int, topic: str, code: str) -> Program[Row | None]:
    """Position, version and state of a session's newest event of a topic before a version whose state holds a code.

    It is looked for in ever longer ranges, backwards: only what lies between is looked at, whatever the planner knows.
    """
    asked = {"session": session, "topic": topic, "code": plain_part(code)}
    length = _NEAR
    while version > 1:
        above = max(0, version - 1 - length)
        rows = (yield Question("newest_before", asked | {"above": above, "version": version})).rows
        if rows:
            return rows[0]
        version, length = above + 1, min(2 * length, _FAR)
    return None
