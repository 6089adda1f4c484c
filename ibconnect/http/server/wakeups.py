"""One LISTEN connection for all waits of this instance: NOTIFY wakes them, and so does its loss.

A notification may be lost (a broken connection, a standby that has not replayed yet), so whoever waits also
looks for himself at least every ``POLL_SECONDS``.
"""

import asyncio
from collections import defaultdict

import psycopg
from psycopg.rows import TupleRow

from ibconnect import troubles
from ibconnect.database import discreet
from ibconnect.database.notices import notices
from ibconnect.database.pools import parameters
from ibconnect.database_url import place
from ibconnect.observe import Kind, Trouble, observe
from ibconnect.refusals import refusal
from ibconnect.troubles import State, brief

EVENTS = "stored_events"
PROJECTED = "projected"
_CHANNELS = (EVENTS, PROJECTED)
_LISTEN_SECONDS = 60.0
_RETRY_SECONDS = 1.0
_HEED_SECONDS = 0.2


class Wakeups:
    """Waits for NOTIFY on the channels that this room cares for."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = defaultdict(set)

    async def wait(self, channel: str, seconds: float) -> None:
        """Return when the channel is notified, and in any case after ``seconds``."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[channel].add(future)
        try:
            await asyncio.wait((future,), timeout=seconds)
        finally:
            self._waiting[channel].discard(future)

    def _wake(self, channel: str) -> None:
        for future in self._waiting[channel]:
            if not future.done():
                future.set_result(None)

    async def listen(self, url: str) -> None:
        """Listen for ever; a lost connection is opened again."""
        is_lost = False
        refused = State(Trouble.DATABASE_REFUSES)
        while True:
            try:
                async with await discreet.AsyncConnection[TupleRow].connect(
                    **parameters(url, name="http listen"), autocommit=True
                ) as connection:
                    for channel in _CHANNELS:
                        await connection.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
                    if is_lost:
                        observe(Kind.DATABASE_BACK, user="http listen", database=place(url))
                    is_lost = False
                    refused.over(user="http listen")
                    while True:
                        for notice in await notices(connection, _LISTEN_SECONDS):
                            self._wake(notice.channel)
            except psycopg.Error as exc:
                # Postgres may have been asked to end with us, and have ended first.
                await asyncio.sleep(0 if is_lost else _HEED_SECONDS)
                if refusal(exc):
                    refused.note(brief(exc), user="http listen", database=place(url), error=exc)
                elif not is_lost and not troubles.is_ending():
                    observe(Kind.DATABASE_LOST, user="http listen", database=place(url), error=exc)
                is_lost = is_lost or not refusal(exc)
            for channel in _CHANNELS:
                self._wake(channel)
            await asyncio.sleep(_RETRY_SECONDS)
