"""Statements fetched by schedule, for as long as something records here.

In: the settings, and what records a document. Out: documents in the events; in the diary how far each query has got; a
trouble while one is not to be had. Run by what records, as a part of it. Of all instances one fetches at a time, and
each of them knows from the diary what is due: so nothing is fetched twice, and days of downtime are caught up with.
"""

import asyncio
import traceback
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from ibconnect import observe as o
from ibconnect.config import Config
from ibconnect.errors import DatabaseError, DatabaseUnavailable, FlexError, FlexRefused, FlexUnavailable
from ibconnect.flex_settings import FlexQuery, read_token
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.statements.flex.asking import Given, Record, Times, ask
from ibconnect.statements.flex.client import Client
from ibconnect.statements.flex.codes import brief_of
from ibconnect.statements.flex.days import (
    Span,
    covered_to,
    due_after_failure,
    due_after_success,
    last_day,
    newest,
    next_tick,
    span_after,
)
from ibconnect.statements.flex.diary import Diary, State
from ibconnect.statements.flex.pacing import Pace
from ibconnect.troubles import State as Amiss

# What IBKR may say of a year that begins before the account did: then its last days are asked for.
_BEFORE_ALL = frozenset({"1003", "1020"})
_OVERDUE = timedelta(hours=1)


class Fetching:
    """One for each process that records. :meth:`run` is the part."""

    def __init__(self, config: Config, url: str, record: Record, times: Times | None = None) -> None:
        self._config = config
        self._url = url
        self._record = record
        self._times = times or Times()
        self._queries: Sequence[FlexQuery] = config.flex_queries
        self._amiss = {each.id: Amiss(Trouble.STATEMENTS_MISSING, query=each.name) for each in self._queries}
        self._is_new = True

    async def run(self) -> None:
        """Fetch what is due, for ever.

        :raises DatabaseError: Postgres refuses something for good
        """
        try:
            while True:
                seconds = self._times.look
                # Whoever needs the database more reports that it is away.
                with suppress(DatabaseUnavailable):
                    seconds = await self._look()
                await asyncio.sleep(seconds)
        finally:
            for each in self._amiss.values():
                each.forget()

    async def _look(self) -> float:
        """Fetch what is due now, if it is our turn; the seconds until it is worth another look."""
        async with Diary.opened(self._url) as diary:
            await diary.announce(self._queries)
            if self._is_new:
                await self._begin(diary)
            states = self._tell(await diary.states(self._queries))
            if any(each.due <= each.now for each in states):
                if not await diary.take_turn():
                    # Another instance fetches it, which may take long.
                    return self._times.look
                # Whoever had the turn before may have fetched it.
                await self._fetch(diary, [each for each in await diary.states(self._queries) if each.due <= each.now])
                states = self._tell(await diary.states(self._queries))
        return min([self._times.look, *(max((each.due - each.now).total_seconds(), 0.1) for each in states)])

    async def _begin(self, diary: Diary) -> None:
        """Heed that settings may be others than those of the process before: the token, the schedule."""
        await diary.retry_refused(self._queries)
        for state in await diary.states(self._queries):
            if state.got is not None:
                await diary.hasten(state.query, next_tick(state.got, self._config.flex_ref))
        self._is_new = False

    async def _fetch(self, diary: Diary, due: Sequence[State]) -> None:
        pace = Pace(await diary.recent_requests(), diary.note_request, self._times.spans)
        for state in due:
            try:
                token = read_token(self._config.flex_token, self._config.flex_token_file)
            except FlexRefused as exc:
                await self._failed(diary, state, exc, state.now)
                continue
            async with Client(self._config.flex_url, token, pace, self._times.patience) as client:
                await self._fetch_one(diary, client, state)

    async def _fetch_one(self, diary: Diary, client: Client, state: State) -> None:
        loop = asyncio.get_running_loop()
        began, last = loop.time(), last_day(state.now)
        days = span_after(state.up_to, last)
        query = next(each for each in self._queries if each.id == state.query)
        given = await self._given(client, query, days)
        if state.up_to is None and isinstance(given, FlexError) and given.code in _BEFORE_ALL:
            days = newest(last)
            given = await self._given(client, query, days)
        now = state.now + timedelta(seconds=loop.time() - began)
        if isinstance(given, FlexError):
            await self._failed(diary, state, given, now)
            return
        covered = covered_to(days, given.until, last)
        await diary.succeeded(state.query, covered, due_after_success(now, self._config.flex_ref, days, covered, last))

    async def _given(self, client: Client, query: FlexQuery, days: Span) -> Given | FlexError:
        """What came, or why nothing did, whatever it is: asked again too soon, IBKR would have to say no."""
        try:
            return await ask(client, self._record, query, days)
        except FlexError as exc:
            return exc
        except DatabaseUnavailable:
            raise
        except DatabaseError as exc:
            observe(Kind.STATEMENT_NOT_RECORDED, query=query.name, error=exc)
            return FlexUnavailable("what IBKR gave could not be recorded: Postgres refuses it, the log says why")
        except Exception as exc:  # noqa: BLE001 - a fault in here must not end what records gateways
            # Not its text: nobody can know what that holds.
            place = traceback.extract_tb(exc.__traceback__)[-1]
            where = f"{type(exc).__name__} in {place.name}, line {place.lineno}"
            observe(Kind.STATEMENT_NOT_RECORDED, query=query.name, error=where)
            return FlexUnavailable(f"this program failed: {where}")

    async def _failed(self, diary: Diary, state: State, exc: FlexError, now: datetime) -> None:
        o.STATEMENTS_FAILED.labels(state.name).inc()
        is_for_good = isinstance(exc, FlexRefused)
        due = due_after_failure(now, self._config.flex_ref, state.failures + 1, is_for_good=is_for_good)
        await diary.failed(state.query, exc, due)

    def _tell(self, states: list[State]) -> list[State]:
        """Report what is amiss, whichever instance has found it out."""
        for state in states:
            o.STATEMENTS_GOT.labels(state.name).set(state.got.timestamp() if state.got else 0)
            o.STATEMENTS_DUE.labels(state.name).set(state.due.timestamp())
            if why := amiss_of(state):
                self._amiss[state.query].note(why, error=state.error or why)
            else:
                self._amiss[state.query].over(query=state.name)
        return states


def amiss_of(state: State) -> str:
    """What is wrong with a query, fit for anybody to read; nothing, if all is well."""
    if state.failures:
        return brief_of(state.code or "")
    if state.now - state.due > _OVERDUE:
        return "they have been due for an hour, and no instance fetches them"
    return ""
