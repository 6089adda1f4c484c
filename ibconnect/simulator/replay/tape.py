"""One recorded session, ready to be played: which answers it holds and where, and its events page by page.

In: a database URL and a session. Out: :class:`Download` entries and other recorded answers, kept in memory, and events
read in a thread as they are needed. Called by ``play``.
"""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

from ibconnect.events.codec import fields_of
from ibconnect.events.reader import Page, Reader, RecordedSession
from ibconnect.events.selection import Stored, Wanted
from ibconnect.events.types import (
    AccountConcluded,
    AccountSubscribed,
    MessageReceived,
    PositionsRequested,
    QuestionAsked,
)
from ibconnect.simulator.replay.answers import Answers, Recorded
from ibconnect.simulator.replay.requests import MULTI, POSITIONS, Ask


class Download(NamedTuple):
    """What came from a subscription of one account: the events between two versions of the stream, both excluded.

    ``at``: when it was asked for, microseconds since the epoch, UTC. ``source``: ``updates`` (reqAccountUpdates),
    ``multi`` (reqAccountUpdatesMulti and reqPositionsMulti, or the latter alone, with their request ids) or
    ``positions`` (reqPositions, of all accounts).
    """

    start: int
    end: int
    at: int
    account: str
    source: str
    values_request: str
    positions_request: str

    def answers(self, ask: Ask) -> bool:
        """Whether it is an answer to such a request."""
        has_values = ask.number != "76" or self.values_request != ""
        return (ask.source, ask.account) == (self.source, self.account) and has_values


class Tape:
    """See the module. :meth:`open` before anything else, :meth:`close` at the end; for one task."""

    def __init__(self, url: str, session: RecordedSession) -> None:
        self.session = session
        self.downloads: list[Download] = []
        self.answers: list[Recorded] = []
        """What else was asked of the gateway and answered, in order."""
        self._starts: dict[int, Recorded] = {}
        self._url = url
        self._reader: Reader | None = None
        self._working: asyncio.Future[Any] | None = None

    async def open(self) -> None:
        """Connect, and look through the session for what was asked.

        :raises DatabaseUnavailable: Postgres cannot be reached
        """
        self._reader = await self._in_thread(Reader, self._url)
        self.downloads = await self._in_thread(self._find_downloads, self._reader)
        self.answers = await self._in_thread(self._find_answers, self._reader)
        self._starts = {answer.start: answer for answer in self.answers}

    async def close(self) -> None:
        """Let go of the database, once what a thread still reads is read."""
        if self._working is not None:
            await asyncio.wait({self._working})
            is_done = not self._working.cancelled() and self._working.exception() is None
            if is_done and self._reader is None:
                self._reader = self._working.result()
        if self._reader is not None:
            self._reader.close()

    async def events(self, above: int = 0) -> AsyncIterator[Stored]:
        """The events with versions greater than ``above``, in order; a session that is still recorded ends here too."""
        assert self._reader is not None
        pages = self._reader.stream(self.session, Wanted(), above)
        while (page := await self._in_thread(_next_page, pages)) is not None:
            for stored in page.events:
                yield stored

    def next_download(self, version: int) -> Download | None:
        """The first download that begins after a version."""
        index = bisect_right(self.downloads, version, key=lambda each: each.start)
        return self.downloads[index] if index < len(self.downloads) else None

    def begins_at(self, version: int) -> bool:
        """Whether the recorder asked for something with the event of this version."""
        index = bisect_right(self.downloads, version - 1, key=lambda each: each.start)
        return index < len(self.downloads) and self.downloads[index].start == version

    def nearest(self, ask: Ask, version: int) -> Download | None:
        """The last download that answers a request and begins before a version, or else the first one after it."""
        found = [each for each in self.downloads if each.answers(ask)]
        before = [each for each in found if each.start < version]
        return before[-1] if before else next(iter(found), None)

    def accounts(self, source: str) -> set[str]:
        """The accounts that have downloads of this kind."""
        return {each.account for each in self.downloads if each.source == source}

    def has_answer(self, ask: Ask) -> bool:
        """Whether any download answers a request."""
        return any(each.answers(ask) for each in self.downloads)

    def answer_at(self, version: int) -> Recorded | None:
        """The answer that begins with the message of this version."""
        return self._starts.get(version)

    def next_answer(self, ask: Ask, version: int) -> Recorded | None:
        """The first answer to a request that begins after a version."""
        return next((each for each in self.answers if each.start > version and each.answers(ask)), None)

    def nearest_answer(self, ask: Ask, version: int) -> Recorded | None:
        """The last answer to a request that begins before a version, or else the first one after it."""
        before = None
        for each in self.answers:
            if each.start >= version and before is not None:
                break
            if each.answers(ask):
                before = each
        return before

    def _find_answers(self, reader: Reader) -> list[Recorded]:
        answers = Answers()
        topics = frozenset((MessageReceived.TOPIC, QuestionAsked.TOPIC))
        for page in reader.stream(self.session, Wanted(topics=topics)):
            for stored in page.events:
                if stored.topic == MessageReceived.TOPIC:
                    answers.take(fields_of(stored.topic, stored.state), stored.version, stored.arrived)
                elif isinstance(event := reader.event(stored), QuestionAsked):
                    answers.note(event.request, event.account, event.contract)
        return answers.whole()

    def _find_downloads(self, reader: Reader) -> list[Download]:
        found: list[Download] = []
        begun: tuple[Stored, AccountSubscribed | PositionsRequested] | None = None
        topics = frozenset((AccountSubscribed.TOPIC, AccountConcluded.TOPIC, PositionsRequested.TOPIC))
        for page in reader.stream(self.session, Wanted(topics=topics)):
            for stored in page.events:
                event = reader.event(stored)
                if begun is not None:
                    found.append(_download(*begun, stored.version))
                begun = (stored, event) if is_request(event) else None
        if begun is not None:
            found.append(_download(*begun, self.session.versions + 1))
        return found

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        self._working = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
        return await asyncio.shield(self._working)


def _next_page(pages: Iterator[Page]) -> Page | None:
    return next(pages, None)


def is_request(event: Any) -> bool:
    """Whether the recorder asked a gateway for something with this event (and did not only take late rows)."""
    return isinstance(event, PositionsRequested) or (isinstance(event, AccountSubscribed) and event.since is None)


def _download(stored: Stored, event: AccountSubscribed | PositionsRequested, end: int) -> Download:
    if isinstance(event, PositionsRequested):
        source = MULTI if event.account else POSITIONS
        number = "" if event.request is None else str(event.request)
        return Download(stored.version, end, stored.arrived, event.account, source, "", number)
    values, positions = event.values_request, event.positions_request
    return Download(
        stored.version,
        end,
        stored.arrived,
        event.account,
        event.source,
        "" if values is None else str(values),
        "" if positions is None else str(positions),
    )
