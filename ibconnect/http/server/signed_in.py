"""Which sessions of the page are known here, in memory: so that a request with a cookie costs no statement.

In: requests, and what Postgres says of their sessions (:mod:`ibconnect.http.server.sessions`). Out: whose token a
session stands for. Asked by the guard, for each request that has the cookie and no ``Authorization``. A session that
Postgres was not asked about for a moment is asked about before it is believed; while Postgres is away it goes on.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from aiohttp import hdrs, web

from ibconnect.http.server.limits import SESSION_FRESH_SECONDS, SESSION_IN_USE_SECONDS, SESSIONS_KEPT

COOKIE = "ibconnect_session"
"""The cookie's name."""
SECRET_BYTES = 32
_COOKIE = re.compile(rf"(?:^|;)[ \t]*{COOKIE}=([A-Za-z0-9_-]{{43}})[ \t]*(?:;|$)", re.ASCII)
Key = bytes
"""The SHA-256 of a session's secret."""
_KEY = web.RequestKey("session", bytes)


class Session(NamedTuple):
    """What a cookie stands for. ``token``: the SHA-256 of the token; ``ends``: by the monotonic clock."""

    token: bytes
    expires: datetime
    ends: float


@dataclass(slots=True)
class _Seen:
    """``session``: None if it has ended. Times are those of the monotonic clock."""

    session: Session | None
    checked: float
    used: float
    noted: float


def key_of(request: web.BaseRequest) -> Key | None:
    """The key of the session that a request names; None if it names none, or a token, which counts instead."""
    headers = request.headers
    if hdrs.COOKIE not in headers or hdrs.AUTHORIZATION in headers:
        return None
    known = request.get(_KEY)
    if known is None:
        match = _COOKIE.search("; ".join(headers.getall(hdrs.COOKIE)))
        request[_KEY] = known = b"" if match is None else key_of_secret(match[1])
    return known or None


def key_of_secret(secret: str) -> Key:
    """The key of a secret."""
    return sha256(secret.encode()).digest()


class SignedIn:
    """The sessions that were seen last.

    ``is_away``: Postgres does not answer, so that what is known of a session holds.
    """

    def __init__(self) -> None:
        self.is_away = False
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()

    def session(self, key: Key) -> Session | None:
        """A session that is in force, and is used now; None if nobody can tell without Postgres, or it is over."""
        now = time.monotonic()
        seen = self._seen.get(key)
        if seen is None or seen.session is None or seen.session.ends <= now:
            return None
        seen.used = now
        if now - seen.checked > SESSION_FRESH_SECONDS and not self.is_away:
            return None
        return seen.session

    def is_to_be_asked(self, key: Key) -> bool:
        """Whether what is known of it is nothing, or too old."""
        seen = self._seen.get(key)
        if seen is None:
            return True
        now = time.monotonic()
        return seen.session is not None and (seen.session.ends <= now or now - seen.checked > SESSION_FRESH_SECONDS)

    def is_known(self, key: Key) -> bool:
        """Whether it is, or was, a session: not one that somebody has made up."""
        return key in self._seen

    def lives(self, key: Key) -> bool:
        """Whether an answer that it was admitted for may go on, which is a use of it."""
        seen, now = self._seen.get(key), time.monotonic()
        if seen is None or seen.session is None or seen.session.ends <= now:
            return False
        seen.used = now
        return True

    def in_use(self) -> list[Key]:
        """Those that were used a moment ago."""
        since = time.monotonic() - SESSION_IN_USE_SECONDS
        return [key for key, seen in self._seen.items() if seen.session is not None and seen.used > since]

    def to_note(self, seconds: float) -> list[Key]:
        """Those that were used since it was last noted, so many seconds ago or more; from now on they are noted."""
        now, keys = time.monotonic(), []
        for key, seen in self._seen.items():
            if seen.session is not None and seen.used > seen.noted and now - seen.noted >= seconds:
                seen.noted = now
                keys.append(key)
        return keys

    def learn(self, asked: Iterable[Key], found: Collection[tuple[Key, bytes, datetime, float]]) -> None:
        """What Postgres says of the sessions it was asked about: key, token, end, seconds until then."""
        now = time.monotonic()
        sessions = {key: Session(token, expires, now + seconds) for key, token, expires, seconds in found}
        for key in asked:
            seen = self._seen.get(key)
            if seen is not None:
                seen.session, seen.checked = sessions.get(key), now
            elif key in sessions:
                self._seen[key] = _Seen(sessions[key], now, now, now)
        while len(self._seen) > SESSIONS_KEPT:
            self._seen.popitem(last=False)

    def end(self, key: Key) -> None:
        """It is over."""
        if key in self._seen:
            self._seen[key].session = None
