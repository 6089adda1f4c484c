"""Where the download of a report lies in its session: between which events, and what it was asked by.

In: what the tables know of the report (:class:`Known`). Out: the :class:`Span`, found in the events. Called by the
handler. Little is read: a bisection to where the last figure came, from there on only events that begin or end a
download, and back to where this one began.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from ibconnect.events import reading, types
from ibconnect.events.selection import Stored, Wanted
from ibconnect.http.resources.event_scan import answered, of_session
from ibconnect.http.server.scans import Looks
from ibconnect.times import to_micros

MULTI = "multi"
# Ended in one of these ways, it made a report: in the last two only where the recorder had looked into it.
_COMPLETE = ("download-end", "quiet")
_IN_PART = ("interrupted", "timeout")
# How far a machine's clock may have been set back within a session.
_CLOCK_SLACK = 60_000_000
_NEVER = 2**63
# The end of a download follows its last figure soon: so many events are looked through first, then ever more.
_NEAR = 100


class Known(NamedTuple):
    """What the tables know of a report.

    ``ended``: when its refresh did, if it has. ``before``: how many reports before it say all of this of themselves.
    """

    session: UUID
    versions: int
    started: datetime
    ended: datetime | None
    completed: datetime
    gateway: str
    source: str
    before: int


class Span(NamedTuple):
    """A download: the versions of its session behind which and before which its messages lie.

    ``source``: ``updates``, or ``multi`` with the numbers of the requests.
    """

    session: UUID
    after: int
    before: int
    account: str
    source: str
    values_request: str
    positions_request: str

    @property
    def is_multi(self) -> bool:
        """Whether it was asked by requests with numbers."""
        return self.source == MULTI


async def find_span(looks: Looks, account: str, known: Known) -> Span | None:
    """The download of a report; None if its events are not there."""
    latest = _NEVER if known.ended is None else to_micros(known.ended) + _CLOCK_SLACK
    for begin, beyond in (
        (to_micros(known.completed), latest),
        (to_micros(known.started) - _CLOCK_SLACK, latest),
        (0, _NEVER),
    ):
        first = await answered(looks, reading.version_at(known.session, known.versions, begin))
        if first is None:
            continue
        end = await _conclusion(looks, account, known, first, beyond)
        if end is not None:
            return await _begun(looks, account, known.session, end)
    return None


async def _conclusion(looks: Looks, account: str, known: Known, first: int, beyond: int) -> int | None:
    """The version of the event that ended it, looked for from a version on, until one like it came after a time."""
    left = known.before
    async for event in _ends(looks, account, known, first):
        if _is_end(orjson.loads(event.state), account, to_micros(known.completed)):
            if not left:
                return event.version
            left -= 1
        elif event.arrived > beyond:
            # With a clock that was set back the search may have begun behind it, in a session of years.
            return None
    return None


async def _ends(looks: Looks, account: str, known: Known, first: int) -> AsyncIterator[Stored]:
    wanted = Wanted(session=known.session, account=account, topics=frozenset((types.AccountConcluded.TOPIC,)))
    async for page in of_session(looks, wanted, first - 1, known.versions, _NEAR):
        for event in page:
            yield event


def _is_end(state: dict[str, Any], account: str, completed: int) -> bool:
    """Whether an event ended the account's download whose last figure came then, and made a report of it."""
    if state.get("account") != account or state.get("then") or state.get("last", state.get("t")) != completed:
        return False
    ended = state.get("ended")
    return ended in _COMPLETE or (ended in _IN_PART and state.get("class_version", 1) > 1)


async def _begun(looks: Looks, account: str, session: UUID, end: int) -> Span | None:
    before = end
    while True:
        program = reading.newest_before(session, before, types.AccountSubscribed.TOPIC, account)
        row = await answered(looks, program)
        if row is None:
            return None
        _, before, state = row
        facts = orjson.loads(state)
        if facts.get("account") == account:
            break
    since = facts.get("since")
    return Span(
        session,
        before if since is None else since,
        end,
        account,
        str(facts.get("source")),
        str(facts.get("values_request")),
        str(facts.get("positions_request")),
    )
