"""Sessions of the page, which Postgres keeps for all instances: begun, looked up, used, ended.

In: requests with the cookie; a token's holder who signs in. Out: what :class:`SignedIn` knows; the secret of a new
session. Called by the pipeline before a request is admitted, and by the resource of sessions. All that is asked at a
moment is asked by one statement of one task, so that cookies that somebody makes up cost no more than that.
"""

import asyncio
import secrets
from collections.abc import Iterable
from datetime import datetime

import psycopg
from aiohttp import web
from psycopg.rows import TupleRow
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from ibconnect.database.sql import queries
from ibconnect.http.server import db
from ibconnect.http.server.limits import (
    SESSION_CHECK_SECONDS,
    SESSION_LONGEST_SECONDS,
    SESSION_LOOK_SECONDS,
    SESSION_NOTE_SECONDS,
    SESSIONS_PER_TOKEN,
)
from ibconnect.http.server.problems import Code, Problem
from ibconnect.http.server.signed_in import SECRET_BYTES, Key, SignedIn, key_of, key_of_secret
from ibconnect.http.server.tokens import Principal

_SQL = queries("http/sessions")
_AWAY = (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests, TimeoutError)


class Sessions:
    """Of one application.

    :param pool: of the primary
    :param known: what the guard asks
    :param idle: for how many seconds a session goes on that is not used (``WEB_SESSION``)
    """

    def __init__(self, pool: db.Pool, known: SignedIn, idle: float) -> None:
        self._pool = pool
        self._known = known
        self._idle = idle
        self._wanted: dict[Key, asyncio.Future[None]] = {}
        self._woken = asyncio.Event()

    async def look(self, request: web.BaseRequest) -> None:
        """Know what there is to know of the session that a request names.

        :raises Problem: nothing is known of it, and Postgres does not answer
        """
        key = key_of(request)
        if key is None or not self._known.is_to_be_asked(key):
            return
        if self._known.is_away and self._known.is_known(key):
            return
        answer = self._wanted.setdefault(key, asyncio.get_running_loop().create_future())
        self._woken.set()
        try:
            async with asyncio.timeout(SESSION_LOOK_SECONDS):
                await asyncio.shield(answer)
        except _AWAY as exc:
            self._known.is_away = True
            if not self._known.is_known(key):
                raise Problem(Code.DATABASE_UNAVAILABLE, "whether you are signed in cannot be told now") from exc

    async def start(self, principal: Principal, former: web.BaseRequest) -> tuple[str, datetime]:
        """A new session of a token, its secret and its end; the one that the request names ends."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        key, before = key_of_secret(secret), key_of(former)
        asked = {
            "key": key,
            "token": principal.digest,
            "name": principal.name,
            "former": before or b"",
            "others": SESSIONS_PER_TOKEN - 1,
            "idle": self._idle,
        }
        found = await db.rows(self._pool, _SQL["start"], asked, binary=True)
        if before is not None:
            self._known.end(before)
        self._learn([key], found)
        return secret, found[0][2]

    async def end(self, key: Key) -> None:
        """It is over, here at once, and wherever else it was used within about two seconds."""
        async with self._pool.connection() as connection:
            await connection.execute(_SQL["end"], {"key": key})
        self._known.end(key)

    async def follow(self) -> None:
        """Ask for ever about the sessions that are in use, and about those that requests bring."""
        try:
            while True:
                await self._next()
                wanted, self._wanted = self._wanted, {}
                if keys := {*wanted, *self._known.in_use()}:
                    await self._ask(keys, wanted.values())
        finally:
            for answer in self._wanted.values():
                answer.cancel()

    async def _next(self) -> None:
        """Until a request wants to know, or for a moment."""
        try:
            async with asyncio.timeout(SESSION_CHECK_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            self._woken.clear()

    async def _ask(self, keys: Iterable[Key], answers: Iterable[asyncio.Future[None]]) -> None:
        keys = list(keys)
        try:
            async with asyncio.timeout(SESSION_LOOK_SECONDS):
                self._learn(keys, await db.rows(self._pool, _SQL["known"], {"keys": keys}, binary=True))
                if used := self._known.to_note(min(SESSION_NOTE_SECONDS, self._idle / 4)):
                    await self._note(used)
            self._known.is_away = False
        except _AWAY as exc:
            self._known.is_away = True
            for answer in answers:
                _settle(answer, exc)
        else:
            for answer in answers:
                _settle(answer, None)

    async def _note(self, keys: list[Key]) -> None:
        asked = {"keys": keys, "idle": self._idle, "longest": SESSION_LONGEST_SECONDS}
        async with self._pool.connection() as connection:
            await connection.execute(_SQL["used"], asked)

    def _learn(self, keys: Iterable[Key], found: Iterable[TupleRow]) -> None:
        self._known.learn(keys, [(row[0], row[1], row[2], row[3]) for row in found])


def _settle(answer: asyncio.Future[None], exc: BaseException | None) -> None:
    if answer.done():
        return
    if exc is None:
        answer.set_result(None)
    else:
        answer.set_exception(exc)
        # Whoever waited may have left: nobody need hear of it then.
        answer.exception()
