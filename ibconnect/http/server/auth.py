"""Who may ask: bearer tokens held against the ones in force, wrong tries logged and slowed down.

Called by the pipeline for each request before anything is read. Without any token configured everybody may ask,
which :func:`open_guard` allows on loopback, or with ``ALLOW_ANONYMOUS``, only. Answers that are under way end when
their token is removed, may do less than before, or has come to its end (:func:`follow_tokens`).
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from ibconnect.config import Config
from ibconnect.errors import ConfigError
from ibconnect.http.server.limits import REFUSAL_ADDRESSES, REFUSAL_WINDOW_SECONDS, REFUSALS
from ibconnect.http.server.problems import Code, Problem
from ibconnect.http.server.signed_in import Key, SignedIn, key_of
from ibconnect.http.server.token_file import TokenFile, text_at_start
from ibconnect.http.server.tokens import EVERYONE, Principal, Right, Tokens, parse_tokens
from ibconnect.observe import HTTP_REFUSED_TOKENS, Kind, observe
from ibconnect.times import format_rfc3339

# What a file holds is in force after the second look that finds it, and answers end then: within two seconds.
_RELOAD_SECONDS = 0.8
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="ibconnect"'}
_PRINCIPAL = web.RequestKey("principal", Principal)
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Refusals:
    """How often each address was refused lately; the oldest addresses are forgotten first."""

    def __init__(self) -> None:
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str) -> float:
        """Count one more; return the seconds to wait once there were too many, else 0."""
        now = time.monotonic()
        since, number = self._windows.pop(address, (now, 0))
        if now - since >= REFUSAL_WINDOW_SECONDS:
            since, number = now, 0
        self._windows[address] = (since, number + 1)
        if len(self._windows) > REFUSAL_ADDRESSES:
            self._windows.popitem(last=False)
        return since + REFUSAL_WINDOW_SECONDS - now if number >= REFUSALS else 0.0


class Guard:
    """Admits requests. ``tokens`` None: everybody may ask; an empty set of tokens: nobody.

    ``signed_in``: the sessions that stand for tokens; None: there are none (``WEB=false``).
    """

    def __init__(self, tokens: Tokens | None, hosts: frozenset[str] | None, signed_in: SignedIn | None = None) -> None:
        self.tokens = tokens
        self.signed_in = signed_in
        self._hosts = hosts
        self._refusals = Refusals()
        self._under_way: dict[int, tuple[web.Request, Principal]] = {}

    def admit(self, request: web.Request, *, is_question: bool = False) -> Principal:
        """Who asks.

        :param is_question: a request that brings nothing only asks whether a token is needed, and is no try

        :raises Problem: token missing, wrong or ended, too many such tries, or a host name that is not this machine's
        """
        principal = self.known(request)
        if principal is None:
            raise self._refused(request, is_question=is_question)
        return principal

    def known(self, request: web.Request) -> Principal | None:
        """Who asks; None if he is to be refused, which is logged and counted by :meth:`admit` only.

        A request is who it was at the first look, also in the log when its token has been removed meanwhile.
        """
        if self.tokens is None:
            return EVERYONE if self._is_named_right(request) else None
        known = request.get(_PRINCIPAL)
        if known is None:
            known = self._holder(request)
            if known is None or known.is_over():
                return None
            request[_PRINCIPAL] = known
        return known

    def _holder(self, request: web.Request) -> Principal | None:
        """Whose token it is, even if its end has come."""
        if (key := self.session_key(request)) is not None:
            return self._of_session(key)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.tokens.principal_of(token.strip()) if self.tokens and scheme.lower() == "bearer" else None

    def session_key(self, request: web.BaseRequest) -> Key | None:
        """By which session a request wants to be admitted; None if by a token, or by nothing."""
        return None if self.tokens is None or self.signed_in is None else key_of(request)

    def _of_session(self, key: Key) -> Principal | None:
        session = None if self.signed_in is None else self.signed_in.session(key)
        return None if session is None or self.tokens is None else self.tokens.by_digest(session.token)

    def sign_in(self, request: web.Request, token: str) -> Principal:
        """Whose token this is that came in a body.

        :raises Problem: it is wrong or has ended, or there were too many such tries
        """
        found = None if self.tokens is None else self.tokens.principal_of(token)
        if found is None or found.is_over():
            raise self._wrong(request, found, tried=True)
        request[_PRINCIPAL] = found
        return found

    @contextmanager
    def under_way(self, request: web.Request, principal: Principal) -> Iterator[None]:
        """For as long as the context lasts, the answer ends when its token no longer gives what it was admitted for."""
        self._under_way[id(request)] = request, principal
        try:
            yield
        finally:
            del self._under_way[id(request)]

    def put_in_force(self, tokens: Tokens) -> None:
        """These tokens hold, and no others."""
        self.tokens = tokens
        self.end_revoked()

    def end_revoked(self) -> None:
        """Cut off the answers whose tokens are gone, limited further, or at their end."""
        tokens = self.tokens
        if tokens is None:
            return
        ended: Counter[str] = Counter()
        for request, principal in self._under_way.values():
            now = tokens.by_digest(principal.digest)
            if now is not None and not now.is_over() and now.covers(principal) and self._is_signed_in(request):
                continue
            if request.transport is not None and not request.transport.is_closing():
                # Not an orderly end: the answer is not whole, and a client that reads nothing must go, too.
                request.transport.abort()
                ended[principal.name] += 1
        for name, number in ended.items():
            observe(Kind.HTTP_TOKEN_ENDED, token=name, answers=number)

    def _is_signed_in(self, request: web.Request) -> bool:
        """Whether the session that a request was admitted by goes on; of a request with a token there is none."""
        key = self.session_key(request)
        return key is None or self.signed_in is None or self.signed_in.lives(key)

    def _is_named_right(self, request: web.Request) -> bool:
        """Without tokens, a page elsewhere could read us through a name of its own that it points to loopback."""
        if self._hosts is None:
            return True
        named = request.host.lower()
        return named in self._hosts or named.rpartition(":")[0] in self._hosts

    def _refused(self, request: web.Request, *, is_question: bool) -> Problem:
        if self.tokens is None:
            return Problem(Code.MISDIRECTED, "without API tokens only requests to localhost are answered")
        key = self.session_key(request)
        if key is not None and self.signed_in is not None and self.signed_in.is_known(key):
            # A page that is still open asks on: that is nobody's try.
            return Problem(Code.SESSION_ENDED, "sign in again", _CHALLENGE)
        tried = key is not None or bool(request.headers.get("Authorization", ""))
        if is_question and not tried:
            return Problem(Code.TOKEN_MISSING, "sign in, or send the header Authorization: Bearer TOKEN", _CHALLENGE)
        return self._wrong(request, None if key is not None else self._holder(request), tried=tried)

    def _wrong(self, request: web.Request, ended: Principal | None, *, tried: bool) -> Problem:
        """Count and log a try. ``ended``: whose token it was."""
        address = request.remote or ""
        HTTP_REFUSED_TOKENS.inc()
        wait = self._refusals.count(address)
        if wait:
            after = {"Retry-After": str(int(wait) + 1)}
            return Problem(Code.TOO_MANY_TRIES, "a valid token is answered at any time", {**_CHALLENGE, **after})
        if ended is not None and ended.until is not None:
            until = format_rfc3339(ended.until)
            observe(Kind.HTTP_TOKEN_REFUSED, address=address, tried=tried, token=ended.name, ended=until)
            return Problem(Code.TOKEN_REFUSED, f"this token was in force until {until}", _CHALLENGE)
        observe(Kind.HTTP_TOKEN_REFUSED, address=address, tried=tried)
        if tried:
            return Problem(Code.TOKEN_REFUSED, "this token is not in force", _CHALLENGE)
        return Problem(Code.TOKEN_MISSING, "send the header Authorization: Bearer TOKEN", _CHALLENGE)


def right_missing(right: Right) -> Problem:
    """The token is in force, and not for this; says nothing of any account (RFC 6750, section 3.1)."""
    challenge = {"WWW-Authenticate": f'{_CHALLENGE["WWW-Authenticate"]}, error="insufficient_scope", scope="{right}"'}
    return Problem(Code.RIGHT_MISSING, f"this token does not have the right {right}", challenge)


def read_tokens(config: Config) -> Tokens | None:
    """The tokens that the settings name; None if they name none.

    :raises ConfigError: an entry or the file is wrong, or a reachable ``HOST`` would be open to everybody
    """
    if config.api_tokens and config.api_tokens_file:
        raise ConfigError("API_TOKENS and API_TOKENS_FILE are both set; set one of them")
    if config.allow_anonymous and (config.api_tokens or config.api_tokens_file):
        raise ConfigError("ALLOW_ANONYMOUS=true, and there are API tokens, which everybody has to send: unset one")
    if config.api_tokens:
        if not (tokens := parse_tokens(config.api_tokens)):
            raise ConfigError("API_TOKENS holds no token, so nobody could ask anything: add one (see docs/access.md)")
        return tokens
    if config.api_tokens_file:
        return parse_tokens(text_at_start(config.api_tokens_file))
    if not config.is_loopback and not config.allow_anonymous:
        raise ConfigError(
            f"HOST={','.join(config.host)!r} can be reached from other machines: set API_TOKENS or API_TOKENS_FILE "
            "(see docs/access.md), or ALLOW_ANONYMOUS=true if everybody there may read the accounts"
        )
    return None


def open_guard(config: Config, *, has_sessions: bool = False) -> Guard:
    """The guard for these settings.

    :param has_sessions: whether somebody looks after sessions here

    :raises ConfigError: see :func:`read_tokens`
    """
    tokens = read_tokens(config)
    for number in tokens.bare if tokens is not None else ():
        observe(Kind.HTTP_TOKEN_BARE, entry=number)
    loopback_only = config.is_loopback and tokens is None
    signed_in = SignedIn() if has_sessions else None
    return Guard(tokens, _LOOPBACK_NAMES | _names(config) if loopback_only else None, signed_in)


def _names(config: Config) -> set[str]:
    """How a request may call the addresses of ``HOST``."""
    return {f"[{host}]" if ":" in host else host.lower() for host in config.host}


async def follow_tokens(guard: Guard, path: str) -> None:
    """Follow the file of tokens, if there is one, and end answers whose tokens have ended, for ever.

    What a file holds is in force when two looks have found it. One that is gone, wrong or half written changes nothing,
    so that a slip of an editor neither locks anybody out nor gives a token more rights.
    """
    file = TokenFile(path) if path else None
    while True:
        await asyncio.sleep(_RELOAD_SECONDS)
        if file is not None:
            await _reload(guard, file)
        guard.end_revoked()


async def _reload(guard: Guard, file: TokenFile) -> None:
    try:
        # Not on the event loop: the file may be on a network, and taking many tokens apart takes a while.
        tokens = await asyncio.to_thread(_changed, file, guard.tokens)
    except ConfigError as exc:
        observe(Kind.HTTP_TOKENS_UNREADABLE, error=str(exc))
        return
    if tokens is not None:
        observe(Kind.HTTP_TOKENS_LOADED if tokens else Kind.HTTP_TOKENS_NONE, tokens=len(tokens))
        guard.put_in_force(tokens)


def _changed(file: TokenFile, before: Tokens | None) -> Tokens | None:
    text = file.changed()
    return None if text is None else parse_tokens(text, before)
