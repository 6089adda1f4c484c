"""Statements of the past: back in spans of a year, for as long as IBKR gives anything.

In: a query, days, what records a document. Out: what came of each span, as it comes; why it ended. Called by
``ibconnect statements fetch``. What was given is noted: cut off, it goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from ibconnect.config import Config
from ibconnect.errors import FlexError, FlexNothing, FlexRefused
from ibconnect.flex_settings import FlexQuery, read_token
from ibconnect.statements.flex.asking import Given, Record, Times, ask
from ibconnect.statements.flex.client import Client
from ibconnect.statements.flex.days import FIFTY_YEARS, MOST_DAYS, Span, span_back
from ibconnect.statements.flex.diary import Diary
from ibconnect.statements.flex.pacing import Pace

# What IBKR says of days before it has any is not documented: after something has come, these are no fault of ours.
_AT_THE_END = frozenset({"1014", "1016"})
# A span that begins before there is anything may be refused as a whole: then its newer half is asked for.
_TOO_LONG = frozenset({"1003", "1020"})
_LEAST_DAYS = 7


@dataclass(frozen=True, slots=True)
class Walk:
    """What is asked for: ``since`` None: as far back as there is anything; ``is_anew``: what was given before, too."""

    query: FlexQuery
    since: date | None
    until: date
    is_anew: bool = False


Show = Callable[[Span, Given], None]
"""Told of each span of days that came."""


async def walk(config: Config, url: str, record: Record, asked: Walk, show: Show, *, times: Times | None = None) -> str:
    """Walk back; the reason why it ended, in words.

    :raises FlexError: IBKR gave nothing at all, or somebody has to do something
    :raises DatabaseError: Postgres is away, or refuses
    """
    times = times or Times()
    token = read_token(config.flex_token, config.flex_token_file)
    async with Diary.opened(url) as diary:
        if not await diary.take_turn():
            raise FlexError("another process fetches Flex statements just now: try again in some minutes")
        pace = Pace(await diary.recent_requests(), diary.note_request, times.spans)
        async with Client(config.flex_url, token, pace, times.patience) as client:
            return await _Walker(diary, client, record, show).back(asked)


class _Walker:
    def __init__(self, diary: Diary, client: Client, record: Record, show: Show) -> None:
        self._diary = diary
        self._client = client
        self._record = record
        self._show = show

    async def back(self, asked: Walk) -> str:
        known = {} if asked.is_anew else await self._diary.windows(asked.query.id)
        oldest = asked.since or asked.until - FIFTY_YEARS
        until, most, has_any = asked.until, MOST_DAYS, bool(known)
        while span := span_back(until, oldest, known, most):
            given = await self._given(asked.query, span, has_any=has_any)
            if isinstance(given, Given):
                await self._diary.note_window(asked.query.id, span, given.statements, given.stream)
                self._show(span, given)
                has_any, until = True, span[0] - timedelta(days=1)
                continue
            most = ((span[1] - span[0]).days + 1) // 2
            if most < _LEAST_DAYS or given.code not in _TOO_LONG:
                if not has_any and isinstance(given, FlexRefused):
                    raise given
                return f"IBKR gives nothing of {span[0]} to {span[1]}: {given}"
        return f"all days from {oldest} to {asked.until} have been fetched"

    async def _given(self, query: FlexQuery, span: Span, *, has_any: bool) -> Given | FlexNothing | FlexRefused:
        """What came of a span, or why there is nothing of it.

        :raises FlexError: something else is wrong
        """
        try:
            given = await ask(self._client, self._record, query, span)
        except FlexNothing as exc:
            return exc
        except FlexRefused as exc:
            if exc.code in _TOO_LONG or (has_any and exc.code in _AT_THE_END):
                return exc
            raise
        why = _nothing_in(given, span)
        return FlexNothing(why) if why else given


def _nothing_in(given: Given, span: Span) -> str:
    """Why what came is nothing of these days; nothing, if it is."""
    if given.statements == 0:
        return f"IBKR gives a document without a statement for {span[0]} to {span[1]}"
    if given.since is not None and given.since > span[1]:
        return f"IBKR gives days from {given.since} on in the place of {span[0]} to {span[1]}"
    return ""
