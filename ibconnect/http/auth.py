"""Who may ask: bearer tokens held against the ones in force, wrong tries told and slowed down.

Called by the pipeline for each request before anything is read. Without any token configured everybody may ask,
which :func:`open_guard` allows on loopback, or with ``ALLOW_ANONYMOUS``, only.
"""

import asyncio
import time
from collections import OrderedDict
from pathlib import Path

from aiohttp import web

from ibconnect.config import Config
from ibconnect.errors import ConfigError
from ibconnect.http.limits import REFUSAL_ADDRESSES, REFUSAL_WINDOW_SECONDS, REFUSALS
from ibconnect.http.problems import Code, Problem
from ibconnect.http.tokens import EVERYONE, Principal, Tokens, parse_tokens
from ibconnect.observe import HTTP_REFUSED_TOKENS, Kind, observe

_RELOAD_SECONDS = 1.0
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="ibconnect"'}
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
    """Admits requests. ``tokens`` None: everybody may ask; an empty set of tokens: nobody."""

    def __init__(self, tokens: Tokens | None, hosts: frozenset[str] | None) -> None:
        self.tokens = tokens
        self._hosts = hosts
        self._refusals = Refusals()

    def admit(self, request: web.Request) -> Principal:
        """Who asks.

        :raises Problem: token missing or wrong, too many such tries, or a host name that is not this machine's
        """
        principal = self.known(request)
        if principal is None:
            raise self._refused(request)
        return principal

    def known(self, request: web.Request) -> Principal | None:
        """Who asks; None if he is to be refused, which is told and counted by :meth:`admit` only."""
        if self.tokens is None:
            return EVERYONE if self._is_named_right(request) else None
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return self.tokens.principal_of(token.strip()) if scheme.lower() == "bearer" else None

    def _is_named_right(self, request: web.Request) -> bool:
        """Without tokens, a page elsewhere could read us through a name of its own that it points to loopback."""
        if self._hosts is None:
            return True
        named = request.host.lower()
        return named in self._hosts or named.rpartition(":")[0] in self._hosts

    def _refused(self, request: web.Request) -> Problem:
        if self.tokens is None:
            return Problem(Code.MISDIRECTED, "without API tokens only requests to localhost are answered")
        tried = bool(request.headers.get("Authorization", ""))
        address = request.remote or ""
        HTTP_REFUSED_TOKENS.inc()
        wait = self._refusals.count(address)
        if wait:
            after = {"Retry-After": str(int(wait) + 1)}
            return Problem(Code.TOO_MANY_TRIES, "a valid token is answered at any time", {**_CHALLENGE, **after})
        observe(Kind.HTTP_TOKEN_REFUSED, address=address, tried=tried)
        if tried:
            return Problem(Code.TOKEN_REFUSED, "this token is not in force", _CHALLENGE)
        return Problem(Code.TOKEN_MISSING, "send the header Authorization: Bearer TOKEN", _CHALLENGE)


def read_tokens(config: Config) -> Tokens | None:
    """The tokens that the settings name; None if they name none.

    :raises ConfigError: an entry or the file is wrong, or a reachable ``HOST`` would be open to everybody
    """
    if config.api_tokens and config.api_tokens_file:
        raise ConfigError("API_TOKENS and API_TOKENS_FILE are both set; set one of them")
    if config.allow_anonymous and (config.api_tokens or config.api_tokens_file):
        raise ConfigError("ALLOW_ANONYMOUS=true, and there are API tokens, which everybody has to send: unset one")
    if config.api_tokens:
        if not (tokens := parse_tokens(config.api_tokens)).entries:
            raise ConfigError("API_TOKENS holds no token, so nobody could ask anything: add one (see docs/access.md)")
        return tokens
    if config.api_tokens_file:
        return parse_tokens(_read(config.api_tokens_file))
    if not config.is_loopback and not config.allow_anonymous:
        raise ConfigError(
            f"HOST={','.join(config.host)!r} can be reached from other machines: set API_TOKENS or API_TOKENS_FILE "
            "(see docs/access.md), or ALLOW_ANONYMOUS=true if everybody there may read the accounts"
        )
    return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"API_TOKENS_FILE={path!r} cannot be read: {exc}") from exc


def open_guard(config: Config) -> Guard:
    """The guard for these settings.

    :raises ConfigError: see :func:`read_tokens`
    """
    tokens = read_tokens(config)
    loopback_only = config.is_loopback and tokens is None
    return Guard(tokens, _LOOPBACK_NAMES | _names(config) if loopback_only else None)


def _names(config: Config) -> set[str]:
    """How a request may call the addresses of ``HOST``."""
    return {f"[{host}]" if ":" in host else host.lower() for host in config.host}


async def reload_tokens(guard: Guard, path: str) -> None:
    """Follow the file for ever: what it holds is in force about a second after it changed.

    A file that is gone or wrong changes nothing, so that a slip of an editor locks nobody out.
    """
    seen: tuple[int, ...] | None = ()
    while True:
        await asyncio.sleep(_RELOAD_SECONDS)
        stamp = _stamp(path)
        if stamp == seen:
            continue
        seen = stamp
        try:
            guard.tokens = parse_tokens(_read(path))
            number = len(guard.tokens.entries)
            observe(Kind.HTTP_TOKENS_LOADED if number else Kind.HTTP_TOKENS_NONE, tokens=number)
        except ConfigError as exc:
            observe(Kind.HTTP_TOKENS_UNREADABLE, error=str(exc))


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
